"""The settings of docs/examples read the recorded cities they name, every row of them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from connectors import connector_for
from flows.ingest import ingest_source
from flows.installation import Installation, open_installation
from forewarn.panel import LABELS
from forewarn.settings_file import load
from store.counts import covered_span, daily_totals
from tests.conftest import PROJECT

EXAMPLES = sorted((PROJECT / "docs" / "examples").glob("*/forewarn.toml"), key=lambda file: file.parent.name)
LARGEST = "nyc-council"
WEEKLY = "cfpb-weekly"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)

TWICE = {"chicago-sanitation": 2, "nyc-council": 93}
"""Rows whose id came before: one request each."""


def name_of(example: Path) -> str:
    return example.parent.name


@pytest.fixture(autouse=True)
def folder_of_the_data(monkeypatch: pytest.MonkeyPatch, real_data: Path, tmp_path: Path) -> None:
    monkeypatch.setenv("FOREWARN_DATA", str(real_data))
    monkeypatch.setenv("FOREWARN_STORE__URL", f"sqlite:///{tmp_path}/city.db")


def recorded(real_data: Path, source: str) -> pd.Series:
    """Requests by day, as listed beside the data."""
    totals = pd.read_csv(real_data / "daily_totals.csv.gz", parse_dates=["date"])
    of_source = totals[totals["file"].str.startswith(f"{source}/")]
    return of_source.groupby("date")["requests"].sum().astype(float)


def ingested(installation: Installation, source: str) -> tuple[pd.Series, int]:
    """Requests by day in the store, within the days that count, and how many rows were rejected."""
    report = ingest_source(installation, source, NOW)
    with installation.engine.connect() as conn:
        span = covered_span(conn, source)
        assert span is not None
        dates, totals = daily_totals(conn, source, span[0], span[1] + timedelta(days=1))  # one day may be cut
    return pd.Series(totals, index=pd.DatetimeIndex(dates)), report.rejected


@pytest.mark.parametrize("example", EXAMPLES, ids=name_of)
def test_an_example_is_complete(example: Path, real_data: Path) -> None:
    settings = load(example)
    ((name, source),) = settings.sources.items()
    assert Path(source.options["path"]).parent == real_data
    assert Path(source.options["path"]).name == name  # as in events.csv, so that a back-test finds its events
    assert source.title
    assert source.country
    mapped = {*source.options["fields"], *source.options.get("constants", {})}
    assert {label for level in source.levels for label in level} <= mapped & set(LABELS)
    finest = [set(level) for level in source.levels if "subcategory" in level]
    assert all("category" in level for level in finest)  # a part is told from its whole by the labels they share


@pytest.mark.parametrize("example", EXAMPLES, ids=name_of)
def test_an_example_says_what_it_is_and_where_from(example: Path) -> None:
    lines = example.read_text(encoding="utf-8").splitlines()
    assert [line.startswith("# ") for line in lines[:3]] == [True, True, False]
    assert "github.com/" in lines[1]


@pytest.mark.parametrize("example", [e for e in EXAMPLES if name_of(e) not in (LARGEST, WEEKLY)], ids=name_of)
def test_every_row_is_counted(example: Path, real_data: Path) -> None:
    installation = open_installation(example)
    ((name, source),) = installation.settings.sources.items()
    counts, rejected = ingested(installation, name)
    installation.engine.dispose()
    assert rejected == 0
    known = recorded(real_data, name).reindex(counts.index, fill_value=0.0)
    missing = TWICE.get(name_of(example), 0)
    if "clock" in source.options:  # the listed days are those of the file's clock
        cut = known.iloc[[0, -1]].sum()
        assert abs(counts.sum() - known.sum()) <= cut
    else:
        assert (known - counts).sum() == missing
        assert (known - counts).min() >= 0
    assert (counts > 0).mean() > 0.3


def test_every_week_is_counted(real_data: Path) -> None:
    installation = open_installation(PROJECT / "docs" / "examples" / WEEKLY / "forewarn.toml")
    ((name, _),) = installation.settings.sources.items()
    counts, rejected = ingested(installation, name)
    installation.engine.dispose()
    assert rejected == 0
    (file,) = (real_data / name).glob("weekly_*.csv")
    rows = pd.read_csv(file, parse_dates=["week_start"])
    weeks = counts.rolling(7).sum().shift(-6)
    for begin, complaints in rows.groupby("week_start")["complaints"].sum().items():
        assert weeks[begin] == complaints


def test_the_largest_city_is_read_row_by_row(real_data: Path) -> None:
    ((name, source),) = load(PROJECT / "docs" / "examples" / LARGEST / "forewarn.toml").sources.items()
    connector = connector_for(name, source)
    (window,) = connector.plan({}, NOW)
    pages = list(connector.fetch(window))
    requests = [request for page in pages for request in page.requests]
    assert not [reject for page in pages for reject in page.rejects]
    assert len(requests) - len({request.source_record_id for request in requests}) == TWICE[LARGEST]
    days, counts = np.unique([np.datetime64(request.day) for request in requests], return_counts=True)
    known = recorded(real_data, name)
    assert (known[known > 0] == pd.Series(counts.astype(float), index=pd.DatetimeIndex(days))).all()

"""Data sets by name: each can be used as it is, and fits what was recorded of it."""

import csv
import gzip
import json
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors import CONNECTORS, connector_for
from connectors.normalise import Normaliser, columns_of
from connectors.open311 import Open311
from connectors.presets import FOLDER, preset, presets, templates
from forewarn.errors import ConfigError
from forewarn.settings import SourceSettings
from forewarn.settings_file import parse

PUBLIC = [each.name for each in presets()]
OWN = [each.name for each in templates()]
SECRETS = ("REQUESTS_DATABASE_URL", "ZENDESK_EMAIL", "ZENDESK_TOKEN", "SERVICENOW_USER", "SERVICENOW_PASSWORD")
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def settings_of(name: str, source: str = "ours-2") -> SourceSettings:
    settings = parse(tomllib.loads(preset(name, source)))
    assert list(settings.sources) == [source]
    return settings.sources[source]


def test_there_are_a_dozen_and_more() -> None:
    assert len(presets()) >= 12


@pytest.mark.parametrize("name", PUBLIC)
def test_a_preset_is_a_source_that_can_be_used_under_any_name(name: str) -> None:
    source = settings_of(name)
    told = {each.name: each for each in presets()}[name]
    assert (source.title, source.kind) == (told.title, told.kind)
    assert source.zone != "UTC"
    assert source.country
    assert told.place == f"{source.country} {source.subdivision or ''}".strip()
    source.calendar.check()  # the country and its part are known
    assert connector_for("ours-2", source).source == "ours-2"


@pytest.mark.parametrize("name", OWN)
def test_a_template_needs_only_its_secrets(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for secret in SECRETS:
        monkeypatch.setenv(secret, "postgresql://reader:word@db.example.org/calls" if "URL" in secret else "a-word")
    monkeypatch.setenv("WEBHOOK_SECRET", "s" * 16)
    assert connector_for("ours-2", settings_of(name)).source == "ours-2"


def test_every_kind_can_be_set_up_by_name() -> None:
    assert {each.kind for each in [*presets(), *templates()]} == set(CONNECTORS)


@pytest.mark.parametrize("name", [*PUBLIC, *OWN])
def test_optional_keys_are_there_to_be_switched_on(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for secret in (*SECRETS, "WEBHOOK_SECRET", "SOCRATA_APP_TOKEN"):
        monkeypatch.setenv(secret, "postgresql://reader:word@db.example.org/calls" if "URL" in secret else "s" * 16)
    text = preset(name, "ours-2")
    assert text.startswith("# ")
    assert max(map(len, text.splitlines())) <= 130
    switched_on = re.sub(
        r"^# ((?:first_day|public_delay_days|contact|app_token|filters|bodies) =)", r"\1", text, flags=re.M
    )
    source = parse(tomllib.loads(switched_on)).sources["ours-2"]
    assert source.first_day is not None
    connector_for("ours-2", source)


@pytest.mark.parametrize("name", ["nyc-311", "nyc-311-2010-2019"])
def test_the_columns_of_new_york_are_those_that_were_recorded(real_data: Path, name: str) -> None:
    with gzip.open(real_data / "api_payloads" / "socrata_soda_json_nyc311_1000rows_2026-02-13.json.gz") as file:
        rows = json.load(file)
    source = settings_of(name)
    fields = source.options["fields"]
    assert set(fields.values()) <= {key for row in rows for key in row}
    columns = columns_of(rows, {ours: (theirs,) for ours, theirs in fields.items()})
    batch = Normaliser("nyc", source.tz, source.tz).requests(columns, now=NOW, position=str)
    assert (len(batch.requests), len(batch.rejects)) == (1000, 0)
    assert "unmapped_status" not in batch.counters
    for label in ("category", "subcategory", "area", "agency", "channel"):
        assert (getattr(batch.requests, label) != "").mean() > 0.9, label


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("nyc-311-2010-2019", "socrata_portal_csv_nyc311_200rows.csv"),
        ("los-angeles-311-2020-2024", "socrata_portal_csv_la_myla311_2017_200rows.csv"),
    ],
)
def test_the_columns_are_those_of_the_portals_own_export(real_data: Path, name: str, file: str) -> None:
    """An export heads its columns with their titles, of which the names are made."""
    with (real_data / "api_payloads" / file).open(encoding="utf-8-sig", newline="") as opened:
        titles = {title.casefold().replace(" ", "_") for title in next(csv.reader(opened))}
    assert set(settings_of(name).options["fields"].values()) <= titles


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("boston-open311", "open311_boston_requests_2026.json"),
        ("chicago-open311", "open311_chicago_requests_2014.json"),
        ("san-francisco-open311", "open311_san_francisco_requests_2012.xml"),
        ("toronto-open311", "open311_toronto_requests_multi_2018.xml"),
    ],
)
def test_recorded_answers_are_read_whole(real_data: Path, name: str, file: str) -> None:
    settings = settings_of(name)
    source = connector_for("city", settings.model_copy(update={"form": file.rpartition(".")[2]}))
    assert isinstance(source, Open311)
    rows = source._parse((real_data / "api_payloads" / file).read_bytes())
    batch = source._batch(rows, NOW)
    assert len(rows) == len(batch.requests) > 0
    assert not batch.rejects
    assert (batch.requests.category != "").all()


def test_the_dashboard_export_of_fixmystreet(tmp_path: Path) -> None:
    titles = "Report ID,Title,Detail,User Name,Category,Created,Confirmed,Acknowledged,Fixed,Closed,Status,Latitude,"
    titles += "Longitude,Query,Ward,Easting,Northing,Report URL,Device Type,Site Used,Reported As"
    (tmp_path / "export.csv").write_text(
        f"{titles}\n"
        '17,Hole,"Deep, and wide",Ann Example,Potholes,2026-05-02T08:00:00,2026-05-02T08:15:00,,,2026-05-04T10:00:00,'
        "fixed - council,51.75,-1.25,,North,451000,207000,https://example.org/17,mobile,FixMyStreet,\n"
        "18,Lamp,Dark,Ann Example,Street lights,2026-05-03T08:00:00,,,,,unconfirmed,51.75,-1.25,,North,,,,,,\n",
        encoding="utf-8",
    )
    source = connector_for("site", settings_of("fixmystreet-csv").model_copy(update={"path": str(tmp_path)}))
    pages = [page for window in source.plan({}, NOW) for page in source.fetch(window)]
    (report,) = [report for page in pages for report in page.requests]
    assert (report.source_record_id, report.area, report.status, report.channel) == (
        "17",
        "North",
        "closed",
        "FixMyStreet",
    )
    assert report.requested_at == datetime(2026, 5, 2, 7, 15, tzinfo=UTC)
    assert "Example" not in str(report)
    assert [reject.reason for page in pages for reject in page.rejects] == ["no_date"]


def test_what_a_template_says_of_itself_has_the_name_of_the_source() -> None:
    assert "/ingest/line of the served dashboard" in preset("webhook", "line")
    assert "`forewarn sources check desk` lists them" in preset("zendesk", "desk")


def test_a_wrong_name_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'nyc-311'"):
        preset("nyc-31", "nyc")
    with pytest.raises(ConfigError, match="did you mean 'montreal-311'"):
        preset("Montreal", "ours")


@pytest.mark.parametrize("source", ["", "a b", "a.b", "a]b", "x\n[store]"])
def test_a_source_must_be_named_by_plain_signs(source: str) -> None:
    with pytest.raises(ConfigError, match="letters"):
        preset("nyc-311", source)


def test_every_file_is_one_source_of_its_own_name() -> None:
    for file in FOLDER.glob("**/*.toml"):
        assert list(tomllib.loads(file.read_text(encoding="utf-8"))["sources"]) == [file.stem]

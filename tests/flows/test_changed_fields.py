"""A field that changes at its source: nothing of it is stored, nothing is lost, and a person is told which it is."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from connectors.http import HttpSource
from flows.ingest import IngestReport, ingest_source
from forewarn.contracts import Coverage, SourceHealth
from simulator.open311 import serve
from store.counts import read_coverage
from store.engine import snapshot, transaction
from store.schema import series, service_request
from store.sources import accept_contents, read_rejects, read_shape
from tests.flows.towns import installed, settings_of
from tests.servers.faults import Fault, Faulty, rewritten
from tests.servers.population import Population
from tests.servers.served import SERVED, ZONE

FIRST_DAY, BEGIN = date(2026, 9, 20), datetime(2026, 10, 14, 10, tzinfo=UTC)
A_DAY = timedelta(days=1)
WELL = (SourceHealth.OK, SourceHealth.QUIET)
LIVE_DAYS = 5  # that are read one by one before anything changes

Case = tuple[str, str, bytes, bytes, str]
CASES: list[Case] = [
    ("socrata", "category", rb'"complaint_type": "[^"]*"', b'"complaint_type": ""', "category is empty in"),
    ("open311", "area", rb'"area": "[^"]*"', b'"area": null', "area is empty in"),
    ("seeclickfix", "category", rb'("request_type": \{[^}]*"title": )"[^"]*"', rb"\1null", "category is empty in"),
    ("arcgis", "category", rb'"TYPE": "[^"]*"', b'"TYPE": null', "category is empty in"),
    ("socrata", "area", rb'"borough": "[^"]*"', b'"borough": "17"', "area holds numbers now, and held words before"),
    (
        "socrata",
        "requested_at",
        rb'"created_date": "(\d+)-(\d+)-(\d+)T([^".]*)[^"]*"',
        rb'"created_date": "\2/\3/\1 \4"',
        "requested_at holds '00/00/0000 00:00:00' now, and held '0000-00-00T00:00:00' before",
    ),
    (
        "socrata",
        "requested_at",
        rb'"created_date": "[^"]*"',
        b'"created_date": "ZZZZZZZZ"',
        "rows cannot be used for their requested_at",
    ),
]


class Town:
    """One source behind a server that can change what its fields hold."""

    def __init__(self, engine: Engine, folder: Path, kind: str) -> None:
        self.served, self.now = SERVED[kind](), BEGIN
        self.server = Faulty(self.served.app)
        self.people = Population.drawn(5, FIRST_DAY, 60, per_day=20, zone=ZONE)
        self.engine, self.folder = engine, folder

    def open(self, address: str) -> None:
        own = {"url": address, "first_day": str(FIRST_DAY), "zone": ZONE.key, "pause_seconds": 0}
        web = {"allow_http": True, "allow_private_hosts": True}
        self.installation = installed(
            self.engine, settings_of(self.folder, {"town": {**self.served.settings, **own, **web}})
        )

    def read(self, *faults: Fault, days: int = 1) -> IngestReport:
        self.now += days * A_DAY
        self.served.show(self.people.at(self.now), self.now)
        self.server.standing[:] = faults
        return ingest_source(self.installation, "town", self.now)

    def labels(self, field: str) -> set[str]:
        with snapshot(self.engine) as conn:
            used = select(series.c[field]).join(service_request, series.c.id == service_request.c.series_id)
            return set(conn.execute(used.distinct()).scalars())

    def stored(self) -> int:
        with snapshot(self.engine) as conn:
            return conn.execute(select(func.count()).select_from(service_request)).scalar_one()

    def coverage(self) -> dict[date, Coverage]:
        with snapshot(self.engine) as conn:
            return read_coverage(conn, "town", date.min, date.max)


@pytest.fixture
def town(engine: Engine, tmp_path: Path, request: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    monkeypatch.setattr(HttpSource, "sleep", staticmethod(lambda _: None))
    found = Town(engine, tmp_path, request.param)
    with serve(found.server) as address:
        found.open(address)
        for _ in range(1 + LIVE_DAYS):
            assert found.read().health in WELL
        yield found


@pytest.mark.parametrize(("town", "field", "pattern", "to", "words"), CASES, indirect=["town"])
def test_a_mapped_field_that_changes_is_held_back_until_it_is_mended(
    town: Town, field: str, pattern: bytes, to: bytes, words: str
) -> None:
    labels, stored, known = town.labels("category"), town.stored(), town.coverage()
    for _ in range(2):
        report = town.read(rewritten(pattern, to))
        assert report.health is SourceHealth.BROKEN
        assert words in report.message
        assert all("town cannot be read since" in change.alert.title for change in report.changes)
    assert field in report.message
    assert (town.labels("category"), town.stored(), town.coverage()) == (labels, stored, known), "something was taken"
    assert town.read().health in WELL
    wanted = [row for row in town.people.at(town.now) if row.requested_at.astimezone(ZONE).date() >= FIRST_DAY]
    assert town.stored() >= len(wanted)
    assert {""} & (town.labels("category") | town.labels("area")) == set(), "a change was taken over"


@pytest.mark.parametrize("town", ["socrata"], indirect=True)
def test_a_person_can_say_that_it_is_as_it_should_be(town: Town, engine: Engine) -> None:
    renumbered = rewritten(rb'"borough": "[^"]*"', b'"borough": "17"')
    assert town.read(renumbered).health is SourceHealth.BROKEN
    with transaction(engine) as conn:
        accept_contents(conn, "town", town.now)
    stored = town.stored()
    assert town.read(renumbered).health in WELL
    assert town.stored() > stored
    assert "17" in town.labels("area")
    for _ in range(LIVE_DAYS):
        assert town.read(renumbered).health in WELL
    report = town.read()
    assert "area holds words now, and held numbers before" in report.message, "it is what is usual now"


@pytest.mark.parametrize("town", ["socrata"], indirect=True)
def test_why_rows_are_held_back_can_be_looked_up(town: Town, engine: Engine) -> None:
    town.read(rewritten(rb'"created_date": "[^"]*"', b'"created_date": "soon"'))
    with snapshot(engine) as conn:
        (reject, *_) = read_rejects(conn, "town", 100)
    assert reject.detail == "requested_at holds 'soon'"


@pytest.mark.parametrize("town", ["socrata"], indirect=True)
def test_a_few_empty_fields_are_no_change(town: Town) -> None:
    """One desk does not say the area in a third of all requests."""
    third = rewritten(rb'"borough": "North"', b'"borough": ""')
    stored = town.stored()
    assert town.read(third).health in WELL
    assert town.stored() > stored


@pytest.mark.parametrize("town", ["socrata", "open311", "ckan", "arcgis", "seeclickfix", "zendesk"], indirect=True)
def test_the_fields_of_a_source_are_known(town: Town) -> None:
    with snapshot(town.engine) as conn:
        shape = read_shape(conn, "town")
    assert len(shape["fields"]) >= 5
    assert shape["news"] == {}


@pytest.mark.parametrize("town", ["socrata"], indirect=True)
def test_a_new_field_and_one_that_is_gone_are_told_for_a_while(town: Town, engine: Engine) -> None:
    town.served.app.columns.append("priority")  # type: ignore[attr-defined]
    assert town.read().remarks == ["a new field 'priority' (text)"]
    assert town.read().remarks == [], "it is told once"
    town.served.app.columns.remove("priority")  # type: ignore[attr-defined]
    assert town.read().remarks == ["the field 'priority' is gone"]
    with snapshot(engine) as conn:
        assert len(read_shape(conn, "town")["news"]) == 2
    town.read(days=29)
    with snapshot(engine) as conn:
        assert read_shape(conn, "town")["news"] == {}, "it is what is usual now"

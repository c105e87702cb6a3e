"""Requests are counted by the hour of the civil clock."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Engine

from forewarn.contracts import Coverage
from forewarn.panel import HOUR, Level, Panel
from forewarn.request import Precision, ServiceRequest
from store.counts import write_coverage
from store.engine import snapshot, transaction
from store.hours import read_hours
from tests.store.test_requests import RATS, write

BERLIN = ZoneInfo("Europe/Berlin")


def request(number: int, at: str, **more: str) -> ServiceRequest:
    instant = datetime.fromisoformat(at).replace(tzinfo=BERLIN)
    return replace(RATS, source_record_id=str(number), requested_at=instant.astimezone(UTC), day=instant.date(), **more)


def read(engine: Engine, first: str, last: str, levels: Sequence[Level] = ((),), hours: int = 1) -> list[Panel]:
    days = date.fromisoformat(first), date.fromisoformat(last)
    covered = {days[0] + timedelta(days=n): Coverage.OBSERVED for n in range((days[1] - days[0]).days + 1)}
    with transaction(engine) as conn:
        write_coverage(conn, "bonn", covered, seen_day=days[1], backfill=False)
    with snapshot(engine) as conn:
        return read_hours(conn, "bonn", levels, *days, zone=BERLIN, hours=hours)


def test_requests_are_counted_in_the_hour_of_their_place(store_engine: Engine) -> None:
    late = request(1, "2026-03-02T23:59")
    write(store_engine, late, request(2, "2026-03-02T23:00"), request(3, "2026-03-03T00:00", category="Noise"))
    whole, by_category = read(store_engine, "2026-03-02", "2026-03-03", ((), ("category",)))
    assert whole.counts.shape == (1, 48)
    assert whole.step == HOUR
    assert whole.dates[23] == np.datetime64("2026-03-02T23")
    assert {n: count for n, count in enumerate(whole.counts[0]) if count} == {23: 2, 24: 1}
    assert by_category.labels["category"].tolist() == ["Noise", "Rats"]
    assert by_category.counts[:, [23, 24]].tolist() == [[0, 1], [2, 0]]


def test_steps_of_some_hours_are_sums(store_engine: Engine) -> None:
    write(store_engine, request(1, "2026-03-02T05:59"), request(2, "2026-03-02T06:00"), request(3, "2026-03-02T11:00"))
    (panel,) = read(store_engine, "2026-03-02", "2026-03-02", hours=6)
    assert panel.step == 6 * HOUR
    assert panel.counts.tolist() == [[1, 2, 0, 0]]


def test_an_hour_that_there_is_not_or_that_lasts_two_is_not_observed(store_engine: Engine) -> None:
    write(store_engine, request(1, "2026-03-29T03:30"), request(2, "2026-10-25T02:30"))
    (spring,) = read(store_engine, "2026-03-29", "2026-03-29")
    (autumn,) = read(store_engine, "2026-10-25", "2026-10-25")
    assert np.flatnonzero(np.isnan(spring.counts[0])).tolist() == [2]
    assert spring.counts[0, 3] == 1
    assert np.flatnonzero(np.isnan(autumn.counts[0])).tolist() == [2]


def test_a_day_that_was_not_covered_is_not_observed(store_engine: Engine) -> None:
    write(store_engine, request(1, "2026-03-02T12:00"))
    read(store_engine, "2026-03-02", "2026-03-02")
    with snapshot(store_engine) as conn:
        (panel,) = read_hours(conn, "bonn", [()], date(2026, 3, 1), date(2026, 3, 2), zone=BERLIN)
    assert np.isnan(panel.counts[0]).tolist() == [True] * 24 + [False] * 24


def test_a_day_is_never_spread_over_its_hours(store_engine: Engine) -> None:
    write(
        store_engine,
        request(1, "2026-03-02T00:00", precision=Precision.DAY),
        request(2, "2026-03-02T12:00", category="Noise"),
    )
    (panel,) = read(store_engine, "2026-03-02", "2026-03-03", [("category",)])
    noise, rats = panel.counts
    assert noise[12] == 1
    assert np.isnan(rats).tolist() == [True] * 24 + [False] * 24


def test_a_source_without_requests_has_one_empty_row(store_engine: Engine) -> None:
    write(store_engine, request(1, "2026-03-02T12:00"))
    whole, by_category = read(store_engine, "2026-04-02", "2026-04-02", ((), ("category",)))
    assert whole.counts.tolist() == [[0.0] * 24]
    assert by_category.counts.shape == (0, 24)

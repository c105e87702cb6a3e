"""Requests are counted by the hour of the civil clock."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Engine

from forewarn.contracts import Coverage
from forewarn.panel import HOUR, Level, Panel
from forewarn.request import DeletionReason, Precision, ServiceRequest
from store.counts import write_coverage
from store.engine import snapshot, transaction
from store.hours import hour_totals, known_until, read_hours
from store.removals import remove
from store.sources import finish_run, start_run
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


def test_removed_requests_are_left_out_as_of_the_day_they_were(store_engine: Engine) -> None:
    write(store_engine, request(1, "2026-03-02T05:00"), request(2, "2026-03-02T06:00"))
    read(store_engine, "2026-03-02", "2026-03-02")
    gone = datetime(2026, 3, 9, 12, tzinfo=UTC)
    with transaction(store_engine) as conn:
        assert remove(conn, "bonn", {"1"}, DeletionReason.SOURCE_DELETED, at=gone, seen_day=gone.date()) == 1
    first = date(2026, 3, 2)
    with snapshot(store_engine) as conn:
        now, before, after, early = (
            read_hours(conn, "bonn", [()], first, first, zone=BERLIN, as_of=as_of)[0].counts[0]
            for as_of in (None, date(2026, 3, 8), date(2026, 3, 9), date(2026, 1, 1))
        )
    assert np.flatnonzero(now).tolist() == np.flatnonzero(after).tolist() == [6]
    assert np.flatnonzero(before).tolist() == [5, 6]
    assert np.isnan(early).all(), "the day was not covered then"


def test_hours_to_come_are_not_known(store_engine: Engine) -> None:
    write(store_engine, request(1, "2026-03-29T01:30"), request(2, "2026-03-29T04:30"))
    day = date(2026, 3, 29)
    until = datetime(2026, 3, 29, 5, 40, tzinfo=BERLIN)
    with snapshot(store_engine) as conn:
        (panel,) = read_hours(conn, "bonn", [()], day - timedelta(days=1), day, zone=BERLIN, until=until)
    known = np.flatnonzero(~np.isnan(panel.counts[0]))
    assert known.tolist() == [24, 25, 27, 28], "two o'clock was skipped, five is not over, the day before was not read"
    assert panel.counts[0, known].tolist() == [0, 1, 0, 1]


def test_hours_are_known_up_to_the_last_whole_pull_or_the_newest_request(store_engine: Engine) -> None:
    write(store_engine, request(1, "2026-03-02T05:10"), request(2, "2026-03-02T14:20"))
    with transaction(store_engine) as conn:
        assert known_until(conn, "bonn") is None
        for hour, outcome in ((5, "ok"), (18, "ok"), (19, "failed"), (20, "partial")):
            at = datetime(2026, 3, 2, hour, 30, tzinfo=BERLIN)
            finish_run(conn, start_run(conn, "bonn", at), at, outcome, {}, "")
            expected = datetime(2026, 3, 2, 5, 30) if hour == 5 else datetime(2026, 3, 2, 15)  # noqa: DTZ001
            assert known_until(conn, "bonn") == expected.replace(tzinfo=BERLIN)


def test_a_source_without_requests_has_one_empty_row(store_engine: Engine) -> None:
    write(store_engine, request(1, "2026-03-02T12:00"))
    whole, by_category = read(store_engine, "2026-04-02", "2026-04-02", ((), ("category",)))
    assert whole.counts.tolist() == [[0.0] * 24]
    assert by_category.counts.shape == (0, 24)


def test_totals_of_hours_are_added_up_by_the_database(store_engine: Engine) -> None:
    write(store_engine, request(1, "2026-03-02T23:59"), request(2, "2026-03-02T23:00"), request(3, "2026-03-03T00:00"))
    eleven = int(datetime(2026, 3, 2, 22, tzinfo=UTC).timestamp()) // 3600
    day = date(2026, 3, 2)
    with snapshot(store_engine) as conn:
        assert hour_totals(conn, "bonn", day, day + timedelta(days=1)) == {eleven: 2, eleven + 1: 1}
        assert hour_totals(conn, "bonn", day, day) == {eleven: 2}
        assert hour_totals(conn, "ulm", day, day) == {}
    write(store_engine, replace(request(4, "2026-03-02T00:00"), precision=Precision.DAY))
    with snapshot(store_engine) as conn:
        assert hour_totals(conn, "bonn", day, day) == {}, "one has no hour"

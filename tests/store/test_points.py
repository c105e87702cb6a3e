"""Points of requests are read as they were known."""

from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from store.engine import snapshot
from store.points import Points, read_points
from tests.store.test_requests import DAY, ONE_DAY, RATS, write

HERE = replace(RATS, lat=50.7, lon=7.1)


def read(engine: Engine, as_of: date, **more: int) -> Points:
    with snapshot(engine) as conn:
        first, last, zone = DAY - 9 * ONE_DAY, DAY, ZoneInfo("UTC")
        return read_points(conn, "bonn", "category", first, last, as_of=as_of, zone=zone, **more)


def test_requests_with_a_place_are_read_in_order(store_engine: Engine) -> None:
    elsewhere = replace(HERE, source_record_id="8", day=DAY - ONE_DAY, category="Noise", area="", lat=50.8)
    too_old = replace(HERE, source_record_id="10", day=DAY - timedelta(days=10))
    write(store_engine, HERE, replace(RATS, source_record_id="9"), elsewhere, too_old)
    points = read(store_engine, DAY)
    assert points.day.tolist() == [int((day - date(1970, 1, 1)).days) for day in (DAY - ONE_DAY, DAY)]
    assert (points.topic.tolist(), points.area.tolist()) == (["Noise", "Rats"], ["", "Ward 7"])
    assert (points.latitude.tolist(), points.longitude.tolist()) == ([50.8, 50.7], [7.1, 7.1])


def test_what_came_late_was_not_known_before(store_engine: Engine) -> None:
    late = replace(HERE, source_record_id="8", category="Noise")
    write(store_engine, HERE, seen_day=DAY)
    write(store_engine, late, seen_day=DAY + 3 * ONE_DAY)
    assert read(store_engine, DAY + ONE_DAY).topic.tolist() == ["Rats"]
    assert sorted(read(store_engine, DAY + 3 * ONE_DAY).topic.tolist()) == ["Noise", "Rats"]


def test_what_was_filled_in_counts_as_published_on_its_day(store_engine: Engine) -> None:
    write(store_engine, HERE, seen_day=DAY + 300 * ONE_DAY, backfill=True)
    assert len(read(store_engine, DAY).day) == 1
    assert len(read(store_engine, DAY, public_delay_days=2).day) == 0
    assert len(read(store_engine, DAY + 2 * ONE_DAY, public_delay_days=2).day) == 1


def test_no_requests_are_no_places(store_engine: Engine) -> None:
    assert len(read(store_engine, DAY).day) == 0

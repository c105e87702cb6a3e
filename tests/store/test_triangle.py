"""What was known of each day on each day after, on both databases."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from sqlalchemy import Connection, Engine

from forewarn.contracts import Coverage
from forewarn.request import DailyCount
from forewarn.triangle import Triangle
from store.counts import write_counts, write_coverage
from store.engine import snapshot, transaction
from store.sources import finish_run, start_run
from store.triangle import HISTORY_DAYS, MAX_DELAY_DAYS, read_triangles

ZONE = ZoneInfo("Europe/Berlin")
START = date(2026, 3, 2)
NAN = np.nan


def later(days: int) -> date:
    return START + timedelta(days=days)


def pull(
    conn: Connection,
    day: int,
    counts: dict[int, dict[str, int]],
    *,
    backfill: bool = False,
    outcome: str = "ok",
    hour: int = 12,
) -> None:
    """On day `day` the source shows these counts: day → category → opened."""
    at = datetime.combine(later(day), datetime.min.time(), ZONE).replace(hour=hour).astimezone(UTC)
    run = start_run(conn, "bonn", at)
    rows = [DailyCount(later(of), c, "", "", "", "", n, 0) for of, by in counts.items() for c, n in by.items()]
    write_counts(conn, "bonn", rows, seen_day=later(day), backfill=backfill)
    covered = {later(of): Coverage.OBSERVED for of in counts if of < day}
    write_coverage(conn, "bonn", covered, seen_day=later(day), backfill=backfill)
    finish_run(conn, run, at, outcome, {}, "")


def read(engine: Engine, as_of: int, level: tuple[str, ...] = ()) -> Triangle:
    with snapshot(engine) as conn:
        (triangle,) = read_triangles(conn, "bonn", [level], as_of=later(as_of), zone=ZONE)
    return triangle


def known(triangle: Triangle, day: int, row: int = 0, delays: int = 4) -> list[float]:
    (place,) = np.flatnonzero(triangle.dates == np.datetime64(later(day), "D"))
    return [float(count) for count in triangle.known[row, place, :delays]]


@pytest.fixture
def watched(store_engine: Engine) -> Engine:
    """Back-filled on day 0 (with a part of that day), then read daily, but for day 4 on which the reading failed."""
    with transaction(store_engine) as conn:
        pull(conn, 0, {-2: {"Rats": 9}, -1: {"Rats": 8}, 0: {"Rats": 3}}, backfill=True)
        pull(conn, 1, {-1: {"Rats": 10}, 0: {"Rats": 7}, 1: {"Rats": 2}})
        pull(conn, 2, {1: {"Rats": 6, "Noise": 1}, 2: {"Rats": 4}})
        pull(conn, 3, {1: {"Rats": 7}, 2: {"Rats": 9}, 3: {"Noise": 2}})
        pull(conn, 4, {}, outcome="failed")
        pull(conn, 5, {1: {"Rats": 6, "Noise": 2}, 2: {"Rats": 11}, 3: {"Rats": 5, "Noise": 4}, 4: {"Rats": 8}})
    return store_engine


def test_counts_by_delay_as_they_were_known(watched: Engine) -> None:
    triangle = read(watched, 5)
    assert triangle.known.shape == (1, HISTORY_DAYS, MAX_DELAY_DAYS + 1)
    assert triangle.dates[-1] == np.datetime64(later(5), "D")
    np.testing.assert_array_equal(known(triangle, 1, delays=6), [2, 7, 8, NAN, 8, NAN])  # -1 Rats, +1 Noise at the end
    np.testing.assert_array_equal(known(triangle, 2), [4, 9, NAN, 11])
    np.testing.assert_array_equal(known(triangle, 5), [0, NAN, NAN, NAN])


def test_levels_are_told_apart_and_add_up(watched: Engine) -> None:
    by_category = read(watched, 5, ("category",))
    assert by_category.labels["category"].tolist() == ["Noise", "Rats"]
    np.testing.assert_array_equal(known(by_category, 1, row=0, delays=5), [0, 1, 1, NAN, 2])
    np.testing.assert_array_equal(known(by_category, 1, row=1, delays=5), [2, 6, 7, NAN, 6])
    np.testing.assert_array_equal(by_category.known.sum(axis=0), read(watched, 5).known[0])


def test_back_filled_days_have_no_delay(watched: Engine) -> None:
    triangle = read(watched, 5)
    for day in (-2, -1, 0):  # also not of the live news on days that were back-filled
        assert np.isnan(known(triangle, day)).all()
    assert triangle.live_days == 5
    np.testing.assert_array_equal(known(triangle, 4), [NAN, 8, NAN, NAN])  # the first evening was not read


def test_a_day_without_a_reading_is_unknown_and_not_a_long_delay(watched: Engine) -> None:
    triangle = read(watched, 5)
    np.testing.assert_array_equal(known(triangle, 3), [2, NAN, 9, NAN])


def test_as_known_on_an_earlier_day_is_what_that_day_would_have_read(watched: Engine) -> None:
    before = read(watched, 3)
    with transaction(watched) as conn:
        pull(conn, 6, {1: {"Rats": 60}, 2: {"Rats": 70}, 3: {"Rats": 80}, 6: {"Rats": 90}})
    after = read(watched, 3)
    np.testing.assert_array_equal(before.known, after.known)
    np.testing.assert_array_equal(before.dates, after.dates)
    assert np.nanmax(after.known) == 9
    assert np.nanmax(read(watched, 6).known) >= 90


def test_the_newest_pull_may_be_days_ago(watched: Engine) -> None:
    assert read(watched, 9).dates[-1] == np.datetime64(later(5), "D")
    assert read(watched, 4).dates[-1] == np.datetime64(later(3), "D")


def test_how_much_of_a_day_lies_between_the_newest_pulls(watched: Engine) -> None:
    assert read(watched, 3).day_share == 1.0
    with transaction(watched) as conn:
        pull(conn, 6, {6: {"Rats": 1}}, hour=6)
    assert read(watched, 6).day_share == pytest.approx(18 / 24)


def test_nothing_without_a_second_reading(store_engine: Engine) -> None:
    with transaction(store_engine) as conn:
        assert read_triangles(conn, "bonn", [()], as_of=later(3), zone=ZONE) == []
        pull(conn, 0, {-1: {"Rats": 8}, 0: {"Rats": 3}}, backfill=True)
        assert read_triangles(conn, "bonn", [()], as_of=later(3), zone=ZONE) == []

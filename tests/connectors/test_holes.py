"""A hole in a day is told from quiet hours."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from connectors.days import day_start
from connectors.holes import find_hole, hour_of

ZONE = ZoneInfo("America/New_York")
FIRST, DAY = date(2026, 1, 5), date(2026, 3, 12)
EARLIER = [FIRST + timedelta(days=n) for n in range((DAY - FIRST).days)]


def hours(
    a_day: float, cut: Callable[[datetime], bool] = lambda _: False, *, seed: int = 0, days: int = 80
) -> dict[int, int]:
    """Requests from seven to 21 o'clock, half as many on Sundays; none where `cut`."""
    random = np.random.default_rng(seed)
    found = {}
    begin = day_start(FIRST, ZONE).astimezone(UTC)
    for local in ((begin + timedelta(hours=n)).astimezone(ZONE) for n in range(24 * days)):
        mean = a_day / 14 * (0.5 if local.weekday() == 6 else 1.0) if 7 <= local.hour < 21 else 0.0
        count = int(random.poisson(mean))
        if count and not cut(local):
            found[hour_of(local)] = count
    return found


def told(found: dict[int, int], day: date = DAY, known: list[date] = EARLIER) -> str:
    hole = find_hole(day, found, frozenset(known), ZONE)
    return str(hole) if hole else ""


@pytest.mark.parametrize("a_day", [5, 20, 140, 1400])
def test_ordinary_days_have_none(a_day: float) -> None:
    for seed in range(5):
        found = hours(a_day, seed=seed)
        assert [day for day in EARLIER[40:] if told(found, day, [d for d in EARLIER if d < day])] == []


def test_a_feed_that_stops_at_noon_leaves_one() -> None:
    found = hours(200, lambda at: at.date() == DAY and at.hour >= 12)
    hole = find_hole(DAY, found, frozenset(EARLIER), ZONE)
    assert hole is not None
    assert str(hole).startswith("between 12:00 and 00:00, where 1")
    assert 110 < hole.due < 150
    assert told(hours(20, lambda at: at.date() == DAY and at.hour >= 12)) == "", "twelve quiet hours are possible there"


def test_a_day_that_brings_as_much_as_usual_is_judged() -> None:
    found = hours(200, lambda at: at.date() == DAY and at.hour >= 12)
    noon = hour_of(datetime(2026, 3, 12, 11, tzinfo=ZONE))
    assert told(found | {noon: found[noon] + 60}).startswith("between 12:00 and 00:00")
    assert told(found | {noon: found[noon] + 200}) == "", "a storm, whatever else is missing"


def test_the_nights_are_no_holes() -> None:
    assert told(hours(2000, lambda at: at.hour < 9)) == ""


def test_uneven_hours_make_a_hole_plausible() -> None:
    """Where whole afternoons are quiet every now and then, another one is nothing."""
    found = hours(60, lambda at: (at.toordinal() * 7) % 5 < 2 and at.hour >= 12)
    quiet = [day for day in EARLIER[40:] if (day.toordinal() * 7) % 5 < 2]
    assert quiet
    assert not any(told(found, day, [d for d in EARLIER if d < day]) for day in quiet)


def test_a_day_without_anything_and_one_of_25_hours_are_judged_elsewhere() -> None:
    assert told(hours(200, lambda at: at.date() == DAY)) == ""
    spring = date(2026, 3, 8)
    assert told(hours(2000, lambda at: at.date() == spring and at.hour > 10), spring) == ""


def test_too_little_history_tells_nothing() -> None:
    found = hours(200, lambda at: at.date() == DAY and at.hour >= 12)
    assert told(found, known=EARLIER[-20:]) == ""

"""One person who reports along a walk is told from many who report one thing."""

import numpy as np

from detectors.bursts import Reports, find_bursts, suspects
from forewarn.entries import Entries
from forewarn.irregularity import Cause
from tests.detectors.entries import Row, entries_of

DAYS, DAY = 120, 100
METRE = 1 / 111_195  # degrees of latitude


def town(count: int) -> Entries:
    rng = np.random.default_rng(0)
    days = enumerate(rng.poisson(1.5, DAYS).tolist())
    rows: list[Row] = [(day, "", "Waste", "", "North", n) for day, n in days if n and day != DAY]
    return entries_of([*rows, (DAY, "", "Waste", "", "North", count)], DAYS)


def found(hours: list[float], north: list[float], others: int = 1) -> list[int]:
    """Sizes of the bursts, given when and how many metres north the requests of the day were."""
    entries = town(len(hours) + others)
    n = len(hours)
    row = np.full(n, entries.row[entries.day == DAY][0])
    lat = 50 + np.array(north) * METRE
    reports = Reports(row, np.full(n, DAY), np.array(hours), lat, np.full(n, 8.0))
    left, bursts = find_bursts(entries, reports, suspects(entries, 5), 5)
    assert entries.count.sum() - left.count.sum() == sum(burst.count for burst in bursts)
    assert all(burst.cause is Cause.BURST and burst.labels == {"category": "Waste"} for burst in bursts)
    return [burst.count for burst in bursts]


def test_a_walk_is_one_hand() -> None:
    walk = np.arange(15)
    assert found(list(14 + walk * 0.05), list(walk * 90.0)) == [15]


def test_a_walk_is_seen_through_hourly_stamps() -> None:
    walk = np.arange(18)
    assert found([14.0 if step < 9 else 15.0 for step in walk], list(walk * 90.0)) == [18]


def test_a_steady_pace_at_one_place_is_one_hand() -> None:
    steps = np.arange(12)
    assert found(list(14 + steps * 0.04), list(steps % 3 * 10.0)) == [12]


def test_many_who_report_one_burst_main_are_an_incident() -> None:
    taken = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        hours = list(14 + rng.exponential(0.4, 20).clip(0, 1.9))
        taken += len(found(hours, list(rng.uniform(0, 300, 20)))) + len(found(hours, list(rng.uniform(0, 60, 20))))
    assert taken <= 4  # of 60, at 2 %


def test_stamps_that_are_all_the_same_tell_nothing() -> None:
    assert found([14.0] * 15, list(np.arange(15) * 90.0)) == []
    assert found([14.0] * 15, [0.0] * 15) == []


def test_a_walk_through_a_city_full_of_the_same_trouble_is_an_incident() -> None:
    walk = np.arange(15)
    assert found(list(14 + walk * 0.05), list(walk * 90.0), others=20) == []


def test_a_whole_day_is_no_burst() -> None:
    walk = np.arange(15)
    assert found(list(6 + walk * 1.0), list(walk * 90.0)) == []


def test_an_ordinary_day_is_not_looked_at() -> None:
    assert suspects(town(4), 5) == []

"""Made-up troubles are found the more surely the larger they are, and never where there are none."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

import numpy as np
import pandas as pd
import pytest

from alerts.scoring.power import LONGEST, PowerPoint, power_of
from detectors.scan import Scan
from forewarn.panel import Panel
from forewarn.results import Detection
from tests.flows.counted import ordinary

AREAS, CATEGORIES, DAYS = 8, 6, 500


@pytest.fixture(scope="module")
def levels() -> list[Panel]:
    """Categories of very different size in eight areas, with their sums."""
    mean = np.repeat(np.geomspace(0.3, 30, CATEGORIES), AREAS)[:, None]
    counts = ordinary(mean, CATEGORIES * AREAS, DAYS, seed=11).astype(float)
    names = [(f"C{number // AREAS}", f"A{number % AREAS}") for number in range(len(counts))]
    labels = pd.DataFrame(names, columns=["category", "area"])
    sums = counts.reshape(CATEGORIES, AREAS, DAYS).sum(axis=1)
    dates = np.arange(np.datetime64("2025-01-06"), np.datetime64("2025-01-06") + DAYS)
    panel = partial(Panel, dates=dates, as_of=datetime(2026, 6, 1, tzinfo=UTC))
    return [
        panel(counts=sums, labels=labels[["category"]].drop_duplicates().reset_index(drop=True)),
        panel(counts=counts, labels=labels),
    ]


def judged(panel: Panel, n_days: int) -> Sequence[Detection]:
    return [Scan(alpha=1e-4).detect(panel, n_days)]


@pytest.fixture(scope="module")
def points(levels: list[Panel]) -> list[PowerPoint]:
    return power_of(levels, judged, min_requests=5, starts=3, most=18)


def of(points: Sequence[PowerPoint], trouble: str, volume: float) -> list[PowerPoint]:
    found = [point for point in points if (point.trouble, point.volume_from) == (trouble, volume)]
    return sorted(found, key=lambda point: point.size)


@pytest.mark.parametrize("trouble", ["spike", "outbreak", "step", "ramp", "slow drift", "drop", "cluster"])
def test_the_larger_the_more_are_found(points: list[PowerPoint], trouble: str) -> None:
    busy = of(points, trouble, 10.0 if trouble == "drop" else 50.0)  # of the busiest every drop is found
    assert all(point.troubles >= 3 for point in busy)
    detected = [point.detected for point in busy]
    assert detected[-1] > 0.9
    assert detected[0] < detected[-1]
    assert (np.diff(detected) > -0.2).all()
    assert [point.percent for point in busy] == sorted(point.percent for point in busy)


def test_days_to_the_alarm(points: list[PowerPoint]) -> None:
    (spike,) = (point for point in of(points, "spike", 10.0) if point.size == 8)
    assert spike.median_days == 0
    ramp = of(points, "ramp", 10.0)[-1]
    assert ramp.median_days is not None
    assert 2 < ramp.median_days < 21, "a ramp has to grow first"


def test_what_is_rarer_than_the_floor_is_not_found(points: list[PowerPoint]) -> None:
    assert all(point.detected < 0.5 for point in of(points, "spike", 0.0)), "eight sd are four requests"
    assert all(point.detected == 0 for point in of(points, "drop", 2.0)), "five too few are no news"


def test_the_same_seed_draws_the_same_and_the_panels_stay_as_they_are(levels: list[Panel]) -> None:
    before = [panel.counts.copy() for panel in levels]
    draw = partial(power_of, levels, judged, min_requests=5, starts=1, most=3)
    assert draw(seed=4) == draw(seed=4)
    assert draw(seed=4) != draw(seed=5)
    for panel, counts in zip(levels, before, strict=True):
        np.testing.assert_array_equal(panel.counts, counts)


def test_where_there_is_an_alarm_already_nothing_is_counted(levels: list[Panel]) -> None:
    cells = levels[1].rows(slice(3 * AREAS, None))
    always = cells.counts.copy()
    grows = 1.4 ** np.arange(LONGEST)  # what only lasts becomes the new normal
    always[:, -LONGEST:] = np.round((10 * always.mean(axis=1, keepdims=True) + 20) * grows)
    points = power_of(
        [Panel(always, cells.dates, cells.labels, cells.as_of)], judged, min_requests=5, judged_days=LONGEST
    )
    assert [point for point in points if point.unit == "sd" and point.troubles] == []


def test_too_short_a_history_gives_no_points(levels: list[Panel]) -> None:
    assert power_of([panel.until(100) for panel in levels], judged, min_requests=5) == []
    assert power_of([], judged, min_requests=5) == []

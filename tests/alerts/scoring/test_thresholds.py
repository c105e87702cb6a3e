"""A threshold that is moved raises the alarms that judging at it raises."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from alerts.scoring.thresholds import at_alpha
from detectors import detector_for
from forewarn.panel import Panel
from tests.flows.counted import ordinary


@pytest.fixture(scope="module")
def panel() -> Panel:
    counts = ordinary(np.geomspace(0.2, 300, 24)[:, None], 24, 500).astype(float)
    counts[::3, 460] *= 6
    counts[1::3, 470] = 0
    counts[:, 480] = np.nan
    labels = pd.DataFrame({"category": [f"{row:02}" for row in range(24)]})
    dates = np.arange(np.datetime64("2025-01-01"), np.datetime64("2025-01-01") + 500)
    return Panel(counts, dates, labels, datetime(2026, 6, 1, tzinfo=UTC))


@pytest.mark.parametrize("name", ["scan", "ears-c1", "ears-c2"])
@pytest.mark.parametrize("alpha", [1e-5, 1e-4, 1e-3, 0.02])
def test_alarms_are_those_of_judging_at_that_threshold(panel: Panel, name: str, alpha: float) -> None:
    judged_at = 1e-3
    judged = detector_for(name, alpha).detect(panel, 60)
    moved = at_alpha(detector_for(name, judged_at).detect(panel, 60), alpha, judged_at=judged_at)
    np.testing.assert_array_equal(moved.alarms(), judged.alarms())
    np.testing.assert_array_equal(moved.drops(), judged.drops())
    assert judged.alarms().sum() >= 4


def test_limits_are_near_those_of_judging(panel: Panel) -> None:
    busy = detector_for("scan", 1e-5).detect(panel, 20)
    moved = at_alpha(detector_for("scan", 1e-3).detect(panel, 20), 1e-5, judged_at=1e-3)
    known = np.isfinite(busy.limit) & np.isfinite(moved.limit) & (busy.expected > 20)
    far = (busy.limit - busy.expected)[known]
    assert (np.abs(moved.limit - busy.limit)[known] <= 0.2 * far).all()

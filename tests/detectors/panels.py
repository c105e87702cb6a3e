"""Panels for the tests of this folder."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd

from forewarn.calendar import Calendar
from forewarn.panel import Floats, Panel


def panel_of(counts: Floats, *, first: str = "2020-01-01", calendar: Calendar | None = None) -> Panel:
    """A panel whose rows are told apart by their category."""
    n_series, n_days = counts.shape
    labels = pd.DataFrame(
        {"category": [f"c{row:04d}" for row in range(n_series)]}, index=pd.RangeIndex(n_series, name="series_id")
    )
    dates = np.datetime64(first, "D") + np.arange(n_days)
    return Panel(counts, dates, labels, datetime(2026, 1, 1, tzinfo=UTC), calendar=calendar or Calendar())

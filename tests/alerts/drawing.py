"""Detections drawn by hand: rows of (labels, count today, expected, limit)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd

from forewarn.calendar import Calendar
from forewarn.panel import LABELS, Completeness, Panel
from forewarn.results import Detection

TUESDAY = date(2026, 2, 3)
EVENING = datetime(2026, 2, 4, 5, tzinfo=UTC)

Row = tuple[Mapping[str, str], float, float, float]


def drawn(
    *rows: Row,
    day: date = TUESDAY,
    days: int = 30,
    detector: str = "scan",
    calendar: Calendar | None = None,
    tail: float = 1e-6,
    known_share: float | None = None,
) -> Detection:
    """One level, of which only the last day is judged; before it every day was as expected.

    A limit below the expected number is a lower one. A count beyond its limit has the chance `tail`. `known_share`: how
    much of the last day's requests is known.
    """
    level = [name for name in LABELS if name in rows[0][0]]
    labels = pd.DataFrame([[row[0][name] for name in level] for row in rows], columns=level, dtype=str)
    today, expected, limit = (np.array([[row[k]] for row in rows], dtype=float) for k in (1, 2, 3))
    counts = np.hstack([np.repeat(expected, days - 1, axis=1), today])
    upper, lower = np.where(limit >= expected, limit, np.inf), np.where(limit < expected, limit, -1.0)
    panel = Panel(
        counts=counts,
        dates=np.arange(np.datetime64(day) - days + 1, np.datetime64(day) + 1),
        labels=labels,
        as_of=datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC),
        source="bonn",
        calendar=calendar or Calendar(),
        completeness=None
        if known_share is None
        else Completeness(np.full_like(today, known_share), np.full_like(today, 0.0004)),
    )
    return Detection(
        detector=detector,
        panel=panel,
        observed=today,
        expected=expected,
        low=np.floor(0.6 * expected),
        high=np.ceil(1.4 * expected),
        limit=upper,
        lower_limit=lower,
        upper_tail=np.where(today > upper, tail, 0.4),
        lower_tail=np.where(today < lower, tail, 0.4),
    )


def city(grid: Sequence[Sequence[float]], *, expected: float = 4.0, limit: float = 10.0) -> list[Detection]:
    """The three levels of a city of 3 categories × 5 areas, of which `grid` are today's counts.

    Usual in each cell: `expected`. The limits of the sums grow with the square root of the number of cells.
    """
    categories = ("Water leak", "No water", "Rats")
    areas = ("Alder", "Birch", "Cedar", "Dale", "Elm")
    room = limit - expected
    cells: list[Row] = [
        ({"category": category, "area": area}, grid[i][j], expected, limit)
        for i, category in enumerate(categories)
        for j, area in enumerate(areas)
    ]
    sums: list[Row] = [
        ({"category": category}, sum(grid[i]), 5 * expected, 5 * expected + room * 5**0.5)
        for i, category in enumerate(categories)
    ]
    whole: Row = ({}, sum(map(sum, grid)), 15 * expected, 15 * expected + room * 15**0.5)
    return [drawn(whole), drawn(*sums), drawn(*cells)]

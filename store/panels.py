"""Entries laid out as panels: the only place where long rows become a matrix."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from forewarn.calendar import Calendar
from forewarn.entries import Blank, Entries, Integers
from forewarn.panel import DAY, Floats, Level, Panel
from forewarn.steps import Steps


def panels_of(
    entries: Entries,
    levels: Sequence[Level],
    *,
    calendar: Calendar = Calendar(),
    min_mean: float = 0.0,
    blanks: Sequence[Blank] = (),
) -> list[Panel]:
    """The entries laid out as one panel a level.

    Args:
        levels: Labels that tell the series apart; () is the whole source, always one row.
        min_mean: Requests a week, on average over the covered days, that a series must have.
        blanks: What is not known although the day is covered; concerns every series that has all its labels.
    Returns:
        Panels sorted by labels; NaN on days that were not covered. Series without any request are left out.
    """
    covered, n_days = entries.covered, len(entries.covered)
    first = np.datetime64(entries.first_day, "D")
    dates = np.arange(first, first + n_days)
    panels = []
    for level in levels:
        row_of, labels = rows_of(entries.series, level)
        rows = row_of[entries.row]
        shape = len(labels), n_days
        counts = np.bincount(rows * n_days + entries.day, entries.count, shape[0] * shape[1]).astype(np.float64)
        counts = counts.reshape(shape)
        counts[:, ~covered] = 0.0
        if level:
            totals = counts.sum(axis=1)
            busy = (totals > 0) & (totals * 7 >= min_mean * covered.sum())
            counts, labels = counts[busy], labels[busy].reset_index(drop=True)
        counts[:, ~covered] = np.nan
        _blank(counts, labels, entries, blanks)
        labels.index.name = "series_id"
        panels.append(Panel(counts, dates, labels, entries.as_of, entries.source, calendar))
    return panels


def in_steps(panel: Panel, steps: Steps) -> Panel:
    """A panel of days as one of steps, the last of which ends on its last day; NaN where a day of a step is."""
    if steps.days == 1:
        return panel
    n_steps = len(panel.dates) // steps.days
    whole = slice(len(panel.dates) - n_steps * steps.days, None)
    counts = panel.counts[:, whole].reshape(len(panel.counts), n_steps, steps.days).sum(axis=2)
    return replace(panel, counts=counts, dates=panel.dates[whole][:: steps.days], step=steps.days * DAY)


def _blank(counts: Floats, labels: pd.DataFrame, entries: Entries, blanks: Sequence[Blank]) -> None:
    for blank in blanks:
        if not blank.labels.keys() <= set(labels.columns):
            continue
        rows = np.ones(len(labels), dtype=bool)
        for name, value in blank.labels.items():
            rows &= (labels[name] == value).to_numpy()
        begin, end = ((day - entries.first_day).days for day in (blank.first, blank.last))
        counts[rows, max(begin, 0) : max(end + 1, 0)] = np.nan


def rows_of(series: pd.DataFrame, level: Level) -> tuple[Integers, pd.DataFrame]:
    """(n_series,) the row of each series at this level, and the rows' labels, sorted.

    Args:
        series: (n_series, 5) of str, columns `LABELS`.
    """
    if not level:
        return np.zeros(len(series), dtype=np.int64), pd.DataFrame(index=pd.RangeIndex(1))
    keys = list(zip(*(series[label] for label in level), strict=True))
    distinct = sorted(set(keys))
    place = {key: row for row, key in enumerate(distinct)}
    rows = np.array([place[key] for key in keys], dtype=np.int64)
    return rows, pd.DataFrame(distinct, columns=list(level), dtype=str)

"""Holidays, closures and events: kept out of what a model learns from, and put back into what it says.

A model of level and weekday would take a holiday for a drop of the level and carry it on. So such days count
as not observed, and the forecast of a coming one is multiplied by

    factor = (requests on past ones + p) / (requests on the same weekdays around them + p)

one factor for each series and kind. `p` requests are added that behave as on any other day, so that a series with few
requests keeps a factor near 1. School holidays last for weeks and are a matter of the level.
"""

import numpy as np
import numpy.typing as npt

from forewarn.calendar import EventKind
from forewarn.panel import Floats, Names, Panel

ADDED_REQUESTS = 5.0
"""`p`: about the number of requests below which a ratio of counts says little."""


def ordinary_counts(panel: Panel) -> Floats:
    """(n_series, n_days) counts with special days as NaN."""
    return np.where(_kinds(panel, panel.dates) != "", np.nan, panel.counts)


def put_holidays_back(panel: Panel, days: npt.NDArray[np.datetime64], mean: Floats, variance: Floats) -> None:
    """Multiplies the special days among `days` by the factor of their series and kind, in place.

    The variance follows the factor where it is below 1 and its square above, the wider of what a Poisson count
    and what a changed scale would give.
    """
    coming, past = _kinds(panel, days), _kinds(panel, panel.dates)
    for kind in sorted(set(coming.tolist()) - {""}):
        factor = _factor(panel, np.flatnonzero(past == kind))[:, np.newaxis]
        mean[:, coming == kind] *= factor
        variance[:, coming == kind] *= np.maximum(factor, factor**2)


def _kinds(panel: Panel, days: npt.NDArray[np.datetime64]) -> Names:
    """The kind of each day, '' on ordinary ones; shape of `days`. A holiday on which there is a fair is a holiday."""
    calendar = panel.calendar
    kinds = np.where(calendar.event_names(days, EventKind.EVENT) != "", EventKind.EVENT.value, "")
    kinds = np.where(calendar.event_names(days, EventKind.CLOSURE) != "", EventKind.CLOSURE.value, kinds)
    return np.where(calendar.holiday_names(days) != "", EventKind.HOLIDAY.value, kinds)


def _factor(panel: Panel, past: npt.NDArray[np.int64]) -> Floats:
    """(n_series,) see the module; `past` are the positions of the days of one kind."""
    ordinary = ordinary_counts(panel)
    n_days = len(panel.dates)
    around = past[:, np.newaxis] + np.array([-14, -7, 7, 14])  # (n_past, 4)
    inside = (around >= 0) & (around < n_days)
    neighbours = np.where(inside, ordinary[:, np.clip(around, 0, n_days - 1)], np.nan)  # (n_series, n_past, 4)
    seen = np.isfinite(neighbours).sum(axis=2)
    usual = np.nansum(neighbours, axis=2) / np.maximum(seen, 1)
    observed = panel.counts[:, past]
    both = np.isfinite(observed) & (seen > 0)
    on_past = np.where(both, observed, 0.0).sum(axis=1) + ADDED_REQUESTS
    around_them = np.where(both, usual, 0.0).sum(axis=1) + ADDED_REQUESTS
    return np.asarray(on_past / around_them)

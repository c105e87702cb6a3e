"""Public holidays: kept out of what a model learns from, and put back into what it says.

A model of level and weekday would take a holiday for a drop of the level and carry it on. So holidays count
as not observed, and the forecast of a coming holiday is multiplied by

    factor = (requests on past holidays + p) / (requests on the same weekdays around them + p)

one factor a series. `p` requests are added that behave as on any other day, so that a series with few requests
keeps a factor near 1.
"""

import numpy as np
import numpy.typing as npt

from forewarn.panel import Floats, Panel

ADDED_REQUESTS = 5.0
"""`p`: about the number of requests below which a ratio of counts says little."""


def is_holiday(panel: Panel, days: npt.NDArray[np.datetime64]) -> npt.NDArray[np.bool_]:
    """Whether each of `days` is a public holiday in the panel's place; shape of `days`."""
    return np.asarray(panel.calendar.holiday_names(days) != "")


def ordinary_counts(panel: Panel) -> Floats:
    """(n_series, n_days) counts with public holidays as NaN."""
    return np.where(is_holiday(panel, panel.dates), np.nan, panel.counts)


def put_holidays_back(panel: Panel, days: npt.NDArray[np.datetime64], mean: Floats, variance: Floats) -> None:
    """Multiplies the holidays among `days` by the factor of their series, in place.

    The variance follows the factor where it is below 1 and its square above, the wider of what a Poisson count
    and what a changed scale would give.
    """
    coming = np.flatnonzero(is_holiday(panel, days))
    if coming.size:
        factor = _holiday_factor(panel)[:, np.newaxis]
        mean[:, coming] *= factor
        variance[:, coming] *= np.maximum(factor, factor**2)


def _holiday_factor(panel: Panel) -> Floats:
    """(n_series,) see the module."""
    ordinary = ordinary_counts(panel)
    n_days = len(panel.dates)
    past = np.flatnonzero(is_holiday(panel, panel.dates))
    around = past[:, np.newaxis] + np.array([-14, -7, 7, 14])  # (n_holidays, 4)
    inside = (around >= 0) & (around < n_days)
    neighbours = np.where(inside, ordinary[:, np.clip(around, 0, n_days - 1)], np.nan)  # (n_series, n_holidays, 4)
    seen = np.isfinite(neighbours).sum(axis=2)
    usual = np.nansum(neighbours, axis=2) / np.maximum(seen, 1)
    observed = panel.counts[:, past]
    both = np.isfinite(observed) & (seen > 0)
    on_holidays = np.where(both, observed, 0.0).sum(axis=1) + ADDED_REQUESTS
    around_them = np.where(both, usual, 0.0).sum(axis=1) + ADDED_REQUESTS
    return np.asarray(on_holidays / around_them)

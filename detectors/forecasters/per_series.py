"""The loop around models that are fitted to one series at a time."""

import logging
from collections.abc import Callable

import numpy as np

from forewarn.panel import Floats, Panel

logger = logging.getLogger(__name__)

FitOne = Callable[[Floats, int], tuple[Floats, Floats]]
"""Counts of one series (n_days,) with NaN where not observed, and a horizon → mean and variance (horizon,)."""


def per_series(fit_one: FitOne, panel: Panel, horizon: int, *, min_days: int, forecaster: str) -> tuple[Floats, Floats]:
    """Mean and variance, both (n_series, horizon), of `fit_one` on every row of the panel.

    A row with fewer than `min_days` observed days is NaN without a fit. A row whose fit fails is NaN, and the
    failures are counted in one line of the log.

    Raises:
        ValueError: `horizon` is below 1.
    """
    if horizon < 1:
        raise ValueError(f"horizon must be 1 or more days, found {horizon}")
    mean = np.full((len(panel.labels), horizon), np.nan)
    variance = mean.copy()
    observed_days = np.isfinite(panel.counts).sum(axis=1)
    failures: list[str] = []
    for row in np.flatnonzero(observed_days >= min_days):
        try:
            mean[row], variance[row] = fit_one(panel.counts[row], horizon)
        except Exception as error:  # a model library may raise anything; the other series must go on
            failures.append(f"{panel.labels.iloc[row].to_dict()!r}: {error!r}")
    if failures:
        logger.warning(
            "%s could not be fitted to %d of %d series of %s; the first: %s",
            forecaster,
            len(failures),
            len(panel.labels),
            panel.source,
            failures[0],
        )
    return mean, variance

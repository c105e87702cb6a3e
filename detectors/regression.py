"""Is today's count higher (or lower) than this weekday, season, holiday and recent level explain?

    log expected = level + weekday + season + trend + holidays,   variance = dispersion * (expected + u * expected²)
    upper tail   = P(Y >= observed), Y negative binomial

The default detector. See detectors/baseline.py for what is learnt from the past, docs/methods/regression.md for
figures, false alarms to expect, and when it misleads.

References:
    Noufaily et al. (2013), Stat Med 32, 1206-1222 (down-weighted past surges, negative binomial threshold).
    Smyth (2004), Stat Appl Genet Mol Biol 3, 3 (shrunk dispersion).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from detectors.baseline import Baseline, learn
from detectors.design import Design, calendar_design
from detectors.pooling import mixture_weights, shrunk_dispersion
from detectors.verdict import count_verdict
from forewarn.panel import Detection, Floats, Panel

MIN_HISTORY_DAYS = 56
"""Observed days below which a series gets no verdict: eight of each weekday."""

BLOCK_ROWS = 1000
"""Series worked on together; keeps the memory of a large panel small."""


@dataclass(frozen=True)
class Regression:
    """Daily regression detector.

    Args:
        alpha: Tail probability of an alarm; may be as small as 1e-7.
        guard_days: Last days before the judged one that teach it nothing.
        refit_days: The regression is fitted anew every so many days, on fixed days of the calendar.
    """

    alpha: float = 0.001
    guard_days: int = 7
    refit_days: int = 7

    @property
    def name(self) -> str:
        return "regression"

    def detect(self, panel: Panel, last: int) -> Detection:
        """Verdicts on the last `last` days of every series."""
        first = len(panel.dates) - last
        mean = np.full((len(panel.labels), last), np.nan)
        variance = mean.copy()
        start: Floats | None = None
        for origin, stop in _periods(panel, first, self.refit_days):
            answer = self._judge(panel, origin, stop, start)
            if answer is None:
                continue
            period_mean, period_variance, start = answer
            judged = slice(max(origin, first), stop)
            mean[:, judged.start - first : stop - first] = period_mean[:, judged.start - origin :]
            variance[:, judged.start - first : stop - first] = period_variance[:, judged.start - origin :]
        return count_verdict(
            self.name, panel, observed=panel.counts[:, first:], mean=mean, variance=variance, alpha=self.alpha
        )

    def _judge(
        self, panel: Panel, origin: int, stop: int, start: Floats | None
    ) -> tuple[Floats, Floats, Floats] | None:
        """Mean and variance (n_series, stop - origin) of the days from `origin` on, and the coefficients.

        None: too little history.
        """
        past = origin - self.guard_days
        enough = np.flatnonzero((~np.isnan(panel.counts[:, : max(past, 0)])).sum(axis=1) >= MIN_HISTORY_DAYS)
        if not enough.size:
            return None
        design = calendar_design(panel.dates[:stop], panel.calendar, origin=panel.dates[origin], history_days=past)
        blocks = [
            learn(
                panel.counts[rows, :stop],
                design,
                n_judged=stop - origin,
                guard_days=self.guard_days,
                start=_start(panel.counts[rows, :past], design, None if start is None else start[rows]),
            )
            for rows in np.array_split(enough, -(-len(enough) // BLOCK_ROWS))
        ]
        shape = (len(panel.labels), stop - origin)
        mean, variance = np.full(shape, np.nan), np.full(shape, np.nan)
        coefficients = np.full((shape[0], design.columns.shape[1]), np.nan)
        mean[enough], variance[enough] = _pool(blocks)
        coefficients[enough] = np.concatenate([block.coefficients for block in blocks])
        return mean, variance, coefficients


def _periods(panel: Panel, first: int, refit_days: int) -> Iterator[tuple[int, int]]:
    """First and (excluded) last position of each calendar period that holds a day from `first` on."""
    day_number = panel.dates.astype(np.int64)
    n_days = len(day_number)
    origin = first - int(day_number[first] % refit_days) if first < n_days else n_days
    for begin in range(origin, n_days, refit_days):
        if begin >= 0:
            yield begin, min(begin + refit_days, n_days)


def _start(past: Floats, design: Design, earlier: Floats | None) -> Floats:
    """First guess of the coefficients: the last period's, where there are any of the same columns."""
    guess = np.zeros((len(past), design.columns.shape[1]))
    guess[:, 0] = np.log((np.nansum(past, axis=1) + 0.5) / (~np.isnan(past)).sum(axis=1))
    if earlier is None or earlier.shape != guess.shape:
        return guess
    return np.where(np.isnan(earlier), guess, earlier)


def _pool(blocks: list[Baseline]) -> tuple[Floats, Floats]:
    """Mean and variance of the judged days, once every series has learnt from the others."""
    fit = np.concatenate([block.fit for block in blocks])
    mean = np.concatenate([block.mean for block in blocks])
    trust = mixture_weights(fit).T[:, :, None]  # (n_half_lives, n_series, 1)
    levels = np.concatenate([block.levels for block in blocks], axis=1)
    level = (trust * levels).sum(axis=0)
    own = (trust[:, :, 0].T * np.concatenate([block.dispersion for block in blocks])).sum(axis=1)
    volume = mean.mean(axis=1)
    dispersion = shrunk_dispersion(own, np.concatenate([block.freedom for block in blocks]), volume)[:, None]
    relative = (trust * np.concatenate([block.level_uncertainty for block in blocks], axis=1)).sum(axis=0)
    disagreement = (trust * (levels / level - 1) ** 2).sum(axis=0)
    relative += np.concatenate([block.uncertainty for block in blocks])
    mean = mean * level
    return mean, dispersion * (mean + mean**2 * relative) + mean**2 * disagreement

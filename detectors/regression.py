"""Is today's count higher (or lower) than this weekday, season, holiday and recent level explain?

    log expected = level + weekday + season + trend + holidays,   variance = dispersion * (expected + u * expected²)
    upper tail   = P(Y >= observed), Y negative binomial

The default detector. See detectors/baseline.py for what is learnt from the past, docs/methods/regression.md for
figures, false alarms to expect, and when it misleads.

References:
    Noufaily et al. (2013), Stat Med 32, 1206-1222 (down-weighted past surges, negative binomial threshold).
    Smyth (2004), Stat Appl Genet Mol Biol 3, 3 (shrunk dispersion).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from detectors import baseline
from detectors.baseline import Outlook, Past
from detectors.design import Design, calendar_design
from detectors.memory import RowMemory
from detectors.nowcast import thinned
from detectors.pooling import mixture_weights, shrunk_dispersion
from detectors.verdict import count_verdict
from forewarn.panel import Detection, Floats, Panel

MIN_HISTORY_DAYS = 56
"""Observed days below which a series gets no verdict: eight of each weekday."""

BLOCK_ROWS = 1000
"""Series worked on together; keeps the memory of a large panel small."""

_MEMORY = RowMemory(most_bytes=256 * 2**20)
"""Between two refits a series is judged day after day, often many times a day, by the same past."""


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
        mean, variance = thinned(mean, variance, panel.completeness)
        return count_verdict(
            self.name, panel, observed=panel.counts[:, first:], mean=mean, variance=variance, alpha=self.alpha
        )

    def _judge(
        self, panel: Panel, origin: int, stop: int, start: Floats | None
    ) -> tuple[Floats, Floats, Floats] | None:
        """Mean and variance (n_series, stop - origin) of the days from `origin` on, and the coefficients.

        The past begins on a fixed day of the calendar too, so that it is the same every day until the next refit.
        None: too little history.
        """
        known_from = panel.first_observed  # days before the source was read are no history
        begin, past = known_from + (origin - known_from) % self.refit_days, origin - self.guard_days
        counts, dates = panel.completed[:, begin:stop], panel.dates[begin:stop]
        enough = np.flatnonzero((~np.isnan(counts[:, : max(past - begin, 0)])).sum(axis=1) >= MIN_HISTORY_DAYS)
        if not enough.size:
            return None
        n_past = past - begin
        design = calendar_design(dates, panel.calendar, origin=panel.dates[origin], history_days=n_past)
        known = Design(design.columns[:n_past], design.prior_sd)
        pasts, outlooks = [], []
        for rows in np.array_split(enough, -(-len(enough) // BLOCK_ROWS)):
            guess = _start(counts[rows, :n_past], design, None if start is None else start[rows])
            learnt = _learn(counts[rows, :n_past], known, self.guard_days, guess)
            pasts.append(learnt)
            outlooks.append(
                baseline.look_ahead(learnt, counts[rows, n_past:], design.columns[n_past:], guard_days=self.guard_days)
            )
        shape = (len(panel.labels), stop - origin)
        mean, variance = np.full(shape, np.nan), np.full(shape, np.nan)
        coefficients = np.full((shape[0], design.columns.shape[1]), np.nan)
        mean[enough], variance[enough] = _pool(pasts, outlooks)
        coefficients[enough] = np.concatenate([learnt.coefficients for learnt in pasts])
        return mean, variance, coefficients


def _learn(counts: Floats, design: Design, guard_days: int, start: Floats) -> Past:
    """`baseline.learn`, for the rows whose past is not remembered from an earlier call."""
    keys = _MEMORY.keys_of(counts, design.columns, design.prior_sd, guard_days)
    return Past(
        *_MEMORY.rows_of(keys, lambda new: baseline.learn(counts[new], design, guard_days=guard_days, start=start[new]))
    )


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


def _pool(pasts: Sequence[Past], outlooks: Sequence[Outlook]) -> tuple[Floats, Floats]:
    """Mean and variance of the judged days, once every series has learnt from the others."""
    fit, dispersion, freedom = (
        np.concatenate([getattr(p, n) for p in pasts]) for n in ("fit", "dispersion", "freedom")
    )
    mean = np.concatenate([outlook.mean for outlook in outlooks])
    levels = np.concatenate([outlook.levels for outlook in outlooks], axis=1)
    trust = mixture_weights(fit).T[:, :, None]  # (n_half_lives, n_series, 1)
    level = (trust * levels).sum(axis=0)
    own = (trust[:, :, 0].T * dispersion).sum(axis=1)
    dispersion = shrunk_dispersion(own, freedom, mean.mean(axis=1))[:, None]
    relative = (trust * np.concatenate([outlook.level_uncertainty for outlook in outlooks], axis=1)).sum(axis=0)
    disagreement = (trust * (levels / level - 1) ** 2).sum(axis=0)
    relative += np.concatenate([outlook.uncertainty for outlook in outlooks])
    mean = mean * level
    return mean, dispersion * (mean + mean**2 * relative) + mean**2 * disagreement

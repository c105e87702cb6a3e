"""What chance has a score, if nothing is wrong? A tail that holds on each series' own history.

    nominal(s) = N Phi(-s)                                        the largest of a few correlated normal deviates
    chance(s)  = frequency * nominal(s),                          nominal(s) >= START
               = frequency * START * (nominal(s) / START)^(1/g),  below it

`frequency` and `g` are those at which the chances hold on the past: how often a score exceeded the start of the tail,
and by how much the peaks did (Hill's estimator on the scale of -log nominal: g = 1 where the model is right, larger
where the tail is heavier than it says). What lies further out than any ordinary tail is a disaster, and says nothing of
ordinary steps. Peaks are at least a week apart, since a rise of ten days is one event and not ten. A series is drawn
towards what the panel's series show, the more the less it has seen itself; and what has seen little has a heavier tail
for that, as Student's t has.

References:
    Hill (1975), Ann Stat 3, 1163-1174; Davison & Smith (1990), J R Stat Soc B 52, 393-442 (peaks over a threshold).
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special
from scipy.ndimage import maximum_filter1d

from forewarn.panel import Floats

SCANS = 1.9
"""N: how many independent looks the spans of 1 to 14 days amount to, from simulated ordinary counts."""

START = 0.02
"""Nominal chance at which the tail begins."""

LARGEST_EXCESS = 8.0
"""Excess, in units of log chance, from which on a peak is a disaster (a chance below 7e-6): it is left out of the tail
with the steps around it, as its days are all but left out of the season (detectors/baseline.py)."""

LARGEST_MEAN = 3.0
"""Of the excesses below it: where they spread nearly evenly up to it, they hardly tell how heavy the tail is."""

BELIEF = 12.0
"""Exceedances, or peaks, that a series' belief in the panel's tail is worth, and a panel's in the model's."""

FEW_STEPS = 14.0
"""A variance that is known from n steps makes the tail heavier: g = 1 + 14 / n is, within a twentieth, that of
Student's t with n degrees of freedom at one in ten thousand, from fourteen steps on."""


class Peaks(NamedTuple):
    """What the past shows of the tail, (n_series,) each."""

    steps: Floats  # looked at, but for those around disasters
    above: Floats  # of these, above the start of the tail
    peaks: Floats  # but for disasters
    excess: Floats  # of all these peaks, in units of log chance


class Tail(NamedTuple):
    """(n_series,) `frequency` and `g` of the module's formula."""

    frequency: Floats
    heaviness: Floats


def nominal(score: Floats) -> Floats:
    """-log of the nominal chance of a score."""
    return np.asarray(-np.minimum(special.log_ndtr(-score) + np.log(SCANS), 0.0))


def peaks_of(score: Floats, known: npt.NDArray[np.bool_], apart: int) -> Peaks:
    """Peaks of past scores (n_series, n_past).

    Args:
        known: The steps that were judged.
        apart: Reach of one rise; a peak is the largest within half of it on both sides.
    """
    start = -np.log(START)
    above = score > -special.ndtri(START / SCANS)
    peak = above & (score == maximum_filter1d(score, 2 * (apart // 2) + 1, axis=1, mode="constant", cval=-np.inf))
    rows, columns = np.nonzero(peak)
    excess = nominal(score[rows, columns]) - start
    far = excess >= LARGEST_EXCESS
    ordinary = known & ~_around(rows[far], columns[far], apart, known.shape)
    rows, excess = rows[~far], excess[~far]
    n = len(score)
    return Peaks(
        ordinary.sum(axis=1).astype(np.float64),
        (above & ordinary).sum(axis=1).astype(np.float64),
        np.bincount(rows, minlength=n).astype(np.float64),
        np.asarray(np.bincount(rows, excess, minlength=n), dtype=np.float64),
    )


def _around(
    rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], apart: int, shape: tuple[int, ...]
) -> npt.NDArray[np.bool_]:
    """(n_series, n_past) the steps up to `apart` steps from one of these."""
    near = np.zeros(shape, dtype=bool)
    near[rows, columns] = True
    some = np.unique(rows)
    near[some] = maximum_filter1d(near[some], 2 * apart + 1, axis=1, mode="constant")
    return near


def tail_of(peaks: Peaks) -> Tail:
    """Tails of all series of a panel, each drawn towards what the others show."""
    frequency = _drawn(peaks.above, START * peaks.steps)
    heaviness = _uncut(_drawn(peaks.excess, peaks.peaks))
    young = 1 + FEW_STEPS / np.maximum(peaks.steps, 1.0)
    return Tail(np.clip(frequency, 0.5, 0.5 / START), np.maximum(heaviness, 1.0) * young)


def _drawn(found: Floats, due: Floats) -> Floats:
    """(n_series,) ratio of found to due, drawn towards the panel's median, which is itself drawn towards 1."""
    typical = np.median((BELIEF + found) / (BELIEF + due))
    return np.asarray((BELIEF * typical + found) / (BELIEF + due))


def _uncut(mean: Floats) -> Floats:
    """g of an exponential tail of whose excesses those below `LARGEST_EXCESS` have this mean; by fixed-point steps."""
    g = mean = np.minimum(mean, LARGEST_MEAN)
    for _ in range(30):
        g = mean + LARGEST_EXCESS / np.expm1(LARGEST_EXCESS / g)
    return np.asarray(g)


def chance(score: Floats, tail: Tail) -> Floats:
    """(n_series, n_judged) chance of a score at least this large on an ordinary step."""
    start = -np.log(START)
    depth = nominal(score)
    log_frequency = np.log(tail.frequency)[:, None]
    body = depth - log_frequency * np.minimum(depth / start, 1.0)
    beyond = np.maximum(depth - start, 0) / tail.heaviness[:, None]
    return np.asarray(np.exp(-np.minimum(body, start - log_frequency) - beyond))


def score_at(alpha: float, tail: Tail) -> Floats:
    """(n_series,) the score whose chance is `alpha`."""
    start = -np.log(START)
    asked = -np.log(alpha)
    log_frequency = np.log(tail.frequency)
    body = asked / (1 - log_frequency / start)
    depth = np.where(body <= start, body, start + tail.heaviness * (asked - start + log_frequency))
    return np.asarray(-special.ndtri_exp(np.minimum(-depth - np.log(SCANS), -1e-300)))

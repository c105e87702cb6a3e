"""How unlikely a count is on an ordinary day, and the count from which it is an alarm.

A count with mean m and variance v > m is taken as negative binomial with size r = m² / (v - m):

    P(Y >= y) = I_x(y, r),   x = (v - m) / v        (regularised incomplete beta function)

as Poisson where v = m: P(Y >= y) = P(y, m) (regularised incomplete gamma function), and as a rounded gamma variable
where v < m, as counts that scatter less than chance would have it have no name of their own:

    P(Y >= y) = Q(m² / v, (y - 1/2) m / v)

All are exact far out in the tail (1e-300) and for counts up to 1e9; no normal approximation is made. All functions
take arrays that broadcast; NaN in gives NaN out.

A tail is discrete: P(Y >= y) < alpha holds with a chance below alpha on an ordinary day, for a rare series far
below. `nb_tail(..., mid=True)` gives the mid-p P(Y > y) + P(Y = y) / 2 instead, whose mean is 1/2: the right one
for adding evidence up over days or for checking calibration, and the wrong one for keeping a false-alarm budget.

References:
    Johnson, Kemp & Kotz (2005), Univariate Discrete Distributions, 3rd ed., chapters 4 and 5.
    Lancaster (1961), J Am Stat Assoc 56, 223-234 (mid-p).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from forewarn.panel import Floats

POISSON_BELOW = 1e-9
"""Excess variance v/m - 1 below which the Poisson tail is used; the two differ by less than rounding there."""


def nb_tail(y: npt.ArrayLike, mean: npt.ArrayLike, variance: npt.ArrayLike, *, mid: bool = False) -> Floats:
    """P(Y >= y), or the mid-p P(Y > y) + P(Y = y) / 2."""
    y, mean, variance = _broadcast(np.ceil(y), mean, variance)
    return _mid(y, mean, variance) if mid else _upper(y, mean, variance)


def nb_lower_tail(y: npt.ArrayLike, mean: npt.ArrayLike, variance: npt.ArrayLike) -> Floats:
    """P(Y <= y)."""
    y, mean, variance = _broadcast(np.floor(y), mean, variance)
    return _lower(y, mean, variance)


def nb_quantile(p: npt.ArrayLike, mean: npt.ArrayLike, variance: npt.ArrayLike) -> Floats:
    """Smallest count q with P(Y <= q) >= p, for 0 < p < 1."""
    p, mean, variance = _broadcast(p, mean, variance)
    return _smallest(lambda q, p, m, v: _lower(q, m, v) >= p, p, special.ndtri(p), mean, variance)


def nb_limit(alpha: npt.ArrayLike, mean: npt.ArrayLike, variance: npt.ArrayLike, *, mid: bool = False) -> Floats:
    """Largest count y with P(Y >= y) >= alpha, the largest that raises no alarm; with `mid`, the mid-p is meant."""
    alpha, mean, variance = _broadcast(alpha, mean, variance)

    def below(q: Floats, p: Floats, m: Floats, v: Floats) -> npt.NDArray[np.bool_]:
        return np.asarray((_mid(q + 1, m, v) if mid else _upper(q + 1, m, v)) < p)

    return _smallest(below, alpha, -special.ndtri(alpha), mean, variance)


def nb_lower_limit(alpha: npt.ArrayLike, mean: npt.ArrayLike, variance: npt.ArrayLike, *, mid: bool = False) -> Floats:
    """Smallest count y with P(Y <= y) >= alpha, the smallest that raises no alarm of a drop; -1 if that is 0."""
    if not mid:
        limit = nb_quantile(alpha, mean, variance)
        return np.where(limit == 0, -1.0, limit)
    alpha, mean, variance = _broadcast(alpha, mean, variance)

    def enough(q: Floats, p: Floats, m: Floats, v: Floats) -> npt.NDArray[np.bool_]:
        return np.asarray((_lower(q, m, v) + _lower(q - 1, m, v)) / 2 >= p)

    limit = _smallest(enough, alpha, special.ndtri(alpha), mean, variance)
    return np.where(limit == 0, -1.0, limit)


def normal_tail(y: npt.ArrayLike, mean: npt.ArrayLike, sd: npt.ArrayLike) -> Floats:
    """P(Y >= y) of a normal distribution; with `sd` 0 it is 1 up to the mean and 0 above."""
    y, mean, sd = _broadcast(y, mean, sd)
    with np.errstate(divide="ignore", invalid="ignore"):
        tail = special.ndtr((mean - y) / sd)
    return np.where(sd == 0, np.where(np.isnan(y - mean), np.nan, y <= mean), tail)


def _broadcast(*arrays: npt.ArrayLike) -> list[Floats]:
    return list(np.broadcast_arrays(*(np.asarray(array, dtype=np.float64) for array in arrays)))


class _Shape(NamedTuple):
    """Flattened negative binomial parameters, and where another distribution is meant."""

    size: Floats  # r
    x: Floats  # (v - m) / v
    poisson: npt.NDArray[np.bool_]
    even: npt.NDArray[np.bool_]


def _shape(mean: Floats, variance: Floats) -> _Shape:
    excess = variance - mean
    even = excess < -POISSON_BELOW * mean
    poisson = ~(np.abs(excess) > POISSON_BELOW * mean)
    plain = ~(excess > POISSON_BELOW * mean)
    safe = np.where(plain, 1.0, excess)
    return _Shape(mean / safe * mean, safe / np.where(plain, 1.0, variance), poisson, even)


def _upper(y: Floats, mean: Floats, variance: Floats) -> Floats:
    shape = _shape(mean, variance)
    at = np.maximum(y, 1.0)  # y = 0 is put right below
    tail = np.where(shape.poisson, special.gammainc(at, mean), special.betainc(at, shape.size, shape.x))
    if shape.even.any():
        tail = np.where(shape.even, special.gammaincc(*_gamma(at - 0.5, mean, variance, shape.even)), tail)
    return np.where(y <= 0, np.where(np.isnan(mean + variance), np.nan, 1.0), tail)


def _lower(y: Floats, mean: Floats, variance: Floats) -> Floats:
    shape = _shape(mean, variance)
    at = np.maximum(y, 0.0) + 1.0
    negative_binomial = special.betainc(shape.size, at, 1 - shape.x)  # betaincc is 12 times slower
    tail = np.where(shape.poisson, special.gammaincc(at, mean), negative_binomial)
    if shape.even.any():
        tail = np.where(shape.even, special.gammainc(*_gamma(at - 0.5, mean, variance, shape.even)), tail)
    return np.where(y < 0, np.where(np.isnan(mean + variance), np.nan, 0.0), tail)


def _gamma(y: Floats, mean: Floats, variance: Floats, even: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Shape, and y in units of the scale, of the gamma distribution; 1 and 1 where another is meant."""
    rate = mean / np.where(even & (variance > 0), variance, 1.0)
    return np.where(even, mean * rate, 1.0), np.where(even, y * rate, 1.0)


def _mid(y: Floats, mean: Floats, variance: Floats) -> Floats:
    return np.asarray((_upper(y, mean, variance) + _upper(y + 1, mean, variance)) / 2)


Holds = Callable[[Floats, Floats, Floats, Floats], npt.NDArray[np.bool_]]


def _smallest(holds: Holds, p: Floats, z: Floats, mean: Floats, variance: Floats) -> Floats:
    """Smallest count q at which `holds(q, p, mean, variance)`, which is false below it and true from it on.

    The search starts at the Cornish-Fisher quantile for the normal deviate z, steps out by doubling until the
    answer is enclosed, and halves the rest; answered cells drop out.
    """
    shape = z.shape
    answer = np.full(z.size, np.nan)
    at = np.flatnonzero(np.isfinite(z + mean + variance))  # flat positions still open
    p, z, mean, variance = (array.ravel()[at] for array in (p, z, mean, variance))
    sd = np.sqrt(np.maximum(variance, mean))
    skew = (2 * sd**2 / np.where(mean > 0, mean, 1.0) - 1) / np.where(sd > 0, sd, 1.0)
    guess = np.maximum(np.round(mean + sd * (z + (z**2 - 1) * skew / 6)), 0.0)
    low, high = np.full(at.shape, -1.0), np.full(at.shape, np.inf)  # false at low, true at high
    step = np.ones(at.shape)
    while at.size:
        true = holds(guess, p, mean, variance)
        high = np.where(true, guess, high)
        low = np.where(true, low, guess)
        open_ = high - low > 1
        answer[at[~open_]] = high[~open_]
        at, p, mean, variance, low, high, true, guess, step = (
            array[open_] for array in (at, p, mean, variance, low, high, true, guess, step)
        )
        outward = np.where(true, np.maximum(guess - step, low + 1), np.minimum(guess + step, high - 1))
        enclosed = np.isfinite(high) & (high - low <= 2 * step)
        guess = np.where(enclosed, np.floor((low + high) / 2), outward)
        step *= 2
    return answer.reshape(shape)

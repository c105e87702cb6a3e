"""Weekly counts of 28 kinds with outbreaks, after the published design, on any seed.

    log mean = theta + beta t + m harmonics of 52 weeks (g1 cosine, g2 sine)
    cases    ~ Poisson(k · √(phi · mean)), spread over weeks by floor(LogNormal(0, 0.5))

Twelve years of 52 weeks. Counts are negative binomial with variance phi · mean. Four outbreaks of size k = 2, 3, 5 or
10 in weeks 313 to 575 are past ones, which no one has marked; one of size k = 1 to 10 begins in the last 49 weeks, and
is to be found. Seven families, each with and without trend, with and without a season.

References:
    Noufaily, Enki, Farrington, Garthwaite, Andrews & Charlett (2013), Stat Med 32, 1206-1222.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from forewarn.panel import Floats

Ints = npt.NDArray[np.int64]

N_WEEKS, WEEKS_PER_YEAR = 624, 52
FIRST_PAST, FIRST_JUDGED = 312, 575
PAST_SIZES, PAST_OUTBREAKS = (2, 3, 5, 10), 4
SIZES = tuple(range(1, 11))
LEAST_CASES = 2


class Family(NamedTuple):
    """One set of parameters, named as in the paper."""

    theta: float
    phi: float
    beta: float
    g1: float
    g2: float

    def mean(self, *, trend: bool, harmonics: int) -> Floats:
        """(N_WEEKS,)."""
        t = np.arange(1, N_WEEKS + 1)
        log_mean = self.theta + self.beta * t * trend
        for harmonic in range(1, harmonics + 1):
            angle = 2 * np.pi * harmonic * t / WEEKS_PER_YEAR
            log_mean = log_mean + self.g1 * np.cos(angle) + self.g2 * np.sin(angle)
        return np.asarray(np.exp(log_mean))


FAMILIES = (
    Family(0.1, 1.5, 0.0025, 0.6, 0.6),
    Family(-2, 2, 0.005, 0.1, 0.3),
    Family(1.5, 1, 0.003, 0.2, -0.4),
    Family(0.5, 5, 0.002, 0.5, 0.5),
    Family(2.5, 3, 0.001, 1, 0.1),
    Family(3.75, 1.1, 0.001, 0.1, -0.1),
    Family(5, 1.2, 0.0001, 0.05, 0.01),
)
KINDS = tuple((family, trend, m) for family in FAMILIES for trend in (False, True) for m in (0, 1))


class WeeklyOutbreaks(NamedTuple):
    """Simulated series.

    Args:
        counts: (n_series, N_WEEKS), all outbreaks included.
        outbreak: (n_series, N_WEEKS) cases of the one that is to be found.
        signal: (n_series,) number of the kind, from 1.
    """

    counts: Ints
    outbreak: Ints
    signal: Ints


def simulate(replicates: int, rng: np.random.Generator) -> WeeklyOutbreaks:
    """`replicates` series of each of the 28 kinds, the sizes of the outbreaks to be found in turn."""
    parts = [_series(family, family.mean(trend=trend, harmonics=m), replicates, rng) for family, trend, m in KINDS]
    counts, outbreak = (np.concatenate(part) for part in zip(*parts, strict=True))
    return WeeklyOutbreaks(counts, outbreak, np.repeat(np.arange(1, len(KINDS) + 1), replicates))


def _series(family: Family, mean: Floats, replicates: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Counts and outbreaks (replicates, N_WEEKS) of one kind."""
    shape = replicates, N_WEEKS
    excess = family.phi - 1
    rate = rng.gamma(mean / excess, excess, shape) if excess else np.broadcast_to(mean, shape)
    counts = rng.poisson(rate)
    sd = np.sqrt(family.phi * mean)
    for _ in range(PAST_OUTBREAKS):
        size = rng.choice(PAST_SIZES, replicates)
        counts += _outbreak(rng.integers(FIRST_PAST, FIRST_JUDGED, replicates), size, sd, FIRST_JUDGED, rng)
    size = np.resize(SIZES, replicates)
    outbreak = _outbreak(rng.integers(FIRST_JUDGED, N_WEEKS, replicates), size, sd, N_WEEKS, rng)
    return counts + outbreak, outbreak


def _outbreak(start: Ints, size: Ints, sd: Floats, end: int, rng: np.random.Generator) -> Ints:
    """(n_series, N_WEEKS) cases by week; those from `end` on are not seen."""
    cases = np.maximum(rng.poisson(size * sd[start]), LEAST_CASES)
    row = np.repeat(np.arange(len(start)), cases)
    week = start[row] + np.floor(rng.lognormal(0, 0.5, len(row))).astype(np.int64)
    outbreak = np.zeros((len(start), N_WEEKS), dtype=np.int64)
    np.add.at(outbreak, (row[week < end], week[week < end]), 1)
    return outbreak

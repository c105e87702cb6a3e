"""Daily counts of 16 kinds with one outbreak each, after the published design, on any seed.

    log mean = alpha + beta t + annual harmonics + weekly harmonics       t = day + shift, of 7 or 5 days a week
    cases    ~ Poisson(w · days · √(phi · mean)), spread over days by floor(LogNormal(0, 0.5) / 0.25)

Seven years of 364 days that begin on a Monday; the outbreak begins in the last 49 weeks. Counts are negative binomial
with variance phi · mean. Five-day services rest at weekends and holidays and have half as much again to do on the day
after; seven-day services have twice as much on a holiday. An outbreak has more cases on some weekdays.

References:
    Noufaily, Morbey, Colón-González, Elliot, Smith, Lake & McCarthy (2019), Bioinformatics 35, 3110-3118.
"""

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from forewarn.panel import Floats

Ints = npt.NDArray[np.int64]

N_YEARS, WEEKS_PER_YEAR = 7, 52
N_DAYS = N_YEARS * WEEKS_PER_YEAR * 7
FIRST_JUDGED = N_DAYS - 49 * 7
GOOD_FRIDAY = (95, 109, 95, 88, 109, 95, 102)
"""Day of each year; Easter Monday is three days later."""
MONDAYS_OFF = (126, 147, 238)
ONCE_OFF = (480, 883)
WEIGHTS = {7: (1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0), 5: (1.5, 1.1, 1.0, 1.0, 1.1)}
"""Cases of an outbreak by weekday, from Monday."""


class Wave(NamedTuple):
    """A large outbreak each year at about the same time, which is not to be found: first days, and size in sd.

    Args:
        model: The signal whose sd and weekdays are meant, if it is another one; its clock is that of its own working
            days, so that it does not keep step with the weeks and years of a signal of seven.
    """

    earliest: int
    latest: int
    size: float
    model: int | None = None


class Signal(NamedTuple):
    """One kind of series; `k` and `k_week` harmonics share the coefficients `year` and `week` (cosine, sine)."""

    days: Literal[5, 7]
    k: int
    k_week: int
    alpha: float
    beta: float
    year: tuple[float, float]
    week: tuple[float, float]
    phi: float
    shift: int
    divisor: int = 1
    wave: Wave | None = None
    sized_by: int | None = None

    def mean(self, n_days: int | None = None) -> Floats:
        """(n_worked_days,) mean before holidays, waves and division; of `n_days` where that is another number."""
        t = np.arange(1, (n_days or N_DAYS * self.days // 7) + 1) + self.shift
        log_mean = self.alpha + self.beta * t
        for n, period, (cosine, sine) in (
            (self.k, WEEKS_PER_YEAR * self.days, self.year),
            (self.k_week, self.days, self.week),
        ):
            for harmonic in range(1, n + 1):
                angle = 2 * np.pi * harmonic * t / period
                log_mean = log_mean + cosine * np.cos(angle) + sine * np.sin(angle)
        return np.asarray(np.exp(log_mean))


SIGNALS = {
    1: Signal(7, 1, 2, 6, 0, (0.2, 0.2), (0.5, 0.4), 2, 29),
    2: Signal(7, 1, 2, 0.5, 0, (1.5, 1.4), (0.5, 0.4), 1, -167),
    3: Signal(7, 0, 2, 5.5, 0, (0, 0), (0.3, 0.25), 1, 1),
    4: Signal(7, 0, 2, 2, 0, (0, 0), (0.3, 0.25), 1, 1),
    5: Signal(5, 1, 1, 6, 0, (0.3, 2), (0.3, 0.5), 1.5, -50, divisor=10, wave=Wave(0, 20, 1200)),
    6: Signal(5, 1, 1, 1, 0, (0.1, 2), (0.05, 0.05), 1, -50, wave=Wave(0, 20, 750)),
    7: Signal(5, 0, 1, 6, 0.0001, (0, 0), (0.6, 0.9), 1.5, 0, divisor=10),
    8: Signal(5, 1, 1, 3, 0, (1.5, 0.1), (0.2, 0.3), 1, -150),
    9: Signal(5, 1, 1, 3, 0, (0.2, 0.1), (0.05, 0.15), 1, -200),
    10: Signal(5, 1, 1, 5, 0, (0.2, 0.1), (0.05, 0.1), 1, 0),
    11: Signal(5, 2, 1, 0.5, 0, (0.4, 0), (0.05, 0.15), 1, 0),
    12: Signal(5, 1, 1, 9, 0, (0.5, 0.2), (0.2, 0.5), 1, 0, divisor=100),
    13: Signal(7, 1, 2, 2, 0.0005, (0.8, 0.8), (0.8, 0.4), 4, 57, sized_by=1),
    14: Signal(7, 4, 1, 0.05, 0, (0.01, 0.01), (1.8, 0.1), 1, -85, sized_by=13),
    15: Signal(7, 1, 2, 3, 0, (0.8, 0.6), (0.8, 0.4), 4, 29, wave=Wave(209, 230, 3150, model=6)),
    16: Signal(7, 0, 2, 6, 0, (0, 0), (0.8, 0.4), 4, 1),
}


class Outbreaks(NamedTuple):
    """Series in the order of their signals.

    Args:
        counts, outbreak: (n_series, N_DAYS); the counts hold the cases of the outbreak.
        signal: (n_series,) kind of each series.
        is_holiday: (N_DAYS,)
    """

    counts: Ints
    outbreak: Ints
    signal: Ints
    is_holiday: npt.NDArray[np.bool_]


def holidays() -> npt.NDArray[np.bool_]:
    """(N_DAYS,) the 58 holidays."""
    off = np.zeros(N_DAYS, dtype=bool)
    for year, friday in enumerate(GOOD_FRIDAY):
        days = np.array([0, friday, friday + 3, *MONDAYS_OFF, 357, 358])
        off[year * WEEKS_PER_YEAR * 7 + days] = True
    off[[875, 882]] = False, True  # moved by a week in the third year
    off[list(ONCE_OFF)] = True
    return off


def simulate(size: float, replicates: int, rng: np.random.Generator) -> Outbreaks:
    """`replicates` series of each of the 16 signals, with an outbreak of `size` (2 very small to 10 large)."""
    parts = [_series(number, size, replicates, rng) for number in SIGNALS]
    counts, outbreak = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Outbreaks(counts, outbreak, np.repeat(list(SIGNALS), replicates), holidays())


def _series(number: int, size: float, replicates: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Counts and outbreaks (replicates, N_DAYS) of one signal."""
    signal = SIGNALS[number]
    model = SIGNALS[signal.sized_by or number]
    mean = signal.mean()
    base = _draw(np.broadcast_to(mean, (replicates, len(mean))), signal.phi, rng)
    base = np.rint(base / signal.divisor).astype(np.int64)
    if signal.wave:
        base += _waves(signal, len(mean), replicates, rng)
    sd = np.sqrt(model.phi * model.mean())
    start = rng.integers(FIRST_JUDGED * signal.days // 7, len(mean), replicates)
    cases = np.maximum(rng.poisson(size * signal.days * sd[start]), 2)
    outbreak = _spread(start, cases, 4.0, len(mean), signal.days, rng)
    rhythm = _holiday_rhythm(signal.days)
    worked = np.arange(N_DAYS) % 7 < signal.days
    whole, added = (np.zeros((replicates, N_DAYS), dtype=np.int64) for _ in range(2))
    whole[:, worked], added[:, worked] = base + outbreak, outbreak
    return np.rint(whole * rhythm).astype(np.int64), added


def _draw(mean: Floats, phi: float, rng: np.random.Generator) -> Ints:
    """Counts with variance phi · mean."""
    return rng.poisson(rng.gamma(mean / (phi - 1), phi - 1) if phi > 1 else mean)


def _waves(signal: Signal, n_days: int, replicates: int, rng: np.random.Generator) -> Ints:
    """(replicates, n_worked_days) cases of the yearly wave, sized by the sd of its first day."""
    assert signal.wave is not None
    model = SIGNALS[signal.wave.model] if signal.wave.model else signal
    sd = np.sqrt(model.phi * model.mean(n_days))
    total = np.zeros((replicates, n_days), dtype=np.int64)
    for year in range(N_YEARS):
        start = rng.integers(signal.wave.earliest, signal.wave.latest, replicates)
        start += year * WEEKS_PER_YEAR * signal.days
        cases = rng.poisson(signal.wave.size * sd[start])
        total += _spread(start, cases, 50.0, n_days, model.days, rng)
    return total


def _spread(start: Ints, cases: Ints, scale_days: float, n_days: int, days: int, rng: np.random.Generator) -> Ints:
    """(n_series, n_days) cases by day, log-normal after the start; those past the end are not seen."""
    row = np.repeat(np.arange(len(start)), cases)
    day = start[row] + np.floor(rng.lognormal(0, 0.5, len(row)) * scale_days).astype(np.int64)
    seen = day < n_days
    spread = np.zeros((len(start), n_days))
    np.add.at(spread, (row[seen], day[seen]), 1)
    return np.rint(spread * np.array(WEIGHTS[days])[np.arange(n_days) % days]).astype(np.int64)


def _holiday_rhythm(days: int) -> Floats:
    """(N_DAYS,) by what holidays change the counts."""
    off = holidays()
    if days == 7:
        return np.where(off, 2.0, 1.0)
    rhythm = np.where(off, 0.0, 1.0)
    for day in np.flatnonzero(off):
        following = day + 1
        while following < N_DAYS and (following % 7 >= days or off[following]):
            following += 1
        rhythm[following : following + 1] = 1.5
    return rhythm

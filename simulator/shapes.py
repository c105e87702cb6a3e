"""Troubles of a chosen shape and size for benchmarks, put into counts of any origin.

spike       all on the first day
lognormal   rises within two days and fades, as an outbreak does
step        there from one day to the next
ramp        rises evenly to the last day
drift       rises by the square, so that its beginning is hard to see
drop        a share of the requests stays away
"""

from collections.abc import Callable, Mapping

import numpy as np

from simulator.population import Floats, Ints


def _lognormal(n_days: int) -> Floats:
    """Density of a log-normal with its mode on the second day, 1 there."""
    day = np.arange(n_days) + 1.0
    density = np.exp(-0.5 * ((np.log(day / 2.0) - 0.25) / 0.5) ** 2) / day  # mode at 2 exp(0.25 - 0.5²)
    scaled: Floats = density / density.max()
    return scaled


PROFILES: Mapping[str, Callable[[int], Floats]] = {
    "spike": lambda n_days: np.eye(1, n_days)[0],
    "lognormal": _lognormal,
    "step": np.ones,
    "ramp": lambda n_days: np.arange(1, n_days + 1) / n_days,
    "drift": lambda n_days: (np.arange(1, n_days + 1) / n_days) ** 2,
    "drop": np.ones,
}
"""Shape → its profile over n days, with a maximum of 1."""


def inject(
    rng: np.random.Generator, counts: Ints, shape: str, *, first: int, n_days: int, size: float | Floats
) -> Ints:
    """The counts (n_series, total_days) with one trouble in every row, from day number `first` on.

    Args:
        size: Requests a day that come on top at the worst, for a drop the share (0 to 1) that stays away; one
            number, or (n_series,). A cluster is several rows with a size each, the others having 0.

    Raises:
        ValueError: The shape is not known, or the trouble does not fit into the counts.
    """
    if shape not in PROFILES:
        raise ValueError(f"shape must be one of {', '.join(PROFILES)}, not {shape!r}")
    if not (n_days >= 1 and 0 <= first <= counts.shape[1] - n_days):
        raise ValueError(f"{n_days} days from day {first} do not fit into {counts.shape[1]} days")
    strength = np.broadcast_to(size, counts.shape[0])[:, None] * PROFILES[shape](n_days)
    changed = counts.copy()
    days = changed[:, first : first + n_days]
    if shape == "drop":
        days -= rng.binomial(days, strength)
    else:
        days += rng.poisson(strength)
    return changed

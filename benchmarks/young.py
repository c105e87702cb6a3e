"""What scan finds in the first months of a source, if these held a surge, and how many false alarms it raises there.

    python -m benchmarks.young

Series of .5 to 60 a day, dispersions of 1, 1.5 and 4, level or with one of two weeks. A surge to three times the usual
lasts four days; "found" is an alarm on one of them. The first one begins on the 25th or the 32nd day.
"""

import numpy as np

from benchmarks.detectors import panel_of
from detectors.scan import Scan
from forewarn.calendar import Calendar
from forewarn.panel import Floats

ALPHA = 1e-3
RISE, LASTS = 3.0, 4
FIRST_ON = (24, 31)
WEEKS_AFTER = (2, 4, 6)
VOLUMES = (0.5, 2.0, 8.0, 25.0, 100.0)
WEEKS = ((1.0,) * 7, (1.2, 1.1, 1.1, 1.0, 1.0, 0.8, 0.8), (1.4, 1.3, 1.2, 1.3, 1.2, 0.3, 0.2))
SEEDS = range(4)
N_EACH = 40
"""Series of each dispersion."""


def counts_of(n_days: int, surges: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """(3 · N_EACH, n_days) counts with a surge from each of these days on."""
    week = np.array(WEEKS)[rng.integers(0, len(WEEKS), 3 * N_EACH)][:, np.arange(n_days) % 7]
    mean = np.tile(np.geomspace(VOLUMES[0], 60, N_EACH), 3)[:, None] * week
    for begin in surges:
        mean[:, begin : begin + LASTS] *= RISE
    spread = np.repeat([1e-3, 0.5, 3.0], N_EACH)[:, None]
    return rng.poisson(rng.gamma(mean / spread, spread)).astype(np.float64)


def alarms_of(counts: Floats, last: int) -> Floats:
    panel = panel_of(counts, Calendar())
    return np.asarray(Scan(ALPHA).detect(panel, last).alarms(), dtype=np.float64)


def found_on(day: int, surges: tuple[int, ...]) -> Floats:
    """Share of the surges from `day` on that are found, by volume; the source ends with them."""
    volume = np.tile(np.geomspace(VOLUMES[0], 60, N_EACH), 3)
    found = np.concatenate(
        [
            alarms_of(counts_of(day + LASTS, surges, np.random.default_rng([seed, day])), LASTS).any(axis=1)
            for seed in SEEDS
        ]
    )
    group = np.tile(np.digitize(volume, VOLUMES), len(SEEDS))
    return np.array([found[group == number].mean() for number in range(1, len(VOLUMES))])


def main() -> None:
    """Prints the share of surges found by volume, alone and after a first one, and the false alarms without any."""
    print("found of volumes from", *VOLUMES[:-1], "a day on")
    for first in FIRST_ON:
        print(f"day {first + 1}, alone:", found_on(first, (first,)).round(2))
        for weeks in WEEKS_AFTER:
            second = first + LASTS + 7 * weeks
            alone, after = found_on(second, (second,)), found_on(second, (first, second))
            print(f"{weeks} weeks after it:", after.round(2), "without it:", alone.round(2))
    quiet = [alarms_of(counts_of(84, (), np.random.default_rng([seed, 0])), 60) for seed in SEEDS]
    print(f"false alarms in weeks 4 to 12 over those promised: {np.mean(quiet) / ALPHA:.2f}")


if __name__ == "__main__":
    main()

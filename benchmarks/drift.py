"""What `drift` sees of slow growth that `scan` gets used to, and what it costs, at one number of chances for an alarm.

    python -m benchmarks.drift

Two sets of made-up series of three years, with weekdays and a season: levels that keep still, and levels that wander by
themselves. Requests grow by half or double over four to twelve weeks and stay there; an alarm within the 110 days from
the beginning on finds it. Where nothing grows, series with an alarm in as long are told in vain.
"""

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from detectors.drift import Drift
from detectors.scan import Scan
from forewarn.panel import Floats, Panel

N_DAYS, JUDGED_DAYS, BEFORE_DAYS = 1100, 130, 20
FIRST_DAY = np.datetime64("2021-03-01")
MEANS = np.geomspace(2, 50, 100)
DISPERSION = 1.5
WANDER_SD = 0.008  # of a level's logarithm from day to day: 15 % within a year
ALPHA = 2.5e-4
SHARES = {"scan": (1.0, 0.0), "both, even shares": (0.5, 0.5), "drift": (0.0, 1.0)}
GROWTH = ((0.0, 0), (0.5, 28), (0.5, 56), (0.5, 84), (1.0, 28), (1.0, 56), (1.0, 84))


def grown(rng: np.random.Generator, share: float, days: int, *, wanders: bool) -> Floats:
    """(n_series, N_DAYS) counts that grow by `share` over `days` and stay there."""
    day = np.arange(N_DAYS)
    rhythm = np.exp(0.3 * np.sin(2 * np.pi * day / 7) + 0.4 * np.cos(2 * np.pi * day / 365.25))
    level = np.exp(np.cumsum(rng.normal(0, WANDER_SD * wanders, (len(MEANS), N_DAYS)), axis=1))
    growth = share * np.clip((day - (N_DAYS - JUDGED_DAYS + BEFORE_DAYS)) / max(days, 1), 0, 1)
    mean = MEANS[:, None] * rhythm * level * (1 + growth)
    return rng.poisson(rng.gamma(mean / (DISPERSION - 1), DISPERSION - 1)).astype(np.float64)


def panel_of(counts: Floats) -> Panel:
    """Series without names."""
    labels = pd.DataFrame(index=pd.RangeIndex(len(counts)))
    return Panel(counts, FIRST_DAY + np.arange(counts.shape[1]), labels, datetime(2026, 1, 1, tzinfo=UTC))


def lines(seed: int) -> Iterator[str]:
    """A table, row by row; cells: share of the series with an alarm / median days to the first."""
    yield f"| levels | growth | {' | '.join(SHARES)} |"
    yield f"| --- | --- | {' | '.join('---' for _ in SHARES)} |"
    for wanders in (False, True):
        rng = np.random.default_rng(seed)
        panel = panel_of(np.concatenate([grown(rng, share, days, wanders=wanders) for share, days in GROWTH]))
        tails = [method.detect(panel, JUDGED_DAYS).upper_tail[:, BEFORE_DAYS:] for method in (Scan(), Drift())]
        for place, (share, days) in enumerate(GROWTH):
            rows = slice(place * len(MEANS), (place + 1) * len(MEANS))
            cells = []
            for shares in SHARES.values():
                hit = np.any([tail[rows] < ALPHA * part for tail, part in zip(tails, shares, strict=True)], axis=0)
                found = hit.any(axis=1)
                first = np.median(hit[found].argmax(axis=1)) if found.any() else np.nan
                cells.append(f"{found.mean():.2f} / {first:.0f}")
            what = f"{share:.0%} in {days} days" if share else "none"
            yield f"| {'wander' if wanders else 'keep still'} | {what} | {' | '.join(cells)} |"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="What drift adds to scan, and what it costs.")
    parser.add_argument("--seed", type=int, default=0)
    for line in lines(parser.parse_args().seed):
        print(line, flush=True)


if __name__ == "__main__":
    main()

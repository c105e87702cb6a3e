"""How long a replay takes: python -m benchmarks.replay [--series N] [--days N] [--revised] [--profile]

A store of made-up daily counts (three years; most series small, weekday and season, negative binomial) is replayed
day by day. With `--revised` each day was read on the morning after it and its last reports came in a day later, so
that every day is judged anew as it was known.
"""

import argparse
import cProfile
import pstats
import resource
import tempfile
import time
from datetime import UTC, date, datetime, timedelta

import numpy as np

from flows.backtest import backtest_sources
from flows.installation import Installation
from forewarn.contracts import Coverage
from forewarn.request import DailyCount
from forewarn.settings_file import parse
from store.counts import write_counts, write_coverage
from store.engine import open_store, transaction

LAST = date(2026, 6, 30)
HISTORY_DAYS = 1096
N_AREAS = 50


def fill(installation: Installation, n_series: int, n_days: int, *, revised: bool) -> None:
    """Counts of `n_series` pairs of category and area, of which the last `n_days` came in day by day if `revised`."""
    rng = np.random.default_rng(1)
    dates = [LAST - timedelta(days=ago) for ago in range(HISTORY_DAYS - 1, -1, -1)]
    day = np.arange(HISTORY_DAYS)
    season = np.exp(0.3 * np.sin(2 * np.pi * day / 365.25))[None, :] * np.where(day % 7 < 5, 1.2, 0.5)
    mean = rng.lognormal(-0.5, 1.2, (n_series, 1)) * season
    counts = rng.poisson(mean * rng.gamma(5, 1 / 5, mean.shape))
    late = rng.binomial(counts, 0.1) if revised else np.zeros_like(counts)
    names = [(f"Category {row // N_AREAS}", f"Area {row % N_AREAS}") for row in range(n_series)]

    def rows(days: range, numbers: np.ndarray) -> list[DailyCount]:
        found = zip(*np.nonzero(numbers[:, days.start : days.stop]), strict=True)
        return [
            DailyCount(
                day=dates[days.start + n],
                agency="",
                category=names[row][0],
                subcategory="",
                area=names[row][1],
                channel="",
                opened=int(numbers[row, days.start + n]),
                closed=0,
            )
            for row, n in found
        ]

    whole = HISTORY_DAYS - (n_days if revised else 0)
    with transaction(installation.engine) as conn:
        seen = dates[whole - 1] + timedelta(days=1)
        write_counts(conn, "town", rows(range(whole), counts), seen_day=seen, backfill=True)
        covered = dict.fromkeys(dates[:whole], Coverage.OBSERVED)
        write_coverage(conn, "town", covered, seen_day=seen, backfill=True)
        for n in range(whole, HISTORY_DAYS):
            seen = dates[n] + timedelta(days=1)
            news = rows(range(n, n + 1), counts - late) + (rows(range(n - 1, n), counts) if n > whole else [])
            write_counts(conn, "town", news, seen_day=seen, backfill=False)
            write_coverage(conn, "town", {dates[n]: Coverage.OBSERVED}, seen_day=seen, backfill=False)


def main() -> None:
    """Prints seconds, alerts and peak memory; with `--profile` where the time went."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=1500)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--revised", action="store_true")
    parser.add_argument("--profile", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        engine = open_store(f"sqlite:///{scratch}/town.db")
        installation = Installation(parse({"sources": {"town": {"kind": "files", "path": scratch}}}), engine)
        fill(installation, args.series, args.days, revised=args.revised)
        profile = cProfile.Profile()
        began, cpu = time.perf_counter(), time.process_time()
        if args.profile:
            profile.enable()
        report = backtest_sources(installation, first=LAST - timedelta(days=args.days - 1), last=LAST)
        profile.disable()
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        engine.dispose()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{args.series} series, {args.days} days, measured {datetime.now(UTC):%Y-%m-%d}")
    print(f"{seconds:.1f} s, {cpu:.1f} s of CPU, {peak:,.0f} MB at most; {report.sources[0].summary()}")
    if args.profile:
        pstats.Stats(profile).sort_stats("cumulative").print_stats(45)


if __name__ == "__main__":
    main()

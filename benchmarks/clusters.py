"""How fast the space-time permutation scan is, what it finds, and its figure.

    python -m benchmarks.clusters speed       # a usual city, 15,000 series of three years, and a published task
    python -m benchmarks.clusters rates       # false alarms on simulated days, beside those promised
    python -m benchmarks.clusters power       # clusters planted in ordinary days: how many are found, and how soon
    python -m benchmarks.clusters figure      # the figure of docs/methods/cluster.md

Set OPENBLAS_NUM_THREADS=1 where other work runs beside.
"""

import argparse
import resource
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from detectors.cluster import SpaceTimePermutation
from detectors.permutation import Margins, Null
from detectors.zones import Zones, nearest
from forewarn.panel import Floats, Panel

PUBLISHED_SECONDS = 1.7
"""scanstatistics 1.1.2 (R), one core: 59 areas, 564 zones of nearest neighbours, 21 days, 999 permutations."""
ALPHA = 0.25 / 7
"""A quarter of one false alarm a week, as flows.clusters asks of one source."""


def city(n_categories: int, n_areas: int, n_days: int, *, mean: float, seed: int = 1) -> tuple[Floats, Zones]:
    """Counts (n_categories, n_areas, n_days) without clusters: areas of many sizes, a week, busy and quiet days."""
    rng = np.random.default_rng(seed)
    size = rng.gamma(2.0, 0.5, (n_categories, n_areas, 1)) * rng.lognormal(0, 1, (n_categories, 1, 1))
    day = np.arange(n_days)
    rhythm = np.exp(
        0.3 * np.sin(2 * np.pi * day / 7) + 0.3 * np.cos(2 * np.pi * day / 365) + rng.normal(0, 0.2, n_days)
    )
    names = [f"area {place:03}" for place in range(n_areas)]
    zones = nearest(names, 40.6 + rng.uniform(0, 0.3, n_areas), -74.1 + rng.uniform(0, 0.4, n_areas))
    return rng.poisson(mean * size * rhythm).astype(np.float64), zones


def panel_of(counts: Floats, zones: Zones, source: str = "city") -> Panel:
    n_categories, _, n_days = counts.shape
    labels = pd.DataFrame(
        [(f"category {k:02}", area) for k in range(n_categories) for area in zones.areas], columns=["category", "area"]
    )
    dates = np.datetime64("2023-01-01") + np.arange(n_days)
    return Panel(counts.reshape(-1, n_days), dates, labels, datetime(2026, 1, 1, tzinfo=UTC), source)


def speed() -> None:
    """Seconds and peak memory."""
    for n_categories, n_areas in ((40, 60), (60, 250)):
        counts, zones = city(n_categories, n_areas, 1096, mean=0.4)
        counts[3, zones.members[-1], -4:] += 3  # something to find, so that Monte Carlo is needed
        counts[5:9, 7, -2:] += 4
        panel = panel_of(counts, zones)
        scan = SpaceTimePermutation(ALPHA, zones).scan
        for last in (1, 364) if n_areas < 100 else (1,):
            begin = time.perf_counter()
            found = scan(panel, last)
            seconds = time.perf_counter() - begin
            print(
                f"{n_categories} categories, {n_areas} areas, {len(zones):,} zones, {last} days judged: "
                f"{seconds:6.2f} s, {len(found)} clusters"
            )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")
    rng = np.random.default_rng(0)
    names = [str(place) for place in range(59)]
    zones = nearest(names, rng.uniform(40, 40.3, 59), rng.uniform(-74, -73.6, 59), most=14)
    counts = rng.poisson(1.0, (59, 84))
    margins = Margins(counts.sum(axis=1), counts[:, ::-1][:, :21].sum(axis=0))
    seconds = min(_timed(lambda: Null(margins, zones, 1.5).draw(999, rng)) for _ in range(5))
    print(f"59 areas, {len(zones)} zones, 21 days, 999 permutations: {seconds:.3f} s; R: {PUBLISHED_SECONDS} s")


def _timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def rates(n_cities: int = 20, n_days: int = 104) -> None:
    """Share of days with any cluster, over 2,080 days a week apart, at several levels."""
    tails = []
    for seed in range(n_cities):
        counts, zones = city(6, 30, 560 + 7 * n_days, mean=0.4, seed=seed)
        panel = panel_of(counts, zones, f"city {seed}")
        scan = SpaceTimePermutation(0.5, zones, min_requests=1).scan
        for week in range(n_days):
            found = scan(panel.until(560 + 7 * week), 1)
            tails.append(min((cluster.tail * cluster.scans for cluster in found), default=1.0))
    for alpha in (0.2, 0.1, 0.05, 0.02, 0.01):
        print(f"asked {alpha:5}: {(np.array(tails) < alpha).mean():.4f} of {len(tails):,} days")


def power(n_clusters: int = 60) -> None:
    """Clusters of four areas that begin on an ordinary day: share found within a week, and after how many days."""
    for extra in (0.5, 1.0, 1.5, 2.0, 3.0):
        counts, zones = city(6, 59, 600, mean=0.5, seed=7)
        rng = np.random.default_rng(8)
        after, right = [], []
        places = np.flatnonzero(zones.members.sum(axis=1) == 4)
        for place in rng.choice(places, n_clusters):
            members = np.flatnonzero(zones.members[place])
            start, category = int(rng.integers(500, 590)), int(rng.integers(6))
            planted = counts.copy()
            planted[category, members, start : start + 7] += rng.poisson(extra, (4, 7))
            found = SpaceTimePermutation(ALPHA, zones).scan(panel_of(planted[:, :, : start + 7], zones), 7)
            hits = [c for c in found if {zones.areas[m] for m in members} & set(c.areas)]
            if hits:
                day = int((hits[0].day - np.datetime64("2023-01-01")).astype(int)) - start
                after.append(day)
                right.append(len({zones.areas[m] for m in members} & set(hits[-1].areas)) / 4)
        share = len(after) / n_clusters
        print(
            f"{extra} more a day in each of 4 areas (usual {counts.mean():.2f}): found {share:.2f}, after "
            f"{np.mean(after) if after else np.nan:.1f} days, {np.mean(right) if right else np.nan:.2f} of its areas"
        )


def figure(folder: Path = Path("docs/methods")) -> None:
    """A town with a cluster of four areas: where, and since when."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "forewarn"  # the same picture is the same file
    from matplotlib import dates as mdates
    from matplotlib import pyplot as plt

    rng = np.random.default_rng(5)
    names = [f"area {place:03}" for place in range(59)]
    latitude, longitude = 50.66 + rng.uniform(0, 0.12, 59), 7.02 + rng.uniform(0, 0.22, 59)
    zones = nearest(names, latitude, longitude)
    size = rng.gamma(2.0, 0.5, (4, 59, 1))
    counts = rng.poisson(0.6 * size * np.ones(600)).astype(np.float64)
    planted = zones.members[np.flatnonzero(zones.members.sum(axis=1) == 4)[20]]
    counts[1, planted, -5:] += rng.poisson(1.8, (4, 5))
    (cluster, *_) = SpaceTimePermutation(ALPHA, zones).scan(panel_of(counts, zones), 1)
    inside = np.isin(names, cluster.areas)
    map_axes, line = plt.subplots(1, 2, figsize=(7.5, 2.8), layout="constrained", width_ratios=(1, 1.6))[1]
    volume = counts[1, :, -84:].sum(axis=1)
    for rows, colour, label in ((~inside, "#9db7cc", "other areas"), (inside, "#d55e00", "the cluster")):
        map_axes.scatter(longitude[rows], latitude[rows], s=3 * volume[rows], color=colour, label=label, linewidth=0)
    map_axes.set_aspect(1 / np.cos(np.radians(50.7)))
    map_axes.set_xticks([])
    map_axes.set_yticks([])
    map_axes.legend(loc="lower left", fontsize="x-small")
    days = cluster.day - np.arange(len(cluster.history))[::-1]
    line.plot(days, cluster.usual, color="#0072b2", label="expected in these areas")
    line.plot(days, cluster.history, color="#333333", linewidth=0.8, label="observed in these areas")
    half = np.timedelta64(12, "h")
    line.axvspan(cluster.day - cluster.window_days + half, cluster.day + half, color="#f6d5c2", label="window")
    line.set_ylim(bottom=0)
    line.set_ylabel("requests a day")
    line.xaxis.set_major_formatter(mdates.ConciseDateFormatter(line.xaxis.get_major_locator()))
    line.legend(loc="upper left", fontsize="x-small")
    line.figure.savefig(folder / "cluster.svg", metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for name, function in (("speed", speed), ("rates", rates), ("power", power), ("figure", figure)):
        commands.add_parser(name).set_defaults(run=function)
    parser.parse_args().run()


if __name__ == "__main__":
    main()

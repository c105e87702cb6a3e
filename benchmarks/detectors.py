"""How many false alarms the detectors raise on ordinary days, and how fast they are beside published numbers.

    python -m benchmarks.detectors calibration           # false alarms on ordinary days, beside those promised
    python -m benchmarks.detectors speed                 # 15,000 series of three years, today's verdict
    python -m benchmarks.detectors growth                # scan on 150 to 150,000 series, afresh and on the day after
    python -m benchmarks.detectors figures               # the figures of docs/methods

Set OPENBLAS_NUM_THREADS=1 where other work runs beside: the products are too small to share between cores.
"""

import argparse
import resource
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks import charts
from detectors import DETECTORS, detector_for
from forewarn.calendar import Calendar, Dates
from forewarn.panel import DAY, Floats, Panel

Truths = npt.NDArray[np.bool_]

FIRST_DAY = np.datetime64("2018-01-01")  # a Monday, as in the simulated design
SIZES = ("daily_w2", "daily_w3", "daily_w5", "daily_w10")

PUBLISHED_MS = {
    "farringtonFlexible, weekly": 13.5,
    "farringtonFlexible, daily": 35.0,
    "farrington": 7.0,
    "bodaDelay": 15.0,
    "glrnb": 1.1,
    "earsC": 0.08,
}
"""Milliseconds per series and time point of R surveillance 1.20.3 (R 4.2.2), one thread, measured beforehand on two
cores; the middle of the range where it was 12 to 15."""


@dataclass(frozen=True)
class ListedHolidays(Calendar):
    """A calendar whose holidays are listed by day."""

    days: frozenset[np.datetime64] = frozenset()

    def holiday_names(self, dates: Dates) -> npt.NDArray[np.str_]:
        return np.array(["holiday" if day in self.days else "" for day in dates.ravel()]).reshape(dates.shape)


class Scores(NamedTuple):
    """False-positive rate, sensitivity, probability of detection, timeliness."""

    fpr: float
    sensitivity: float
    pod: float
    timeliness: float

    def __str__(self) -> str:
        return " / ".join(f"{value:.3f}" for value in self)


def panel_of(
    counts: Floats, calendar: Calendar, first_day: np.datetime64 = FIRST_DAY, step: np.timedelta64 = DAY
) -> Panel:
    labels = pd.DataFrame(
        {"category": [f"series {row}" for row in range(len(counts))]},
        index=pd.RangeIndex(len(counts), name="series_id"),
    )
    dates = first_day + step * np.arange(counts.shape[1])
    return Panel(counts, dates, labels, datetime(2026, 1, 1, tzinfo=UTC), calendar=calendar, step=step)


def scores(alarm: Truths, outbreak: Truths, signal: npt.NDArray[np.int64]) -> Scores:
    """The metrics of Noufaily et al. (2019), as the peers' figures were measured.

    Args:
        alarm, outbreak: (n_series, n_days).
        signal: (n_series,) kind of each series. Days are counted within a kind, and the rates averaged over kinds.
    """
    hits = alarm & outbreak
    timeliness = np.ones(len(alarm))
    for row in np.flatnonzero(hits.any(axis=1)):
        days = np.flatnonzero(outbreak[row])
        timeliness[row] = (np.flatnonzero(hits[row])[0] - days[0]) / (days[-1] - days[0] + 1)
    kinds = [signal == kind for kind in np.unique(signal)]
    return Scores(
        float(np.mean([alarm[kind][~outbreak[kind]].mean() for kind in kinds])),
        float(np.mean([alarm[kind][outbreak[kind]].mean() for kind in kinds])),
        float(hits.any(axis=1).mean()),
        float(timeliness.mean()),
    )


def ordinary_counts(n_series: int, n_days: int, dispersion: float, rng: np.random.Generator) -> Floats:
    """Counts without surges: means of 0.02 to 200 a day, a week, a year, and over-dispersion."""
    day = np.arange(n_days)
    rhythm = np.exp(0.3 * np.sin(2 * np.pi * day / 7) + 0.4 * np.cos(2 * np.pi * day / 365.25))
    mean = np.geomspace(0.02, 200, n_series)[:, None] * rhythm
    return np.asarray(rng.poisson(rng.gamma(mean / (dispersion - 1), dispersion - 1)), dtype=np.float64)


def calibration() -> None:
    """False alarms over two million ordinary days for each detector."""
    rng = np.random.default_rng(2026)
    for name in DETECTORS:
        tails = []
        for dispersion in (1.001, 1.5, 4.0):
            panel = panel_of(ordinary_counts(2000, 1096, dispersion, rng), Calendar())
            tails.append(detector_for(name, 0.01).detect(panel, 364).upper_tail)
        tail = np.array(tails)
        judged = np.isfinite(tail)
        print(f"{name}: {judged.sum():,} judged days; false alarms over those promised")
        for label, rows in (("mean below 2 a day", slice(0, 1000)), ("mean above 2 a day", slice(1000, None))):
            some = tail[:, rows][judged[:, rows]]
            ratios = " ".join(f"{alpha:g}: {(some < alpha).mean() / alpha:.2f}" for alpha in (1e-2, 1e-3, 1e-4, 1e-5))
            print(f"  {label:20} {ratios}")


def speed(n_series: int = 15_000, n_days: int = 1_096) -> None:
    """Seconds and peak memory of today's verdict on all series."""
    rng = np.random.default_rng(1)
    counts = rng.poisson(rng.lognormal(-1, 1.5, (n_series, 1)), (n_series, n_days))
    panel = panel_of(counts.astype(np.float64), Calendar("US", "NY"))
    total = 0.0
    for name in DETECTORS:
        detector = detector_for(name, 1e-5)
        begin = time.perf_counter()
        detector.detect(panel, 1)
        seconds = time.perf_counter() - begin
        total += seconds
        print(f"{name:12} {seconds:6.2f} s, {seconds / n_series * 1e6:9.1f} µs per series and day")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{'all':12} {total:6.2f} s, peak memory {peak:.2f} GiB, {n_series:,} series of {n_days:,} days")
    for method, milliseconds in PUBLISHED_MS.items():
        print(f"  R surveillance {method:28} {milliseconds * 1000:9.1f} µs per series and day")


def growth(n_days: int = 1_096) -> None:
    """How long the default detector's verdict on today takes, afresh and, as it learns once a week, a day later."""
    rng = np.random.default_rng(1)
    for n_series in (150, 1_500, 15_000, 150_000):
        mean = rng.lognormal(-1, 1.5, (n_series, 1)).astype(np.float32)
        panel = panel_of(rng.poisson(mean, (n_series, n_days + 1)).astype(np.float64), Calendar("US", "NY"))
        detector, timings = detector_for("scan", 1e-5), []
        for day in (n_days, n_days + 1):
            begin = time.perf_counter()
            detector.detect(panel.until(day), 1)
            timings.append((time.perf_counter() - begin) / n_series * 1e6)
        print(f"{n_series:9,} series: {timings[0]:7.1f} µs per series afresh, {timings[1]:6.1f} µs a day later")


def figures(folder: Path = Path("docs/methods")) -> None:
    """One figure for each method: a year of a simulated series with a surge."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "forewarn"  # the same picture is the same file
    from matplotlib import dates as mdates
    from matplotlib import pyplot as plt

    rng = np.random.default_rng(3)
    counts = ordinary_counts(41, 1461, 1.5, rng)[30:31]
    counts[0, -30:-24] += (20, 45, 60, 50, 30, 15)
    panel = panel_of(counts, Calendar("US", "NY"))
    pictures = {"ears": "ears-c2", "farrington": "farrington", "bayes": "bayes", "scan": "scan", "drift": "drift"}
    for method, name in pictures.items():
        detection = detector_for(name, 0.001).detect(panel, 120)
        figure, axes = plt.subplots(figsize=(7.5, 2.6), layout="constrained")
        axes.fill_between(detection.dates, detection.low[0], detection.high[0], color="#cfe3f3", label="95 % of days")
        axes.plot(detection.dates, detection.expected[0], color="#0072b2", label="expected")
        axes.plot(detection.dates, detection.limit[0], color="#d55e00", linewidth=0.9, label="limit")
        axes.plot(detection.dates, detection.observed[0], color="#333333", linewidth=0.8, label="observed")
        alarm = detection.alarms()[0]
        axes.plot(detection.dates[alarm], detection.observed[0, alarm], "D", color="#d55e00", label="alarm")
        axes.set_ylabel("requests a day" if detection.window_days == 1 else "requests in 7 days")
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_formatter(mdates.ConciseDateFormatter(axes.xaxis.get_major_locator()))
        axes.legend(loc="upper left", fontsize="x-small", ncols=5)
        figure.savefig(folder / f"{method}.svg", metadata={"Date": None})
        plt.close(figure)
    charts.figures(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for name, function in (("calibration", calibration), ("speed", speed), ("growth", growth), ("figures", figures)):
        commands.add_parser(name).set_defaults(run=function)
    parser.parse_args().run()


if __name__ == "__main__":
    main()

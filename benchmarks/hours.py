"""Hours: how many false alarms on ordinary ones, and what is found in a recorded year of noise complaints.

    python -m benchmarks.hours simulated
    FOREWARN_DATA=… python -m benchmarks.hours brooklyn

`brooklyn` reads the recorded requests with the settings of docs/examples into a new store, counts them by the hour, and
judges every hour from the fifth week on by what came before it.
"""

import argparse
import os
import tempfile
import time
from datetime import UTC, date, datetime

import numpy as np

from benchmarks.cities import EXAMPLES
from benchmarks.detectors import panel_of
from detectors.scan import Scan
from flows.ingest import ingest_source
from flows.installation import open_installation
from forewarn.calendar import Calendar
from forewarn.panel import HOUR, Floats, Panel
from forewarn.results import Detection
from store.counts import covered_span
from store.engine import snapshot
from store.hours import read_hours

ALPHAS = (1e-1, 1e-2, 1e-3, 1e-4)
TOLD = 1e-4
FIRST_JUDGED_DAYS = 29


def ordinary_hours(n_series: int, n_days: int, dispersion: float, rng: np.random.Generator) -> Floats:
    """Counts of means 0.1 to 50 an hour with a day, a week of longer evenings, and over-dispersion; a Monday first."""
    hour = np.arange(24 * n_days)
    weekend = np.isin(hour // 24 % 7, (4, 5))
    rhythm = np.exp(1.2 * np.cos(2 * np.pi * (hour % 24 - 21) / 24)) * np.where(weekend, 1.6, 1.0)
    mean = np.geomspace(0.1, 50, n_series)[:, None] * rhythm
    return np.asarray(rng.poisson(rng.gamma(mean / (dispersion - 1), dispersion - 1)), dtype=np.float64)


def ratios(tail: Floats) -> str:
    """Alarms over those promised."""
    known = tail[np.isfinite(tail)]
    return "  ".join(f"{alpha:g}: {(known < alpha).mean() / alpha:.2f}" for alpha in ALPHAS)


def simulated() -> None:
    rng = np.random.default_rng(2026)
    for dispersion in (1.001, 1.5, 4.0):
        panel = panel_of(ordinary_hours(60, 120, dispersion, rng), Calendar(), step=HOUR)
        detection = Scan().detect(panel, 24 * 60)
        print(f"dispersion {dispersion:g}, {detection.upper_tail.size:,} hours")
        print(f"  rises  {ratios(detection.upper_tail)}\n  falls  {ratios(detection.lower_tail)}", flush=True)


def brooklyn_hours() -> Panel:
    """The whole source by the hour."""
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["FOREWARN_STORE__URL"] = f"sqlite:///{scratch}/city.db"
        installation = open_installation(EXAMPLES / "brooklyn-noise" / "forewarn.toml")
        (name,) = installation.settings.sources
        source = installation.source(name)
        ingest_source(installation, name, datetime.now(UTC))
        with snapshot(installation.engine) as conn:
            first, last = covered_span(conn, name) or (date.min, date.min)
            (panel,) = read_hours(conn, name, [()], first, last, zone=source.tz, calendar=source.calendar)
        installation.engine.dispose()
    return panel


def brooklyn() -> None:
    panel = brooklyn_hours()
    judged = len(panel.dates) - 24 * FIRST_JUDGED_DAYS
    began = time.perf_counter()
    detection = Scan(TOLD).detect(panel, judged)
    seconds = time.perf_counter() - began
    within = (detection.observed >= detection.low) & (detection.observed <= detection.high)
    print(f"{judged:,} hours judged in {seconds:.0f} s, mean {np.nanmean(panel.counts):.1f}")
    print(f"  rises  {ratios(detection.upper_tail)}\n  falls  {ratios(detection.lower_tail)}")
    print(f"  within the range of 95 %: {within[np.isfinite(detection.upper_tail)].mean():.3f}")
    for begin, end in _runs(detection):
        at = begin + int(detection.upper_tail[0, begin:end].argmin())
        came, due = detection.observed[0, begin:end].sum(), detection.expected[0, begin:end].sum()
        print(f"  {detection.dates[begin]} {end - begin:2} h: {came:.0f} where {due:.0f} were expected,", end=" ")
        print(f"least chance {detection.upper_tail[0, at]:.1e}")


def _runs(detection: Detection, quiet_hours: int = 6) -> list[tuple[int, int]]:
    """First and (excluded) last position of each run of alarms, hours apart by less than `quiet_hours`."""
    alarms = np.flatnonzero(detection.alarms()[0])
    parts = np.split(alarms, np.flatnonzero(np.diff(alarms) > quiet_hours) + 1)
    return [(int(part[0]), int(part[-1]) + 1) for part in parts if part.size]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for name, function in (("simulated", simulated), ("brooklyn", brooklyn)):
        commands.add_parser(name).set_defaults(run=function)
    parser.parse_args().run()


if __name__ == "__main__":
    main()

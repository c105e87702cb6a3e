"""How well the last days are completed, on simulated cities; and the figure of docs/methods/nowcast.md.

python -m benchmarks.delay            table
python -m benchmarks.delay figure     docs/methods/nowcast.svg
"""

import sys
from copy import copy
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from detectors.limits import nb_quantile
from detectors.nowcast import completeness, nowcast
from forewarn.panel import Completeness, Panel
from forewarn.triangle import Triangle
from simulator.city import MAIN_LINE, simulate
from store.triangle import HISTORY_DAYS, MAX_DELAY_DAYS

SEEDS = range(6)
JUDGED_DAYS = 60
LAST_DAY = date(2026, 3, 1)


class Reports:
    """Requests of a simulated city by the day on which they appeared, (n_categories, n_days, n_delays) known."""

    def __init__(self, seed: int, n_days: int = HISTORY_DAYS + JUDGED_DAYS + MAX_DELAY_DAYS) -> None:
        city = simulate(seed, LAST_DAY, n_days=n_days)
        line = city.sources[MAIN_LINE].population
        first = np.concatenate([[True], np.diff(line.request) > 0])
        made, shown = (
            pd.to_datetime(seconds, unit="s", utc=True).tz_convert(line.zone).normalize().tz_localize(None)
            for seconds in (line.requested[line.request[first]], line.at[first])
        )
        delay = np.minimum((shown - made).days.to_numpy(), MAX_DELAY_DAYS)
        day = (made - pd.Timestamp(city.dates[0])).days.to_numpy()
        late = np.zeros((len(line.services), n_days, MAX_DELAY_DAYS + 1), dtype=np.float32)
        np.add.at(late, (line.service[first], day, delay), 1)
        self.known = np.cumsum(late, axis=2)
        self.dates = city.dates
        self.labels = pd.DataFrame({"category": [service.name for service in line.services]})

    def total(self) -> "Reports":
        """The same, of all categories together."""
        whole = copy(self)
        whole.known = self.known.sum(axis=0, keepdims=True)
        whole.labels = pd.DataFrame(index=[0])
        return whole

    def triangle(self, now: int) -> Triangle:
        """As known at the end of day `now`."""
        days = slice(now - HISTORY_DAYS + 1, now + 1)
        known = self.known[:, days].copy()
        on = np.arange(HISTORY_DAYS)[:, None] + np.arange(MAX_DELAY_DAYS + 1)
        known[:, on >= HISTORY_DAYS] = np.nan
        return Triangle(known, self.dates[days], self.labels)

    def panel(self, now: int, n_days: int = 28) -> Panel:
        """The days before `now` by what is known of them."""
        counts = self.known[:, np.arange(now - n_days, now), np.arange(n_days, 0, -1)].astype(float)
        return Panel(counts, self.dates[now - n_days : now], self.labels, pd.Timestamp(LAST_DAY, tz="UTC"))

    def share(self, now: int) -> Completeness:
        found = completeness(self.triangle(now), self.panel(now))
        if found is None:
            raise ValueError("too few reports to tell the delays")
        return found


def measure(delays: tuple[int, ...] = (1, 2, 4)) -> pd.DataFrame:
    """One row a delay, of all requests and of single categories: how far off, and how often within what was said."""
    rows = []
    for seed in SEEDS:
        categories = Reports(seed)
        for of, reports in (("all requests", categories.total()), ("categories", categories)):
            for now in range(HISTORY_DAYS, HISTORY_DAYS + JUDGED_DAYS):
                share = reports.share(now)
                for delay in delays:
                    final, so_far = (reports.known[:, now - delay, at].astype(float) for at in (-1, delay))
                    cast, variance = nowcast(so_far, share.mean[:, -delay], share.variance[:, -delay])
                    low, high = (nb_quantile(level, cast - so_far, variance) for level in (0.05, 0.95))
                    inside = (final - so_far >= low) & (final - so_far <= high)
                    rows.append((of, delay, *(part.sum() for part in (so_far, cast, final)), inside.mean()))
    found = pd.DataFrame(rows, columns=["of", "delay", "so far", "nowcast", "final", "within 90 %"])
    found["known"] = found["so far"] / found["final"]
    found["mean error, as is"] = 1 - found["known"]
    found["bias"] = found["nowcast"] / found["final"] - 1
    found["mean error"] = found["bias"].abs()
    return found.groupby(["of", "delay"])[["known", "mean error, as is", "mean error", "bias", "within 90 %"]].mean()


def draw(file: Path) -> None:
    """What was known of three weeks on their last day, and what came of them."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "forewarn"  # the same picture is the same file
    from matplotlib import pyplot as plt

    reports, now, n_days = Reports(1).total(), HISTORY_DAYS + 20, 21
    days = np.arange(now - n_days, now)
    counts, share = reports.panel(now, n_days).counts, reports.share(now).last(n_days)
    cast, variance = (part[0] for part in nowcast(counts, share.mean, share.variance))
    low, high = (counts[0] + nb_quantile(level, cast - counts[0], variance) for level in (0.05, 0.95))
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.5, 2.6), width_ratios=(3, 1), layout="constrained")
    left.bar(reports.dates[days], counts[0], color="#9bc4e2", label="known so far")
    left.errorbar(
        reports.dates[days], cast, [cast - low, high - cast], fmt="o", ms=3, color="#0072B2", label="nowcast, 90 %"
    )
    left.plot(reports.dates[days], reports.known[0, days, -1], "x", color="#D55E00", label="in the end")
    left.legend(frameon=False, ncols=3, loc="lower left", fontsize=8)
    left.xaxis.set_major_formatter(mpl.dates.DateFormatter("%-d %b"))
    left.tick_params(labelsize=8)
    left.set_title("Requests a day", fontsize=9, loc="left")
    ahead = np.arange(1, 11)
    right.plot(ahead, 100 * share.mean[0, -ahead], "o-", ms=3, color="#0072B2")
    right.set_title("% known after … days", fontsize=9, loc="left")
    right.tick_params(labelsize=8)
    figure.savefig(file, metadata={"Date": None})


if __name__ == "__main__":
    if sys.argv[1:] == ["figure"]:
        draw(Path(__file__).resolve().parents[1] / "docs" / "methods" / "nowcast.svg")
    else:
        print(measure().to_string(float_format="%.3f"))

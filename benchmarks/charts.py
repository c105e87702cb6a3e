"""Figures of the charts and weekly rules that are functions rather than detectors: `docs/methods/*.svg`."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from detectors.cusum import cusum
from detectors.farrington import fit_step
from detectors.farrington1996 import MODEL, power_limit
from detectors.glr import glr_negbin
from detectors.outbreak_p import OUTBREAK_FROM, outbreak_p
from detectors.rki import rki_limit
from detectors.windows import RKI_BAYES
from forewarn.panel import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

N_WEEKS = 6 * 52
RISE_FROM = N_WEEKS - 26
SHOWN = 78
EXCESS = 0.04  # variance = mean + EXCESS mean²


def drifting_weeks(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Counts (1, n_weeks) that grow by half within the last half year, and their mean without that growth."""
    week = np.arange(N_WEEKS)
    mean = 20 * np.exp(0.3 * np.cos(2 * np.pi * week / 52))
    growth = 1 + 0.5 * np.clip((week - RISE_FROM) / 20, 0, 1)
    counts = rng.negative_binomial(1 / EXCESS, 1 / (1 + EXCESS * mean * growth))
    return counts[None].astype(np.float64), mean[None]


def statistics(counts: Floats, mean: Floats) -> dict[str, tuple[Floats, float]]:
    """Course (n_shown,) of each chart, and its threshold."""
    shown = slice(N_WEEKS - SHOWN, N_WEEKS)
    return {
        "cusum": (cusum(counts[:, shown], mean[:, shown], EXCESS).statistic[0], 2.26),
        "glr": (glr_negbin(counts[:, shown], mean[:, shown], EXCESS, window=26).statistic[0], 5.0),
        "outbreak-p": (outbreak_p(counts[:, shown])[0], float(OUTBREAK_FROM)),
    }


def limits(counts: Floats) -> dict[str, Floats]:
    """Limit (n_shown,) of each rule."""
    weeks = range(N_WEEKS - SHOWN, N_WEEKS)
    fits = (fit_step(counts[:, : now + 1], now - 52 * np.arange(5), MODEL) for now in weeks)
    return {
        "rki": rki_limit(counts, RKI_BAYES[3], last=SHOWN)[0],
        "farrington-1996": np.array([power_limit(fit, 0.01)[0] for fit in fits]),
    }


def figures(folder: Path) -> None:
    """All of them."""
    from matplotlib import pyplot as plt

    counts, mean = drifting_weeks(np.random.default_rng(11))
    observed, week = counts[0, -SHOWN:], np.arange(SHOWN)
    for name, (statistic, threshold) in statistics(counts, mean).items():
        figure, (upper, lower) = plt.subplots(2, 1, figsize=(7.5, 3.4), sharex=True, layout="constrained")
        upper.plot(week, observed, color="#333333", linewidth=0.8, label="observed")
        upper.plot(week, mean[0, -SHOWN:], color="#0072b2", label="expected")
        lower.plot(week, statistic, color="#333333", linewidth=0.8, label="statistic")
        lower.axhline(threshold, color="#d55e00", linewidth=0.9, label="threshold")
        alarm = statistic >= threshold
        lower.plot(week[alarm], statistic[alarm], "D", color="#d55e00", markersize=3, label="alarm")
        _finish(folder / f"{name}.svg", figure, (upper, lower))
    for name, limit in limits(counts).items():
        figure, axes = plt.subplots(figsize=(7.5, 2.6), layout="constrained")
        axes.plot(week, observed, color="#333333", linewidth=0.8, label="observed")
        axes.plot(week, limit, color="#d55e00", linewidth=0.9, label="limit")
        alarm = observed > limit
        axes.plot(week[alarm], observed[alarm], "D", color="#d55e00", markersize=4, label="alarm")
        _finish(folder / f"{name}.svg", figure, (axes,))


def _finish(path: Path, figure: "Figure", panels: tuple["Axes", ...]) -> None:
    for axes in panels:
        axes.axvline(SHOWN - 26, color="#999999", linewidth=0.7, linestyle=":")  # where the growth begins
        axes.set_ylim(bottom=0)
        axes.legend(loc="upper left", fontsize="x-small", ncols=3)
    panels[0].set_ylabel("requests a week")
    panels[-1].set_xlabel("week; the growth begins at the dotted line")
    figure.savefig(path, metadata={"Date": None})

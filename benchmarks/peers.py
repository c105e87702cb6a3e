"""The published methods on the simulated designs, with the settings under which their figures were measured.

    python -m benchmarks.peers REFERENCE     # agreement with R's alarms and figures

Every peer is a function of a `Design`; names are those of `peer_results.csv`. A higher score is more alarming, and
the alarm is the peer's own, at its published settings. Days of 364-day years and weeks of 52-week years count as in
the designs: methods that look back a year look back 52 weeks.
"""

import csv
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from benchmarks.detectors import SIZES, panel_of, scores
from detectors import irls
from detectors.cusum import cusum
from detectors.ears import Ears
from detectors.farrington import Fit, Model, fit_step
from detectors.farrington1996 import MODEL, power_limit
from detectors.glr import glr_negbin
from detectors.limits import nb_limit
from detectors.windows import trailing_totals, trailing_windows
from forewarn.calendar import Calendar
from forewarn.panel import Floats

Truths = npt.NDArray[np.bool_]

WEEK = 7
WEEKS_PER_YEAR = 52
YEARS_BACK = 5
ALPHA = 0.01


class Design(NamedTuple):
    """Simulated series.

    Args:
        counts: (n_series, n_steps) a day or a week.
        first: Position of the first judged step.
        step_days: 1 or 7.
    """

    counts: Floats
    first: int
    step_days: Literal[1, 7]

    @property
    def steps_per_year(self) -> int:
        return WEEKS_PER_YEAR * WEEK // self.step_days

    @property
    def weekly_totals(self) -> Floats:
        """(n_series, n_steps) counts of weeks, or of the 7 days that end on each day; 0 where a day is missing."""
        return self.counts if self.step_days == WEEK else np.nan_to_num(trailing_totals(self.counts, WEEK))

    @property
    def n_judged(self) -> int:
        return self.counts.shape[1] - self.first


class Answer(NamedTuple):
    """What a peer says of the judged steps; both arrays are (n_series, n_judged)."""

    score: Floats
    alarm: Truths


def load(path: Path) -> Design:
    """A design of the reference, such as `daily_w5.npz`."""
    arrays = np.load(path)
    step_days: Literal[1, 7] = 7 if str(arrays["design"]) == "weekly" else 1
    return Design(arrays["totals"].astype(np.float64), int(arrays["test_start"]), step_days)


def _season(design: Design, harmonics: int, *, trend: bool) -> Floats:
    step = np.arange(1, design.counts.shape[1] + 1)
    columns = [np.ones(len(step)), *([step / len(step)] if trend else [])]
    for harmonic in range(1, harmonics + 1):
        angle = 2 * np.pi * harmonic * step / design.steps_per_year
        columns += [np.cos(angle), np.sin(angle)]
    return np.column_stack(columns)


def cusum_rossi(design: Design) -> Answer:
    """CUSUM with k = 1.04, h = 2.26 around a Poisson regression with one harmonic."""
    columns, past = _season(design, 1, trend=False), design.counts[:, : design.first]
    fit = irls.quasi_poisson(past, np.ones(past.shape), columns[: design.first])
    mean = np.exp(fit.coefficients @ columns[design.first :].T)
    statistic = cusum(design.counts[:, design.first :], mean, scale="rossi", k=1.04, h=2.26).statistic
    return Answer(statistic, statistic >= 2.26)


def glrnb(design: Design) -> Answer:
    """GLR chart on weekly totals around a negative binomial regression with trend and two harmonics; from 5 on an
    alarm, after which it starts anew."""
    columns, totals = _season(design, 2, trend=True), design.weekly_totals
    past = totals[:, : design.first]
    fit, excess = irls.negative_binomial(past, np.ones(past.shape), columns[: design.first])
    mean = np.exp(fit.coefficients @ columns[design.first :].T)
    dispersion = np.nan_to_num(excess)[:, None]  # an empty series has none
    statistic = glr_negbin(totals[:, design.first :], mean, dispersion, restart_at=5.0).statistic
    return Answer(statistic, statistic >= 5.0)


def _farrington(design: Design, model: Model, limit_of: Callable[[Fit], Floats]) -> Answer:
    totals, apart = design.weekly_totals, WEEK // design.step_days
    mean, limit = (np.empty((len(design.counts), design.n_judged)) for _ in range(2))
    for judged in range(design.n_judged):
        now = design.first + judged
        weekly = totals[:, now % apart : now + 1 : apart]
        fit = fit_step(weekly, weekly.shape[1] - 1 - WEEKS_PER_YEAR * np.arange(YEARS_BACK + 1), model)
        mean[:, judged], limit[:, judged] = fit.mean, limit_of(fit)
    observed = totals[:, design.first :]
    return Answer((observed - mean) / np.maximum(limit - mean, 1e-9), observed > limit)


def ff_nb(design: Design) -> Answer:
    """Farrington flexible on weekly totals."""
    return _farrington(design, Model(), lambda fit: nb_limit(ALPHA, fit.mean, fit.dispersion * fit.mean))


def farrington(design: Design) -> Answer:
    """Farrington 1996 on weekly totals."""
    return _farrington(design, MODEL, lambda fit: power_limit(fit, ALPHA))


def ears(design: Design, variant: Literal["c1", "c2", "c3"], *, alpha: float = ALPHA, weekly: bool = False) -> Answer:
    """EARS with a baseline of 7; C3 as in its manual, not as in R's code."""
    counts = design.weekly_totals if weekly else design.counts
    method = Ears(variant, alpha, min_sd=0.5 if variant == "c3" else 0.0)
    detection = method.detect(panel_of(counts, Calendar()), design.n_judged)
    flat = detection.alarms() & (detection.limit <= detection.expected)  # above a baseline that did not vary
    return Answer(np.where(flat, np.inf, detection.score), detection.alarms())


BASELINE_DAYS, GUARD_DAYS = 28, 2
SWITCH_BELOW = 0.6
SMOOTHING = (0.4, 0.9)


def rnssp_switch(design: Design) -> Answer:
    """The daily detector of ESSENCE: a regression on weekday and trend over 28 days that end three days before, and
    where it explains less than 60 % of them, the likelier of two EWMA charts. The score is -log10 of its tail.

    References:
        Burkom, Murphy & Shmueli (2007), Stat Med 26, 4202-4218. Settings: R package Rnssp 0.3.1.
    """
    baseline = trailing_windows(design.counts, BASELINE_DAYS, lag=GUARD_DAYS, last=design.n_judged)
    regression, explained = _regression_tail(baseline, design.counts[:, design.first :])
    ewma = np.min([_ewma_tail(design, weight) for weight in SMOOTHING], axis=0)
    tail = np.where(explained >= SWITCH_BELOW, regression, ewma)
    return Answer(-np.log10(np.maximum(tail, 1e-300)), tail < ALPHA)


def _regression_tail(baseline: Floats, observed: Floats) -> tuple[Floats, Floats]:
    day = np.arange(BASELINE_DAYS + GUARD_DAYS + 1)
    columns = np.column_stack([day, day[:, None] % WEEK == np.arange(WEEK)]).astype(np.float64)
    past = columns[:BASELINE_DAYS]
    solve = np.linalg.pinv(past)  # (8, 28): the same for every series and day
    residual = baseline @ (np.eye(BASELINE_DAYS) - past @ solve)
    freedom = BASELINE_DAYS - 8
    left = (residual**2).sum(axis=2)
    whole = ((baseline - baseline.mean(axis=2, keepdims=True)) ** 2).sum(axis=2)
    explained = 1 - left / np.where(whole > 0, whole, np.inf) * (BASELINE_DAYS - 1) / freedom
    n = BASELINE_DAYS
    sd = np.sqrt(left / freedom * (n + 7) * (n - 4) / (n * (n - 7)))
    least = 0.01 / special.stdtrit(freedom, 0.95)
    expected = np.maximum(baseline @ (columns[-1] @ solve), 0.0)
    tail = special.stdtr(freedom, -(observed - expected) / np.maximum(sd, least))
    return tail, np.where(whole > 0, explained, 0.0)


def _ewma_tail(design: Design, weight: float) -> Floats:
    """Tail of the smoothed count; smoothed values above the limit are cut, so that a surge is soon forgotten."""
    n, kept = BASELINE_DAYS, 1 - weight
    limit, warning = special.stdtrit(n - 1, (0.99, 0.95))
    shrink = np.sqrt(weight / (2 - weight) + 1 / n - 2 * kept ** (GUARD_DAYS + 1) * (1 - kept**n) / n)
    least = weight / warning * (0.01 + 0.05 * kept**2)
    added = (0.1289 - (0.2414 - 0.1826 * kept**4) * np.log(0.5)) * weight / warning
    baseline = trailing_windows(design.counts, n, lag=GUARD_DAYS, last=design.counts.shape[1])
    mean = baseline.mean(axis=2)
    sd = np.maximum(baseline.std(axis=2, ddof=1) * shrink + added, least)
    deviate = np.full(design.counts.shape, np.nan)
    smooth = design.counts[:, 0]
    for day in range(1, design.counts.shape[1]):
        smooth = weight * design.counts[:, day] + kept * smooth
        if day >= n + GUARD_DAYS:
            deviate[:, day] = (smooth - mean[:, day]) / sd[:, day]
            smooth = mean[:, day] + np.clip(deviate[:, day], -limit, limit) * sd[:, day]
    return np.asarray(special.stdtr(n - 1, -deviate[:, design.first :]))


DAILY: dict[str, Callable[[Design], Answer]] = {
    "ff_nb": ff_nb,
    "farrington": farrington,
    "glrnb_roll7": glrnb,
    "rnssp_switch": rnssp_switch,
    "ears_c1": partial(ears, variant="c1"),
    "ears_c2": partial(ears, variant="c2"),
    "ears_c3_manual": partial(ears, variant="c3"),
    "ears_c1_std": partial(ears, variant="c1", alpha=0.001),
    "ears_c2_std": partial(ears, variant="c2", alpha=0.001),
    "ears_c1_roll7": partial(ears, variant="c1", weekly=True),
    "ears_c2_roll7": partial(ears, variant="c2", weekly=True),
    "cusum_rossi": cusum_rossi,
}
WEEKLY = {
    "glrnb" if name == "glrnb_roll7" else name: DAILY[name]
    for name in ("ff_nb", "farrington", "glrnb_roll7", "ears_c1", "ears_c2", "ears_c3_manual", "cusum_rossi")
}


def compare(reference: Path) -> None:
    """Each peer beside R: the share of equal alarms, and its figures beside those measured."""
    alarms = np.load(reference / "benchmark" / "peer_alarms.npz")
    with (reference / "benchmark" / "peer_results.csv").open(encoding="utf-8") as file:
        published = list(csv.DictReader(file))
    for size in (*SIZES, "weekly28"):
        path = reference / "benchmark" / f"{size}.npz"
        design, arrays = load(path), np.load(path)
        outbreak, signal = arrays["outbreak"][:, design.first :] > 0, arrays["signal"]
        print(f"\n{size}: false-positive rate / sensitivity / POD / timeliness")
        for name, peer in (WEEKLY if design.step_days == WEEK else DAILY).items():
            if f"{size}.{name}" not in alarms.files:
                continue
            rows = alarms[f"{size}.{name}.idx"]
            answer = peer(design._replace(counts=design.counts[rows]))
            r_alarm = np.unpackbits(alarms[f"{size}.{name}"], axis=1)[:, : design.n_judged] == 1
            print(f"  {name}: {(answer.alarm == r_alarm).mean():.5f} of {r_alarm.size:,} alarms equal")
            for row in published:
                if row["set"] != size or row["detector"] != name:
                    continue
                alarm = answer.alarm
                if row["point"].startswith("FPR="):
                    alarm = at_rate(answer.score, outbreak[rows], float(row["point"][4:]))
                r_figures = " / ".join(f"{float(row[key]):.3f}" for key in ("FPR", "sensitivity", "POD", "timeliness"))
                print(f"    {row['point']:9} {scores(alarm, outbreak[rows], signal[rows])}   R {r_figures}")


def at_rate(score: Floats, outbreak: Truths, rate: float) -> Truths:
    """Alarms of the threshold that `rate` of the quiet days pass."""
    score = np.where(np.isnan(score), -np.inf, score)
    return np.asarray(score > np.quantile(score[~outbreak], 1 - rate, method="lower"))


if __name__ == "__main__":
    compare(Path(sys.argv[1]))

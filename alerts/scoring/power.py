"""How large must a trouble be to raise an alarm? Made-up troubles are put into real series, and the methods judge.

    usual = mean of the 56 days before,   sd = deviation from the mean of the same weekday then, at least sqrt(usual)
    power = troubles with an alarm on one of their days / troubles

The panel that is judged is the real one with more (or fewer) requests on the days of the trouble; each trouble has a
row of its own, so that thousands are judged in one call. Where there is an alarm already, no trouble is counted.

Where weeks are judged, they take the place of days.

Counts are as they are known now: reporting delay is not part of it. An alarm is taken for an alert, as one that joins
another alert would be told with it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from alerts.rules.chances import LEAST_EXPECTED
from forewarn.panel import Floats, Panel
from forewarn.results import Detection
from simulator.shapes import inject

Judge = Callable[[Panel, int], Sequence[Detection]]
"""All methods' verdicts on the last days of a panel, at the thresholds of the installation."""

Ints = npt.NDArray[np.int64]

BEFORE_DAYS = 56
VOLUMES = (0.0, 0.5, 2.0, 10.0, 50.0, np.inf)
"""Usual requests a day at which one group of series ends and the next begins."""
RISES = (1.0, 2.0, 4.0, 8.0)
"""Requests a day on top at the worst, in standard deviations."""
SHARES = (0.25, 0.5, 0.75, 1.0)
"""Share of the requests that stays away."""
CLUSTER_AREAS = 4


class Trouble(NamedTuple):
    """A shape of `simulator.shapes`, how long it lasts, and the sizes that are tried."""

    name: str
    shape: str
    n_days: int
    sizes: tuple[float, ...]
    unit: str


TROUBLES = (
    Trouble("spike", "spike", 1, RISES, "sd"),
    Trouble("outbreak", "lognormal", 10, RISES, "sd"),
    Trouble("step", "step", 14, RISES, "sd"),
    Trouble("ramp", "ramp", 21, RISES, "sd"),
    Trouble("slow drift", "drift", 28, RISES, "sd"),
    Trouble("drop", "drop", 7, SHARES, "share"),
)
CLUSTER = Trouble("cluster", "lognormal", 10, RISES, "sd")
LONGEST = 28


@dataclass(frozen=True)
class PowerPoint:
    """How many troubles of one kind and size were found in series of one volume.

    Args:
        size: In `unit`: `sd` of a usual day, `share` of the requests that stays away.
        percent: Median of the same size in per cent of the usual volume.
        volume_from, volume_to: Usual requests a day; None: no end.
        median_days: From the first day of the trouble to the first alarm, of those that were found; 0: at once.
    """

    trouble: str
    size: float
    unit: str
    percent: float
    volume_from: float
    volume_to: float | None
    troubles: int
    detected: float
    median_days: float | None


class _Outcome(NamedTuple):
    """(n_troubles,) each: place in `trouble.sizes`, usual volume, size in per cent of it, and days to the alarm."""

    trouble: Trouble
    size: Ints
    usual: Floats
    percent: Floats
    days: Floats  # NaN: no alarm


def power_of(
    panels: Sequence[Panel],
    judge: Judge,
    *,
    min_requests: int,
    judged_days: int = 364,
    starts: int = 4,
    most: int = 100,
    seed: int = 0,
) -> list[PowerPoint]:
    """Power by trouble, size and volume; a volume of which there are no series is left out.

    Args:
        panels: The levels of one source.
        min_requests: Fewer requests raise no alarm of a surge.
        judged_days: Last days of the panels in which troubles begin.
        starts: Days on which troubles begin, spread evenly over them.
        most: Troubles of one kind, size and volume; series are drawn if there are more.
        seed: The same draws the same troubles.
    """
    rng = np.random.default_rng(seed)
    outcomes: list[_Outcome] = []
    for first in _first_days(panels, judged_days, starts):
        for panel in panels:
            cut = panel.until(first + LONGEST)
            rows = _drawn(rng, cut, first, -(-most // starts))
            if rows.size:
                outcomes += _single(rng, cut, judge, rows, first, min_requests)
        for cells, sums in _areas_and_wholes(panels):
            outcomes += _clusters(rng, cells.until(first + LONGEST), sums, judge, first, min_requests, most // starts)
    return [point for trouble in (*TROUBLES, CLUSTER) for point in _points(trouble, outcomes)]


def _first_days(panels: Sequence[Panel], judged_days: int, starts: int) -> list[int]:
    """Positions of the days on which troubles begin."""
    if not panels:
        return []
    n_days = len(panels[0].dates)
    earliest = max(n_days - judged_days, panels[0].first_observed + 2 * BEFORE_DAYS)
    latest = n_days - LONGEST
    return sorted({int(day) for day in np.linspace(earliest, latest, starts)}) if latest >= earliest else []


def _usual(counts: Floats, first: int) -> tuple[Floats, Floats]:
    """(n_series,) each: mean and standard deviation of a usual day before `first`; NaN where days were not observed."""
    weeks = counts[:, first - BEFORE_DAYS : first].reshape(len(counts), -1, 7)
    usual = weeks.mean(axis=(1, 2))
    residual = weeks - weeks.mean(axis=1, keepdims=True)
    freedom = BEFORE_DAYS - 7
    return usual, np.sqrt(np.maximum((residual**2).sum(axis=(1, 2)) / freedom, usual))


def _drawn(rng: np.random.Generator, panel: Panel, first: int, most: int) -> Ints:
    """Rows to put troubles into: named, observed and not empty, at most `most` of each volume."""
    usual, _ = _usual(panel.counts, first)
    seen = ~np.isnan(panel.counts[:, first:]).any(axis=1)
    fit = seen & (usual > 0) & (panel.labels != "").all(axis=1).to_numpy(dtype=bool)
    groups = [np.flatnonzero(fit & (_volume(usual) == group)) for group in range(len(VOLUMES) - 1)]
    return np.concatenate([rng.permutation(group)[:most] for group in groups]).astype(np.int64)


def _volume(usual: Floats) -> Ints:
    return np.asarray(np.searchsorted(VOLUMES, usual, side="right") - 1)


def _single(
    rng: np.random.Generator, panel: Panel, judge: Judge, rows: Ints, first: int, min_requests: int
) -> list[_Outcome]:
    """Every trouble of every size in each of `rows`, judged in one call with the rows as they are."""
    usual, sd = (values[rows] for values in _usual(panel.counts, first))
    blocks, sizes = [panel.counts[rows]], list[Floats]()
    for trouble in TROUBLES:
        for size in trouble.sizes:
            strength = np.full(len(rows), size) if trouble.unit == "share" else size * sd
            blocks.append(_with(rng, panel.counts[rows], trouble, first, strength))
            sizes.append(100 * strength * (1.0 if trouble.unit == "share" else 1 / usual))
    changed = replace(panel.rows(np.tile(rows, len(blocks))), counts=np.concatenate(blocks))
    rises, falls = _alarms(judge(changed, LONGEST), min_requests)
    shape = (len(blocks), len(rows), LONGEST)
    rises, falls = rises.reshape(shape), falls.reshape(shape)
    outcomes, block = [], 1
    for trouble in TROUBLES:
        alarms = falls if trouble.shape == "drop" else rises
        for place in range(len(trouble.sizes)):
            days, clean = _first_alarm(alarms[block], alarms[0], trouble.n_days)
            number = np.full(int(clean.sum()), place)
            outcomes.append(_Outcome(trouble, number, usual[clean], sizes[block - 1][clean], days[clean]))
            block += 1
    return outcomes


def _areas_and_wholes(panels: Sequence[Panel]) -> Iterator[tuple[Panel, Panel]]:
    """Levels that tell areas apart, each with the level of their sums."""
    by_level = {panel.level: panel for panel in panels}
    for panel in panels:
        whole = tuple(label for label in panel.level if label != "area")
        if "area" in panel.level and whole in by_level:
            yield panel, by_level[whole]


def _clusters(
    rng: np.random.Generator, cells: Panel, sums: Panel, judge: Judge, first: int, min_requests: int, most: int
) -> list[_Outcome]:
    """One trouble in several areas of a category at once; an alarm of any of them, or of their whole, finds it."""
    usual, sd = _usual(cells.counts, first)
    known = ~np.isnan(cells.counts[:, first:]).any(axis=1) & (usual > 0)
    known &= (cells.labels != "").all(axis=1).to_numpy(dtype=bool)
    names = list(sums.labels.columns)
    whole_of = {tuple(labels): row for row, labels in enumerate(sums.labels.to_numpy(dtype=object))}
    groups = cells.labels.assign(row=np.arange(len(known)))[known].groupby(names)["row"] if names else None
    members = [(key, rows.to_numpy()) for key, rows in groups] if groups else [((), np.flatnonzero(known))]
    large = [(whole_of[tuple(key)], rows) for key, rows in members if len(rows) >= CLUSTER_AREAS]
    drawn = [large[place] for place in rng.permutation(len(large))[:most]]
    if not drawn:
        return []
    parts = np.array([rng.permutation(rows)[:CLUSTER_AREAS] for _, rows in drawn])  # (n_clusters, areas)
    wholes = np.array([whole for whole, _ in drawn])
    n, sizes = len(drawn), CLUSTER.sizes
    before = cells.counts[parts.ravel()]
    blocks = [before, *(_with(rng, before, CLUSTER, first, size * sd[parts.ravel()]) for size in sizes)]
    above = sums.until(first + LONGEST)
    totals = [above.counts[wholes] + (block - before).reshape(n, CLUSTER_AREAS, -1).sum(axis=1) for block in blocks]
    found = []
    for panel, rows, counts in ((cells, parts.ravel(), blocks), (above, wholes, totals)):
        changed = replace(panel.rows(np.tile(rows, len(blocks))), counts=np.concatenate(counts))
        rises, _ = _alarms(judge(changed, LONGEST), min_requests)
        found.append(np.asarray(rises.reshape(len(blocks), n, -1, LONGEST).any(axis=2)))
    alarms = found[0] | found[1]
    volume, deviation = usual[parts].sum(axis=1), sd[parts].sum(axis=1)
    outcomes = []
    for place, size in enumerate(sizes):
        days, clean = _first_alarm(alarms[place + 1], alarms[0], CLUSTER.n_days)
        percent = 100 * size * deviation / volume
        number = np.full(int(clean.sum()), place)
        outcomes.append(_Outcome(CLUSTER, number, volume[clean], percent[clean], days[clean]))
    return outcomes


def _with(rng: np.random.Generator, counts: Floats, trouble: Trouble, first: int, strength: Floats) -> Floats:
    """`counts` with the trouble; what was not observed stays so."""
    whole = np.nan_to_num(counts).astype(np.int64)
    changed = inject(rng, whole, trouble.shape, first=first, n_days=trouble.n_days, size=strength)
    return np.where(np.isnan(counts), np.nan, changed.astype(np.float64))


def _alarms(detections: Sequence[Detection], min_requests: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """(n_series, n_judged) each: where some method raises an alarm of a surge, and of a drop."""
    rises = np.any([d.alarms() & (d.observed >= min_requests) for d in detections], axis=0)
    falls = np.any([d.drops() & (d.expected >= LEAST_EXPECTED) for d in detections], axis=0)
    return rises, falls


def _first_alarm(
    alarms: npt.NDArray[np.bool_], before: npt.NDArray[np.bool_], n_days: int
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """(n_troubles,) days to the first alarm, NaN if there is none; and where none was there without the trouble."""
    days = alarms[:, :n_days]
    found = np.where(days.any(axis=1), days.argmax(axis=1).astype(np.float64), np.nan)
    return found, np.asarray(~before[:, :n_days].any(axis=1))


def _points(trouble: Trouble, outcomes: Sequence[_Outcome]) -> Iterator[PowerPoint]:
    mine = [outcome for outcome in outcomes if outcome.trouble is trouble]
    if not mine:
        return
    size, usual, percent, days = (np.concatenate([getattr(one, name) for one in mine]) for name in _Outcome._fields[1:])
    group = _volume(usual)
    for volume in range(len(VOLUMES) - 1):
        for place, number in enumerate(trouble.sizes):
            chosen = (group == volume) & (size == place)
            if chosen.any():
                found = days[chosen][~np.isnan(days[chosen])]
                yield PowerPoint(
                    trouble=trouble.name,
                    size=number,
                    unit=trouble.unit,
                    percent=round(float(np.median(percent[chosen])), 1),
                    volume_from=VOLUMES[volume],
                    volume_to=VOLUMES[volume + 1] if np.isfinite(VOLUMES[volume + 1]) else None,
                    troubles=int(chosen.sum()),
                    detected=len(found) / int(chosen.sum()),
                    median_days=float(np.median(found)) if found.size else None,
                )

"""One table: the default detector beside the published methods, on simulated outbreaks.

    python -m benchmarks.detection REFERENCE                    # the sets on which R was run
    python -m benchmarks.detection --seed 1 --replicates 20     # the same designs on fresh series

Cells: false-positive rate / sensitivity / probability of detection / timeliness. "at .01" has one threshold for all
series, which .01 of the quiet days pass; "own" is the least and the largest rate among the 16 kinds of series at a
nominal .01. Slow methods have the figures of R where there are some, otherwise those of the first five replicates.
"""

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks import peers, weekly_outbreaks
from benchmarks.detectors import FIRST_DAY, SIZES, ListedHolidays, Scores, Truths, panel_of, scores
from benchmarks.outbreaks import FIRST_JUDGED, simulate
from benchmarks.peers import ALPHA, Answer, at_rate
from detectors.scan import Scan
from forewarn.panel import DAY

Ints = npt.NDArray[np.int64]

RATES = (0.01, 0.02)
SLOW = ("ff_nb", "glrnb_roll7")
SLOW_REPLICATES = 5
OUTBREAK_SIZES = (2, 3, 5, 10)


class Case(NamedTuple):
    """A simulated set.

    Args:
        outbreak: (n_series, n_judged).
        signal, shape, replicate: (n_series,) kind of series, shape of its outbreak, and number within both.
        is_holiday: (n_steps,)
    """

    name: str
    design: peers.Design
    outbreak: Truths
    signal: Ints
    shape: npt.NDArray[np.str_]
    replicate: Ints
    is_holiday: Truths

    def rows(self, some: Truths | Ints) -> "Case":
        return self._replace(
            design=self.design._replace(counts=self.design.counts[some]),
            outbreak=self.outbreak[some],
            signal=self.signal[some],
            shape=self.shape[some],
            replicate=self.replicate[some],
        )


class Row(NamedTuple):
    """Figures of one method on one shape; None was not measured."""

    method: str
    shape: str
    n_series: int
    nominal: Scores | None
    at: tuple[Scores | None, ...]
    own: tuple[float, float] | None

    def __str__(self) -> str:
        cells = [self.method, str(self.n_series), *("-" if s is None else str(s) for s in (self.nominal, *self.at))]
        cells.append("-" if self.own is None else f"{self.own[0]:.4f} to {self.own[1]:.4f}")
        return f"| {' | '.join(cells)} |"


def stored(path: Path) -> Case:
    """A set of the reference, such as `daily_w5.npz`."""
    arrays, design = np.load(path), peers.load(path)
    outbreak = arrays["outbreak"][:, design.first :] > 0
    kinds = (arrays["signal"], arrays["event"], arrays["rep"])
    return Case(path.stem, design, outbreak, *kinds, arrays["is_holiday"])


def fresh(size: float, replicates: int, seed: int) -> Case:
    made = simulate(size, replicates, np.random.default_rng([seed, int(size)]))
    design = peers.Design(made.counts.astype(np.float64), FIRST_JUDGED, 1)
    shape = np.full(len(made.counts), "lognormal")
    replicate = np.tile(np.arange(replicates), len(np.unique(made.signal)))
    outbreak = made.outbreak[:, FIRST_JUDGED:] > 0
    return Case(f"daily_w{size:g}, seed {seed}", design, outbreak, made.signal, shape, replicate, made.is_holiday)


def fresh_weeks(replicates: int, seed: int) -> Case:
    made = weekly_outbreaks.simulate(replicates, np.random.default_rng([seed, 7]))
    design = peers.Design(made.counts.astype(np.float64), weekly_outbreaks.FIRST_JUDGED, 7)
    shape = np.full(len(made.counts), "lognormal")
    replicate = np.tile(np.arange(replicates), len(weekly_outbreaks.KINDS))
    outbreak = made.outbreak[:, weekly_outbreaks.FIRST_JUDGED :] > 0
    holidays = np.zeros(weekly_outbreaks.N_WEEKS, dtype=bool)
    return Case(f"weekly28, seed {seed}", design, outbreak, made.signal, shape, replicate, holidays)


def scan(case: Case) -> Answer:
    """The default detector; what it does not judge raises no alarm."""
    calendar = ListedHolidays(days=frozenset(FIRST_DAY + np.flatnonzero(case.is_holiday)))
    panel = panel_of(case.design.counts, calendar, step=case.design.step_days * DAY)
    detection = Scan(ALPHA).detect(panel, case.design.n_judged)
    return Answer(-np.nan_to_num(detection.upper_tail, nan=1.0), detection.upper_tail < ALPHA)


def measured(method: str, case: Case, answer: Answer) -> Iterator[Row]:
    """A row for each shape; thresholds are those of all shapes together."""
    alarms = [answer.alarm, *(at_rate(answer.score, case.outbreak, rate) for rate in RATES)]
    for shape in np.unique(case.shape):
        rows = case.shape == shape
        nominal, *at = (scores(alarm[rows], case.outbreak[rows], case.signal[rows]) for alarm in alarms)
        own = _own_rates(answer.alarm, case.outbreak, case.signal)
        yield Row(method, str(shape), int(rows.sum()), nominal, tuple(at), own)


def _own_rates(alarm: Truths, outbreak: Truths, signal: Ints) -> tuple[float, float]:
    """Least and largest false-positive rate of a kind of series."""
    kinds = [signal == kind for kind in np.unique(signal)]
    rates = [float(alarm[kind][~outbreak[kind]].mean()) for kind in kinds]
    return min(rates), max(rates)


class Published:
    """What R answered on the sets of the reference."""

    def __init__(self, folder: Path) -> None:
        self.alarms = np.load(folder / "peer_alarms.npz")
        with (folder / "peer_results.csv").open(encoding="utf-8") as file:
            self.results = list(csv.DictReader(file))

    def methods(self, name: str) -> list[str]:
        return sorted({row["detector"] for row in self.results if row["set"] == name})

    def row(self, method: str, case: Case) -> Row:
        points = {
            row["point"]: Scores(*(float(row[key]) for key in ("FPR", "sensitivity", "POD", "timeliness")))
            for row in self.results
            if (row["set"], row["detector"]) == (case.name, method)
        }
        some = case.rows(self.alarms[f"{case.name}.{method}.idx"])
        packed = self.alarms[f"{case.name}.{method}"]
        alarm = np.unpackbits(packed, axis=1)[:, : case.design.n_judged] == 1
        at = tuple(points.get(f"FPR={rate:.2f}") for rate in RATES)
        own = _own_rates(alarm, some.outbreak, some.signal)
        return Row(f"{method} (R)", "lognormal", len(alarm), points["nominal"], at, own)


def table(case: Case, published: Published | None) -> Iterator[Row]:
    """Scan and every peer; without published figures (fresh series) the slow ones are left out."""
    yield from measured("scan", case, scan(case))
    known = published.methods(case.name) if published else []
    methods = peers.DAILY if case.design.step_days == 1 else peers.WEEKLY
    for method, peer in methods.items():
        if method not in SLOW:
            yield from measured(method, case, peer(case.design))
        elif published and method not in known:
            some = case.rows(case.replicate < SLOW_REPLICATES)
            yield from measured(method, some, peer(some.design))
    if published:
        for method in known:
            if method in SLOW or method not in methods:
                yield published.row(method, case)


def duel(case: Case, published: Published) -> None:
    """Each published method at its nominal threshold, and scan on the same series at the same rate of false alarms."""
    answer = scan(case)
    print("\n| method | published | scan at its rate |\n| --- | --- | --- |")
    for method in published.methods(case.name):
        row = published.row(method, case)
        some = published.alarms[f"{case.name}.{method}.idx"]
        outbreak = case.outbreak[some]
        assert row.nominal is not None
        alarm = at_rate(answer.score[some], outbreak, row.nominal.fpr)
        print(f"| {row.method} | {row.nominal} | {scores(alarm, outbreak, case.signal[some])} |", flush=True)


def show(name: str, rows: list[Row]) -> None:
    """Prints a table for each shape."""
    for shape in sorted({row.shape for row in rows}):
        print(f"\n**{name}, {shape}**\n")
        print("| method | series | nominal | at .01 | at .02 | own |")
        print("| --- | --- | --- | --- | --- | --- |")
        for row in rows:
            if row.shape == shape:
                print(row, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference", type=Path, nargs="?", help="folder with benchmark/*.npz")
    parser.add_argument("--seed", type=int, help="fresh series instead of those of the reference")
    parser.add_argument("--replicates", type=int, default=20, help="fresh series of each kind and size")
    arguments = parser.parse_args()
    if (arguments.reference is None) == (arguments.seed is None):
        parser.error("give either the folder REFERENCE or --seed")
    if arguments.seed is not None:
        for size in OUTBREAK_SIZES:
            case = fresh(size, arguments.replicates, arguments.seed)
            show(case.name, list(table(case, None)))
        weeks = fresh_weeks(arguments.replicates, arguments.seed)
        show(weeks.name, list(table(weeks, None)))
        return
    folder = arguments.reference / "benchmark"
    published = Published(folder)
    for name in (*SIZES, "civic_w3"):
        show(name, list(table(stored(folder / f"{name}.npz"), published)))
    weeks = stored(folder / "weekly28.npz")
    show(weeks.name, list(table(weeks, published)))
    duel(weeks, published)


if __name__ == "__main__":
    main()

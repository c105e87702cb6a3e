"""Inputs and outputs of the R package `surveillance` as arrays, for the tests of this folder."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from detectors import irls

LEAST_MEAN = np.finfo(float).eps  # R's Poisson models predict no less


class Block(NamedTuple):
    """Weekly series of one length, judged at the same times.

    `counts` is (n_series, n_weeks), `first` the position of the first judged week, `outputs` holds a column of R's
    output as (n_series, n_judged).
    """

    names: list[str]
    counts: np.ndarray
    first: int
    outputs: dict[str, np.ndarray]

    @property
    def judged(self) -> np.ndarray:
        return self.counts[:, self.first : self.first + self.outputs["t"].shape[1]]

    def seasonal(self, *, trend: bool) -> np.ndarray:
        """(n_weeks, n_columns) one harmonic, and a trend or none."""
        week = np.arange(1, self.counts.shape[1] + 1)
        columns = [np.ones(len(week)), np.cos(2 * np.pi * week / 52), np.sin(2 * np.pi * week / 52)]
        return np.column_stack([*columns, week / len(week)] if trend else columns)

    def poisson_mean(self, *, trend: bool) -> np.ndarray:
        """(n_series, n_judged) mean that a Poisson regression on the weeks before leads to expect."""
        columns, past = self.seasonal(trend=trend), self.counts[:, : self.first]
        return self.ahead(irls.quasi_poisson(past, np.ones(past.shape), columns[: self.first]).coefficients, columns)

    def ahead(self, coefficients: np.ndarray, columns: np.ndarray) -> np.ndarray:
        judged = columns[self.first : self.first + self.outputs["t"].shape[1]]
        return np.maximum(np.exp(coefficients @ judged.T), LEAST_MEAN)


def blocks(reference: Path, output: str) -> Iterator[Block]:
    """The weekly series that R judged with the method `output`."""
    inputs = pd.read_csv(reference / "inputs" / "weekly.csv.gz").groupby("series")["observed"]
    counts = {str(series): observed.to_numpy(float) for series, observed in inputs}
    judged = dict(iter(pd.read_csv(reference / "outputs" / f"{output}.csv.gz").groupby("series")))
    for length in (209, 312, 624):
        names = [str(series) for series in judged if len(counts[str(series)]) == length]
        if not names:
            continue
        columns = [name for name in judged[names[0]] if name != "series"]
        outputs = {column: np.array([judged[name][column].to_numpy() for name in names]) for column in columns}
        yield Block(names, np.array([counts[name] for name in names]), int(outputs["t"][0, 0]) - 1, outputs)

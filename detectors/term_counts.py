"""How many documents hold each term, for the whole source and for each area by itself, and what is usual."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from detectors.tokens import Bools, Ints
from forewarn.panel import Floats


@dataclass(frozen=True, eq=False)
class Cells:
    """A cell is a term in a scope: the whole source or one area.

    Args:
        term, area: (n_cells,) of each cell; area -1: the whole source.
        cell, document: (n_entries,) the cells that each document is counted in.
    """

    term: Ints
    area: Ints
    cell: npt.NDArray[np.int32]
    document: npt.NDArray[np.int32]

    @classmethod
    def of(cls, holds: sparse.csr_array, areas: Ints, least: int) -> "Cells":
        """The cells of documents (n_documents, n_terms) in areas (n_documents,); -1: unknown.

        Of an area, those with fewer than `least` documents are left out, which are most.
        """
        n_terms = holds.shape[1]
        document = np.repeat(np.arange(holds.shape[0]), np.diff(holds.indptr))
        term = holds.indices.astype(np.int64)
        area = areas[document]
        local = area >= 0
        code, key = pd.factorize(area[local] * np.int64(max(n_terms, 1)) + term[local])
        often = np.bincount(code, minlength=len(key)) >= least
        number = np.where(often, np.cumsum(often) - 1, -1)
        here = np.flatnonzero(local)[often[code]]
        code, key = number[code[often[code]]], key[often]
        return cls(
            term=np.concatenate([np.arange(n_terms), key % max(n_terms, 1)]),
            area=np.concatenate([np.full(n_terms, -1), key // max(n_terms, 1)]),
            cell=np.concatenate([term, code + n_terms]).astype(np.int32),  # a year of a large city has 30 million
            document=np.concatenate([document, document[here]]).astype(np.int32),
        )

    def counts(self, chosen: Bools) -> Ints:
        """(n_cells,) documents among the chosen ones, (n_documents,) of bool."""
        return np.bincount(self.cell[chosen[self.document]], minlength=len(self.term))

    def by_day(self, chosen: Bools, cells: Ints, column: Ints, n_days: int) -> sparse.csr_array:
        """(len(cells), n_days) of the chosen documents, `column` (n_documents,) being the day of each."""
        place = np.full(len(self.term), -1)
        place[cells] = np.arange(cells.size)
        here = chosen[self.document] & (place[self.cell] >= 0)
        at = (place[self.cell[here]], column[self.document[here]])
        return sparse.csr_array((np.ones(at[0].size, dtype=np.int64), at), shape=(cells.size, n_days))


def documents_by_day(areas: Ints, n_areas: int, chosen: Bools, column: Ints, n_days: int) -> Floats:
    """(n_areas + 1, n_days) documents a day of each area; the last row is the whole source."""
    rows = np.flatnonzero(chosen)
    counts = np.zeros((n_areas + 1, n_days))
    local = rows[areas[rows] >= 0]
    np.add.at(counts, (areas[local], column[local]), 1.0)
    counts[-1] = np.bincount(column[rows], minlength=n_days)
    return counts


def dispersion(
    by_day: sparse.csr_array, documents: Floats, rate: Floats, days: int, *, prior: float, weight: float
) -> Floats:
    """(n_cells,) excess of the variance over the mean, as a share of the squared mean, over spans of `days` days.

    Args:
        by_day: (n_cells, n_days) documents that hold the term, of `documents`.
        rate: (n_cells,) share of the documents that hold it.
        prior: What it is thought to be before anything is known, worth `weight` squared expected counts.
    """
    n_cells, n_days = by_day.shape
    n_spans = n_days // days
    first = n_days - n_spans * days
    of_span = documents[:, first:].reshape(len(documents), n_spans, days).sum(axis=2)
    counts = by_day[:, first:].tocoo()
    spans = sparse.csr_array((counts.data, (counts.row, counts.col // days)), shape=(n_cells, n_spans)).tocoo()
    expected = rate * of_span.sum(axis=1)
    squared_expected = rate**2 * (of_span**2).sum(axis=1)
    product = spans.data * of_span[spans.row, spans.col] * rate[spans.row]
    squares = np.bincount(spans.row, weights=spans.data**2.0 - 2.0 * product, minlength=n_cells) + squared_expected
    return np.asarray(np.maximum((squares - expected + weight * prior) / (squared_expected + weight), 0.0))

"""Ids for rows that have none: a digest of what the row says, and which of the rows saying just that it is.

The same row in a file that is delivered again gets the same id, so nothing is counted twice; two equal rows in
one file stay two requests.
"""

from collections.abc import Mapping
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from connectors.texts import as_text

# What a request was from the start. Status, closing and the like change, and would make it another request.
IDENTITY = (
    "requested_at",
    "category",
    "subcategory",
    "area",
    "agency",
    "channel",
    "latitude",
    "longitude",
    "description",
)
Digests = npt.NDArray[np.uint64]


class RowIds:
    """Gives out the ids of one file, piece by piece; holds 16 bytes a row."""

    def __init__(self) -> None:
        self._digests: Digests = np.array([], dtype=np.uint64)  # sorted
        self._seen: npt.NDArray[np.int64] = np.array([], dtype=np.int64)

    def of(self, columns: Mapping[str, pa.Array]) -> pa.Array:
        """Ids of the next rows of the file."""
        texts = [as_text(columns[name]).to_pylist() for name in IDENTITY if name in columns]
        digests = [blake2b("\x1f".join(row).encode(), digest_size=8).digest() for row in zip(*texts, strict=True)]
        numbers = np.frombuffer(b"".join(digests), dtype=">u8").astype(np.uint64)
        occurrences = self._count(numbers)
        return pa.array([f"{digest.hex()}-{n}" for digest, n in zip(digests, occurrences, strict=True)], pa.string())

    def _count(self, numbers: Digests) -> list[int]:
        """How many equal rows came before each row."""
        distinct, inverse, counts = np.unique(numbers, return_inverse=True, return_counts=True)
        order = np.argsort(inverse, kind="stable")
        rank = np.empty(len(numbers), dtype=np.int64)
        rank[order] = np.arange(len(numbers)) - np.repeat(np.cumsum(counts) - counts, counts)

        at = np.searchsorted(self._digests, distinct)
        known = np.isin(distinct, self._digests, assume_unique=True)
        before = np.zeros(len(distinct), dtype=np.int64)
        before[known] = self._seen[at[known]]
        self._seen[at[known]] += counts[known]
        self._digests = np.insert(self._digests, at[~known], distinct[~known])
        self._seen = np.insert(self._seen, at[~known], counts[~known])
        found: list[int] = (before[inverse] + rank).tolist()
        return found

"""Results that were computed before from the same input need not be computed again."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from threading import Lock

import numpy as np
import numpy.typing as npt

from forewarn.panel import Floats


class RowMemory:
    """Rows of arrays, kept by the content of the rows that they were computed from.

    The longest unused rows go first when `most_bytes` are reached. An answer is never stale: a row of which one
    count changed has another key.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._rows: OrderedDict[bytes, tuple[Floats, ...]] = OrderedDict()
        self._lock = Lock()  # flows judge several sources at the same time

    @staticmethod
    def keys_of(counts: Floats, *shared: object) -> list[bytes]:
        """A key for each row of `counts` (n_rows, n_columns); `shared` is what the results depend on besides."""
        common = hashlib.blake2b(digest_size=16)
        for part in shared:
            common.update(part.tobytes() if isinstance(part, np.ndarray) else repr(part).encode())
        before = common.digest()
        return [hashlib.blake2b(row.tobytes(), digest_size=16, key=before).digest() for row in counts]

    def rows_of(
        self, keys: Sequence[bytes], compute: Callable[[npt.NDArray[np.int64]], Sequence[Floats]]
    ) -> list[Floats]:
        """Results, one row a key in their order; `compute` is asked for the numbers of the keys that are not known.

        What it gives is kept as it is, and can only be read from then on.
        """
        with self._lock:
            known = {number: self._rows[key] for number, key in enumerate(keys) if key in self._rows}
            for number in known:
                self._rows.move_to_end(keys[number])
        new = [number for number in range(len(keys)) if number not in known]
        if new:
            results = [_fixed(result) for result in compute(np.array(new))]
            fresh = dict(zip(new, zip(*results, strict=True), strict=True))
            self._remember({keys[number]: row for number, row in fresh.items()})
            if not known:
                return list(results)
            known |= fresh
        return [np.array(column) for column in zip(*(known[number] for number in range(len(keys))), strict=True)]

    def _remember(self, rows: Mapping[bytes, tuple[Floats, ...]]) -> None:
        with self._lock:
            for key, row in rows.items():
                if key not in self._rows:
                    self._rows[key] = row
                    self._bytes += _size(row)
            while self._bytes > self._most_bytes:
                self._bytes -= _size(self._rows.popitem(last=False)[1])


def _fixed(result: Floats) -> Floats:
    """The same, which nobody can change any more; its rows are kept as parts of it."""
    alone = result if result.base is None else result.copy()
    alone.flags.writeable = False
    return alone


def _size(row: tuple[Floats, ...]) -> int:
    return sum(part.nbytes for part in row) + 16

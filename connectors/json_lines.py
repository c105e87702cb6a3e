"""Opens files with one JSON object a line, after making sure that the file is whole."""

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from connectors.normalise import columns_of
from connectors.tables import FileFault, Table
from connectors.texts import plain
from forewarn.request import Reject

ENDINGS = (".jsonl", ".ndjson")
_ROWS_A_BATCH = 16_384
_LONGEST_LINE = 8 << 20  # characters

Row = Mapping[str, Any]


def open_json_lines(path: Path, encoding: str) -> Table:
    """The table in `path`; what lies within structures is named with dots, such as `place.lat`.

    Raises:
        FileFault: The file is empty, cut, or in another encoding.
        OSError: It cannot be read.
    """
    names: dict[str, None] = {}  # in the order in which they come
    last = True
    for _, row in _rows(path, encoding):
        last = row is not None
        if row is not None:
            names |= dict.fromkeys(_names(row))
    if not last:
        raise FileFault("cut", "the last line is not a complete JSON object, so the file is not whole")
    if not names:
        raise FileFault("empty", "the file is empty")
    skipped: list[Reject] = []
    return Table(list(names), _batches(path, encoding, list(names), skipped), skipped)


def _batches(path: Path, encoding: str, names: list[str], skipped: list[Reject]) -> Iterator[pa.RecordBatch]:
    rows = _rows(path, encoding)
    while numbered := list(islice(rows, _ROWS_A_BATCH)):
        skipped += [
            Reject("unreadable", "not a JSON object", f"line {number}") for number, row in numbered if row is None
        ]
        columns = columns_of([row for _, row in numbered if row is not None], {name: (name,) for name in names})
        yield pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _rows(path: Path, encoding: str) -> Iterator[tuple[int, Row | None]]:
    """The number and the object of each line that holds something; None: it holds something else."""
    number = 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            lines = TextIOWrapper(file, encoding=encoding, newline="\n")
            while line := lines.readline(_LONGEST_LINE):
                number += 1
                if len(line) == _LONGEST_LINE:
                    raise FileFault(
                        "unreadable", f"line {number} is longer than {_LONGEST_LINE >> 20} million characters"
                    )
                if line := line.removeprefix("\ufeff").strip():
                    yield number, _object(line)
    except UnicodeDecodeError as error:
        problem = f"byte {error.object[error.start]:#x} is not {encoding}; set `encoding` to the right one"
        raise FileFault("encoding", problem) from None
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise FileFault("cut", "the gzip file is cut or damaged") from None


def _object(line: str) -> Row | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _names(row: Row, before: str = "") -> Iterator[str]:
    """Names of what the row holds, but for those that are no text, by which nobody can ask."""
    for key, value in row.items():
        if isinstance(value, dict):
            yield from _names(value, f"{before}{key}.")
        elif (name := f"{before}{key}") == plain(name):
            yield name

"""Opens CSV, TSV and Parquet files as a stream of column batches, after making sure that the file is whole."""

import csv
import gzip
import zlib
from codecs import getincrementaldecoder
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BufferedReader, StringIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from connectors.scrub import quote
from forewarn.request import Reject

DELIMITERS = ",;\t|"
_BLOCK_BYTES = 8 << 20
_ROWS_A_BATCH = 65_536
_LONGEST_ROW = 1 << 20  # characters of the last row that is looked at
csv.field_size_limit(_LONGEST_ROW)


class FileFault(Exception):
    """A file cannot be used at all. `reason` is a short code, the text says it in words."""

    def __init__(self, reason: str, problem: str) -> None:
        self.reason = reason
        super().__init__(problem)


@dataclass(frozen=True)
class Table:
    """A file's columns, and its rows in batches. `skipped` fills up as rows of a wrong length go by.

    Args:
        types: Column → type, of those that the file says it has; {}: a row has what it has.
    """

    names: Sequence[str]
    batches: Iterator[pa.RecordBatch]
    skipped: list[Reject] = field(default_factory=list)
    types: Mapping[str, str] = field(default_factory=dict)


def open_table(path: Path, *, header: Sequence[str] = (), delimiter: str | None = None, encoding: str) -> Table:
    """The table in `path`; see docs/sources.md for the settings.

    Raises:
        FileFault: The file is empty, cut, or not what its name says.
        OSError: It cannot be read.
    """
    if path.suffix == ".parquet":
        return _open_parquet(path)
    return _open_csv(path, header, delimiter, encoding)


def _open_parquet(path: Path) -> Table:
    try:
        file = pyarrow.parquet.ParquetFile(path)
    except pa.ArrowInvalid as error:
        raise FileFault("unreadable", f"not a whole Parquet file: {quote(error)}") from None
    types = {column.name: str(column.type) for column in file.schema_arrow}
    return Table(file.schema_arrow.names, file.iter_batches(batch_size=_ROWS_A_BATCH), types=types)


def _open_csv(path: Path, header: Sequence[str], delimiter: str | None, encoding: str) -> Table:
    first_line, tail, ends_with_newline = _examine(path, encoding)
    delimiter = delimiter or _delimiter_of(first_line, header)
    first_row = _cells(first_line, delimiter)
    names = list(header) or first_row
    _check_last_row(tail, delimiter, len(names), ends_with_newline=ends_with_newline)
    skipped: list[Reject] = []
    batches = _csv_batches(path, names, delimiter, encoding, skipped, first_row=first_row)
    return Table(names, batches, skipped, dict.fromkeys(names, "text"))


def _csv_batches(
    path: Path, names: list[str], delimiter: str, encoding: str, skipped: list[Reject], *, first_row: list[str]
) -> Iterator[pa.RecordBatch]:
    """The file's rows; opened with the first one, as Arrow reads ahead in a thread that must not outlive its reader."""

    def skip(row: Any) -> str:
        problem = f"{row.actual_columns} columns instead of {row.expected_columns}"
        skipped.append(Reject("column_count", problem, f"line {row.number}"))
        return "skip"

    try:
        reader = pyarrow.csv.open_csv(
            pa.input_stream(path, compression="gzip" if path.suffix == ".gz" else None),
            read_options=pyarrow.csv.ReadOptions(
                use_threads=False,  # only then are the numbers of wrong lines known
                block_size=_BLOCK_BYTES,
                column_names=names,
                skip_rows=1 if first_row == names else 0,
                encoding=encoding,
            ),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=skip
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
        with reader:
            yield from reader
    except pa.ArrowInvalid as error:
        raise unreadable(error) from None


def _binary(path: Path) -> gzip.GzipFile | BufferedReader:
    return gzip.GzipFile(path) if path.suffix == ".gz" else path.open("rb")


def _examine(path: Path, encoding: str) -> tuple[str, str, bool]:
    """Reads all of a text file once. Returns its first line, its end, and whether a line break closes it."""
    decoder = getincrementaldecoder(encoding)()
    head = tail = ""
    quotes = 0
    try:
        with _binary(path) as file:
            while block := file.read(_BLOCK_BYTES):
                text = decoder.decode(block)
                quotes += text.count('"')
                head = head or text.removeprefix("\ufeff")
                tail = (tail + text[-_LONGEST_ROW:])[-_LONGEST_ROW:]
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        problem = (
            f"byte {error.object[error.start]:#x} is not {encoding}; set `encoding` to the right one, often 'cp1252'"
        )
        raise FileFault("encoding", problem) from None
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise FileFault("cut", "the gzip file is cut or damaged") from None
    if not head.strip():
        raise FileFault("empty", "the file is empty")
    if quotes % 2:
        raise FileFault("cut", "the file ends inside a quoted text")
    return head.split("\n", 1)[0], tail, tail.endswith("\n")


def _check_last_row(tail: str, delimiter: str, columns: int, *, ends_with_newline: bool) -> None:
    if ends_with_newline:
        return
    lines = tail.split("\n")
    start = len(lines) - 1
    while start > 0 and "\n".join(lines[start:]).count('"') % 2:
        start -= 1  # the row began further up, as a quoted text in it holds line breaks
    found = len(_cells("\n".join(lines[start:]), delimiter))
    if found != columns:
        raise FileFault("cut", f"the last row has {found} of {columns} columns, so the file is not whole")


def _delimiter_of(first_line: str, header: Sequence[str]) -> str:
    """That into which it falls into the most cells, or rather into as many as there are names."""
    cells = {sign: len(_cells(first_line, sign)) for sign in DELIMITERS}
    return max(cells, key=lambda sign: (cells[sign] == len(header), cells[sign]))


def other_delimiter(names: Sequence[str]) -> str:
    """By which the one name that a wrong delimiter left would fall into several; '': there is none."""
    return next((sign for sign in DELIMITERS if len(names) == 1 and sign in names[0]), "")


def _cells(row: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader(StringIO(row, newline=""), delimiter=delimiter), [])
    except csv.Error as error:
        raise FileFault("unreadable", f"its first or last row cannot be read: {error}") from None


def unreadable(error: pa.ArrowInvalid) -> FileFault:
    """What Arrow stumbled over, in words."""
    if "straddl" in str(error):
        problem = f"a row is longer than {_BLOCK_BYTES >> 20} MB; perhaps a quotation mark is missing"
        return FileFault("unreadable", problem)
    return FileFault("unreadable", quote(error))

"""Columns of any type as texts: a source may send a number, a structure or bytes where a text belongs."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connectors.scrub import quote
from forewarn.errors import MOST_LISTED
from forewarn.likeness import meant

_EXACT = 2.0**53
"""Up to here a floating number stands for one whole number."""


def as_text(column: pa.Array) -> pa.Array:
    """`column` as trimmed texts, '' where nothing stands, no number or a structure.

    Whole numbers come without a decimal point.
    """
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_finite(column), column, None)
        whole = pc.and_(pc.equal(column, pc.floor(column)), pc.less(pc.abs(column), _EXACT))
        if pc.all(whole).as_py():
            column = column.cast(pa.int64())
    try:
        texts = column.cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):  # a structure, or bytes that are no text
        texts = pa.array([plain(value) for value in column.to_pylist()], pa.string())
    return pc.fill_null(pc.utf8_trim_whitespace(texts), "")


def plain(value: Any) -> str | None:
    """`value` as text; None where it is nothing, or a structure."""
    if value is None or isinstance(value, list | dict):
        return None
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text.encode(errors="replace").decode()  # JSON can hold halves of surrogate pairs


def no_column(name: str, names: Sequence[str], what: str = "column") -> str:
    """That `name` is not one of `names`, and which is meant. Where the header is missing, they are somebody's data."""
    listed = [quote(one) for one in names[:MOST_LISTED]]
    more = f", and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else ""
    asked = meant(name, names)
    return f"has no {what} {name!r}{f'{asked} It' if asked else '; it'} has: {', '.join(listed)}{more}"

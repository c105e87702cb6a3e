"""Names and types of the fields that rows show, for sources that do not tell them by themselves."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

SAMPLE = 100
"""Rows of a page of which the fields are looked at."""
_TYPES = {bool: "truth", int: "number", float: "number", str: "text", list: "list"}


def shape_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Field → type, in the order of names: `text`, `number`, `truth`, `list`, several joined by `or`, '' if it never
    held anything. A dot leads into a structure.
    """
    seen: dict[str, set[str]] = {}
    for row in rows:
        for name, kind in _fields(row, ""):
            seen.setdefault(name, set()).add(kind)
    return {name: " or ".join(sorted(kinds - {""})) for name, kinds in sorted(seen.items())}


def shape_of_page(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """As `shape_of`, by a sample of the rows, and without what is empty in all of them."""
    sample = rows[:: max(1, len(rows) // SAMPLE)]
    return {name: kind for name, kind in shape_of(sample).items() if kind}


def is_there(name: str, shape: Collection[str]) -> bool:
    """Whether the source shows this field; of a structure that is never filled nobody knows what it can hold."""
    heads = [name[:at] for at, sign in enumerate(name) if sign == "."]
    return name.startswith(":") or name in shape or any(head in shape for head in heads)


def mapping_of(
    fields: Mapping[Any, tuple[str, ...]], chosen: Collection[Any], shape: Collection[str]
) -> dict[str, tuple[str, ...]]:
    """Our field → the source's fields, without the usual ones that this source does not show.

    Args:
        chosen: Those of ours that the settings name; they stay.
    """
    return {
        str(ours): theirs
        for ours, theirs in fields.items()
        if ours in chosen or any(is_there(name, shape) for name in theirs)
    }


def _fields(row: Mapping[str, Any], before: str) -> Iterator[tuple[str, str]]:
    for key, value in row.items():
        if isinstance(value, Mapping):
            yield from _fields(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", "" if value is None else _TYPES.get(type(value), "text")

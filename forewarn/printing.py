"""What the command line prints: tables for people, JSON for programs."""

import dataclasses
import json
from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum, IntEnum
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def plain(value: Any) -> Any:
    """`value` as JSON can hold it: dataclasses become objects, dates text, NaN null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, IntEnum):
        return value.name.lower()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, np.datetime64):
        return str(value)
    if isinstance(value, float | np.floating):
        return None if np.isnan(value) else float(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, list | tuple | set | frozenset | np.ndarray):
        return [plain(item) for item in value]
    return value


def print_json(value: Any) -> None:
    """Print `value` as JSON, without colours or wrapping."""
    out.print(json.dumps(plain(value), indent=2, ensure_ascii=False), soft_wrap=True, markup=False)


def table(*columns: str) -> Table:
    """A quiet table; fill it with `row`."""
    return Table(*columns, box=None, pad_edge=False, header_style="dim")


def row(into: Table, *cells: object) -> None:
    """Add a row; whatever a source sent is text, never markup."""
    into.add_row(*(Text(str(cell)) for cell in cells))

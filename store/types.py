"""Column types that hold the same thing on SQLite and PostgreSQL."""

import json
import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import BigInteger, DateTime, Dialect, Float, Integer, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from forewarn.request import Times

DAY_ZERO = date(1970, 1, 1).toordinal()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ZERO_OF_POSTGRESQL = np.datetime64("2000-01-01", "us").astype(np.int64)


class Day(TypeDecorator[date]):
    """A civil day, as whole days since 1970-01-01: what NumPy's datetime64[D] holds, and the same SQL on both."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: date | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        return None if value is None else value.toordinal() - DAY_ZERO

    def process_result_value(self, value: int | None, dialect: Dialect) -> date | None:  # noqa: ARG002
        return None if value is None else date.fromordinal(value + DAY_ZERO)

    def bind_all(self, values: Times, dialect: Dialect) -> list[Any]:  # noqa: ARG002
        """`process_bind_param` of a column of datetime64[D]."""
        return _or_null(values.astype(np.int64), np.isnat(values))

    def coerce_compared_value(self, op: Any, value: Any) -> TypeEngine[Any]:
        """`day + 3` is a day; 3 stays a number."""
        return Integer() if isinstance(value, int) else super().coerce_compared_value(op, value)


class UtcTime(TypeDecorator[datetime]):
    """An instant: `timestamptz` on PostgreSQL, microseconds since 1970 on SQLite, which has no type for it."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(BigInteger() if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return (value - _EPOCH) // _MICROSECOND if dialect.name == "sqlite" else value

    def bind_all(self, values: Times, dialect: Dialect) -> list[Any]:
        """A column of datetime64[us] in UTC, as the database holds it: whole microseconds."""
        zero = 0 if dialect.name == "sqlite" else _ZERO_OF_POSTGRESQL
        return _or_null(values.astype(np.int64) - zero, np.isnat(values))

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        instant: datetime = _EPOCH + value * _MICROSECOND if dialect.name == "sqlite" else value.astimezone(UTC)
        return instant


class Number(TypeDecorator[float]):
    """A float that may be NaN, which is kept as NULL because SQLite cannot hold it."""

    impl = Float(53)
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: Dialect) -> float | None:  # noqa: ARG002
        return None if value is None or math.isnan(value) else float(value)

    def bind_all(self, values: npt.NDArray[np.float64], dialect: Dialect) -> list[Any]:  # noqa: ARG002
        """`process_bind_param` of a column."""
        return _or_null(values, np.isnan(values))

    def process_result_value(self, value: float | None, dialect: Dialect) -> float:  # noqa: ARG002
        return math.nan if value is None else value


class Words(TypeDecorator[str]):
    """What is said of a source, which may quote it: without what PostgreSQL or UTF-8 cannot hold."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else holdable(value)


class Labels(TypeDecorator[Mapping[str, str]]):
    """Labels of a series, such as `{"category": "Rats"}`, as JSON in one spelling, so that they can be compared."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Mapping[str, str] | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else json.dumps(dict(value), sort_keys=True, ensure_ascii=False)

    def process_result_value(self, value: str | None, dialect: Dialect) -> dict[str, str]:  # noqa: ARG002
        return dict(json.loads(value)) if value else {}


def holdable(text: str) -> str:
    """`text` without NUL, and with a sign in place of halves of surrogate pairs."""
    return text.encode(errors="replace").decode().replace("\0", "")


def _or_null(values: npt.NDArray[Any], unknown: npt.NDArray[np.bool_]) -> list[Any]:
    """`values` as Python's own, None where unknown."""
    if unknown.any():
        values = values.astype(object)
        values[unknown] = None
    plain: list[Any] = values.tolist()
    return plain

"""What SQLite and PostgreSQL do differently; everything else is the same SQL on both."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from itertools import chain, islice
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Integer,
    Select,
    Table,
    cast,
    func,
    type_coerce,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateTable

from store.types import Day, Number, UtcTime

ROWS_A_STATEMENT = 200
"""SQLite's own loop over rows would stand still for each of them where another thread computes."""


def insert(conn: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """INSERT that can say ON CONFLICT."""
    return sqlite.insert(table) if conn.dialect.name == "sqlite" else postgresql.insert(table)


def write_one_by_one(conn: Connection, table: Table) -> None:
    """Lets nobody else write to the table until the transaction ends, as is always so on SQLite."""
    if conn.dialect.name == "postgresql":
        conn.exec_driver_sql(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE")


@contextmanager
def overwrites_freed(conn: Connection) -> Iterator[None]:
    """What is changed or deleted meanwhile leaves nothing behind in SQLite's file; PostgreSQL tidies up by itself."""
    if conn.dialect.name != "sqlite":
        yield
        return
    before = conn.exec_driver_sql("PRAGMA secure_delete").scalar_one()
    conn.exec_driver_sql("PRAGMA secure_delete = ON")
    try:
        yield
    finally:
        conn.exec_driver_sql(f"PRAGMA secure_delete = {before}")


@contextmanager
def rows_looked_up(conn: Connection) -> Iterator[None]:
    """Staged rows are looked up one by one in what they are joined with, however many rows PostgreSQL believes it has.

    While a source is read for the first time it knows too few of them, and afterwards it would rather read all.
    """
    if conn.dialect.name != "postgresql":
        yield
        return
    conn.exec_driver_sql("SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off")
    yield  # after an error the transaction ends, and its settings with it
    conn.exec_driver_sql("SET LOCAL enable_hashjoin TO DEFAULT; SET LOCAL enable_mergejoin TO DEFAULT")


def stage(conn: Connection, table: Table, columns: Mapping[str, npt.NDArray[Any]]) -> None:
    """Makes these the rows of the temporary table `table`."""
    empty_staging(conn, table)
    load(conn, table, columns)
    analyze(conn, table)


def empty_staging(conn: Connection, table: Table) -> None:
    """The temporary table `table`, there and without rows."""
    conn.execute(CreateTable(table, if_not_exists=True))
    # A deleted row of a PostgreSQL table takes its room until the transaction ends; SQLite has no TRUNCATE.
    verb = "DELETE FROM" if conn.dialect.name == "sqlite" else "TRUNCATE"
    conn.exec_driver_sql(f"{verb} {table.name}")


def load(conn: Connection, table: Table, columns: Mapping[str, npt.NDArray[Any]]) -> None:
    """Appends rows, given column by column, as fast as the driver can.

    Days are datetime64[D] and times datetime64[us] in UTC; all else must hold what the driver takes.
    """
    plain = []
    for name, values in columns.items():
        kind = table.c[name].type
        plain.append(
            kind.bind_all(values, conn.dialect) if isinstance(kind, Day | UtcTime | Number) else values.tolist()
        )
    rows = zip(*plain, strict=True)
    names = ", ".join(columns)
    driver_connection: Any = conn.connection.driver_connection
    if conn.dialect.name == "sqlite":
        marks = f"({', '.join('?' * len(columns))})"
        while some := list(islice(rows, ROWS_A_STATEMENT)):
            all_marks = ", ".join([marks] * len(some))
            statement = f"INSERT INTO {table.name} ({names}) VALUES {all_marks}"  # noqa: S608 - our own names
            driver_connection.execute(statement, list(chain.from_iterable(some)))
        return
    statement = f"COPY {table.name} ({names}) FROM STDIN (FORMAT BINARY)"
    with driver_connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types([_binary_type(table.c[name]) for name in columns])
        for row in rows:
            copy.write_row(row)


def _binary_type(column: Column[Any]) -> str:
    """PostgreSQL's type whose binary form a value of the column has."""
    kind = column.type
    if isinstance(kind, UtcTime):
        return "int8"  # the same eight bytes as timestamptz
    if isinstance(kind, Number):
        return "float8"
    if isinstance(kind, Day | Integer):
        return "int4"
    return "text"


def fetch_integers(conn: Connection, statement: Select[Any]) -> npt.NDArray[np.int64]:
    """(n_rows, n_columns) of a query that yields whole numbers only, without making objects of its rows."""
    width = len(statement.selected_columns)
    cursor: Any = conn.execute(statement).cursor
    flat = np.fromiter(chain.from_iterable(cursor), dtype=np.int64)
    return flat.reshape(-1, width)


def quarter_hour_of(conn: Connection, column: ColumnElement[datetime]) -> ColumnElement[int]:
    """Whole quarters of an hour since 1970 of an instant."""
    if conn.dialect.name == "sqlite":
        return type_coerce(column, BigInteger) // 900_000_000
    return cast(func.floor(func.extract("epoch", column) / 900), BigInteger)


def analyze(conn: Connection, table: Table) -> None:
    """Tells PostgreSQL's planner what a temporary table holds; SQLite does not ask."""
    if conn.dialect.name == "postgresql":
        conn.exec_driver_sql(f"ANALYZE {table.name}")

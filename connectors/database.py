"""A database that is only read: one transaction a query, ended by the server when it takes too long."""

import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from zoneinfo import ZoneInfo

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, func, select, text
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    NoSuchModuleError,
    OperationalError,
    SQLAlchemyError,
)

from connectors.scrub import quote
from forewarn.addresses import database_address
from forewarn.errors import SourceChanged, SourceUnavailable

Row = Mapping[str, Any]

CONNECT_SECONDS = 10
_PASSING = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
_STEPS = 10_000  # of SQLite's machine, between two looks at the clock


def fault_of(url: str) -> str:
    """What is wrong with an address, in words that repeat nothing of it; '': nothing."""
    try:
        _engine(database_address(url)).dispose()
    except NoSuchModuleError:
        return "names a kind of database that SQLAlchemy does not know; see its list of dialects"
    except (ArgumentError, ValueError):  # the second: its port is no number
        return "is not an address such as postgresql://user:password@host/database; write it as ${NAME}"
    except ImportError as error:
        return f"needs a driver that is not installed: {error.name}"
    return ""


@dataclass
class Database:
    """One database; use it as a context.

    Args:
        source: Name of the source, for messages.
        url: Its address for SQLAlchemy.
        timeout_seconds: A query that takes longer is ended.
    """

    source: str
    url: str
    timeout_seconds: int

    def __post_init__(self) -> None:
        address = database_address(self.url)
        self.is_sqlite = address.get_backend_name() == "sqlite"
        self.has_a_limit = address.get_backend_name() in ("sqlite", "postgresql")
        self._secret = str(address.password or "")
        self._file = Path(str(address.database or "")) if self.is_sqlite else None
        self._engine = _engine(address)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._engine.dispose()

    def ask(self, query: str, binds: Mapping[str, Any]) -> tuple[Sequence[str], Sequence[Row]]:
        """The columns of the result, and its rows.

        Raises:
            SourceUnavailable: The database cannot be reached, or takes too long.
            SourceChanged: It does not understand the query, or a column comes twice.
        """
        names, rows = self._ask(text(query), binds)
        if twice := [name for name in names if names.count(name) > 1]:
            raise SourceChanged(
                self.source, f"the result has {names.count(twice[0])} columns {twice[0]!r}; name them AS"
            )
        return names, [dict(zip(names, row, strict=True)) for row in rows]

    def now(self, zone: ZoneInfo) -> datetime:
        """The database's clock; one that names no zone is read in `zone`, SQLite's in UTC."""
        _, rows = self._ask(select(func.current_timestamp()), {})
        found: datetime = rows[0][0]
        return (found if found.tzinfo else found.replace(tzinfo=UTC if self.is_sqlite else zone)).astimezone(UTC)

    def _ask(self, statement: Any, binds: Mapping[str, Any]) -> tuple[list[str], Sequence[Sequence[Any]]]:
        if self._file is not None and self._file.name and not self._file.is_file():
            raise SourceUnavailable(self.source, "the database's file is not there")
        try:
            with self._engine.connect() as conn:
                reading = conn.execution_options(**({} if self.is_sqlite else {"postgresql_readonly": True}))
                with reading.begin() as transaction:
                    self._limit(reading)
                    result = reading.execute(statement, dict(binds))
                    names, rows = list(result.keys()), result.all()
                    transaction.rollback()  # nothing was meant to change, and so nothing does
        except (OperationalError, InterfaceError) as error:
            raise self._explained(error, passing=_may_pass(error)) from None
        except SQLAlchemyError as error:
            raise self._explained(error, passing=False) from None
        return names, rows

    def _limit(self, conn: Connection) -> None:
        if conn.dialect.name == "postgresql":
            conn.exec_driver_sql(f"SET LOCAL statement_timeout = {self.timeout_seconds * 1000}")
        elif self.is_sqlite:
            deadline = time.monotonic() + self.timeout_seconds
            driver_connection: Any = conn.connection.driver_connection
            driver_connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)

    def _explained(self, error: SQLAlchemyError, *, passing: bool) -> SourceChanged | SourceUnavailable:
        said = str(error.orig if isinstance(error, DBAPIError) else error).strip().split("\n")[0]
        if self._secret:
            said = said.replace(self._secret, "…")
        if "interrupted" in said or "statement timeout" in said:
            return SourceUnavailable(self.source, f"a query took longer than timeout_seconds = {self.timeout_seconds}")
        if passing:
            return SourceUnavailable(self.source, f"the database cannot be read: {quote(said)}")
        return SourceChanged(self.source, f"a query fails: {quote(said)}")


def _engine(address: URL) -> Engine:
    options: dict[str, Any] = {"hide_parameters": True, "poolclass": NullPool}
    if address.get_backend_name() == "postgresql" and "connect_timeout" not in address.query:
        options["connect_args"] = {"connect_timeout": CONNECT_SECONDS, "application_name": "forewarn"}
    engine = create_engine(address, **options)
    if address.get_backend_name() == "sqlite":

        @event.listens_for(engine, "connect")
        def _only_read(connection: Any, _record: object) -> None:
            connection.execute("PRAGMA query_only=ON")

    return engine


def _may_pass(error: DBAPIError) -> bool:
    """Whether trying again may help: SQLite calls a wrong query an operational error too."""
    if isinstance(error.orig, sqlite3.Error):
        return error.orig.sqlite_errorcode & 0xFF in _PASSING
    return True

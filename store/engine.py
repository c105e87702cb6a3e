"""Opens the database, and begins and ends transactions."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import ArgumentError

from forewarn.addresses import database_address
from forewarn.errors import ConfigError, StoreError
from store.migrate import upgrade
from store.troubles import explained
from store.types import holdable

DRIVERS = ("sqlite", "postgresql", "sqlite+pysqlite", "postgresql+psycopg")
WAIT_SECONDS = 30
"""How long to wait for another writer before giving up."""


def open_store(url: str) -> Engine:
    """The database at `url`, made if need be and brought to this version's schema.

    Args:
        url: `sqlite:////path/forewarn.db` or `postgresql://user:password@host/database`.
    Raises:
        ConfigError: It is no such address.
        StoreError: It cannot be used, or was written by a newer forewarn; says what to do.
    """
    address = _address(url)
    engine = _sqlite(address) if address.get_backend_name() == "sqlite" else _postgresql(address)
    try:
        with explained(engine):
            upgrade(engine)
    except StoreError:
        engine.dispose()
        raise
    return engine


@contextmanager
def transaction(engine: Engine, *, durable: bool = False) -> Iterator[Connection]:
    """A connection that may write; everything done with it is kept, or nothing is.

    Args:
        durable: What is kept also survives that the power fails just afterwards, which takes longer. Nobody sends
            again what was taken from them; all else is read again.

    Raises:
        StoreError: Full disk, read-only file, lock held by another, connection lost; says what to do. Nothing
            of the transaction was kept, and it may be run again.
    """
    with explained(engine), engine.execution_options(durable=durable).begin() as conn:
        yield conn


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A connection that only reads, and sees one state of the database however long it takes.

    Raises:
        StoreError: As for `transaction`.
    """
    with explained(engine), engine.connect() as conn:
        if conn.dialect.name == "sqlite":
            conn = conn.execution_options(only_reads=True)
        else:
            conn = conn.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with conn.begin():
            yield conn


def _address(url: str) -> URL:
    try:
        address = database_address(url)
    except (ArgumentError, ValueError):  # the second: its port is no number
        raise ConfigError(
            "store.url", "is not an address such as sqlite:///forewarn.db or postgresql://user@host/database"
        ) from None
    if address.drivername not in DRIVERS:
        begins = address.drivername
        raise ConfigError("store.url", f"{begins} is not supported", allowed=DRIVERS, value=begins)
    if address.get_backend_name() == "sqlite" and address.database in (None, "", ":memory:"):
        raise ConfigError("store.url", "names no file; a store in memory would be lost at the end")
    return address


def _json(value: Any) -> str:
    """As both databases take it: PostgreSQL refuses NaN, and UTF-8 halves of surrogate pairs. NUL is escaped."""
    return holdable(json.dumps(value, allow_nan=False, ensure_ascii=False))


_JSON = {"json_serializer": _json}


def _sqlite(address: URL) -> Engine:
    file = str(address.database)
    if not file.startswith("file:"):
        try:
            Path(file).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"The folder {Path(file).parent} cannot be made: {error.strerror}. "
                "Set store.url to a place that this user may write."
            ) from error
    waiting = {} if "timeout" in address.query else {"timeout": WAIT_SECONDS}
    engine = create_engine(address, connect_args=waiting, hide_parameters=True, **_JSON)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        for pragma in (
            "journal_mode=WAL",
            "foreign_keys=ON",
            "temp_store=MEMORY",
            "cache_size=-65536",  # 64 MB, so that the indexes of a large batch stay in memory
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(conn: Connection) -> None:
        options = conn.get_execution_options()
        conn.exec_driver_sql(f"PRAGMA synchronous={'FULL' if options.get('durable') else 'NORMAL'}")
        # A writer asks for the lock first: a reader that turns writer could not wait for it.
        conn.exec_driver_sql("BEGIN" if options.get("only_reads") else "BEGIN IMMEDIATE")

    return engine


def _postgresql(address: URL) -> Engine:
    options: dict[str, Any] = {"application_name": "forewarn"}
    if "connect_timeout" not in address.query:
        options["connect_timeout"] = 10
    if "options" not in address.query:
        # To compile a statement takes longer than most of ours, and nearly none of them comes twice.
        options["options"] = f"-c lock_timeout={WAIT_SECONDS}s -c jit=off"
    try:
        return create_engine(address, connect_args=options, pool_pre_ping=True, hide_parameters=True, **_JSON)
    except ModuleNotFoundError as error:
        raise StoreError("PostgreSQL needs a driver: install forewarn[postgres]") from error

"""One pull of a source at a time, in whatever process: the lock is let go by the system when its holder dies.

SQLite has no named locks, so each source has a small database of its own beside the store, which its pull holds open.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from hashlib import blake2b
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from store.troubles import explained


@contextmanager
def turn(engine: Engine, source: str) -> Iterator[bool]:
    """Holds the source until the block ends; False: somebody else holds it, and the block must leave it alone.

    Raises:
        StoreError: The store cannot be used.
    """
    digest = blake2b(source.encode(errors="replace"), digest_size=7)
    if engine.dialect.name == "sqlite":
        with _held_file(_file(engine, digest.hexdigest())) as is_ours:
            yield is_ours
        return
    key = {"key": int.from_bytes(digest.digest())}
    with explained(engine):
        conn = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    with closing(conn):
        with explained(engine):
            is_ours = bool(conn.execute(text("SELECT pg_try_advisory_lock(:key)"), key).scalar_one())
        try:
            yield is_ours
        finally:
            with suppress(DBAPIError):  # the server ends a session some time after it was told to
                conn.execute(text("SELECT pg_advisory_unlock_all()"))
            conn.invalidate()  # ends the session, and with it the lock, even if the server is gone


def _file(engine: Engine, name: str) -> Path | None:
    """Where the lock lies; None: the store lies in no file."""
    with engine.connect().execution_options(only_reads=True) as conn:
        path = conn.execute(text("SELECT file FROM pragma_database_list WHERE name = 'main'")).scalar()
    return Path(f"{path}-pull-{name}") if path else None


@contextmanager
def _held_file(path: Path | None) -> Iterator[bool]:
    if path is None:
        yield True
        return
    try:
        held = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    except sqlite3.OperationalError:  # a folder that may not be written: the store will say so in its own words
        yield True
        return
    with closing(held):
        is_ours = True
        try:
            held.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            is_ours = error.sqlite_errorcode != sqlite3.SQLITE_BUSY
        yield is_ours

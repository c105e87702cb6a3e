"""Turns what a database driver says into words that tell what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Engine
from sqlalchemy.exc import DBAPIError

from forewarn.errors import StoreError

_OCCUPIED = "another program has been writing to it for too long. Wait for it to end, or stop it, and run again"

_SQLITE = {
    "SQLITE_FULL": "the disk is full. Free some space and run again: nothing that was stored is lost",
    "SQLITE_READONLY": "it may not be written. Give this user the right to write the file and its folder",
    "SQLITE_BUSY": _OCCUPIED,
    "SQLITE_LOCKED": _OCCUPIED,
    "SQLITE_CANTOPEN": "it cannot be opened. Check that its folder exists and that this user may write there",
    "SQLITE_PERM": "it may not be opened. Give this user the right to read and write the file and its folder",
    "SQLITE_NOTADB": "the file is not an SQLite database. Set store.url to another file, or move this one away",
    "SQLITE_CORRUPT": "the file is damaged. Put back the last backup; the sources will be read again from there",
    "SQLITE_IOERR": "the disk does not work properly, or is full. Check its space and its health, and run again",
}

_POSTGRESQL = {
    "53100": "its disk is full. Free some space on the server and run again: nothing that was stored is lost",
    "53300": "it has no connection left. Raise max_connections, or close other programs",
    "25006": "it is read-only (a standby?). Set store.url to the server that may be written",
    "42501": "this user has too few rights. Grant it the right to create and write tables",
    "55P03": "another program has held a lock for too long. Wait for it to end, or stop it, and run again",
    "40001": "another program changed the same rows at the same time. Run again",
    "40P01": "another program changed the same rows at the same time. Run again",
    "3D000": "there is no such database. Create it with `createdb`",
    "28P01": "the password is wrong. Check store.url",
    "28000": "this user may not log in. Check store.url and the server's pg_hba.conf",
    "57P03": "it is starting or stopping. Run again in a moment",
}

_UNREACHABLE = "it cannot be reached. Check that the server runs, and host and port in store.url"


@contextmanager
def explained(engine: Engine) -> Iterator[None]:
    """Raises StoreError instead of the driver's errors that a person, not a programmer, can mend."""
    driver = engine.dialect.loaded_dbapi
    try:
        yield
    except (DBAPIError, driver.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        advice = _sqlite_advice(cause) if engine.dialect.name == "sqlite" else _postgresql_advice(cause, driver)
        if advice is None:
            raise
        raise StoreError(f"The database {place(engine.url)} cannot be used: {advice}.") from error


def place(url: URL) -> str:
    """Where a database is, without user and password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return f"{url.database} on {url.host or 'the local server'}:{url.port or 5432}"


def _sqlite_advice(error: BaseException | None) -> str | None:
    name = getattr(error, "sqlite_errorname", "")
    return next((advice for code, advice in _SQLITE.items() if name.startswith(code)), None)


def _postgresql_advice(error: BaseException | None, driver: object) -> str | None:
    code = getattr(error, "sqlstate", None)
    if code in _POSTGRESQL:
        return _POSTGRESQL[code]
    lost = code is None or code.startswith(("08", "57P"))
    if lost and isinstance(error, getattr(driver, "OperationalError")):  # noqa: B009 - the module is not typed
        said = str(error).lower()
        return next((text for sign, text in _BEFORE_LOGIN.items() if sign in said), _UNREACHABLE)
    return None


# Errors met while connecting carry no code, only the server's words.
_BEFORE_LOGIN = {
    "password authentication failed": _POSTGRESQL["28P01"],
    "no password supplied": _POSTGRESQL["28P01"],
    'role "': "there is no such user. Check store.url, or create the user with `createuser`",
    "does not exist": _POSTGRESQL["3D000"],
    "no pg_hba.conf entry": _POSTGRESQL["28000"],
    "too many clients": _POSTGRESQL["53300"],
    "starting up": _POSTGRESQL["57P03"],
    "shutting down": _POSTGRESQL["57P03"],
}

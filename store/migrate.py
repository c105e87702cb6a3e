"""Brings a database to the schema of this version of forewarn."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from forewarn.errors import StoreError
from store.troubles import place

_LOCK = 311_000_001  # any number that nothing else on the server uses


def upgrade(engine: Engine) -> None:
    """All migrations that `engine`'s database lacks, in one transaction.

    Raises:
        StoreError: A newer forewarn wrote it.
    """
    config = migrations()
    script = ScriptDirectory.from_config(config)
    with engine.connect().execution_options(only_reads=True) as conn:
        if _revision(conn) == script.get_current_head():
            return
    with engine.begin() as conn:
        if conn.dialect.name == "postgresql":
            conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        found = _revision(conn)
        if found not in {None, *(revision.revision for revision in script.walk_revisions())}:
            raise StoreError(
                f"The database {place(engine.url)} was written by a newer forewarn (schema {found}). "
                "Install that version, or set store.url to another database."
            )
        config.attributes["connection"] = conn
        command.upgrade(config, "head")


def migrations() -> Config:
    """Alembic's configuration, without a file: the migrations are part of the package."""
    config = Config()
    folder = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    return config


def _revision(conn: Connection) -> str | None:
    return MigrationContext.configure(conn).get_current_revision()

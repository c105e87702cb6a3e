"""An empty store on SQLite and on PostgreSQL, for tests that must hold on both.

Import `postgres_server`, `store_url` and `store_engine` into a conftest; a test that takes one of the last two
runs twice.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import Engine

from store.engine import open_store


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    if not found and not on_path:
        message = "no PostgreSQL server is installed (Debian: apt install postgresql)"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return found[-1].parent if found else Path(str(on_path)).parent


def _server_user() -> str | None:
    """The server refuses to run as root; None: run it as who we are."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Path]:
    """Folder of the socket of a PostgreSQL server that lives as long as the tests; user `forewarn`, no password."""
    binaries, user = _binaries(), _server_user()
    folder = Path(tempfile.mkdtemp(prefix="forewarn-pg-"))  # a socket's path must be short
    if user:
        shutil.chown(folder, user)

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [binaries / program, *arguments],
            check=True,
            user=user,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    cluster = str(folder / "data")
    run("initdb", "-D", cluster, "-U", "forewarn", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
    run("pg_ctl", "-D", cluster, "-w", "-o", f"-F -k {folder} -c listen_addresses=''", "start")
    try:
        yield folder
    finally:
        run("pg_ctl", "-D", cluster, "-m", "immediate", "stop")
        shutil.rmtree(folder)


def _url(server: Path, database: str) -> str:
    return f"postgresql+psycopg://forewarn@/{database}?host={server}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'forewarn.db'}"
        return
    server = request.getfixturevalue("postgres_server")
    database = f"test_{uuid4().hex}"
    with psycopg.connect(host=str(server), user="forewarn", dbname="postgres", autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {database}")
        yield _url(server, database)
        conn.execute(f"DROP DATABASE {database} WITH (FORCE)")


@pytest.fixture
def store_engine(store_url: str) -> Iterator[Engine]:
    """An empty store."""
    engine = open_store(store_url)
    yield engine
    engine.dispose()

"""A database in trouble says what to do, and nothing is lost."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import IntegrityError

from forewarn.errors import ConfigError, StoreError
from forewarn.request import Requests, ServiceRequest
from store.engine import open_store, snapshot, transaction
from store.requests import write_requests
from store.schema import daily_count, service_request, source

DAY = date(2026, 3, 2)
AT = datetime(2026, 3, 2, tzinfo=UTC)


Opener = Callable[[str], Engine]


@pytest.fixture
def open_at() -> Iterator[Opener]:
    """`open_store`, closing at the end what it opened."""
    with ExitStack() as stack:

        def opener(url: str) -> Engine:
            engine = open_store(url)
            stack.callback(engine.dispose)
            return engine

        yield opener


def requests(count: int) -> Requests:
    return Requests.of(
        "bonn",
        [
            ServiceRequest("bonn", str(number), AT, DAY, f"Category {number % 7}", description="x" * 300)
            for number in range(count)
        ],
    )


def write(engine: Engine, count: int) -> None:
    with transaction(engine) as conn:
        write_requests(conn, requests(count), seen_at=AT, seen_day=DAY, backfill=False)


def stored(engine: Engine) -> tuple[int, int]:
    """Requests, and requests counted."""
    with snapshot(engine) as conn:
        rows = conn.execute(select(func.count()).select_from(service_request)).scalar_one()
        return rows, conn.execute(select(func.coalesce(func.sum(daily_count.c.opened), 0))).scalar_one()


def test_the_folder_is_made_and_what_was_written_is_there_again(tmp_path: Path, open_at: Opener) -> None:
    url = f"sqlite:///{tmp_path}/new/folder/forewarn.db"
    write(open_at(url), 3)
    assert stored(open_at(url)) == (3, 3)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite:////proc/nowhere/forewarn.db", "folder /proc/nowhere cannot be made"),
        ("sqlite:////proc/version", "Check|not an SQLite database|right to"),
        ("postgresql://ann:s3cret@127.0.0.1:1/forewarn", "127.0.0.1:1 cannot be used: it cannot be reached"),
    ],
)
def test_an_address_that_cannot_be_used(url: str, words: str) -> None:
    with pytest.raises(StoreError, match=words) as caught:
        open_store(url)
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in repr(caught.value.__cause__)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "store.url: is not an address"),
        ("postgresql://ann:s3cret@city:port/forewarn", "store.url: is not an address"),
        ("mysql+pymysql://ann:s3cret@localhost/forewarn", r"store.url: mysql\+pymysql is not supported"),
        ("postgres://ann:s3cret@localhost/forewarn", "did you mean 'postgresql'"),
        ("sqlite+aiosqlite:///forewarn.db", "did you mean 'sqlite"),
        ("sqlite://", "store.url: names no file"),
    ],
)
def test_an_address_that_is_none_is_a_wrong_setting(url: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        open_store(url)
    assert "s3cret" not in str(caught.value)


@pytest.mark.postgres
def test_a_missing_postgresql_database_and_a_wrong_user_are_told_apart(postgres_server: Path) -> None:
    with pytest.raises(StoreError, match="createdb"):
        open_store(f"postgresql://forewarn@/nowhere?host={postgres_server}")
    with pytest.raises(StoreError, match="createuser"):
        open_store(f"postgresql://nobody@/postgres?host={postgres_server}")


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "forewarn.db"
    file.write_text("Category,Day\n" * 1000)
    with pytest.raises(StoreError, match="not an SQLite database"):
        open_store(f"sqlite:///{file}")


def test_a_full_disk_loses_nothing(tmp_path: Path, open_at: Opener) -> None:
    engine = open_at(f"sqlite:///{tmp_path}/forewarn.db")
    write(engine, 100)
    with engine.connect() as conn:
        pages = conn.exec_driver_sql("PRAGMA page_count").scalar_one()
        conn.exec_driver_sql(f"PRAGMA max_page_count={pages + 20}")
    with pytest.raises(StoreError, match="disk is full"):
        write(engine, 5000)
    assert stored(engine) == (100, 100)
    with engine.connect() as conn:
        conn.exec_driver_sql("PRAGMA max_page_count=1000000")
    write(engine, 5000)
    assert stored(engine) == (5000, 5000)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = os.geteuid() == 0 and shutil.which("mount")
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if not mounted or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("a file system of 2 MB cannot be mounted here; test_a_full_disk_loses_nothing runs everywhere")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_file_system_without_room_loses_nothing(small_disk: Path, open_at: Opener) -> None:
    engine = open_at(f"sqlite:///{small_disk}/forewarn.db")
    write(engine, 100)
    ballast = small_disk / "ballast"
    with pytest.raises(OSError, match="No space"):
        ballast.write_bytes(bytes(4 << 20))
    with pytest.raises(StoreError, match="full"):
        write(engine, 1000)
    assert stored(engine) == (100, 100)
    ballast.unlink()
    write(engine, 1000)
    assert stored(engine) == (1000, 1000)


def test_a_database_that_may_only_be_read_can_be_read(tmp_path: Path, open_at: Opener) -> None:
    file = tmp_path / "forewarn.db"
    write(open_at(f"sqlite:///{file}"), 3)
    read_only = open_at(f"sqlite:///file:{file}?mode=ro&uri=true")
    assert stored(read_only) == (3, 3)
    with pytest.raises(StoreError, match="may not be written"):
        write(read_only, 5)
    write(open_at(f"sqlite:///{file}"), 5)
    assert stored(read_only) == (5, 5)


@pytest.mark.postgres
def test_a_read_only_postgresql_server(store_url: str, open_at: Opener) -> None:
    if not store_url.startswith("postgresql"):
        pytest.skip("SQLite has its own test above")
    engine = open_at(store_url)
    write(engine, 3)
    standby = open_at(f"{store_url}&options=-c%20default_transaction_read_only%3Don")
    with pytest.raises(StoreError, match="read-only"):
        write(standby, 5)
    assert stored(engine) == (3, 3)


def test_a_database_that_another_program_holds(tmp_path: Path, open_at: Opener) -> None:
    file = tmp_path / "forewarn.db"
    engine = open_at(f"sqlite:///{file}?timeout=0.1")
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another program has been writing"):
            write(engine, 3)
        assert stored(engine) == (0, 0)
    write(engine, 3)
    assert stored(engine) == (3, 3)


def test_a_newer_schema_is_left_alone(store_url: str, open_at: Opener) -> None:
    engine = open_at(store_url)
    with engine.begin() as conn:
        conn.exec_driver_sql("UPDATE alembic_version SET version_num = 'from-2031'")
    with pytest.raises(StoreError, match=r"newer forewarn \(schema from-2031\)"):
        open_store(store_url)


def test_an_error_in_the_code_is_not_taken_for_trouble(store_engine: Engine) -> None:
    with pytest.raises(ZeroDivisionError), transaction(store_engine):
        _ = 1 / 0


def test_errors_do_not_show_what_was_to_be_written(store_engine: Engine) -> None:
    with store_engine.connect() as conn, pytest.raises(IntegrityError) as caught:
        conn.execute(source.insert(), [{"name": "a secret"}, {"name": None}])
    assert "a secret" not in str(caught.value)


KILLED = """
import sys
import numpy as np
sys.path.insert(0, sys.argv[2])
from tests.store.test_engine import requests, AT, DAY
from store.engine import open_store, transaction
from store.requests import write_requests
engine = open_store(sys.argv[1])
rows = requests(20000)
print("ready", flush=True)
for start in range(0, len(rows), 100):
    with transaction(engine) as conn:
        write_requests(conn, rows.where(np.arange(start, start + 100)), seen_at=AT, seen_day=DAY, backfill=False)
"""


def test_a_killed_writer_leaves_whole_batches_with_their_counts(store_url: str, open_at: Opener) -> None:
    engine = open_at(store_url)
    project = str(Path(__file__).parents[2])
    for delay in (0.05, 0.2):
        process = subprocess.Popen([sys.executable, "-c", KILLED, store_url, project], stdout=subprocess.PIPE)
        with process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
        rows, counted = stored(engine)
        assert rows == counted
        assert rows % 100 == 0
    write(engine, 2000)
    assert stored(engine) == (max(rows, 2000), max(rows, 2000))

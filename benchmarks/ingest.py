"""How fast do requests get from a CSV file into the store? python -m benchmarks.ingest [--rows 1000000] [--url …]

Both ways read the same file into an empty database, in the same run:

    plain     csv.reader, and one sqlite3 executemany into a table with a primary key
    forewarn  the drop-folder connector and the store: times in UTC, civil days, checked and tidied rows, series,
              and the counts a day with their history ready at the end

CPU seconds are the steadier figure on a machine that does other things, too.
"""

import argparse
import csv
import random
import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import func, select

from connectors.files import Files
from store.engine import open_store, transaction
from store.requests import write_requests
from store.schema import daily_count
from store.sources import commit_state

COLUMNS = (
    "id",
    "requested_at",
    "closed_at",
    "updated_at",
    "category",
    "area",
    "agency",
    "channel",
    "status",
    "latitude",
    "longitude",
    "description",
)
FIELDS = {"source_record_id": "id", **{name: name for name in COLUMNS[1:]}}
CATEGORIES, AREAS, DAYS = 40, 30, 1095
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Timing(NamedTuple):
    wall: float
    cpu: float


def write_csv(path: Path, rows: int) -> None:
    """Three years of requests, most of them closed, in the order in which they came in."""
    rng = random.Random(311)
    step = timedelta(days=DAYS) / rows
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number in range(rows):
            asked = (NOW - timedelta(days=DAYS) + step * number).replace(microsecond=0, tzinfo=None)
            closed = asked + timedelta(seconds=int(rng.expovariate(1 / 400_000)))
            is_closed = closed < NOW.replace(tzinfo=None)
            category = int(rng.paretovariate(1)) % CATEGORIES
            writer.writerow(
                (
                    f"26-{number:08d}",
                    asked.isoformat(),
                    closed.isoformat() if is_closed else "",
                    (closed if is_closed else asked).isoformat(),
                    f"Category {category}",
                    f"Ward {rng.randrange(AREAS)}",
                    f"Department {category % 7}",
                    rng.choice(("phone", "web", "app")),
                    "Closed" if is_closed else "Open",
                    f"{rng.uniform(41.6, 42.0):.6f}",
                    f"{rng.uniform(-87.9, -87.5):.6f}",
                    "Deep hole in front of the school, somebody will get hurt",
                )
            )


def plain(path: Path, database: Path) -> None:
    """What nobody can be faster than without leaving Python's own modules."""
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute(f"CREATE TABLE request ({', '.join(COLUMNS)}, PRIMARY KEY (id))")
    with path.open(newline="") as file:
        rows = csv.reader(file)
        next(rows)
        marks = ", ".join("?" * len(COLUMNS))
        connection.executemany(f"INSERT INTO request VALUES ({marks})", rows)
    connection.commit()
    connection.close()


def forewarn(path: Path, url: str) -> None:
    """As the ingest flow does it: each page in a transaction, the state with the last one."""
    connector = Files(source="city", zone="America/Chicago", path=path, fields=FIELDS)
    engine = open_store(url)
    for window in connector.plan({}, NOW):
        for page in connector.fetch(window):
            with transaction(engine) as conn:
                write_requests(conn, page.requests, seen_at=NOW, seen_day=NOW.date(), backfill=True)
                if page.end:
                    commit_state(conn, "city", page.end.state)
    with transaction(engine) as conn:
        counted = conn.execute(select(func.sum(daily_count.c.opened))).scalar_one()
    print(f"counted       {counted:,} requests")
    engine.dispose()


def timed(run: Callable[[], None]) -> Timing:
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return Timing(time.perf_counter() - wall, time.process_time() - cpu)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--url", help="an empty database; default: a new SQLite file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "requests.csv"
        write_csv(path, arguments.rows)
        fastest = timed(lambda: plain(path, Path(folder) / "plain.db"))
        ours = timed(lambda: forewarn(path, arguments.url or f"sqlite:///{folder}/forewarn.db"))
    for name, timing in (("plain", fastest), ("forewarn", ours)):
        print(
            f"{name:<10} {timing.wall:7.1f} s  {arguments.rows / timing.wall:9,.0f} rows/s"
            f"   CPU {timing.cpu:7.1f} s  {arguments.rows / timing.cpu:9,.0f} rows/s"
        )
    print(f"share of plain   {fastest.wall / ours.wall:.0%} (CPU {fastest.cpu / ours.cpu:.0%})")
    print(f"peak memory      {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()

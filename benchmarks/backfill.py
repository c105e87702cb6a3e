"""How fast does a portal's data set get into the store? python -m benchmarks.backfill [--rows 1000000] [--url …]

A server in a process of its own holds a Socrata data set, and both ways read the same rows of it page by page into an
empty database, in the same run:

    plain     urllib, json.loads, and sqlite3 executemany into a table with a primary key
    forewarn  the ingest flow's own function: whole answers checked, times in UTC, civil days, tidied texts, series,
              coverage, and the counts a day with their history ready at the end

Then a night passes in which one row in a thousand changes, and is read: rows fetched over rows held.
"""

import argparse
import json
import multiprocessing
import resource
import sqlite3
import tempfile
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import urlopen

from sqlalchemy import func, select

from flows.ingest import ingest_source
from flows.installation import Installation
from forewarn.settings_file import parse
from store.engine import open_store, transaction
from store.schema import daily_count, sync_run

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
FIRST = datetime(2023, 1, 1, tzinfo=UTC)
NIGHT = timedelta(days=1)
CHANGED = 0.001  # of all rows, in a night
PAGE_ROWS = 10_000
FIELDS = {
    "source_record_id": "unique_key",
    "requested_at": "created_date",
    "closed_at": "closed_date",
    "category": "complaint_type",
    "subcategory": "descriptor",
    "area": "community_board",
    "agency": "agency",
    "channel": "open_data_channel_type",
    "status": "status",
    "latitude": "latitude",
    "longitude": "longitude",
}
COLUMNS = (":id", ":updated_at", *FIELDS.values())


class Portal:
    """The data set `abcd-1234`: rows as JSON, in the order of their updates, and of their days.

    A row is updated in the order in which it was made, so that both orders are one until the night comes.
    """

    def __init__(self, rows: int) -> None:
        rng = Random(311)
        step = (NOW - timedelta(hours=1) - FIRST) / rows
        self.created = [f"{FIRST + step * number:%Y-%m-%dT%H:%M:%S.000}" for number in range(rows)]
        self.keys = [(f"{created}Z", f"row-{number:08d}") for number, created in enumerate(self.created)]
        self.rows = [self._row(rng, number) for number in range(rows)]
        self.changed: list[tuple[tuple[str, str], bytes]] = []

    def _row(self, rng: Random, number: int, status: str = "Closed") -> bytes:
        kind = int(rng.paretovariate(1)) % 40
        updated, row_id = self.keys[number]
        return json.dumps(
            {
                ":id": row_id,
                ":updated_at": updated,
                "unique_key": str(60_000_000 + number),
                "created_date": self.created[number],
                "closed_date": self.created[min(number + 5000, len(self.created) - 1)],
                "complaint_type": f"Complaint {kind}",
                "descriptor": f"Descriptor {kind % 3}",
                "community_board": f"{rng.randrange(30):02d} BROOKLYN",
                "agency": f"DEP{kind % 7}",
                "open_data_channel_type": rng.choice(("PHONE", "ONLINE", "MOBILE")),
                "status": status,
                "latitude": f"{rng.uniform(40.5, 40.9):.14f}",
                "longitude": f"{rng.uniform(-74.2, -73.7):.14f}",
            }
        ).encode()

    def change(self) -> None:
        """A night's changes."""
        rng = Random(2)
        for number in sorted(rng.sample(range(len(self.rows)), int(CHANGED * len(self.rows)))):
            self.keys[number] = (f"{NOW + timedelta(hours=6):%Y-%m-%dT%H:%M:%S.000}Z", self.keys[number][1])
            self.changed.append((self.keys[number], self._row(rng, number, "Open")))

    def answer(self, query: dict[str, str]) -> bytes:
        """The page that a query asks for: a span of creation or of updates, in order, behind a last row."""
        where, limit = query.get("$where", ""), int(query.get("$limit", "1000"))
        texts = where.split("'")[1::2]
        if where.lstrip("(").startswith(":updated_at"):
            after = (texts[2], texts[4]) if len(texts) > 2 else (texts[0], "")
            newer = [row for key, row in self.changed if key > after]
            return b"[" + b",".join(newer[:limit]) + b"]"
        start, stop = bisect_left(self.created, texts[0]), bisect_left(self.created, texts[1])
        if len(texts) > 2:
            start = bisect_right(self.keys, (texts[2], texts[4]))
        return b"[" + b",".join(self.rows[start : min(start + limit, stop)]) + b"]"


def serve(rows: int, pipe: Pipe) -> None:
    """Serve the portal until the pipe says so; any other word makes the night pass."""
    portal = Portal(rows)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            if address.path == "/night":
                portal.change()
                body = b"{}"
            elif address.path.startswith("/api/views/"):
                updated = NOW + (NIGHT if portal.changed else timedelta())
                columns = [{"fieldName": name, "dataTypeName": "text"} for name in FIELDS.values()]
                body = json.dumps({"rowsUpdatedAt": int(updated.timestamp()), "columns": columns}).encode()
            else:
                body = portal.answer({key: values[0] for key, values in parse_qs(address.query).items()})
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        pipe.send(f"http://127.0.0.1:{server.server_address[1]}")
        server.serve_forever()


@contextmanager
def served(rows: int) -> Iterator[str]:
    """The address of the portal, in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(rows, theirs), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


def plain(address: str, database: Path) -> None:
    """What nobody can be much faster than without leaving Python's own modules."""
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    names = ", ".join(f'"{name}"' for name in COLUMNS)
    connection.execute(f"CREATE TABLE request ({names}, PRIMARY KEY (unique_key))")
    marks = ", ".join("?" * len(COLUMNS))
    where, last = "created_date >= '2023' AND created_date < '2027'", None
    while True:
        after = f" AND (:updated_at > '{last[1]}' OR (:updated_at = '{last[1]}' AND :id > '{last[0]}'))" if last else ""
        query = urlencode({"$where": where + after, "$limit": PAGE_ROWS})
        with urlopen(f"{address}/resource/abcd-1234.json?{query}") as answer:  # noqa: S310 - our own server
            rows = [tuple(row.get(name) for name in COLUMNS) for row in json.loads(answer.read())]
        if not rows:
            break
        connection.executemany(f"INSERT INTO request VALUES ({marks})", rows)
        last = rows[-1]
    connection.commit()
    connection.close()


def installation_of(address: str, url: str) -> Installation:
    source: dict[str, Any] = {
        "kind": "socrata",
        "url": address,
        "dataset": "abcd-1234",
        "zone": "UTC",
        "first_day": FIRST.date(),
        "page_size": PAGE_ROWS,
        "pause_seconds": 0.0,
        "allow_http": True,
        "allow_private_hosts": True,
        "fields": FIELDS,
    }
    return Installation(parse({"sources": {"city": source}}), open_store(url))


class Timing(NamedTuple):
    wall: float
    cpu: float


@contextmanager
def clock() -> Iterator[list[Timing]]:
    taken: list[Timing] = []
    wall, cpu = time.perf_counter(), time.process_time()
    yield taken
    taken.append(Timing(time.perf_counter() - wall, time.process_time() - cpu))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--url", help="an empty database; default: a new SQLite file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, served(arguments.rows) as address:
        with clock() as fastest:
            plain(address, Path(folder) / "plain.db")
        installation = installation_of(address, arguments.url or f"sqlite:///{folder}/forewarn.db")
        with clock() as ours:
            report = ingest_source(installation, "city", NOW)
        assert not report.failure, report.failure
        with transaction(installation.engine) as conn:
            counted = conn.execute(select(func.sum(daily_count.c.opened))).scalar_one()
        assert counted == arguments.rows, counted
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        urlopen(f"{address}/night").close()  # noqa: S310 - our own server
        with clock() as nightly:
            ingest_source(installation, "city", NOW + NIGHT)
        with transaction(installation.engine) as conn:
            last = conn.execute(select(sync_run.c.counters).order_by(sync_run.c.id.desc())).scalars().first()
        installation.engine.dispose()
    for name, (timing,) in (("plain", fastest), ("forewarn", ours)):
        print(
            f"{name:<10} {timing.wall:7.1f} s  {arguments.rows / timing.wall:9,.0f} rows/s"
            f"   CPU {timing.cpu:7.1f} s  {arguments.rows / timing.cpu:9,.0f} rows/s"
        )
    print(f"share of plain   {fastest[0].wall / ours[0].wall:.0%} (CPU {fastest[0].cpu / ours[0].cpu:.0%})")
    print(f"peak memory      {peak:.0f} MB")
    print(
        f"a night later    {last['fetched']:,} rows read ({last['fetched'] / arguments.rows:.2%}), "
        f"{last['changed']:,} changed, {nightly[0].wall:.1f} s"
    )


if __name__ == "__main__":
    main()

"""A table of requests in a database of its own file, which can be away for a while or lose a column."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4
from wsgiref.types import StartResponse, WSGIEnvironment

from sqlalchemy import NullPool, create_engine, text

from flows.installation import Installation
from tests.servers.population import Shown

_AFTER = "(updated > :since OR (updated = :since AND id > :after_id)) AND updated < :until"
_COLUMNS = ("id", "created", "updated", "closed", "kind", "district", "channel", "status")
_WITHIN = "created >= :since AND created < :until"
_LASTS = timedelta(minutes=20)  # a transaction, so that rows are stamped before they can be seen


class ServedDatabase:
    """Rows that are changed one by one, and stamped when their transaction begins."""

    settings: Mapping[str, Any] = {
        "kind": "sql",
        "query": f"SELECT * FROM call WHERE {_AFTER} ORDER BY updated, id LIMIT :limit",
        "ids_query": f"SELECT id FROM call WHERE {_WITHIN}",
        "clock": "UTC",
        "page_size": 50,
        "fields": {
            "source_record_id": "id",
            "requested_at": "created",
            "updated_at": "updated",
            "closed_at": "closed",
            "category": "kind",
            "area": "district",
            "channel": "channel",
            "status": "status",
        },
    }
    told: Sequence[str] = ("requested_at", "category", "area", "channel", "status", "closed_at")
    reach_days: int | None = None
    reaches_once = False
    lag = timedelta()
    page_rows = 50
    fixed_requests = 0
    troubles: Sequence[str] = ("is_away", "lacks_a_column")
    is_behind = False

    def __init__(self) -> None:
        self._shown: dict[str, Shown] = {}
        self._file: Path  # once a source is made of it
        self._kept: Path  # where the rows are, even while it is away

    def app(self, _environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Nobody asks by HTTP."""
        start_response("404 Not Found", [])
        return []

    def source(self, _address: str, folder: Path) -> dict[str, Any]:
        self._file = self._kept = folder / f"{uuid4().hex}.calls.db"
        self._do(f"CREATE TABLE call ({', '.join(_COLUMNS)}, PRIMARY KEY (id))")
        return {**self.settings, "database_url": f"sqlite:///{self._file}"}

    def join(self, installation: Installation, address: str) -> None:
        """It need not know."""

    def show(self, rows: Sequence[Shown], now: datetime) -> None:
        before, self._shown = self._shown, {row.record_id: row for row in rows}
        self._do("DELETE FROM call WHERE id = :id", [{"id": gone} for gone in before.keys() - self._shown.keys()])
        self._put([row for row in rows if before.get(row.record_id) != row], now)

    def reload(self, rows: Sequence[Shown], now: datetime) -> None:
        self.show(rows, now)
        self._put(rows, now)

    def switch(self, trouble: str, *, on: bool) -> None:
        if trouble == "is_away":
            there = self._file.with_suffix(".away") if on else self._file
            self._kept = self._kept.rename(there)
        elif on != self._lacks_a_column():
            names = ("channel", "channel_code") if on else ("channel_code", "channel")
            self._do(f"ALTER TABLE call RENAME COLUMN {names[0]} TO {names[1]}")

    def _put(self, rows: Sequence[Shown], now: datetime) -> None:
        columns = [name for name in _COLUMNS if name != "channel" or not self._lacks_a_column()]
        columns = [*columns, *({"channel_code"} if self._lacks_a_column() else ())]
        marks = ", ".join(f":{name}" for name in columns)
        values = [
            {
                "id": row.record_id,
                "created": _written(row.requested_at),
                "updated": _written(now - _LASTS),
                "closed": row.closed_at and _written(row.closed_at),
                "kind": row.category,
                "district": row.area,
                "channel": row.channel,
                "channel_code": row.channel,
                "status": row.status,
            }
            for row in rows
        ]
        self._do(f"INSERT OR REPLACE INTO call ({', '.join(columns)}) VALUES ({marks})", values)

    def _lacks_a_column(self) -> bool:
        return "channel_code" in {name for _, name, *_ in self._do("PRAGMA table_info(call)")}

    def _do(self, statement: str, values: Sequence[Mapping[str, Any]] | None = None) -> Sequence[Any]:
        if values is not None and not values:
            return ()
        engine = create_engine(f"sqlite:///{self._kept}", poolclass=NullPool)
        with engine.begin() as conn:
            done = conn.execute(text(statement), values or {})
            return done.all() if done.returns_rows else ()


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")

"""A small Open311 endpoint over a list of requests, with the habits of different servers."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse, WSGIEnvironment


@dataclass
class Habits:
    """How this server differs from the specification."""

    cap: int = 1000  # the most rows of one answer, whatever is asked for
    ignores_pages: bool = False
    ignores_dates: bool = False
    empty_is_404: bool = False
    single_as_object: bool = False


@dataclass
class SmallOpen311:
    """Serves `requests`, a list of dictionaries as the specification has them, newest first."""

    requests: list[dict[str, Any]]
    habits: Habits = field(default_factory=Habits)
    now: Callable[[], datetime] = lambda: datetime(2026, 6, 30, tzinfo=UTC)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
        if environ["PATH_INFO"].endswith("services.json"):
            return self._send(start_response, "200 OK", [{"service_code": "1", "service_name": "Pothole"}])
        rows = sorted(self._select(query), key=lambda row: row["requested_datetime"], reverse=True)
        size = min(int(query.get("page_size", query.get("limit", self.habits.cap))), self.habits.cap)
        page = 0 if self.habits.ignores_pages else int(query.get("page", 1)) - 1
        rows = rows[page * size : (page + 1) * size]
        if not rows and self.habits.empty_is_404:
            return self._send(start_response, "404 Not Found", [{"code": 404, "description": "No requests found"}])
        document = rows[0] if self.habits.single_as_object and len(rows) == 1 else rows
        return self._send(start_response, "200 OK", document)

    def _select(self, query: dict[str, str]) -> list[dict[str, Any]]:
        visible = [row for row in self.requests if _at(row, "requested_datetime") <= self.now()]
        if self.habits.ignores_dates:
            return visible
        for key, name in (("requested_datetime", "start_date"), ("updated_datetime", "updated_after")):
            if name in query:
                visible = [row for row in visible if _at(row, key) >= datetime.fromisoformat(query[name])]
        for key, name in (("requested_datetime", "end_date"), ("updated_datetime", "updated_before")):
            if name in query:
                visible = [row for row in visible if _at(row, key) <= datetime.fromisoformat(query[name])]
        return visible

    def _send(self, start_response: StartResponse, status: str, document: Any) -> list[bytes]:
        body = json.dumps(document).encode()
        start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]


def _at(row: dict[str, Any], key: str) -> datetime:
    return datetime.fromisoformat(row[key])

"""A small SeeClickFix: the issues of one place behind its API, version 2."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse, WSGIEnvironment

DEFAULT_STATUSES = "open,acknowledged,closed"  # archived issues are left out unless they are asked for
MOST_PER_PAGE = 100


@dataclass
class Habits:
    """What may go wrong.

    Args:
        ignores_sort: The newest comes first whatever was asked for.
        ignores_after: The first end of a span is not looked at.
        ignores_pages: The first page always comes, and says that there is another.
        loses: Issues at the end of a page that do not come, though they are counted.
        touched_meanwhile: Called after each answer, to change issues between pages.
    """

    ignores_sort: bool = False
    ignores_after: bool = False
    ignores_pages: bool = False
    loses: int = 0
    touched_meanwhile: Callable[[], None] = lambda: None


@dataclass
class SmallSeeClickFix:
    """Serves `issues`, dictionaries as the API has them, of the place `springfield`.

    `hidden` maps ids of issues that are no longer shown to the status with which they are refused.
    """

    issues: list[dict[str, Any]]
    habits: Habits = field(default_factory=Habits)
    now: Callable[[], datetime] = lambda: datetime(2026, 6, 30, tzinfo=UTC)
    hidden: dict[int, str] = field(default_factory=dict)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
        resource, _, record_id = environ["PATH_INFO"].strip("/").partition("/")
        if resource != "issues":
            return _send(start_response, "404 Not Found", {"error": "no such resource"})
        if record_id:
            return self._one(int(record_id) if record_id.isdigit() else -1, start_response)
        if query.get("place_url") != "springfield":
            return _send(start_response, "404 Not Found", {"errors": {"place_url": ["not found"]}})
        sent = _send(start_response, "200 OK", self._page(self._select(query), query))
        self.habits.touched_meanwhile()
        return sent

    def _one(self, record_id: int, start_response: StartResponse) -> list[bytes]:
        if status := self.hidden.get(record_id):
            return _send(start_response, status, {"error": "not shown"})
        for issue in self.issues:
            if issue["id"] == record_id:
                return _send(start_response, "200 OK", issue)
        return _send(start_response, "404 Not Found", {"error": "not found"})

    def _select(self, query: dict[str, str]) -> list[dict[str, Any]]:
        statuses = query.get("status", DEFAULT_STATUSES).split(",")
        found = [
            issue
            for issue in self.issues
            if issue["status"].lower() in statuses
            and issue["id"] not in self.hidden
            and _at(issue["created_at"]) <= self.now()
        ]
        for key, after, before in (
            ("updated_at", "updated_at_after", "updated_at_before"),
            ("created_at", "after", "before"),
        ):
            if after in query and not self.habits.ignores_after:
                found = [issue for issue in found if _at(issue[key]) >= _at(query[after])]
            if before in query:
                found = [issue for issue in found if _at(issue[key]) < _at(query[before])]
        key = query.get("sort", "created_at")
        is_newest_first = self.habits.ignores_sort or query.get("sort_direction", "DESC") == "DESC"
        return sorted(found, key=lambda issue: (_at(issue[key]), issue["id"]), reverse=is_newest_first)

    def _page(self, found: list[dict[str, Any]], query: dict[str, str]) -> dict[str, Any]:
        size = min(int(query.get("per_page", 20)), MOST_PER_PAGE)
        page = 1 if self.habits.ignores_pages else int(query.get("page", 1))
        pages = -(-len(found) // size)
        is_more = page < pages or (self.habits.ignores_pages and pages > 1)
        shown = found[(page - 1) * size : page * size]
        return {
            "errors": None,
            "metadata": {
                "pagination": {
                    "entries": len(found),
                    "page": page,
                    "per_page": size,
                    "pages": pages,
                    "next_page": page + 1 if is_more else None,
                    "next_page_url": f"https://seeclickfix.com/api/v2/issues?page={page + 1}" if is_more else None,
                }
            },
            "issues": shown[: len(shown) - self.habits.loses],
        }


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _send(start_response: StartResponse, status: str, document: Any) -> list[bytes]:
    body = json.dumps(document).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]

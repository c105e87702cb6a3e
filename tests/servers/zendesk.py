"""A small Zendesk account: the incremental export of its tickets, its search counts and its custom fields."""

import json
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse, WSGIEnvironment

Ticket = dict[str, Any]
_MINUTE = timedelta(minutes=1)


@dataclass
class Habits:
    """How this account answers, and how it can fail."""

    exports_a_minute: int | None = None  # ten in the real one; None: any number
    tells_when: bool = True  # whether a refusal for too many requests says how long to wait
    cursors_lost: bool = False  # no cursor is known any more, until a new one is given out
    stands_still: bool = False  # says that there is more, and gives out the same cursor
    rows_at_most: int = 1000


@dataclass
class SmallZendesk:
    """Serves tickets as they were last put, in the order of their changes; changes of the last minute are held back.

    Args:
        now: The account's clock.
        email: Of the administrator; with `/token` and `key` it opens the account, as does `bearer`.
        ticket_fields: Its custom fields.
    """

    now: Callable[[], datetime]
    email: str = "admin@example.org"
    key: str = "k-3f9d2c71"
    bearer: str = "b-77aa10e2"
    ticket_fields: Sequence[dict[str, Any]] = ()
    habits: Habits = field(default_factory=Habits)
    tickets: dict[int, Ticket] = field(default_factory=dict)
    _exports: deque[datetime] = field(default_factory=deque)

    def put(self, number: int, at: datetime, *, by_system: bool = False, **values: Any) -> None:
        """Makes or changes a ticket. A change by the system does not move `updated_at`."""
        held = self.tickets.get(number) or {"id": number, "created_at": _utc(at), "status": "new"}
        moved = {} if by_system and number in self.tickets else {"updated_at": _utc(at)}
        self.tickets[number] = {**held, **moved, **values, "generated_timestamp": int(at.timestamp())}

    def delete(self, number: int, at: datetime) -> None:
        """Deletes a ticket: its content goes, its shell stays in the export."""
        self.put(number, at, status="deleted", subject="SCRUBBED", description="SCRUBBED", custom_fields=[])

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
        path = environ["PATH_INFO"]
        if not self._knows(environ.get("HTTP_AUTHORIZATION", "")):
            return self._send(start_response, "401 Unauthorized", {"error": "Couldn't authenticate you"})
        if path == "/api/v2/ticket_fields.json":
            return self._send(start_response, "200 OK", {"ticket_fields": list(self.ticket_fields)})
        if path == "/api/v2/search/count.json":
            return self._send(
                start_response, "200 OK", {"count": sum(map(self._found_by(query["query"]), self._live()))}
            )
        if path == "/api/v2/incremental/tickets/cursor.json":
            return self._export(query, start_response)
        return self._send(start_response, "404 Not Found", {"error": "InvalidEndpoint", "description": "Not found"})

    def _export(self, query: dict[str, str], start_response: StartResponse) -> list[bytes]:
        if (wait := self._too_many()) is not None:
            said = [("Retry-After", str(wait))] if self.habits.tells_when else []
            refusal = {"error": "APIRateLimitExceeded", "description": "Number of allowed incremental ticket exports"}
            return self._send(start_response, "429 Too Many Requests", refusal, said)
        place = (0, 0)
        if "cursor" in query:
            if self.habits.cursors_lost or (found := _place(query["cursor"])) is None:
                refusal = {"error": "InvalidValue", "description": "Invalid cursor"}
                return self._send(start_response, "400 Bad Request", refusal)
            place = found
        elif not query.get("start_time", "").isdecimal():
            return self._send(
                start_response, "400 Bad Request", {"error": "Missing parameter", "description": "start_time"}
            )
        else:
            since = int(query["start_time"])
            if datetime.fromtimestamp(since, UTC) > self.now() - _MINUTE:
                refusal = {
                    "error": "InvalidValue",
                    "description": "Too recent start_time. Use a start_time older than 60 s",
                }
                return self._send(start_response, "422 Unprocessable Entity", refusal)
            place = (since - 1, 1 << 62)
        self.habits.cursors_lost = False
        until = int((self.now() - _MINUTE).timestamp())
        left = sorted(
            (
                ticket
                for ticket in self.tickets.values()
                if place < _at(ticket) and ticket["generated_timestamp"] <= until
            ),
            key=_at,
        )
        page = left[: min(int(query.get("per_page", 1000)), self.habits.rows_at_most)]
        after = _cursor(_at(page[-1])) if page else query.get("cursor")
        if self.habits.stands_still and "cursor" in query:
            after = query["cursor"]
        document = {
            "tickets": [ticket | {"url": f"https://example.zendesk.com/{ticket['id']}"} for ticket in page],
            "after_url": None,
            "after_cursor": after,
            "before_url": None,
            "before_cursor": None,
            "end_of_stream": len(page) == len(left) and not self.habits.stands_still,
        }
        return self._send(start_response, "200 OK", document)

    def _too_many(self) -> int | None:
        """Seconds to wait if too many exports were asked for within a minute."""
        if self.habits.exports_a_minute is None:
            return None
        now = self.now()
        while self._exports and self._exports[0] <= now - _MINUTE:
            self._exports.popleft()
        if len(self._exports) >= self.habits.exports_a_minute:
            return int((self._exports[0] + _MINUTE - now).total_seconds()) + 1
        self._exports.append(now)
        return None

    def _knows(self, told: str) -> bool:
        kind, _, secret = told.partition(" ")
        if kind == "Bearer":
            return secret == self.bearer
        return kind == "Basic" and b64decode(secret).decode() == f"{self.email}/token:{self.key}"

    def _live(self) -> list[Ticket]:
        return [ticket for ticket in self.tickets.values() if ticket["status"] != "deleted"]

    def _found_by(self, query: str) -> Callable[[Ticket], bool]:
        since, until = "", "9"
        for word in query.split():
            since = word.removeprefix("created>=") if word.startswith("created>=") else since
            until = word.removeprefix("created<") if word.startswith("created<") else until
        return lambda ticket: since <= ticket["created_at"] < until

    def _send(
        self, start_response: StartResponse, status: str, document: Any, more: Sequence[tuple[str, str]] = ()
    ) -> list[bytes]:
        body = json.dumps(document).encode()
        kind = ("Content-Type", "application/json; charset=utf-8")
        start_response(status, [kind, ("Content-Length", str(len(body))), *more])
        return [body]


def _at(ticket: Ticket) -> tuple[int, int]:
    return ticket["generated_timestamp"], int(ticket["id"])


def _cursor(place: tuple[int, int]) -> str:
    return b64encode(f"{place[0]}.0||{place[1]}|".encode()).decode()


def _place(cursor: str) -> tuple[int, int] | None:
    try:
        at, _, number = b64decode(cursor).decode().rstrip("|").partition(".0||")
        return int(at), int(number)
    except ValueError:
        return None


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

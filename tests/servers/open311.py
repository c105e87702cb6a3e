"""A small Open311 endpoint over a list of requests, with the habits of different servers."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse, WSGIEnvironment

from simulator.georeport import to_xml

MAX_SPAN = timedelta(days=90)


@dataclass
class Habits:
    """How this server differs from the specification.

    Args:
        cap: The most rows of one answer, whatever is asked for.
        too_much: Rows of a page if more than `cap` are asked for; 0: `cap`.
        first_page: Number of the first page.
        last_page_repeats: A page after the last is the last one.
        left_out: Ids of rows that are taken out of a page after it was cut.
        unwritable: Ids of requests over which the server fails, with all that was asked for.
        unnumbered: Ids of requests that are still worked on and have none.
        naked_ids: Ids come as numbers, zeros in front included, which is no JSON.
        ends: Which ends of a span belong to it.
        naive: Dates with an offset are refused.
        no_fractions: Dates with parts of a second are refused.
        by_update: The newest update comes first, not the newest request.
        capitals: Statuses begin with a capital letter.
        truth: How a truth value is written.
        only_first_id: Of a list of ids the first is looked at.
        makes_up: An id that is unknown is answered by an open request.
        sends_all_services: A list of services that holds an unknown one is ignored.
    """

    cap: int = 1000
    too_much: int = 0
    first_page: int = 1
    last_page_repeats: bool = False
    ignores_pages: bool = False
    ignores_dates: bool = False
    ignores_updated_after: bool = False
    empty_is_404: bool = False
    single_as_object: bool = False
    left_out: frozenset[str] = frozenset()
    unwritable: frozenset[str] = frozenset()
    unnumbered: frozenset[str] = frozenset()
    naked_ids: bool = False
    ends: str = "both"
    naive: bool = False
    by_update: bool = False
    capitals: bool = False
    truth: Callable[[bool], Any] = bool
    only_first_id: bool = False
    makes_up: bool = False
    sends_all_services: bool = False


class Refused(Exception):
    """The question is wrong, or the server fails over the answer."""

    def __init__(self, status: str, description: str) -> None:
        self.status = status
        super().__init__(description)


@dataclass
class SmallOpen311:
    """Serves `requests`, a list of dictionaries as the specification has them, newest first.

    `changes` are the status changes that mySociety's adapter lists.
    """

    requests: list[dict[str, Any]]
    habits: Habits = field(default_factory=Habits)
    now: Callable[[], datetime] = lambda: datetime(2026, 6, 30, tzinfo=UTC)
    changes: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
        resource, _, form = environ["PATH_INFO"].rpartition("/v2/")[2].strip("/").rpartition(".")
        try:
            rows: Sequence[dict[str, Any]] = self._answer(resource, query)
        except Refused as refused:
            errors = [{"code": int(refused.status[:3]), "description": str(refused)}]
            return self._send(start_response, refused.status, errors, form, "errors", "error")
        if resource == "requests" and len(rows) == 1 and self.habits.single_as_object and form == "json":
            return self._send(start_response, "200 OK", rows[0], form)
        return self._send(start_response, "200 OK", rows, form, "service_requests", "request")

    def _answer(self, resource: str, query: dict[str, str]) -> Sequence[dict[str, Any]]:
        match resource.split("/"):
            case ["services"]:
                metadata = self.habits.truth(False)
                return [{"service_code": "1", "service_name": "Pothole", "metadata": metadata}]
            case ["servicerequestupdates"]:
                return self._in_span(self.changes, query, "updated_datetime", ("start_date", "end_date"))
            case ["requests"]:
                return [self._shown(row) for row in self._page(self._select(query), query)]
            case ["requests", record_id]:
                if rows := self._by_ids([record_id]):
                    return [self._shown(row) for row in rows]
        raise Refused("404 Not Found", "no such resource or request")

    def _select(self, query: dict[str, str]) -> list[dict[str, Any]]:
        visible = [row for row in self.requests if _at(row, "requested_datetime") <= self.now()]
        if "service_request_id" in query:
            ids = query["service_request_id"].split(",")
            return self._by_ids(ids[:1] if self.habits.only_first_id else ids)
        if not self.habits.ignores_dates:
            visible = self._in_span(visible, query, "requested_datetime", ("start_date", "end_date"))
        if not self.habits.ignores_updated_after:
            visible = self._in_span(visible, query, "updated_datetime", ("updated_after", "updated_before"))
        if "service_code" in query:
            codes = set(query["service_code"].split(","))
            known = {row.get("service_code") for row in self.requests}
            if not (self.habits.sends_all_services and codes - known):
                visible = [row for row in visible if row.get("service_code") in codes]
        key = "updated_datetime" if self.habits.by_update else "requested_datetime"
        visible = sorted(visible, key=lambda row: row[key], reverse=True)
        if not visible and self.habits.empty_is_404:
            raise Refused("404 Not Found", "No Service requests found")
        return visible

    def _by_ids(self, ids: list[str]) -> list[dict[str, Any]]:
        rows = [row for row in self.requests if row["service_request_id"] in ids]
        if self.habits.makes_up and (unknown := set(ids) - {row["service_request_id"] for row in rows}):
            made_up = {"status": "open", "requested_datetime": self.now().isoformat(), "service_name": None}
            rows += [{"service_request_id": record_id, **made_up} for record_id in sorted(unknown)]
        return rows

    def _in_span(
        self, rows: list[dict[str, Any]], query: dict[str, str], key: str, names: tuple[str, str]
    ) -> list[dict[str, Any]]:
        start, end = (self._instant(query[name]) if name in query else None for name in names)
        if start and end and end - start > MAX_SPAN:
            raise Refused("400 Bad Request", "the span is longer than 90 days")
        first, last = self.habits.ends in ("both", "first"), self.habits.ends == "both"
        if start:
            rows = [row for row in rows if _at(row, key) > start or (first and _at(row, key) == start)]
        if end:
            rows = [row for row in rows if _at(row, key) < end or (last and _at(row, key) == end)]
        return rows

    def _instant(self, text: str) -> datetime:
        if "." in text:
            raise Refused("400 Bad Request", "a date is not like 2026-06-22T08:15:00-05:00")
        at = datetime.fromisoformat(text)
        if (at.tzinfo is None) != self.habits.naive:
            raise Refused("400 Bad Request", "the offset of a date is wrong here, or missing")
        return at if at.tzinfo else at.replace(tzinfo=_at(self.requests[0], "requested_datetime").tzinfo)

    def _page(self, rows: list[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
        asked = int(query.get("page_size", query.get("limit", self.habits.cap)))
        size = min(asked, self.habits.too_much or self.habits.cap) if asked > self.habits.cap else asked
        first = self.habits.first_page
        page = 0 if self.habits.ignores_pages else max(int(query.get("page", first)) - first, 0)
        if self.habits.last_page_repeats:
            page = min(page, max(len(rows) - 1, 0) // size)
        cut = rows[page * size : (page + 1) * size]
        if {row["service_request_id"] for row in cut} & self.habits.unwritable:
            raise Refused("500 Internal Server Error", "undefined method for nil")
        kept = [row for row in cut if row["service_request_id"] not in self.habits.left_out]
        if not kept and self.habits.empty_is_404:
            raise Refused("404 Not Found", "No Service requests found")
        return kept

    def _shown(self, row: dict[str, Any]) -> dict[str, Any]:
        shown = dict(row)
        if self.habits.capitals:
            shown["status"] = str(row["status"]).title()
        if row["service_request_id"] in self.habits.unnumbered:
            shown |= {"service_request_id": None, "token": f"token-{row['service_request_id']}"}
        if "duplicate" in shown.get("extended_attributes", {}):
            attributes = shown["extended_attributes"]
            shown["extended_attributes"] = {**attributes, "duplicate": self.habits.truth(attributes["duplicate"])}
        return shown

    def _send(
        self, start_response: StartResponse, status: str, document: Any, form: str, root: str = "", element: str = ""
    ) -> list[bytes]:
        if form == "xml":
            body, kind = to_xml(document, root, element), "text/xml; charset=utf-8"
        else:
            body, kind = json.dumps(document).encode(), "application/json"
            if self.habits.naked_ids:
                body = re.sub(rb'("service_request_id": )"(\d+)"', rb"\1\2", body)
        start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]


def _at(row: dict[str, Any], key: str) -> datetime:
    return datetime.fromisoformat(row[key])

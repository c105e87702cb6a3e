"""A small FixMyStreet site behind its Open311 answers."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse, WSGIEnvironment
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
OPEN = ("confirmed", "investigating", "planned", "in progress", "action scheduled")
CLOSED = ("fixed", "fixed - council", "fixed - user", "closed")
UNSHOWN = ("hidden", "partial", "unconfirmed")


@dataclass
class Habits:
    """How this site is set up.

    Args:
        limit: The most reports of one answer.
        oldest_first: Reports come in the wrong order.
        ignores_dates: All reports come whatever was asked for.
        ignores_ids: As well where one is asked for.
    """

    limit: int = 1000
    oldest_first: bool = False
    ignores_dates: bool = False
    ignores_ids: bool = False


@dataclass
class SmallFixMyStreet:
    """Serves `reports`: dictionaries with id, state, confirmed, lastupdate (aware), category, bodies, non_public.

    Dates are read without their offset, on the clock of `zone`, as the site's database does.
    """

    reports: list[dict[str, Any]]
    zone: ZoneInfo = LONDON
    habits: Habits = field(default_factory=Habits)
    now: Callable[[], datetime] = lambda: datetime(2026, 6, 30, tzinfo=UTC)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
        if not query.get("jurisdiction_id"):
            page = b"<!DOCTYPE html>\n<html><p>ERROR: Missing jurisdiction_id</p></html>"
            return _send(start_response, "text/html; charset=utf-8", page)
        if environ["PATH_INFO"].endswith("/services.json"):
            names = sorted({report["category"] for report in self.reports})
            document: dict[str, Any] = {"services": [{"service_code": name, "service_name": name} for name in names]}
        else:
            document = {"service_requests": [self._shown(report) for report in self._select(query)]}
        return _send(start_response, "application/json; charset=utf-8", json.dumps(document).encode())

    def _select(self, query: dict[str, str]) -> list[dict[str, Any]]:
        found = [
            report
            for report in self.reports
            if report["state"] not in UNSHOWN and not report.get("non_public") and report["confirmed"] <= self.now()
        ]
        if query.get("service_request_id") and not self.habits.ignores_ids:
            found = [report for report in found if str(report["id"]) == query["service_request_id"]]
        if "agency_responsible" in query:
            wanted = set(query["agency_responsible"].split("|"))
            found = [report for report in found if wanted & set(report["bodies"])]
        if "start_date" in query and not self.habits.ignores_dates:
            found = [report for report in found if self._local(report) >= _naive(query["start_date"])]
        if "end_date" in query and not self.habits.ignores_dates:
            found = [report for report in found if self._local(report) < _naive(query["end_date"])]
        found.sort(key=lambda report: report["confirmed"], reverse=not self.habits.oldest_first)
        asked = int(query.get("max_requests", 0))
        return found[: asked if 0 < asked <= self.habits.limit else self.habits.limit]

    def _local(self, report: dict[str, Any]) -> datetime:
        confirmed: datetime = report["confirmed"]
        return confirmed.astimezone(self.zone).replace(tzinfo=None)

    def _shown(self, report: dict[str, Any]) -> dict[str, Any]:
        status = "open" if report["state"] in OPEN else "closed" if report["state"] in CLOSED else None
        return {
            "service_request_id": report["id"],
            "title": "A title",
            "detail": "What it is about",
            "description": "A title: What it is about",
            "lat": 51.5,
            "long": -0.1,
            "status": status,
            "requested_datetime": self._stamp(report["confirmed"]),
            "updated_datetime": self._stamp(report["lastupdate"]),
            "service_code": report["category"],
            "service_name": report["category"],
            "interface_used": "Web interface",
            "agency_responsible": {"recipient": [f"Council {body}" for body in report["bodies"]]},
            "requestor_name": "Ann Example",
            "comment_count": 1,
        }

    def _stamp(self, moment: datetime) -> str:
        return moment.astimezone(self.zone).isoformat(timespec="seconds")


def _naive(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)


def _send(start_response: StartResponse, kind: str, body: bytes) -> list[bytes]:
    start_response("200 OK", [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]

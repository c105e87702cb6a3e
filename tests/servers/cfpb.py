"""A small complaint database of the CFPB behind its search."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import parse_qs
from wsgiref.types import StartResponse, WSGIEnvironment

LISTS = ("product", "issue", "company", "state", "zip_code", "submitted_via", "tags", "company_response")
SORTS = ("relevance_desc", "relevance_asc", "created_date_desc", "created_date_asc")
DEEPEST = 10_000


@dataclass
class Habits:
    """What differs, or may go wrong.

    Args:
        includes_max: `date_received_max` is included, as the code has it, and not as the documentation says.
        ignores: Parameters that the server does not know, and so ignores.
        loses: Hits at the end of a page that do not come, though they are counted.
    """

    includes_max: bool = True
    ignores: frozenset[str] = frozenset()
    loses: int = 0


@dataclass
class SmallCfpb:
    """Serves `complaints`: dictionaries as `_source` has them, all of them published."""

    complaints: list[dict[str, Any]]
    indexed_on: date = date(2026, 6, 30)
    is_stale: bool = False
    has_issue: bool = False
    habits: Habits = field(default_factory=Habits)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        query = {
            name: values
            for name, values in parse_qs(environ.get("QUERY_STRING", "")).items()
            if name not in self.habits.ignores
        }
        if not environ["PATH_INFO"].endswith("/"):
            return _send(start_response, "404 Not Found", {"detail": "Not found."})
        if errors := _errors(query):
            return _send(start_response, "400 Bad Request", errors)
        return _send(start_response, "200 OK", self._search(query))

    def _search(self, query: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        found = [complaint for complaint in self.complaints if self._passes(complaint, query)]
        size, sort = int(query.get("size", ["25"])[0]), query.get("sort", ["relevance_desc"])[0]
        hits = sorted(map(_hit, found), key=lambda hit: tuple(hit["sort"]), reverse=sort.endswith("desc"))
        after = query.get("search_after", [""])[0].split("_")
        if len(after) == 2 and after[0].isdigit():  # whatever else it is, is ignored
            hits = [hit for hit in hits if (hit["sort"][0], hit["sort"][1]) > (int(after[0]), after[1])]
        start = int(query.get("frm", ["0"])[0])
        shown = hits[start : start + size]
        return {
            "took": 9,
            "timed_out": False,
            "hits": {
                "total": {"value": len(found), "relation": "eq"},
                "max_score": None,
                "hits": shown[: len(shown) - self.habits.loses],
            },
            "_meta": {
                "license": "CC0",
                "last_updated": max((one["date_received"] for one in self.complaints), default=None),
                "last_indexed": f"{self.indexed_on}T12:00:00-05:00",
                "total_record_count": len(self.complaints),
                "is_data_stale": self.is_stale,
                "has_data_issue": self.has_issue,
                "break_points": {},
            },
        }

    def _passes(self, complaint: Mapping[str, Any], query: Mapping[str, Sequence[str]]) -> bool:
        day = complaint["date_received"][:10]
        if "date_received_min" in query and day < query["date_received_min"][0]:
            return False
        if "date_received_max" in query:
            last = query["date_received_max"][0]
            if day > last or (day == last and not self.habits.includes_max):
                return False
        return all(any(_is(complaint, name, wanted) for wanted in query[name]) for name in LISTS if name in query)


def _is(complaint: Mapping[str, Any], name: str, wanted: str) -> bool:
    value, _, sub = wanted.partition("\u2022")
    return complaint.get(name) == value and (not sub or complaint.get(f"sub_{name}") == sub)


def _hit(complaint: Mapping[str, Any]) -> dict[str, Any]:
    at = datetime.fromisoformat(complaint["date_received"]).astimezone(UTC)
    record_id = complaint["complaint_id"]
    return {"_id": record_id, "_source": dict(complaint), "sort": [int(at.timestamp() * 1000), record_id]}


def _errors(query: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    errors = {}
    if (sort := query.get("sort", ["relevance_desc"])[0]) not in SORTS:
        errors["sort"] = [f'"{sort}" is not a valid choice.']
    for name, most in (("size", 100_000), ("frm", DEEPEST)):
        text = query.get(name, ["0"])[0]
        if not text.isdigit() or int(text) > most:
            errors[name] = [f"Ensure this value is less than or equal to {most}."]
    return errors


def _send(start_response: StartResponse, status: str, document: Any) -> list[bytes]:
    body = json.dumps(document).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]

"""Reads the tickets of a Zendesk account through its incremental export, one cursor after the other
(https://developer.zendesk.com/documentation/ticketing/managing-tickets/using-the-incremental-export-api/).

The export is one stream of tickets in the order of their changes, the system's own changes among them, which do
not move `updated_at`. A cursor marks a place in it, so each page is safe as soon as it is stored, and nothing is
read twice. Deleted tickets come by as well. The stream holds back the last minute.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

import numpy as np
from pydantic import Field, SecretStr

from connectors.days import day_start
from connectors.documents import parse_json
from connectors.headers import authorization
from connectors.http import Answer, Client, HttpSource, counters_of
from connectors.normalise import Batch, Normaliser, RequestField, add_up, columns_of
from connectors.shapes import shape_of_page
from connectors.updates import first_day_of, known_end
from forewarn.contracts import Capabilities, Page, Reconciliation, Window, WindowEnd
from forewarn.errors import SourceUnavailable

Ticket = Mapping[str, Any]

WITHHELD = timedelta(minutes=5)  # a minute by Zendesk; clocks may differ
OVERLAP = timedelta(hours=1)  # read again where a cursor was refused
MOST_ROWS = 1000  # of one answer
DELETED = "deleted"

# Our field → key of a ticket. A dot leads into a structure.
FIELDS: Mapping[RequestField, str] = {
    "source_record_id": "id",
    "requested_at": "created_at",
    "updated_at": "updated_at",
    "closed_at": "metric_set.solved_at",
    "due_at": "due_at",
    "channel": "via.channel",
    "status": "status",
}
# Keys that every ticket has, whatever the account.
USUAL_KEYS = (
    *("id", "created_at", "updated_at", "due_at", "status", "via", "metric_set", "type", "priority", "subject"),
    *("description", "group_id", "brand_id", "organization_id", "assignee_id", "ticket_form_id", "external_id"),
)


@dataclass(frozen=True, kw_only=True)
class Zendesk(HttpSource):
    """One account; `url` is its address, such as https://example.zendesk.com.

    Args:
        email: Whose API token it is; an administrator's.
        api_token: That token.
        bearer_token: An OAuth token, instead of both.
        fields: Our field → key of a ticket, over the usual ones; custom fields as `custom_fields.360012345`.
        first_day: Where reading begins.
        page_size: Rows in one answer.
        pause_seconds: Between two requests; the export takes ten a minute.
    """

    email: str = ""
    api_token: SecretStr = SecretStr("")
    bearer_token: SecretStr = SecretStr("")
    fields: dict[RequestField, str] = field(default_factory=dict)
    first_day: date | None = None
    page_size: Annotated[int, Field(ge=1, le=MOST_ROWS)] = MOST_ROWS
    pause_seconds: Annotated[float, Field(ge=0, le=3600)] = 6.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.bearer_token.get_secret_value() and not (self.email and self.api_token.get_secret_value()):
            raise ValueError("email and api_token, or bearer_token, are missing: an administrator's, as ${NAME}")

    def probe(self) -> Capabilities:
        """How many tickets there are, and the names of the custom fields."""
        with self._client() as client:
            defined = client.get(f"{self._base}/ticket_fields.json", {}, _parse_fields).document
            total = self._count(client, "type:ticket")
        custom = {f"custom_fields.{one['id']}": f"{one.get('title')} ({one.get('type')})" for one in defined}
        mapping = {str(ours): (key,) for ours, key in {**FIELDS, **self.fields}.items()}
        usual = dict.fromkeys(USUAL_KEYS, "")
        remarks = [f"{key}: {title}" for key, title in custom.items()]
        return Capabilities(True, fields=usual | custom, rows=total, remarks=remarks, mapping=mapping)

    def plan(self, state: Mapping[str, Any], now: datetime) -> Sequence[Window]:
        """One window, from the stored cursor, or at first from the first day, to now less what is withheld."""
        horizon = (now - WITHHELD).replace(microsecond=0)
        first = first_day_of(state, self.first_day, horizon, self.tz)
        since = day_start(first, self.tz)
        if since >= horizon:
            return []
        return [Window(since, horizon, state={**state, "first_day": first.isoformat()})]

    def fetch(self, window: Window) -> Iterator[Page]:
        """What changed, page after page up to the end of the stream; each page's cursor is part of the state.

        Raises:
            SourceUnavailable: The export fails, or stands still before its end.
            SourceChanged: It refuses.
        """
        assert window.since is not None  # noqa: S101 - this connector's own windows have both ends
        assert window.until is not None  # noqa: S101
        state, since = dict(window.state), window.since
        at_end = was_lost = False
        with self._client() as client:
            while not at_end:
                answer = self._ask(client, state.get("cursor"), since, may_be_lost=not was_lost)
                counters = [counters_of(answer)]
                if "error" in answer.document:  # a cursor that is not known any more, as after a move of the account
                    was_lost = True
                    del state["cursor"]
                    if "reached" in state:
                        since = datetime.fromtimestamp(state["reached"], UTC) - OVERLAP
                    yield Page(counters=add_up([*counters, {"cursors_lost": 1}]))
                    continue
                tickets = answer.document["tickets"]
                batch = self._batch([ticket for ticket in tickets if ticket.get("status") != DELETED], window.until)
                days = {day.isoformat() for day in np.unique(batch.requests.day).tolist()}
                if days:
                    state["touched"] = min({*days, state.get("touched", max(days))})
                after, at_end = answer.document["after_cursor"], answer.document["end_of_stream"]
                if not at_end and after in (None, state.get("cursor")):
                    raise SourceUnavailable(self.source, "the export says that there is more, and stands still")
                if after is not None:
                    state["cursor"] = after
                if stamps := [at for ticket in tickets if isinstance(at := ticket.get("generated_timestamp"), int)]:
                    state["reached"] = max(stamps)  # by Zendesk's clock, in whose order the stream is
                yield Page(
                    batch.requests,
                    rejects=batch.rejects,
                    counters=add_up([*counters, batch.counters, {"fetched": len(tickets)}]),
                    removed=[str(ticket["id"]) for ticket in tickets if ticket.get("status") == DELETED],
                    end=self._end(state, window.until) if at_end else WindowEnd(dict(state)),
                    shape=shape_of_page(tickets),
                )

    def reconcile(self, span: Window) -> Reconciliation:
        """How many tickets of the span the account's search finds."""
        assert span.since is not None  # noqa: S101 - a span without ends cannot be compared
        assert span.until is not None  # noqa: S101
        with self._client() as client:
            query = f"type:ticket created>={_utc(span.since)} created<{_utc(span.until)}"
            return Reconciliation(total=self._count(client, query))

    @property
    def _base(self) -> str:
        return f"{self.url.strip().rstrip('/')}/api/v2"

    def _client(self) -> Client:
        key, bearer = self.api_token.get_secret_value(), self.bearer_token.get_secret_value()
        return self.client(authorization(f"{self.email}/token", key, bearer))

    def _ask(self, client: Client, cursor: str | None, since: datetime, *, may_be_lost: bool) -> Answer:
        """One page; an object with `error` if the cursor is refused, where that may be."""
        begin: dict[str, str | int] = {"start_time": int(since.timestamp())} if cursor is None else {"cursor": cursor}
        refused = frozenset({400, 422}) if cursor is not None and may_be_lost else frozenset[int]()
        params = {**begin, "per_page": self.page_size, "include": "metric_sets"}
        parse = _parse_tickets_or_error if refused else _parse_tickets
        return client.get(f"{self._base}/incremental/tickets/cursor.json", params, parse, also_accepted=refused)

    def _batch(self, tickets: Sequence[Ticket], until: datetime) -> Batch:
        if not tickets:
            return Batch()
        keys = {**FIELDS, **self.fields}
        columns = columns_of([_with_custom_fields(ticket) for ticket in tickets], {n: (k,) for n, k in keys.items()})
        normaliser = Normaliser(self.source, self.tz, self.tz)
        return normaliser.requests(columns, now=until, position=lambda index: f"ticket {tickets[index].get('id')}")

    def _end(self, state: Mapping[str, Any], until: datetime) -> WindowEnd:
        """What is known at the end of the stream: all days from the first one that was touched or is new."""
        touched = [date.fromisoformat(state["touched"])] if "touched" in state else []
        kept = {key: value for key, value in state.items() if key != "touched"}
        return known_end(kept, touched, until, self.tz)

    def _count(self, client: Client, query: str) -> int:
        found: int = client.get(f"{self._base}/search/count.json", {"query": query}, _parse_count).document
        return found


def _with_custom_fields(ticket: Ticket) -> Ticket:
    """The ticket with its custom fields by their ids; of several values in one field the first counts."""
    custom = {str(one["id"]): one.get("value") for one in ticket.get("custom_fields") or ()}
    return {**ticket, "custom_fields": {k: (v or [None])[0] if isinstance(v, list) else v for k, v in custom.items()}}


def _parse_tickets(body: bytes) -> Mapping[str, Any]:
    """One page of the export: tickets, the next cursor, and whether the stream ends here."""
    found = parse_json(body)
    if (
        not isinstance(found, dict)
        or not isinstance(found.get("end_of_stream"), bool)
        or not isinstance(found.get("after_cursor"), str | None)
        or not isinstance(tickets := found.get("tickets"), list)
        or not all(isinstance(ticket, dict) and "id" in ticket for ticket in tickets)
    ):
        raise ValueError("not a page of tickets")
    return found


def _parse_tickets_or_error(body: bytes) -> Mapping[str, Any]:
    found = parse_json(body)
    if isinstance(found, dict) and ("error" in found or "errors" in found) and "tickets" not in found:
        return {"error": True}
    return _parse_tickets(body)


def _parse_fields(body: bytes) -> list[Mapping[str, Any]]:
    """The custom fields of the account's tickets."""
    found = parse_json(body)
    if not isinstance(found, dict) or not isinstance(fields := found.get("ticket_fields"), list):
        raise ValueError("not a list of fields")
    return [one for one in fields if isinstance(one, dict) and one.get("removable", True)]  # the system's stay


def _parse_count(body: bytes) -> int:
    found = parse_json(body)
    if not isinstance(found, dict) or not isinstance(count := found.get("count"), int):
        raise ValueError("not a count")
    return count


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

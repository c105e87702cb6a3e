"""Reads what others push: signed batches of requests, heartbeats and deletions.

The served dashboard takes a batch, has it checked here, and keeps it; later runs read what was kept, in order. Only
what the settings ask for is kept of a row, and that already scrubbed.

A heartbeat says that everything up to its time was sent. It proves that the sender lives when there are no requests.
A batch without one may be the first of many with which a sender catches up: it proves no more than what was asked for
before its newest request.
"""

import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
from pydantic import Field, SecretStr

from connectors.days import civil_day
from connectors.normalise import Normaliser, RequestField, columns_of
from connectors.scrub import descriptions
from connectors.texts import as_text
from connectors.updates import known_end
from forewarn.contracts import Capabilities, Page, Received, ReceivedBatch, Reconciliation, Window, WindowEnd
from forewarn.request import LONGEST_ID, Reject, Requests

MAX_SKEW = timedelta(minutes=5)  # between the sender's clock and ours
SHORTEST_SECRET = 16  # characters
_ALIVE, _SENT = "alive_until", "sent_until"  # keys of the state: when the sender lived, and up to when it sent all

# Our field → key of a row.
FIELDS: Mapping[RequestField, str] = {
    "source_record_id": "source_record_id",
    "requested_at": "requested_at",
    "updated_at": "updated_at",
    "closed_at": "closed_at",
    "due_at": "due_at",
    "category": "category",
    "subcategory": "subcategory",
    "area": "area",
    "agency": "agency",
    "channel": "channel",
    "status": "status",
    "latitude": "latitude",
    "longitude": "longitude",
}


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """One sender.

    Args:
        zone: Where civil days are counted.
        secret: Shared with the sender, who signs each batch with it.
        fields: Our field → key of a row, over the usual ones, which are our own names without `description`.
        clock: Zone in which times without one are written; '': `zone`.
        time_format: As for `strptime`; '': ISO 8601 and a few others.
        first_day: From here on the sender sends everything; None: from the day after its first batch.
        max_body_mb: A larger batch is refused.
        batches_a_minute: More are put off.
        received: Gives the batches that were kept.
    """

    source: str
    zone: str
    secret: SecretStr
    fields: dict[RequestField, str] = field(default_factory=dict)
    clock: str = ""
    time_format: str = ""
    first_day: date | None = None
    max_body_mb: Annotated[int, Field(ge=1, le=256)] = 8
    batches_a_minute: Annotated[int, Field(ge=1)] = 120
    received: Received

    def __post_init__(self) -> None:
        if len(self.secret.get_secret_value()) < SHORTEST_SECRET:
            raise ValueError(f"secret must have at least {SHORTEST_SECRET} characters; write it as ${{NAME}}")
        if self.clock and self.clock not in available_timezones():
            raise ValueError(f"clock = {self.clock!r} is not an IANA time zone such as 'Europe/Berlin'")

    def is_signed(self, timestamp: str, signature: str, body: bytes) -> bool:
        """Whether the body was signed with the secret: `sha256=` and the HMAC of timestamp, a dot, and the body."""
        signed = hmac.new(self.secret.get_secret_value().encode(), f"{timestamp}.".encode() + body, sha256)
        return hmac.compare_digest(f"sha256={signed.hexdigest()}".encode(), signature.encode(errors="replace"))

    def check(self, body: bytes, now: datetime) -> dict[str, Any]:
        """What to keep of a batch (JSON).

        Returns:
            `rows` with what the settings ask for, as texts; `removed` ids; `rejects`, each with reason, detail and its
            index; how many items were `accepted`; and until when the sender was alive, if a heartbeat says so.

        Raises:
            ValueError: The body is neither a JSON array nor lines of JSON; says so in words.
        """
        rows: list[tuple[int, Mapping[str, Any]]] = []
        rejects, beats = list[Reject](), list[datetime]()
        removed: dict[str, int] = {}
        for index, item in enumerate(_items(body)):
            if not isinstance(item, dict):
                rejects.append(Reject("unreadable", "not a JSON object", str(index)))
            elif item.get("type") == "heartbeat":
                at = _instant(item.get("at"))
                if at is None or at > now + MAX_SKEW:
                    problem = "at must be a time with its zone, and not ahead of now"
                    rejects.append(Reject("bad_heartbeat", problem, str(index)))
                else:
                    beats.append(at)
            elif item.get("type") == "deletion":
                record_id = str(item.get("source_record_id") or "")
                if not record_id:
                    rejects.append(Reject("no_id", "source_record_id is empty", str(index)))
                elif len(record_id) > LONGEST_ID:
                    problem = f"source_record_id has more than {LONGEST_ID} characters"
                    rejects.append(Reject("long_id", problem, str(index)))
                else:
                    removed[record_id] = index
            else:
                rows.append((index, item))
        kept, faulty = self._kept(rows, now)
        accepted = len(kept) + len(removed) + len(beats)
        for index, row in kept:  # whichever came later counts
            if removed.get(row["source_record_id"], index) < index:
                del removed[row["source_record_id"]]
        rejects = sorted([*rejects, *faulty], key=lambda reject: int(reject.position))
        alive = max((min(at, now) for at in beats), default=None)
        return {
            "rows": [row for _, row in kept],
            "removed": list(removed),
            "rejects": [list(reject) for reject in rejects],
            "accepted": accepted,
            "alive_until": alive and alive.isoformat(),
        }

    def probe(self) -> Capabilities:
        """Where batches are waited for, and what came with those that were kept; nobody can be asked."""
        remarks = [f"waits for signed batches at /ingest/{self.source} of the served dashboard"]
        came, after = set[str](), 0
        while batches := self.received(after):
            came |= {name for batch in batches for row in batch.content["rows"] for name in row}
            after, newest = batches[-1].number, batches[-1].received_at
        if after:
            remarks.append(f"the last batch came {newest.astimezone(ZoneInfo(self.zone)):%Y-%m-%d %H:%M}")
        keys = {**FIELDS, **self.fields}
        mapping = {str(ours): (key,) for ours, key in keys.items() if ours in self.fields or ours in came or not came}
        return Capabilities(reachable=True, remarks=remarks, mapping=mapping)

    def plan(self, state: Mapping[str, Any], now: datetime) -> Sequence[Window]:
        """Everything that was received and not read yet."""
        return [Window(until=now, state=state)]

    def fetch(self, window: Window) -> Iterator[Page]:
        """One page for each batch, which is safe as soon as it is stored."""
        state = dict(window.state)
        while batches := self.received(state.get("after", 0)):
            for batch in batches:
                content = batch.content
                read = self._normaliser.requests(
                    columns_of(content["rows"], {name: (name,) for name in {**FIELDS, **self.fields}}),
                    now=batch.received_at,
                    position=lambda index, number=batch.number: f"batch {number}, row {index}",  # type: ignore[misc]
                )
                state |= self._known(state, batch, read.requests) | {"after": batch.number}
                if days := [day.isoformat() for day in np.unique(read.requests.day).tolist()]:
                    state["touched"] = min(days[0], state.get("touched", days[0]))
                rejects = [
                    Reject(reason, detail, f"batch {batch.number}, item {at}")
                    for reason, detail, at in content["rejects"]
                ]
                counters = {**read.counters, "fetched": len(content["rows"]) + len(rejects), "batches": 1}
                yield Page(
                    read.requests,
                    rejects=[*rejects, *read.rejects],
                    counters=counters,
                    removed=content["removed"],
                    end=WindowEnd(dict(state)),
                )
        yield Page(end=self._end(state))

    def reconcile(self, span: Window) -> Reconciliation:  # noqa: ARG002 - the signature is given
        """Nobody can be asked what there is."""
        return Reconciliation()

    @property
    def _normaliser(self) -> Normaliser:
        return Normaliser(self.source, ZoneInfo(self.zone), ZoneInfo(self.clock or self.zone), self.time_format)

    def _kept(
        self, rows: Sequence[tuple[int, Mapping[str, Any]]], now: datetime
    ) -> tuple[list[tuple[int, dict[str, str]]], list[Reject]]:
        """Of usable rows their index and what the settings ask for, as texts; and the others with their reason."""
        if not rows:
            return [], []
        keys = {**FIELDS, **self.fields}
        columns = columns_of([row for _, row in rows], {name: (key,) for name, key in keys.items()})
        rejects = self._normaliser.requests(columns, now=now, position=lambda index: str(rows[index][0])).rejects
        faulty = {int(reject.position) for reject in rejects}
        texts = {name: as_text(column) for name, column in columns.items()}
        if "description" in texts:
            texts["description"] = descriptions(texts["description"])
        held = {name: column.tolist() for name, column in texts.items()}
        return [
            (index, {str(name): values[row] for name, values in held.items() if values[row]})
            for row, (index, _) in enumerate(rows)
            if index not in faulty
        ], list(rejects)

    def _known(self, state: Mapping[str, Any], batch: ReceivedBatch, requests: Requests) -> dict[str, str]:
        """Once this batch is read: from which day on everything comes, until when it was sent, and the sender lived."""
        begun = state.get("first_day")
        if begun is None:
            first = self.first_day or civil_day(batch.received_at, ZoneInfo(self.zone)) + timedelta(days=1)
            begun = first.isoformat()
        beat = batch.content["alive_until"]
        known = {_ALIVE: beat or batch.received_at.isoformat(), _SENT: beat or _newest(requests, batch.received_at)}
        known = {
            key: max(told, state.get(key, told), key=datetime.fromisoformat) for key, told in known.items() if told
        }
        return {"first_day": begun, **known}

    def _end(self, state: Mapping[str, Any]) -> WindowEnd:
        """All days that were over when everything was sent, from the first that was touched or is new."""
        alive = datetime.fromisoformat(state[_ALIVE]) if _ALIVE in state else None
        if _SENT not in state:
            return WindowEnd(state, fresh_until=alive)
        touched = [date.fromisoformat(state["touched"])] if "touched" in state else []
        kept = {key: value for key, value in state.items() if key != "touched"}
        return known_end(kept, touched, datetime.fromisoformat(state[_SENT]), ZoneInfo(self.zone), fresh_until=alive)


def _newest(requests: Requests, until: datetime) -> str:
    """The time of the newest request that is not from the future, as text; '': there is none."""
    times = requests.requested_at
    times = times[times <= np.datetime64(until.astimezone(UTC).replace(tzinfo=None), "us")]
    return times.max().item().replace(tzinfo=UTC).isoformat() if len(times) else ""


def _items(body: bytes) -> Sequence[Any]:
    """The items of a JSON array, or of lines of JSON; a line that is none is None."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("the body is not UTF-8") from None
    if text.lstrip().startswith("["):
        try:
            items = json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError("the body is not a complete JSON array") from None
        return list(items)
    return [_line(line) for line in text.split("\n") if line.strip()]


def _line(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _instant(told: object) -> datetime | None:
    """An instant written with its zone."""
    try:
        found = datetime.fromisoformat(told) if isinstance(told, str) else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None

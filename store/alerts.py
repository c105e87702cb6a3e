"""Alerts with their events, and the outbox of notifications."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import IntegrityError

from forewarn.alert import Alert, AlertEvent, Change, Kind, Notification, Severity, State, Verdict
from forewarn.errors import StoreError
from store.dialect import insert
from store.schema import alert, alert_event, notification


class OutboxRow(NamedTuple):
    """How it stands with one notification."""

    idempotency_key: str
    channel: str
    fingerprint: str
    subject: str
    created_at: datetime
    attempts: int
    next_try_at: datetime | None
    tried_at: datetime | None  # when the last attempt ended
    delivered_at: datetime | None
    error: str  # of the last attempt

    @property
    def given_up(self) -> bool:
        """Neither delivered nor to be tried again."""
        return self.delivered_at is None and self.next_try_at is None


def read_alerts(
    conn: Connection,
    *,
    source: str | None = None,
    kinds: Collection[Kind] | None = None,
    states: Collection[State] | None = None,
    live_or_since: date | None = None,
    limit: int | None = None,
) -> list[Alert]:
    """Alerts, the one that changed last first.

    Args:
        live_or_since: Of those that are resolved only what was last found on this day or later.
    """
    statement = select(alert).order_by(alert.c.changed_at.desc(), alert.c.fingerprint).limit(limit)
    if source is not None:
        statement = statement.where(alert.c.source == source)
    if kinds is not None:
        statement = statement.where(alert.c.kind.in_([kind.value for kind in kinds]))
    if live_or_since is not None:
        is_live = alert.c.state != State.RESOLVED.value
        statement = statement.where(is_live | (alert.c.last_day >= live_or_since))
    if states is not None:
        statement = statement.where(alert.c.state.in_([state.value for state in states]))
    return [_alert(row) for row in conn.execute(statement)]


def read_alert(conn: Connection, fingerprint: str) -> tuple[Alert, list[AlertEvent]] | None:
    """One alert and everything that happened to it, oldest first."""
    row = conn.execute(select(alert).where(alert.c.fingerprint == fingerprint)).one_or_none()
    if row is None:
        return None
    statement = select(alert_event).where(alert_event.c.fingerprint == fingerprint)
    events = conn.execute(statement.order_by(alert_event.c.sequence))
    return _alert(row), [AlertEvent(*event) for event in events]


def write_changes(conn: Connection, changes: Sequence[Change]) -> None:
    """Keeps alerts as they now are, and appends the events that made them so.

    Raises:
        StoreError: Somebody else changed one of them since it was read. The transaction must be given up.
    """
    for change in changes:
        values = _values(change.alert)
        kept = insert(conn, alert).values(values)
        conn.execute(kept.on_conflict_do_update(index_elements=["fingerprint"], set_=values))
        event = change.event
        try:
            conn.execute(
                alert_event.insert().values(
                    fingerprint=event.fingerprint,
                    sequence=event.sequence,
                    at=event.at,
                    what=event.what,
                    who=event.who,
                    note=event.note,
                )
            )
        except IntegrityError as error:
            raise StoreError(
                f"The alert {event.fingerprint} was changed by somebody else meanwhile. Look at it and try again."
            ) from error


def enqueue(conn: Connection, notifications: Sequence[Notification]) -> None:
    """Puts messages into the outbox, due at once; one that is there already is left alone."""
    rows = [
        {
            "idempotency_key": message.idempotency_key,
            "channel": message.channel,
            "fingerprint": message.fingerprint,
            "subject": message.subject,
            "text": message.text,
            "html": message.html,
            "created_at": message.created_at,
            "attempts": 0,
            "next_try_at": message.created_at,
            "error": "",
        }
        for message in notifications
    ]
    if rows:
        conn.execute(insert(conn, notification).on_conflict_do_nothing(index_elements=["idempotency_key"]), rows)


def told_of(conn: Connection, fingerprints: Collection[str]) -> dict[str, set[str]]:
    """Alert → the channels that were, or will be, told of it."""
    table = notification.c
    told: dict[str, set[str]] = {}
    for fingerprint, channel in conn.execute(
        select(table.fingerprint, table.channel).where(table.fingerprint.in_(fingerprints)).distinct()
    ):
        told.setdefault(fingerprint, set()).add(channel)
    return told


def claim_due(conn: Connection, now: datetime, *, until: datetime) -> Notification | None:
    """The oldest message that is due at `now`, already counted as tried once more; None: none is.

    Commit before sending. Nobody else claims it before `until`; if the sender dies, it comes back then.
    """
    table = notification.c
    columns = (table[name] for name in Notification.__dataclass_fields__ if name != "attempts")
    due = (
        select(*columns, (table.attempts + 1).label("attempts"))
        .where(table.next_try_at <= now)
        .order_by(table.created_at, table.idempotency_key)
        .limit(1)
        .with_for_update(skip_locked=True)  # SQLite has one writer at a time, and no such words
    )
    row = conn.execute(due).one_or_none()
    if row is None:
        return None
    claimed = Notification(**row._mapping)
    taken = update(notification).where(table.idempotency_key == claimed.idempotency_key)
    conn.execute(taken.values(attempts=claimed.attempts, next_try_at=until))
    return claimed


def mark_delivered(conn: Connection, key: str, at: datetime) -> None:
    """Notes that a message was accepted."""
    done = update(notification).where(notification.c.idempotency_key == key)
    conn.execute(done.values(delivered_at=at, tried_at=at, next_try_at=None, error=""))


def mark_failed(conn: Connection, key: str, at: datetime, error: str, next_try_at: datetime | None) -> None:
    """Notes why a message was not accepted, and when to try again; None: never. What was delivered stays so."""
    table = notification.c
    failed = update(notification).where(table.idempotency_key == key, table.delivered_at.is_(None))
    conn.execute(failed.values(tried_at=at, error=error, next_try_at=next_try_at))


def read_outbox(conn: Connection, limit: int) -> list[OutboxRow]:
    """The last messages, newest first, without their texts."""
    columns = [notification.c[name] for name in OutboxRow._fields]
    newest = select(*columns).order_by(notification.c.created_at.desc(), notification.c.idempotency_key)
    return [OutboxRow(*row) for row in conn.execute(newest.limit(limit))]


def _values(held: Alert) -> dict[str, Any]:
    return {
        "fingerprint": held.fingerprint,
        "kind": held.kind.value,
        "source": held.source,
        "labels": held.labels,
        "state": held.state.value,
        "severity": held.severity.value,
        "title": held.title,
        "first_day": held.first_day,
        "last_day": held.last_day,
        "peak_day": held.peak_day,
        "opened_at": held.opened_at,
        "changed_at": held.changed_at,
        "revision": held.revision,
        "evidence": dict(held.evidence),
        "verdict": None if held.verdict is None else held.verdict.value,
    }


def _alert(row: Any) -> Alert:
    values = dict(row._mapping)
    values["kind"] = Kind(row.kind)
    values["state"] = State(row.state)
    values["severity"] = Severity(row.severity)
    values["verdict"] = None if row.verdict is None else Verdict(row.verdict)
    return Alert(**values)

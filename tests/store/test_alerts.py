"""Alerts with their history, and an outbox that neither loses nor doubles a message."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine

from forewarn.alert import Alert, AlertEvent, Change, Kind, Notification, Severity, State, Verdict
from forewarn.errors import StoreError
from store.alerts import (
    claim_due,
    enqueue,
    mark_delivered,
    mark_failed,
    read_alert,
    read_alerts,
    read_outbox,
    told_of,
    write_changes,
)
from store.engine import snapshot, transaction

DAY = date(2026, 3, 2)
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
MINUTE, LEASE = timedelta(minutes=1), timedelta(minutes=5)
RATS = Alert(
    "abc", Kind.SURGE, "bonn", {"category": "Rats"}, State.OPEN, Severity.WARNING, "More rats",
    DAY, DAY, DAY, AT, AT, 1, {"excess": 6.5, "days": ["2026-03-02"]},
)  # fmt: skip
OPENED = AlertEvent("abc", 1, AT, "opened", "forewarn")
MESSAGE = Notification("key", "mail", "abc", "More rats", "text", "<p>text", AT)


def test_an_alert_keeps_its_history(store_engine: Engine) -> None:
    verified = replace(RATS, state=State.VERIFIED, verdict=Verdict.REAL, revision=2, changed_at=AT + MINUTE)
    judged = AlertEvent("abc", 2, AT + MINUTE, "verdict", "ann", "seen <b>many</b>")
    other = replace(RATS, fingerprint="def", source="köln")
    with transaction(store_engine) as conn:
        write_changes(conn, [Change(RATS, OPENED), Change(verified, judged)])
        write_changes(conn, [Change(other, replace(OPENED, fingerprint="def"))])
        assert read_alert(conn, "abc") == (verified, [OPENED, judged])
        assert read_alert(conn, "nothing") is None
        assert read_alerts(conn) == [verified, other]
        assert read_alerts(conn, source="köln") == [other]
        assert read_alerts(conn, states=[State.OPEN, State.ACKNOWLEDGED]) == [other]
        assert read_alerts(conn, limit=1) == [verified]


def test_what_was_over_long_ago_is_left_out(store_engine: Engine) -> None:
    over = replace(RATS, fingerprint="def", state=State.RESOLVED)
    fault = replace(RATS, fingerprint="ghi", kind=Kind.SOURCE)
    with transaction(store_engine) as conn:
        write_changes(conn, [Change(one, replace(OPENED, fingerprint=one.fingerprint)) for one in (RATS, over, fault)])
        assert read_alerts(conn, live_or_since=DAY) == [RATS, over, fault]
        assert read_alerts(conn, live_or_since=DAY + timedelta(days=1)) == [RATS, fault]
        assert read_alerts(conn, kinds=[Kind.SOURCE]) == [fault]


def test_two_who_change_an_alert_at_once(store_engine: Engine) -> None:
    with transaction(store_engine) as conn:
        write_changes(conn, [Change(RATS, OPENED)])
    seen = replace(RATS, state=State.ACKNOWLEDGED, revision=2)
    event = replace(OPENED, sequence=2, what="acknowledged", who="ann")
    with transaction(store_engine) as conn:
        write_changes(conn, [Change(seen, event)])
    resolved = Change(replace(seen, state=State.RESOLVED), replace(event, who="bob"))
    with pytest.raises(StoreError, match="changed by somebody else"), transaction(store_engine) as conn:
        write_changes(conn, [resolved])
    with snapshot(store_engine) as conn:
        assert read_alert(conn, "abc") == (seen, [OPENED, event])


def claimed(conn: Connection, now: datetime, until: datetime = AT + LEASE) -> list[str]:
    """Keys of all messages that are due, each claimed."""
    keys = list[str]()
    while message := claim_due(conn, now, until=until):
        keys.append(message.idempotency_key)
    return keys


def test_a_message_is_queued_once_and_claimed_once(store_engine: Engine) -> None:
    with transaction(store_engine) as conn:
        enqueue(conn, [MESSAGE, replace(MESSAGE, idempotency_key="later", created_at=AT + MINUTE)])
        enqueue(conn, [replace(MESSAGE, text="another")])
        enqueue(conn, [])
    with transaction(store_engine) as conn:
        assert claim_due(conn, AT - MINUTE, until=AT + LEASE) is None
        assert claim_due(conn, AT, until=AT + LEASE) == replace(MESSAGE, attempts=1)
        assert claim_due(conn, AT, until=AT + LEASE) is None
        assert claimed(conn, AT + LEASE, AT + 2 * LEASE) == ["key", "later"]


def test_a_message_of_a_dead_sender_comes_back(store_engine: Engine) -> None:
    with transaction(store_engine) as conn:
        enqueue(conn, [MESSAGE])
        claim_due(conn, AT, until=AT + LEASE)
    with transaction(store_engine) as conn:
        assert claim_due(conn, AT + LEASE - MINUTE, until=AT + LEASE) is None
        assert claim_due(conn, AT + LEASE, until=AT + 2 * LEASE) == replace(MESSAGE, attempts=2)


def test_what_somebody_else_delivered_meanwhile_has_not_failed(store_engine: Engine) -> None:
    with transaction(store_engine) as conn:
        enqueue(conn, [MESSAGE])
        claim_due(conn, AT, until=AT + LEASE)
        claim_due(conn, AT + LEASE, until=AT + 2 * LEASE)
        mark_delivered(conn, "key", AT + LEASE)
        mark_failed(conn, "key", AT + LEASE, "no answer in time", AT + LEASE + MINUTE)
        assert claimed(conn, AT + 9 * LEASE) == []


def test_who_was_told_of_an_alert(store_engine: Engine) -> None:
    other = replace(MESSAGE, idempotency_key="other", fingerprint="def", channel="ops/2")
    with transaction(store_engine) as conn:
        enqueue(conn, [MESSAGE, replace(MESSAGE, idempotency_key="again"), other])
        assert told_of(conn, {"abc", "nothing"}) == {"abc": {"mail"}}
        assert told_of(conn, {"abc", "def"}) == {"abc": {"mail"}, "def": {"ops/2"}}
        assert told_of(conn, set()) == {}


def test_how_deliveries_end(store_engine: Engine) -> None:
    with transaction(store_engine) as conn:
        enqueue(conn, [replace(MESSAGE, idempotency_key=key) for key in ("a", "b", "c")])
        assert claimed(conn, AT) == ["a", "b", "c"]
        mark_delivered(conn, "a", AT)
        mark_failed(conn, "b", AT, "server busy", AT + MINUTE)
        mark_failed(conn, "c", AT, "no such mailbox", None)
        assert claimed(conn, AT + MINUTE) == ["b"]
        done, again, lost = read_outbox(conn, 10)
    assert (done.delivered_at, done.given_up, done.error) == (AT, False, "")
    assert (again.attempts, again.given_up, again.error) == (2, False, "server busy")
    assert (lost.tried_at, lost.given_up, lost.error) == (AT, True, "no such mailbox")


@pytest.mark.postgres
def test_two_senders_at_once_never_claim_the_same(store_engine: Engine) -> None:
    if store_engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    with transaction(store_engine) as conn:
        enqueue(conn, [replace(MESSAGE, idempotency_key=key) for key in ("a", "b")])
    with transaction(store_engine) as one, transaction(store_engine) as other:
        assert claim_due(one, AT, until=AT + LEASE) == replace(MESSAGE, idempotency_key="a", attempts=1)
        assert claimed(other, AT) == ["b"]

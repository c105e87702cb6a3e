"""What each flow does with changes of alerts: store them with the messages they cause, and tell Prefect."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from alerts.messages import notifications
from flows.reporting import say
from forewarn.alert import Change
from forewarn.settings import Settings
from store import alerts as alert_store


def record(conn: Connection, settings: Settings, changes: Sequence[Change], now: datetime) -> None:
    """Store `changes` and, in the same transaction, the messages that are due to people because of them."""
    alert_store.write_changes(conn, changes)
    tell(conn, settings, changes, now)


def tell(conn: Connection, settings: Settings, changes: Sequence[Change], now: datetime) -> None:
    """Put the messages into the outbox that are due to people because of `changes`, one for each alert."""
    told = notifications(changes, settings.channels, now=now, dashboard_url=settings.dashboard_url)
    alert_store.enqueue(conn, told)


def announce(changes: Iterable[Change]) -> None:
    """Emit a Prefect event for each change."""
    for change in changes:
        say(f"forewarn.alert.{change.event.what}", change.alert.fingerprint, change.alert.title)

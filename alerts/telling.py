"""Keeps what became of alerts, and in the same transaction the messages that are due to people because of it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from alerts.messages import notifications
from forewarn.alert import Change
from forewarn.settings import Settings
from store.alerts import enqueue, told_of, write_changes


def record(conn: Connection, settings: Settings, changes: Sequence[Change], now: datetime) -> None:
    """Store `changes`, and tell of them."""
    write_changes(conn, changes)
    tell(conn, settings, changes, now)


def tell(conn: Connection, settings: Settings, changes: Sequence[Change], now: datetime) -> None:
    """Put the messages into the outbox that are due to people because of `changes`, one for each alert."""
    told = told_of(conn, {change.alert.fingerprint for change in changes})
    enqueue(conn, notifications(changes, settings.channels, told, now=now, dashboard_url=settings.dashboard_url))

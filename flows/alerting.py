"""Tells Prefect what became of alerts."""

from collections.abc import Iterable

from flows.reporting import say
from forewarn.alert import Change


def announce(changes: Iterable[Change]) -> None:
    """Emit a Prefect event for each change."""
    for change in changes:
        say(f"forewarn.alert.{change.event.what}", change.alert.fingerprint, change.alert.title)

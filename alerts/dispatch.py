"""Brings the outbox to people: at least once, and as good as exactly once.

Each message is claimed in one transaction, sent outside of any, and noted in another; nobody else claims it meanwhile.
If the process dies in between, it is sent again later with the same key.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Engine

from forewarn.alert import Notification
from forewarn.contracts import Channel
from forewarn.errors import DeliveryError
from store.alerts import claim_due, mark_delivered, mark_failed
from store.engine import transaction

LEASE = timedelta(minutes=5)
"""So long a message is left to whoever claimed it; no channel takes as long."""
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=6)
MOST_TRIES = 10
"""1, 2, 4, … 256 minutes: a mail server may be away for more than eight hours."""
PAUSE_AFTER = 3
"""So many failures in a row, and the channel's other messages wait, so that a dead one does not hold up the rest."""


class DeliveryReport(NamedTuple):
    """What became of the messages that were due."""

    delivered: int
    failed: int  # will be tried again
    given_up: int  # dead letters
    problems: tuple[str, ...]  # one line for each channel in trouble, without secrets


def deliver(
    engine: Engine,
    channels: Mapping[str, Channel],
    now: datetime,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> DeliveryReport:
    """Sends everything that is due at `now`; what fails waits for its next try with its reason.

    Args:
        channels: By their names in the settings.
        clock: Tells the time as others see it who send, too: `now` is earlier, if much was done before or is sent.
    """
    outcomes: Counter[str] = Counter()
    failures_in_a_row: Counter[str] = Counter()
    problems: dict[str, str] = {}
    while True:
        with transaction(engine) as conn:
            notification = claim_due(conn, now, until=max(now, clock()) + LEASE)
        if notification is None:
            return DeliveryReport(
                outcomes["delivered"], outcomes["failed"], outcomes["given up"], tuple(problems.values())
            )
        paused = failures_in_a_row[notification.channel] >= PAUSE_AFTER
        waits = DeliveryError(notification.channel, "waits, as the channel fails just now", retryable=True)
        failure = waits if paused else _send(channels, notification)
        failures_in_a_row[notification.channel] = failures_in_a_row[notification.channel] + 1 if failure else 0
        next_try_at = _next_try(notification, failure, now, paused=paused) if failure else None
        with transaction(engine) as conn:
            if failure is None:
                mark_delivered(conn, notification.idempotency_key, now)
            else:
                mark_failed(conn, notification.idempotency_key, now, failure.problem, next_try_at)
        if failure:
            problems.setdefault(notification.channel, str(failure))
        outcomes["delivered" if failure is None else "failed" if next_try_at else "given up"] += 1


def _send(channels: Mapping[str, Channel], notification: Notification) -> DeliveryError | None:
    name = notification.channel
    channel = channels.get(name) or channels.get(name.rpartition("/")[0])
    if channel is None:
        return DeliveryError(name, "there is no such channel in the settings any more", retryable=False)
    try:
        channel.send(notification)
    except DeliveryError as error:
        return error
    except Exception as error:  # a channel is foreign code, and one must not stop the others
        return DeliveryError(name, f"the channel failed with {type(error).__name__}", retryable=True)
    return None


def _next_try(notification: Notification, failure: DeliveryError, now: datetime, *, paused: bool) -> datetime | None:
    """When to try again; None: never. A message that was not even tried is never given up."""
    if not failure.retryable or (notification.attempts >= MOST_TRIES and not paused):
        return None
    doublings = min(max(notification.attempts - 1, 0), MOST_TRIES)
    return now + min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)

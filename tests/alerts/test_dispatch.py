"""The outbox against channels that fail."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from alerts.dispatch import LONGEST_WAIT, MOST_TRIES, DeliveryReport, deliver
from forewarn.alert import Notification
from forewarn.errors import DeliveryError
from store.alerts import enqueue, read_outbox
from store.engine import open_store, transaction
from tests.alerts.test_channels import message

START = datetime(2026, 2, 4, 6, tzinfo=UTC)


class Sink:
    """Accepts messages unless it is told to fail."""

    def __init__(self, name: str, *failures: Exception) -> None:
        self.name = name
        self.failures = list(failures)
        self.accepted: list[str] = []
        self.tries = 0

    def send(self, notification: Notification) -> None:
        self.tries += 1
        if self.failures:
            raise self.failures.pop(0)
        self.accepted.append(notification.idempotency_key)


def refusal(*, retryable: bool = True) -> DeliveryError:
    return DeliveryError("ops", "mail server is away", retryable=retryable)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = open_store(f"sqlite:///{tmp_path}/store.db")
    yield opened
    opened.dispose()


def put(engine: Engine, *keys: str, channel: str = "ops") -> None:
    with transaction(engine) as conn:
        enqueue(conn, [message(key, channel) for key in keys])


def test_what_is_due_is_delivered_once(engine: Engine) -> None:
    put(engine, "a", "b")
    put(engine, "a")
    sink = Sink("ops")
    assert deliver(engine, {"ops": sink}, START) == DeliveryReport(2, 0, 0, ())
    assert deliver(engine, {"ops": sink}, START + timedelta(days=1)) == DeliveryReport(0, 0, 0, ())
    assert sink.accepted == ["a", "b"]


def test_all_that_is_due_is_delivered_in_one_go(engine: Engine) -> None:
    put(engine, *(f"{number:03}" for number in range(120)))
    assert deliver(engine, {"ops": Sink("ops")}, START).delivered == 120


def test_a_failure_is_tried_again_after_a_minute_then_two(engine: Engine) -> None:
    put(engine, "a")
    sink = Sink("ops", refusal(), refusal())
    report = deliver(engine, {"ops": sink}, START)
    assert report == DeliveryReport(0, 1, 0, ("channel 'ops': mail server is away",))
    assert deliver(engine, {"ops": sink}, START + timedelta(seconds=59)) == DeliveryReport(0, 0, 0, ())
    assert deliver(engine, {"ops": sink}, START + timedelta(minutes=1)).failed == 1
    assert deliver(engine, {"ops": sink}, START + timedelta(minutes=2, seconds=59)).failed == 0
    assert deliver(engine, {"ops": sink}, START + timedelta(minutes=3)).delivered == 1
    assert (sink.accepted, sink.tries) == (["a"], 3)


def test_after_ten_tries_it_is_given_up(engine: Engine) -> None:
    put(engine, "a")
    sink = Sink("ops", *(refusal() for _ in range(20)))
    now, outcomes = START, []
    for _ in range(MOST_TRIES + 3):
        report = deliver(engine, {"ops": sink}, now)
        outcomes.append((report.failed, report.given_up))
        now += LONGEST_WAIT
    assert outcomes == [(1, 0)] * 9 + [(0, 1)] + [(0, 0)] * 3
    with engine.connect() as conn:
        (row,) = read_outbox(conn, 10)
    assert row.error == "mail server is away"


def test_what_will_never_be_accepted_is_given_up_at_once(engine: Engine) -> None:
    put(engine, "a")
    sink = Sink("ops", refusal(retryable=False))
    assert deliver(engine, {"ops": sink}, START).given_up == 1
    assert deliver(engine, {"ops": sink}, START + LONGEST_WAIT) == DeliveryReport(0, 0, 0, ())


def test_a_dead_channel_does_not_stop_the_others_and_is_left_alone_for_a_while(engine: Engine) -> None:
    put(engine, "a", "b", "c", "d", "e", channel="dead")
    put(engine, "z", channel="log")
    dead, log = Sink("dead", *(refusal() for _ in range(9))), Sink("log")
    report = deliver(engine, {"dead": dead, "log": log}, START)
    assert (report.delivered, report.failed, report.given_up) == (1, 5, 0)
    assert (dead.tries, log.accepted) == (3, ["z"])


def test_a_message_that_was_only_put_off_is_never_given_up(engine: Engine) -> None:
    put(engine, "a", "b", "c", "d")
    now = START
    for _ in range(MOST_TRIES):
        deliver(engine, {"ops": Sink("ops", *(refusal() for _ in range(3)))}, now)
        now += LONGEST_WAIT
    last = Sink("ops")
    deliver(engine, {"ops": last}, now)
    assert last.accepted == ["d"]


def test_one_bad_message_does_not_hold_up_its_channel(engine: Engine) -> None:
    put(engine, "a", "b", "c")
    sink = Sink("ops", ValueError("secret of the plugin"))
    report = deliver(engine, {"ops": sink}, START)
    assert report == DeliveryReport(2, 1, 0, ("channel 'ops': the channel failed with ValueError",))


def test_one_target_that_fails_does_not_double_the_other(engine: Engine) -> None:
    put(engine, "a", channel="ops")
    put(engine, "b", channel="ops/2")
    sink = Sink("ops", refusal())
    deliver(engine, {"ops": sink}, START)
    deliver(engine, {"ops": sink}, START + timedelta(minutes=1))
    assert sorted(sink.accepted) == ["a", "b"]


def test_a_channel_that_is_gone_is_given_up_with_a_reason(engine: Engine) -> None:
    put(engine, "a", channel="gone")
    report = deliver(engine, {"ops": Sink("ops")}, START)
    assert report.given_up == 1
    assert "no such channel" in report.problems[0]


@pytest.mark.parametrize("begun", [timedelta(), timedelta(hours=2)])
def test_two_who_send_at_once_double_nothing_however_long_it_takes(engine: Engine, begun: timedelta) -> None:
    """Nor if `now` is long ago, as after sources were read for hours."""
    keys = [f"{number:02}" for number in range(20)]
    put(engine, *keys)
    clock, accepted = [START + begun], list[str]()

    class Slow(Sink):
        """Others look for what is due six minutes after it began."""

        def send(self, notification: Notification) -> None:
            super().send(notification)
            clock[0] += timedelta(minutes=1)
            if self.tries == 6:
                other = Sink("ops")
                deliver(engine, {"ops": other}, clock[0], lambda: clock[0])
                accepted.extend(other.accepted)

    slow = Slow("ops")
    deliver(engine, {"ops": slow}, START, lambda: clock[0])
    assert (slow.tries, sorted(slow.accepted + accepted)) == (6, keys)

"""From changes to messages: one for each alert with something worth telling, and each target that asked for it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from alerts.channels import targets_of
from alerts.mail_page import mail_page
from alerts.phrases import SEVERITY_WORDS, Answer, day_text, plain
from alerts.routing import wants
from alerts.wording import answers
from forewarn.alert import Change, Kind, Notification
from forewarn.settings import ChannelSettings

TOLD = {
    "opened": "new alert",
    "released": "new alert",  # it was held back while its source was in trouble
    "reopened": "it is back",
    "worsened": "it got worse",
    "resolved": "over",
    "merged": "part of another alert",
    "passed": "it came and went",  # began and ended before anybody was told
}
"""What people are told of, in words: events, and what several of them come to."""

BEGINS = ("opened", "released", "reopened")
"""Those that an alert is first told with."""

ENDS = ("resolved", "merged")
"""Those that only people hear who were told before."""

LONGEST_SUBJECT = 160


def notifications(
    changes: Sequence[Change],
    channels: Mapping[str, ChannelSettings],
    told: Mapping[str, Collection[str]],
    *,
    now: datetime,
    dashboard_url: str,
) -> list[Notification]:
    """Messages for the outbox, in the order of `changes`.

    Told are alerts that open, come back, get worse and, if they were told before, end. Changes of one alert that come
    together, as after an outage, make one message about what it is by now.

    Args:
        told: Alert → targets that were told of it before. They hear how it goes on though it may not be what they asked
            for any more, and only they hear that it is over.
    """
    return [
        Notification(
            idempotency_key=f"{change.alert.fingerprint}:{change.event.sequence}:{target}",
            channel=target,
            fingerprint=change.alert.fingerprint,
            subject=subject_of(change),
            text=text_of(change, dashboard_url),
            html=mail_page(change.alert, headline_of(change), story_of(change), alert_url(change, dashboard_url)),
            created_at=now,
        )
        for change in _one_each(changes)
        for name, settings in channels.items()
        for target in targets_of(name, settings)
        if target in told.get(change.alert.fingerprint, ()) or _is_new_to(settings, change)
    ]


def _one_each(changes: Sequence[Change]) -> list[Change]:
    """Of each alert its last change that is news, with what all of its changes come to."""
    told: dict[str, Change] = {}
    for change in filter(_is_news, changes):
        before = told.get(change.alert.fingerprint)
        if before is not None and before.event.what in BEGINS:
            what = {"worsened": before.event.what, "resolved": "passed"}.get(change.event.what, change.event.what)
            change = replace(change, event=replace(change.event, what=what))
        told[change.alert.fingerprint] = change
    return list(told.values())


def _is_news(change: Change) -> bool:
    """What is no incident is told once: nobody waits for it to be over."""
    if change.alert.kind is Kind.DATA and change.event.what in (*ENDS, "worsened"):
        return False
    return change.event.what in TOLD and change.alert.evidence["told"] is not None


def _is_new_to(settings: ChannelSettings, change: Change) -> bool:
    """Whether it is for those who were not told of the alert before."""
    return change.event.what not in ENDS and wants(settings, change.alert)


def headline_of(change: Change) -> str:
    """`Warning, new alert`; `Over`."""
    if change.event.what in ENDS:
        return TOLD[change.event.what].capitalize()
    return f"{SEVERITY_WORDS[change.alert.severity]}, {TOLD[change.event.what]}"


def subject_of(change: Change) -> str:
    """One line, whatever the labels hold."""
    return plain(f"[{headline_of(change)}] {change.alert.title}", LONGEST_SUBJECT)


def text_of(change: Change, dashboard_url: str) -> str:
    """The message for those who read no HTML."""
    parts = [plain(change.alert.title, 2 * LONGEST_SUBJECT)]
    for answer in story_of(change):
        details = "".join(f"\n  - {line}" for line in answer.lines)
        parts.append(f"{answer.question}\n{answer.text}{details}")
    parts.append(alert_url(change, dashboard_url))
    return "\n\n".join(parts) + "\n"


def story_of(change: Change) -> list[Answer]:
    """The whole explanation; of an alert that is over only how it ended, unless nobody was told of it."""
    if change.event.what in ENDS:
        return _ending(change)
    whole = answers(change.alert)
    if change.event.what == "passed":
        *ended, todo = _ending(change)
        return [*ended, *(answer for answer in whole if answer.question != todo.question), todo]
    return whole


def _ending(change: Change) -> list[Answer]:
    alert, event = change.alert, change.event
    reason = f": {plain(event.note, 300)}" if event.note else ""
    who = "by itself" if event.who == "forewarn" else f"by {plain(event.who)}"
    span = f"It was found from {day_text(alert.first_day, year=True)} to {day_text(alert.last_day, year=True)}"
    peak = f", and was worst on {day_text(alert.peak_day)}" if alert.first_day < alert.last_day else ""
    ended = f"Closed {who}{reason}."
    todo = "Nothing. If you know what it was, a verdict helps to judge the next one."
    if event.what == "merged":
        ended = f"It has one cause with another alert, and goes on as {plain(event.note, 300)}."
        todo = "Follow the other alert; it tells of both."
    return [Answer("How it ended", ended), Answer("What it was", f"{span}{peak}."), Answer("What to do", todo)]


def alert_url(change: Change, dashboard_url: str) -> str:
    """Address of the alert's page on the dashboard."""
    return f"{dashboard_url.rstrip('/')}/alerts/{change.alert.fingerprint}"

"""How pages call things, and how long ago something was."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from alerts.phrases import count_of, day_text, days_text, lasting, plain, requests_text, scope_text
from forewarn.alert import Alert, Kind, State, Verdict
from forewarn.contracts import Coverage, SourceHealth
from forewarn.irregularity import Cause, Irregularity

STATE_WORDS = {
    State.OPEN: "Open",
    State.ACKNOWLEDGED: "Acknowledged",
    State.VERIFIED: "Real problem",
    State.DISMISSED: "Dismissed",
    State.RESOLVED: "Resolved",
}

KIND_WORDS = {
    Kind.SURGE: "More than usual",
    Kind.CLUSTER: "More than usual together",
    Kind.DROP: "Fewer than usual",
    Kind.WORDS: "Words heard more often",
    Kind.BREACH: "Limit ahead, seen",
    Kind.SOURCE: "Source trouble",
    Kind.DATA: "Not an incident, seen",
}

VERDICT_WORDS = {
    Verdict.REAL: "Real problem",
    Verdict.EXPECTED: "Expected, such as an event",
    Verdict.FALSE_ALARM: "False alarm",
    Verdict.DATA_TROUBLE: "Trouble with the data",
    Verdict.NEW_NORMAL: "The new normal",
}

EVENT_WORDS = {
    "opened": "Opened",
    "continued": "Found again",
    "worsened": "Got worse",
    "released": "No longer held back",
    "withdrawn": "Not found again, so never told",
    "acknowledged": "Acknowledged",
    "verdict": "Judged",
    "resolved": "Resolved",
    "merged": "Goes on in another alert",
    "reopened": "Opened again",
}

HEALTH_WORDS = {
    SourceHealth.OK: "Healthy",
    SourceHealth.QUIET: "Quiet, which is plausible",
    SourceHealth.LATE: "Late",
    SourceHealth.PARTIAL: "Only partly read",
    SourceHealth.SILENT: "Silent",
    SourceHealth.STALE: "Not updated by its publisher",
    SourceHealth.BROKEN: "Cannot be read",
    SourceHealth.UNDETERMINED: "Not known yet",
}

HEALTHY = (SourceHealth.OK, SourceHealth.QUIET)

COVERAGE_WORDS = {
    Coverage.OBSERVED: "complete",
    Coverage.QUIET: "complete, no requests",
    Coverage.PARTIAL: "incomplete",
    Coverage.MISSING: "missing",
}

CAUSE_WORDS = {
    Cause.BATCH: "Entered in one go",
    Cause.UNLABELLED: "Entered in bulk, without a kind",
    Cause.BURST: "From one hand",
    Cause.BACKLOG: "A backlog",
    Cause.BEGUN: "New in the feed",
    Cause.ENDED: "No longer in the feed",
    Cause.RENAMED: "Renamed",
    Cause.SILENT: "Silent, though the rest comes",
}

LABEL_WORDS = {
    "agency": "Agency",
    "category": "Category",
    "subcategory": "Kind",
    "area": "Area",
    "channel": "Channel",
}

SMALL_NUMBERS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten")


def ago_text(at: datetime, now: datetime) -> str:
    """`just now`, `12 minutes ago`, `3 days ago`."""
    past = max(now - at, timedelta())
    if past < timedelta(minutes=1):
        return "just now"
    if past < timedelta(hours=1):
        return f"{count_of(int(past / timedelta(minutes=1)), 'minute')} ago"
    if past < timedelta(days=2):
        return f"{count_of(int(past / timedelta(hours=1)), 'hour')} ago"
    return f"{count_of(past.days, 'day')} ago"


def since_text(alert: Alert) -> str:
    """`since Tue 3 Feb, 4 days`, or `on Tue 3 Feb`; of weeks `in the 7 days to Sun 8 Feb`."""
    step_days = alert.evidence.get("step_days", 1)
    if alert.first_day == alert.last_day:
        return days_text(alert.first_day, step_days)
    return f"since {day_text(alert.first_day)}, {lasting(alert.first_day, alert.last_day, step_days)}"


def irregular_text(one: Irregularity) -> str:
    """`Entered in one go: Bicycles, Office 26, 719 requests`."""
    scope = {name: value for name, value in one.labels.items() if name not in one.who}
    where = "".join(f", {plain(value)}" for value in one.who.values())
    return f"{CAUSE_WORDS[one.cause]}: {scope_text(scope)}{where}, {requests_text(one.count)}"


def span_text(first: date, last: date) -> str:
    """`Tue 3 Feb 2026 to Mon 9 Mar 2026`."""
    return f"{day_text(first, year=True)} to {day_text(last, year=True)}"


def spelled(amount: int, noun: str) -> str:
    """`No open alerts`, `One open alert`, `14 open alerts`: the start of a sentence."""
    word = SMALL_NUMBERS[amount] if amount < len(SMALL_NUMBERS) else f"{amount:,}"
    return f"{word} {noun}" if amount == 1 else f"{word} {noun}s"


NAMED = 6
"""So many of a row of days are named, the last ones."""


def latest(days: Sequence[str]) -> str:
    """`Tue 3 Feb, Mon 9 Mar`; of many, how many there are and the last ones: `15, the last 6 of them …`."""
    if len(days) <= NAMED:
        return ", ".join(days)
    return f"{len(days)}, the last {NAMED} of them {', '.join(days[-NAMED:])}"

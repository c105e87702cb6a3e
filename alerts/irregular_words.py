"""What is no incident, in plain words: who did what, and that it is not in the counts."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from alerts.phrases import Answer, day_text, listed, number, plain, requests_text, scope_text
from forewarn.alert import Alert
from forewarn.irregularity import Cause, Irregularity


def irregular_title(group: Sequence[Irregularity]) -> str:
    """Title of what one cause brought on one day.

    `Office 26 entered 719 requests on Tue 29 Dec in one go: a batch, not counted`
    """
    one = group[0]
    what, on = scope_text(one.labels), day_text(one.day)
    requests = requests_text(sum(each.count for each in group))
    since = day_text(one.since or one.day)
    match one.cause:
        case Cause.BATCH:
            return f"{_who(one.who)} entered {requests} on {on} in one go: a batch, not counted"
        case Cause.UNLABELLED:
            return f"{requests} without a kind in {_who(one.who)} on {on}: entered in bulk, not counted"
        case Cause.BURST:
            return f"{what}: {requests} from one hand on {on}, not counted"
        case Cause.BACKLOG:
            return f"{requests} on {on} include those of the days since {since}: a backlog, not judged"
        case Cause.BEGUN:
            return f"{what} is new in the feed since {since}: {requests} so far"
        case Cause.RENAMED:
            ended, began = ([plain(name) for name in names] for names in one.became)
            return f"{listed(began)} took the place of {listed(ended)} about {since}: renamed, not a change"
        case Cause.ENDED | Cause.SILENT:
            return f"{what}: nothing since {since}, where {requests} were due"


def _who(who: Mapping[str, str]) -> str:
    return plain(next(iter(who.values()), "")) or "Somebody"


def data_answers(alert: Alert, evidence: Mapping[str, Any]) -> list[Answer]:
    """What it is, how it is known, and what follows from it."""
    cause = Cause(evidence["cause"])
    found, means = _MEANING[cause]
    lines = tuple(_line(cause, part) for part in evidence["related"][:5])
    last = day_text(alert.last_day, year=True)
    since = f"First seen on {day_text(alert.first_day, year=True)}, last on {last}."
    if alert.first_day == alert.last_day:
        since = f"Seen on {last}."
    return [
        Answer("What it is", f"{plain(alert.title, 300)}. {since}"),
        Answer("How that is known", found, lines),
        Answer("What it means", means),
        Answer("What to do", _TO_DO[cause]),
    ]


def _line(cause: Cause, part: Mapping[str, Any]) -> str:
    what = scope_text(part["labels"])
    if cause is Cause.RENAMED and not part["usual"]:
        return f"{what}: since {day_text(date.fromisoformat(part['since']), year=True)}"
    if cause in (Cause.BEGUN, Cause.RENAMED, Cause.ENDED):
        since = day_text(date.fromisoformat(part["since"]), year=True)
        return f"{what}: since {since}, about {number(part['usual'])} a day"
    others = f"all others {number(part['others'])}" if part["others"] else "nobody else any"
    return f"{what}: {number(part['count'])} where {number(part['usual'])} a day are usual; {others}"


_KEPT_OUT = (
    "These requests are in the store and in the charts, but they are left out of what is judged and of what is "
    "learnt as usual, so they neither raise an alert nor hide one."
)
_MEANING = {
    Cause.BATCH: (
        "Far more than this office usually enters of it, and no more than usual from all the others. A real problem, "
        "such as a snowstorm, makes others report, too.",
        _KEPT_OUT,
    ),
    Cause.UNLABELLED: (
        "They do not say what kind they are, as almost all others do, they come from one area, and no other area has "
        "more than usual.",
        _KEPT_OUT,
    ),
    Cause.BURST: (
        "They came within two hours, at one place or along one walk, in the order in which one person passes there, "
        "and by one channel. Nobody else in the city reported more than usual.",
        _KEPT_OUT,
    ),
    Cause.BACKLOG: (
        "The days before had almost none, and together these days have what is usual.",
        "These days are left out of what is judged and of what is learnt as usual, until a day stands for itself.",
    ),
    Cause.BEGUN: (
        "It was never in this source before.",
        "There is nothing to compare it with, so it is not judged until some weeks of it are known. It may be a new "
        "service, another name, or the first time that such a thing happens.",
    ),
    Cause.ENDED: (
        "Not one came since, while other requests come in as usual. What is solved tapers off; it does not stop.",
        "It is not an improvement. It ended, was renamed, or its form or telephone line is broken. It is not judged "
        "until it is there again.",
    ),
    Cause.RENAMED: (
        "One ended as the other began, and both have about as many requests a day.",
        "The requests go on under another name. What is new is not judged until some weeks of it are known.",
    ),
}
_NOTHING = "Nothing, if this is known. Otherwise ask who entered it, as it may hide what happened."
_TO_DO = {
    Cause.BATCH: _NOTHING,
    Cause.UNLABELLED: _NOTHING,
    Cause.BURST: "Deal with what was reported. It says nothing of the rest of the city.",
    Cause.BACKLOG: "Nothing. If it happens often, ask the publisher for the time of the report itself.",
    Cause.BEGUN: "Ask the publisher what is new, and look at the first requests.",
    Cause.ENDED: "Ask the publisher, and try the form and the telephone line.",
    Cause.RENAMED: "Nothing. Limits, channels and filters that name the old one need the new name.",
}

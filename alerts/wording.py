"""Titles and explanations of alerts, for people who are no statisticians and have ten minutes."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from alerts.irregular_words import data_answers
from alerts.phrases import (
    Answer,
    chance_text,
    chances_text,
    count_of,
    day_text,
    days_text,
    hours_text,
    lasting,
    listed,
    number,
    part_text,
    plain,
    range_text,
    requests_text,
    scope_text,
    time_text,
    topic_text,
    window_text,
)
from alerts.wording_of_clusters import cluster_answers
from alerts.wording_of_weather import weather_text
from alerts.wording_of_words import words_answers, words_of_a_surge
from forewarn.alert import Alarm, Alert, Kind, State
from forewarn.results import Breach


def issue_title(
    labels: Mapping[str, str],
    alarms: Sequence[Alarm],
    *,
    source: str,
    with_areas: bool,
    so_far: bool = False,
    hours: tuple[datetime, datetime] | None = None,
) -> str:
    """Title of a surge or drop; the first of `alarms` is its head.

    `Rats: 34 requests on Tue 3 Feb, usually 8 to 19 (all areas)`

    Args:
        source: What people call the source.
        with_areas: Areas are watched, too.
        so_far: Part of the day's requests is still to come in.
        hours: First and last (excluded) of the hours that the numbers are of; None: of whole days.
    """
    head = alarms[0]
    count = requests_text(head.observed) if head.observed else "no requests"
    only = "only " if head.kind is Kind.DROP and head.observed else ""
    when = (
        f"{'so far ' if so_far else ''}{days_text(head.day, head.window_days)}" if hours is None else hours_text(*hours)
    )
    numbers = f"{only}{count} {when}, usually {range_text(head.low, head.high)}{' by now' if so_far else ''}"
    if labels == head.labels:
        what = scope_text(labels) if labels else f"All requests of {plain(source)}"
        return f"{what}: {numbers}{_everywhere(labels, with_areas=with_areas)}"
    more = "fewer" if head.kind is Kind.DROP else "more"
    if "area" not in labels:
        areas = {alarm.labels["area"] for alarm in alarms if "area" in alarm.labels}
        return (
            f"{scope_text(labels)}: {more} in {len(areas)} areas, most in {part_text(head.labels, labels)}: {numbers}"
        )
    topics = list(dict.fromkeys(topic for alarm in alarms if (topic := topic_text(alarm.labels))))
    where = _everywhere(head.labels, with_areas=with_areas)
    return f"{plain(labels['area'])}: {more} of {listed(topics)}; {part_text(head.labels, labels)}: {numbers}{where}"


def _everywhere(labels: Mapping[str, str], *, with_areas: bool) -> str:
    return " (all areas)" if with_areas and labels and "area" not in labels else ""


def breach_title(breach: Breach, day: date, last: date) -> str:
    """`Rats: on about Thu 12 Mar the weekly number will pass 400 (chance 7 in 10)`, or that it is above it already.

    Args:
        day: Of the breach.
        last: The last day that is known.
    """
    if breach.over is not None:
        return (
            f"{scope_text(breach.labels)}: {number(breach.over)} requests {days_text(last, breach.window_days)} "
            f"are more than the {number(breach.limit)} that can be handled"
        )
    return (
        f"{scope_text(breach.labels)}: on about {day_text(day)} the {window_text(breach.window_days)} "
        f"will pass {number(breach.limit)} (chance {chances_text(breach.probability)})"
    )


TROUBLES = {
    "silent": "No requests from {source}",
    "stale": "No updates from the publisher of {source}",
    "broken": "{source} cannot be read",
    "partial": "{source} can only be read in part",
    "undetermined": "Nothing could be read from {source}",
    "late": "New requests from {source} have been late",
}
"""Health of a source → what is wrong, before `since …`."""


def source_title(source: str, health: str, since: datetime, silent: Sequence[Mapping[str, str]] = ()) -> str:
    """`No requests from bonn since Mon 2 Mar 14:00`; `Nothing from South in bonn since Mon 2 Mar`.

    Args:
        silent: Labels of its parts that are silent, if that is all that is wrong.
    """
    if silent:
        parts = listed([plain(value) for labels in silent for value in labels.values()])
        return f"Nothing from {parts} in {plain(source)} since {day_text(since.date())}"
    return f"{TROUBLES[health].format(source=plain(source))} since {time_text(since)}"


def answers(alert: Alert) -> list[Answer]:
    """What is it, how do we know, what to do: one answer a question, the most important first."""
    other_kinds = {
        Kind.CLUSTER: cluster_answers,
        Kind.BREACH: _breach_answers,
        Kind.SOURCE: _source_answers,
        Kind.DATA: data_answers,
        Kind.WORDS: words_answers,
    }
    found = other_kinds.get(alert.kind, _count_answers)(alert, alert.evidence)
    if alert.state is not State.RESOLVED or alert.kind is Kind.DATA:
        return found
    verdict = "" if alert.verdict else " If you know what it was, a verdict helps to judge the next one."
    todo = (
        "Follow the other alert; it tells of both." if "part_of" in alert.evidence else f"Nothing: it is over.{verdict}"
    )
    over = Answer("What to do", todo)
    return [over if answer.question == over.question else answer for answer in found]


def explanation(alert: Alert) -> list[str]:
    """The answers as lines of text."""
    return [
        line
        for answer in answers(alert)
        for line in (f"{answer.question}: {answer.text}", *(f"  - {detail}" for detail in answer.lines))
    ]


def _count_answers(alert: Alert, evidence: Mapping[str, Any]) -> list[Answer]:
    drop = alert.kind is Kind.DROP
    more = "fewer" if drop else "more"
    head = evidence["head"]
    step_days = evidence.get("step_days", 1)
    unit, one = "day" if step_days == 1 else "week", evidence["window_days"] == step_days
    then = f"that {unit}" if one else f"in these {unit}s"
    when = days_text(alert.last_day, evidence["window_days"], year=True)
    alike = f"{_in_a(unit) if one else f'in {unit}s'} like {'this' if one else 'these'}"
    if hours := evidence.get("hours"):
        when = hours_text(*(datetime.fromisoformat(hours[end]) for end in ("first", "last")), year=True)
        then, alike = "in these hours", "in hours like these"
    everywhere = _everywhere(head, with_areas=evidence["with_areas"])
    so_far = evidence.get("so_far")
    since = f"first noticed that {unit}"
    if alert.first_day < alert.last_day:
        lasts = lasting(alert.first_day, alert.last_day, step_days)
        since = f"noticed since {day_text(alert.first_day)}, {lasts} now"
        if alert.peak_day < alert.last_day:
            since += f", worst on {day_text(alert.peak_day)}"
    if before := evidence.get("before"):
        first, last = date.fromisoformat(before["first_day"]), date.fromisoformat(before["last_day"])
        since += f"; it was there before, {_span_text(first, last)}"
    found = [
        Answer(
            "What is lower" if drop else "What is higher",
            f"{scope_text(head)}{everywhere}: {requests_text(evidence['observed'])} "
            f"{'so far ' if so_far else ''}{when}, {since}.",
        ),
        Answer(
            "What is usual",
            f"{range_text(evidence['low'], evidence['high'])} {'by now ' if so_far else ''}"
            f"{alike}, "
            f"about {number(evidence['expected'])}. These are {number(evidence['excess'])} {more}.",
        ),
        Answer(
            "Could it be chance",
            f"Chance alone brings a count like this {chance_text(evidence['tail'], evidence['watched'])} "
            "over everything that is watched.",
        ),
    ]
    if evidence["parts"]:
        lines = tuple(_part_line(part, alert.labels, drop=drop) for part in evidence["parts"])
        found.append(
            Answer("Where it comes from", f"The largest parts of the {'decrease' if drop else 'increase'}:", lines)
        )
    in_parts = [part["labels"] for part in evidence["parts"]]
    if others := [other for other in evidence["related"] if other["labels"] not in in_parts]:
        lines = tuple(_related_line(other) for other in others[:5])
        found.append(Answer("What goes with it", f"Also out of the ordinary that {unit}:", lines))
    if words := evidence.get("words"):
        found.append(words_of_a_surge(words))
    found.append(Answer("What else was considered", _considered(alert, evidence)))
    edge = "more" if drop else "fewer"
    found.append(
        Answer(
            "When it stays silent",
            f"With {edge} than {requests_text(evidence['fires_at'])} {then} there would have been no alert.",
        )
    )
    found.append(
        Answer(
            "What to do",
            "Acknowledge it, so that others know somebody looks after it, and later say what came of it. "
            f"It closes by itself after {_quiet_text(step_days, back=bool(before))}, and speaks again only if it gets "
            "clearly worse.",
        )
    )
    return found


def _in_a(unit: str) -> str:
    return "on a day" if unit == "day" else "in a week"


def _quiet_text(step_days: int, *, back: bool) -> str:
    if step_days > 1:
        return "an ordinary week"
    return f"{'seven' if back else 'three'} ordinary days"


def _span_text(first: date, last: date) -> str:
    return f"on {day_text(first)}" if first == last else f"from {day_text(first)} to {day_text(last)}"


def _part_line(part: Mapping[str, Any], labels: Mapping[str, str], *, drop: bool) -> str:
    name = part_text(part["labels"], labels)
    share = f"{round(100 * part['share'])} % of the {'decrease' if drop else 'increase'}"
    return f"{name}: {number(part['observed'])}, usually {range_text(part['low'], part['high'])} ({share})"


def _related_line(other: Mapping[str, Any]) -> str:
    usual = range_text(other["low"], other["high"])
    return f"{scope_text(other['labels'])}: {number(other['observed'])}, usually {usual}"


def _considered(alert: Alert, evidence: Mapping[str, Any]) -> str:
    step_days = evidence.get("step_days", 1)
    if evidence["holiday"] is None:
        holiday = "Public holidays were not considered, as no country is set for this source."
    elif step_days > 1:
        named = f"public holidays of the week ({plain(evidence['holiday'])})"
        holiday = f"The {named} are allowed for." if evidence["holiday"] else "No public holiday that week."
    elif evidence["holiday"]:
        holiday = f"The day is a public holiday ({plain(evidence['holiday'])}); that is allowed for."
    elif evidence["holiday_before"]:
        holiday = f"The day before was a public holiday ({plain(evidence['holiday_before'])})."
    elif evidence.get("bridge"):
        holiday = "The day lies between a weekend and a public holiday; that is allowed for."
    else:
        holiday = "No public holiday that day or the day before."
    if planned := evidence.get("planned"):
        holiday += f" {_planned(planned)}"
    if weather := evidence.get("weather"):
        holiday += f" {weather_text(weather)}"
    if "hours" in evidence:
        return f"{holiday} Requests that the source shows later are not in it. The whole day is judged when it is over."
    missing = evidence["missing_days"]
    days, weeks = ("days of", "four weeks") if step_days == 1 else ("of", "28 weeks")
    if missing:
        unit = "day" if step_days == 1 else "week"
        gaps = f"Of the last {weeks} {count_of(missing, unit)} could not be read completely."
    else:
        gaps = f"All {days} the last {weeks} were read completely."
    read_on = datetime.fromisoformat(evidence["known_at"]).date()
    late = ""
    if so_far := evidence.get("so_far"):
        late = (
            f" The day is not complete: about {round(100 * so_far['share'])} % of such a day is usually known by now, "
            f"and it will likely come to {range_text(so_far['low'], so_far['high'])}."
        )
    elif (read_on - alert.last_day).days <= 1:
        late = " The count was read within a day, so late reports may still raise it."
    return f"{_why_lower(alert, evidence)}{holiday} {gaps}{late}"


PLANNED = {"closure": "a closure", "school_holiday": "school holidays", "event": "an event"}


def _planned(planned: Sequence[Mapping[str, str]]) -> str:
    """`Known beforehand, and allowed for: an event (Marathon).`"""
    parts = [f"{PLANNED[one['kind']]} ({plain(one['name'])})" for one in planned]
    return f"Known beforehand, and allowed for: {listed(parts)}."


def _why_lower(alert: Alert, evidence: Mapping[str, Any]) -> str:
    """What a drop mostly means, which is seldom that a problem is solved."""
    if alert.kind is not Kind.DROP:
        return ""
    if not evidence["head"]:
        return (
            "Everything is lower at once, so people rather cannot or do not report, as in a storm or when offices are "
            "closed, than that there is less to report. "
        )
    return "" if evidence["observed"] else "Nothing at all came: its form or telephone line may be broken. "


def _breach_answers(alert: Alert, evidence: Mapping[str, Any]) -> list[Answer]:
    day = date.fromisoformat(evidence["breach_day"])
    window = window_text(evidence["window_days"])
    if (over := evidence.get("over")) is not None:
        return [
            Answer(
                "What is",
                f"{scope_text(alert.labels)}: {number(over)} requests came "
                f"{days_text(alert.last_day, evidence['window_days'], year=True)}, and "
                f"{number(evidence['limit'])} can be handled.",
            ),
            Answer(
                "What is coming",
                f"On {day_text(day, year=True)} the {window} is expected to be {number(evidence['expected'])}, most "
                f"likely {range_text(evidence['low'], evidence['high'])}.",
            ),
            _breach_to_do(),
        ]
    return [
        Answer(
            "What is coming",
            f"On about {day_text(day, year=True)} the {window} of {scope_text(alert.labels)} will pass "
            f"{number(evidence['limit'])} (chance {chances_text(evidence['probability'])}) if nothing is done.",
        ),
        Answer(
            "How much",
            f"By then the {window} is expected to be {number(evidence['expected'])}, "
            f"most likely {range_text(evidence['low'], evidence['high'])}.",
        ),
        Answer("How soon", f"{count_of(evidence['lead_days'], 'day')} are left, counted from the last day known."),
        _breach_to_do(),
    ]


def _breach_to_do() -> Answer:
    return Answer(
        "What to do",
        "Plan for it, or act on the cause. Acknowledge the alert, so that others know. "
        "It closes by itself when the forecast stays below the limit.",
    )


def _source_answers(alert: Alert, evidence: Mapping[str, Any]) -> list[Answer]:
    silent = evidence.get("silent", ())
    title = source_title(evidence["title"], evidence["health"], datetime.fromisoformat(evidence["since"]), silent)
    usual = f"; {number(evidence['usual'])} a day are usual" if evidence["usual"] is not None and not silent else ""
    newest = evidence["newest_day"]
    last = (
        f"The last day with data is {day_text(date.fromisoformat(newest), year=True)}."
        if newest
        else ("No data ever came from it.")
    )
    means = "Alerts that depend on it are held back until it is well again."
    todo = f"`forewarn sources check {plain(alert.source)}` tells more."
    if silent:
        means = "What is silent is not judged, and no drop that it explains is told. All else is watched as usual."
        todo = (
            "Try the form, the app or the telephone line, and ask the publisher. If it is meant to be so, "
            f"`forewarn sources accept {plain(alert.source)}` ends this at once; in two weeks it ends by itself."
        )
    if evidence["health"] == "late":
        means = "The days that are known are complete; what comes after them cannot be watched yet."
        todo += " If it always takes so long, set its public_delay_days."
    return [
        Answer("What is wrong", f"{title}{usual}."),
        Answer("What is known", f"{last} {evidence['message']}".rstrip()),
        Answer("What it means", means),
        Answer("What to do", todo),
    ]

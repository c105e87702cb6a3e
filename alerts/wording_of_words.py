"""Titles and explanations of alerts about words."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from alerts.phrases import (
    Answer,
    chance_text,
    count_of,
    day_text,
    listed,
    number,
    plain,
    range_text,
    requests_text,
)
from forewarn.alert import Alert

MOSTLY = 0.5
LABEL_WORDS = {"category": "category", "subcategory": "sub-category"}


def words_title(labels: Mapping[str, str], evidence: Mapping[str, Any]) -> str:
    """`“brown water” in 14 requests since Tue 3 Feb, usually 0 to 2 (mostly Ward 7)`."""
    first, last = date.fromisoformat(evidence["since"]), date.fromisoformat(evidence["history"]["last_day"])
    when = f"on {day_text(last)}" if first == last else f"since {day_text(first)}"
    where = f" in {plain(labels['area'])}" if labels.get("area") else ""
    new = f", of a new {LABEL_WORDS[evidence['label']['label']]}," if evidence["label"] else ""
    usual = range_text(evidence["low"], evidence["high"])
    mostly = "" if where else _mostly(evidence)
    count = requests_text(evidence["observed"])
    return f"“{plain(labels['term'])}”{new} in {count}{where} {when}, usually {usual}{mostly}"


def _mostly(evidence: Mapping[str, Any]) -> str:
    areas = [scope for scope in evidence["scopes"] if "area" in scope["labels"]]
    if not areas or areas[0]["observed"] < MOSTLY * evidence["observed"]:
        return ""
    return f" (mostly {plain(areas[0]['labels']['area'])})"


def words_answers(alert: Alert, evidence: Mapping[str, Any]) -> list[Answer]:
    """As `alerts.wording.answers`."""
    area = f" in {plain(alert.labels['area'])}" if alert.labels.get("area") else ""
    term, first = plain(evidence["head"]["term"]), date.fromisoformat(evidence["since"])
    window = "on one day" if evidence["window_days"] == 1 else f"in {evidence['window_days']} days"
    lasts = count_of((alert.last_day - first).days + 1, "day")
    found = [
        Answer(
            "What is more frequent",
            f"“{term}” is in {requests_text(evidence['observed'])}{area} "
            f"since {day_text(first, year=True)}, {lasts} now.",
        ),
        Answer(
            "What is usual",
            f"{range_text(evidence['low'], evidence['high'])} {window} with as many requests, "
            f"about {number(evidence['expected'])}.",
        ),
        Answer(
            "Could it be chance",
            f"Chance alone brings words this far out {chance_text(evidence['tail'], evidence['watched'])} "
            f"over all {evidence['watched']:,} words and phrases that are watched.",
        ),
    ]
    if label := evidence["label"]:
        found.append(Answer("What it may be instead", _renamed(label)))
    if lines := scope_lines(evidence["scopes"], evidence["observed"]):
        found.append(Answer("Where it comes from", "Most of these requests are of:", lines))
    if evidence["related"]:
        others = [f"“{plain(other['labels']['term'])}”" for other in evidence["related"]]
        found.append(Answer("What goes with it", f"In much the same requests: {listed(others, most=5)}."))
    return [
        *found,
        Answer(
            "What else was considered",
            "No category rose enough for an alert that would explain it. Copies of one text from one place count "
            "once. Names, addresses and rare words are never shown, so there may be more.",
        ),
        Answer("When it stays silent", f"With fewer than {requests_text(evidence['fires_at'])} there is no alert."),
        Answer(
            "What to do",
            "Read some of these requests. Acknowledge the alert, so that others know somebody looks after it, and "
            "later say what came of it. It closes by itself after three days without the words.",
        ),
    ]


def scope_lines(scopes: Sequence[Mapping[str, Any]], observed: float) -> tuple[str, ...]:
    """`Ward 7: 9 of 14`."""
    return tuple(
        f"{plain(value)}: {number(scope['observed'])} of {number(observed)}"
        for scope in scopes
        for value in scope["labels"].values()
    )


def words_of_a_surge(words: Sequence[Mapping[str, Any]]) -> Answer:
    """What people write about a surge, for its explanation."""
    lines = tuple(
        f"“{plain(one['words'])}”: in {requests_text(one['observed'])}, usually {range_text(one['low'], one['high'])}"
        for one in words
    )
    return Answer("What people write", "More frequent than usual in the last days:", lines)


def _renamed(label: Mapping[str, Any]) -> str:
    kind = LABEL_WORDS[label["label"]]
    text = f"Nearly all of these requests are of the {kind} “{plain(label['name'])}”, which had never come before."
    if label["instead_of"]:
        text += f" “{plain(label['instead_of'])}” has not come since: it was probably renamed."
    return text

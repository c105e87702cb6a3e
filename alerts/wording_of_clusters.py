"""Titles and explanations of alerts about clusters."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from alerts.phrases import (
    Answer,
    chance_text,
    count_of,
    day_text,
    days_text,
    listed,
    number,
    part_text,
    plain,
    range_text,
    requests_text,
    topic_text,
)
from forewarn.alert import Alert
from forewarn.results import Cluster

AREAS_NAMED = 6


def cluster_title(cluster: Cluster, day: date) -> str:
    """`Rats: 34 requests in 4 neighbouring areas, most in Elm, since Sat 31 Jan, usually 6 to 17`."""
    first = day - timedelta(days=cluster.window_days - 1)
    when = f"on {day_text(day)}" if first == day else f"since {day_text(first)}"
    most = plain(cluster.cells[0].labels["area"])
    count = requests_text(cluster.observed)
    usual = f"usually {range_text(cluster.low, cluster.high)}"
    topics = [topic_text(topic) for topic in cluster.topics]
    if len(cluster.topics) == 1 and len(cluster.areas) == 1:
        return f"{topics[0]} in {most}: {count} {when}, {usual}"
    if len(cluster.topics) == 1:
        n_areas = count_of(len(cluster.areas), "neighbouring area")
        return f"{topics[0]}: {count} in {n_areas}, most in {most}, {when}, {usual}"
    around = f" and {count_of(len(cluster.areas) - 1, 'neighbouring area')}" if len(cluster.areas) > 1 else ""
    return f"{most}{around}: more of {listed(topics)}: {count} {when}, {usual}"


def cluster_answers(alert: Alert, evidence: Mapping[str, Any]) -> list[Answer]:
    """As `alerts.wording.answers`."""
    first = date.fromisoformat(evidence["since"])
    when = f"on {day_text(alert.last_day, year=True)}"
    if first < alert.last_day:
        when = f"from {day_text(first)} to {day_text(alert.last_day, year=True)}"
    found = [
        Answer(
            "What is higher", f"{_where(evidence)}: {requests_text(evidence['observed'])} {when}, {_noticed(alert)}."
        ),
        Answer(
            "What is usual",
            f"{range_text(evidence['low'], evidence['high'])} there and then, about {number(evidence['expected'])}: "
            "the share of all requests that these areas had in the last twelve weeks. "
            f"These are {number(evidence['excess'])} more.",
        ),
        Answer(
            "Could it be chance",
            f"Chance alone brings a cluster like this {chance_text(evidence['tail'], evidence['watched'])} "
            "over all areas and categories together.",
        ),
        Answer(
            "Where it comes from",
            "The largest parts of the increase:",
            tuple(_part_line(part, alert.labels) for part in evidence["parts"]),
        ),
    ]
    if evidence["elsewhere"]:
        lines = tuple(_elsewhere_line(other, alert.last_day) for other in evidence["elsewhere"])
        found.append(Answer("What goes with it", "Also higher:", lines))
    missing = evidence["missing_days"]
    gaps = f" Of the last four weeks {count_of(missing, 'day')} could not be read completely." if missing else ""
    found.append(
        Answer(
            "What else was considered",
            "Weekday, season, holidays and a rise of the whole place do not explain it: they would have raised the "
            f"other areas as well.{gaps}",
        )
    )
    if evidence["fires_at"] is not None:
        count = requests_text(evidence["fires_at"])
        found.append(Answer("When it stays silent", f"With fewer than {count} there would have been no alert."))
    quiet = "seven" if evidence.get("before") else "three"
    found.append(
        Answer(
            "What to do",
            "Look whether these requests have one cause. Acknowledge the alert, so that others know somebody looks "
            f"after it, and later say what came of it. It closes by itself after {quiet} ordinary days.",
        )
    )
    return found


def _where(cluster: Mapping[str, Any]) -> str:
    """`Rats in Alder, Birch and Cedar`."""
    topics = listed([topic_text(topic) for topic in cluster["topics"]])
    return f"{topics} in {listed([plain(area) for area in cluster['areas']], most=AREAS_NAMED)}"


def _noticed(alert: Alert) -> str:
    if alert.first_day == alert.last_day:
        since = "first noticed that day"
    else:
        since = f"noticed since {day_text(alert.first_day)}"
    if before := alert.evidence.get("before"):
        first, last = (day_text(date.fromisoformat(before[name])) for name in ("first_day", "last_day"))
        since += f"; it was there before, {'on ' + first if first == last else f'from {first} to {last}'}"
    return since


def _part_line(part: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    usual = range_text(part["low"], part["high"])
    share = f"{round(100 * part['share'])} % of the increase"
    name = part_text(part["labels"], labels) if part["labels"] != labels else "all of it"
    return f"{name}: {number(part['observed'])}, usually {usual} ({share})"


def _elsewhere_line(other: Mapping[str, Any], day: date) -> str:
    usual = range_text(other["low"], other["high"])
    return f"{_where(other)}: {number(other['observed'])} {days_text(day, other['window_days'])}, usually {usual}"

"""Numbers, days and scopes in plain words.

Labels come from a source and are only text: `plain` makes one clean line of them, and whoever puts them into
HTML still escapes them.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

from forewarn.alert import Severity

LONGEST_LABEL = 80

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

SEVERITY_WORDS = {Severity.NOTICE: "Notice", Severity.WARNING: "Warning", Severity.CRITICAL: "Critical"}


class Answer(NamedTuple):
    """One part of an explanation; `lines` are the details below its text."""

    question: str
    text: str
    lines: tuple[str, ...] = ()


def plain(text: str, longest: int = LONGEST_LABEL) -> str:
    """One line without control or direction characters, cut to `longest` characters."""
    spaced = "".join(" " if unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp") else sign for sign in text)
    line = re.sub(r"\s+", " ", spaced).strip()
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def day_text(day: date, *, year: bool = False) -> str:
    """`Tue 3 Feb`, or `Tue 3 Feb 2026`. Written here since the locale must not change it."""
    text = f"{WEEKDAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]}"
    return f"{text} {day.year}" if year else text


def days_text(last: date, window_days: int, *, year: bool = False) -> str:
    """`on Tue 3 Feb`, or `in the 7 days to Tue 3 Feb`."""
    before = "on" if window_days == 1 else f"in the {window_days} days to"
    return f"{before} {day_text(last, year=year)}"


def hours_text(first: datetime, last: datetime, *, year: bool = False) -> str:
    """`on Tue 3 Feb between 13:00 and 16:00`, or `between Tue 3 Feb 23:00 and Wed 4 Feb 02:00`; `last` is excluded."""
    end = f"{last:%H:%M}" if last.time() != time() else "24:00"
    if (last - timedelta(microseconds=1)).date() == first.date():
        return f"on {day_text(first.date(), year=year)} between {first:%H:%M} and {end}"
    return f"between {time_text(first)} and {time_text(last)}{f' {last.year}' if year else ''}"


def time_text(at: datetime) -> str:
    """`Mon 2 Mar 14:00`, in the zone of `at`."""
    return f"{day_text(at.date())} {at:%H:%M}"


def number(value: float) -> str:
    """`1,280`, `34`, `0.4`: decimals only where they tell something."""
    rounded = round(value, 1) if abs(value) < 10 else round(value)
    return f"{rounded:,.0f}" if rounded == round(rounded) else f"{rounded:,.1f}"


def range_text(low: float, high: float) -> str:
    """`8 to 19`, whole requests."""
    first, last = round(max(low, 0.0)), round(max(high, 0.0))
    return f"{first:,}" if first == last else f"{first:,} to {last:,}"


def requests_text(count: float) -> str:
    return f"{number(count)} request" if count == 1 else f"{number(count)} requests"


def count_of(amount: int, noun: str) -> str:
    """`1 day`, `3 days`."""
    return f"{amount:,} {noun}" if amount == 1 else f"{amount:,} {noun}s"


def lasting(first: date, last: date, step_days: int) -> str:
    """`4 days`, both ends counted; of steps of a week that end on these days: `2 weeks`."""
    return count_of((last - first).days // step_days + 1, "day" if step_days == 1 else "week")


def chances_text(probability: float) -> str:
    """`7 in 10`; the ends are never called certain."""
    tenths = round(probability * 10)
    if tenths >= 10:
        return "more than 9 in 10"
    return f"{tenths} in 10" if tenths >= 1 else "less than 1 in 10"


def listed(words: Sequence[str], *, most: int = 3) -> str:
    """`Rats, Mice and 4 others`."""
    shown = [*words[:most], f"{len(words) - most} others"] if len(words) > most + 1 else list(words)
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def scope_text(labels: Mapping[str, str]) -> str:
    """What a set of labels stands for: `Rats in Ward 7`, `Rats (channel: App)`, `All requests`."""
    what = topic_text(labels) or "All requests"
    text = f"{what} in {_name(labels, 'area')}" if "area" in labels else what
    others = ", ".join(f"{name}: {_name(labels, name)}" for name in ("agency", "channel") if name in labels)
    return f"{text} ({others})" if others else text


def topic_text(labels: Mapping[str, str]) -> str:
    """`Waste`, `Waste: Bulk`; '' if neither category nor subcategory is told."""
    return ": ".join(_name(labels, name) for name in ("category", "subcategory") if name in labels)


def part_text(labels: Mapping[str, str], whole: Mapping[str, str]) -> str:
    """Name of a part within its whole, without what they share: `Ward 7` for Rats in Ward 7, one of Rats."""
    own = {name: value for name, value in labels.items() if whole.get(name) != value}
    return _name(own, "area") if set(own) == {"area"} else scope_text(own)


def _name(labels: Mapping[str, str], label: str) -> str:
    return plain(labels[label]) or f"unknown {label}"


def window_text(window_days: int) -> str:
    """`weekly number`, `number of 3 days`."""
    return {1: "daily number", 7: "weekly number"}.get(window_days, f"number of {window_days} days")


def chance_text(tail: float, watched: float) -> str:
    """How often chance alone would bring this, over everything that is watched."""
    days = 1.0 / max(tail * watched, 1e-12)
    if days < 1:
        return "more than once a day"
    if days < 1.5:
        return "about once a day"
    if days < 730:
        return f"about once in {number(_coarse(days))} days"
    if days < 36_525:
        return f"about once in {number(_coarse(days / 365.25))} years"
    return "less than once in 100 years"


def _coarse(value: float) -> float:
    """Two leading digits: nobody knows a chance more exactly."""
    return float(f"{value:.2g}")

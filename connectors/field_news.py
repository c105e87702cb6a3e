"""Which fields does a source have, and what is new about them?

What is known is kept as JSON, so that it can be compared with what the next run finds:

    fields     field of the source → its type, and the days on which it was first and last seen
    news       what changed → the day on which it was noticed, and what to say of it
    accepted   when a person last said that all is as it should be

A field that is new, gone, or of another type is told for four weeks. Then it is what is usual.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

from connectors.contents import Change
from connectors.scrub import label

Shape = Mapping[str, Any]

TOLD_DAYS = timedelta(days=28)
LEARNT = timedelta(days=7)
"""Rows leave out what is empty, so which fields they have is known only after so many days."""
FORGOTTEN = timedelta(days=28)
"""A field that no row has had for so long is gone."""


class News(NamedTuple):
    """What changed, and the day on which it was noticed."""

    day: date
    words: str


def joined(one: Mapping[str, str], other: Mapping[str, str]) -> dict[str, str]:
    """The fields of both, with all their types."""
    return {name: " or ".join(sorted({*_kinds(one, name), *_kinds(other, name)})) for name in {**one, **other}}


def _kinds(shape: Mapping[str, str], name: str) -> list[str]:
    return shape[name].split(" or ") if name in shape else []


def noted(
    shape: Shape,
    told: Mapping[str, str],
    found: Iterable[Change],
    today: date,
    *,
    is_all: bool,
    is_over: bool = True,
) -> Shape:
    """What is known with this run's findings in it.

    Args:
        told: Field of the source → type; {}: the run found nothing out.
        found: Fields of ours that are not what they were.
        is_all: Fields that are not in `told` are gone; else they may only be empty just now.
        is_over: False: the run goes on, and may tell of others.
    """
    told = {label(name): kind for name, kind in told.items()}
    day = today.isoformat()
    fields = {name: dict(known) for name, known in shape.get("fields", {}).items()}
    began = min((known["since"] for known in fields.values()), default=day)
    is_learnt = bool(fields) and (is_all or date.fromisoformat(began) <= today - LEARNT)
    changes = {f"rows {change.field}": change.words for change in found}
    for name, kind in sorted(told.items()):
        if name not in fields:
            fields[name] = {"type": kind, "since": day, "seen": day}
            if is_learnt:
                changes[f"new {name}"] = f"a new field {name!r} ({kind})"
            continue
        was, kinds = fields[name]["type"], set(kind.split(" or "))
        if is_learnt and not kinds <= set(was.split(" or ")):
            changes[f"type {name}"] = f"the field {name!r} was {was} and is {kind} now"
        fields[name] |= {"type": kind if is_all else " or ".join(sorted({*was.split(" or "), *kinds})), "seen": day}
    for name in [name for name in fields if told and is_over and name not in told]:
        if is_all or date.fromisoformat(fields[name]["seen"]) <= today - FORGOTTEN:
            changes[f"gone {name}"] = f"the field {name!r} is gone"
            del fields[name]
    oldest = (today - TOLD_DAYS).isoformat()
    news = {key: one for key, one in shape.get("news", {}).items() if one["day"] > oldest}
    for key, words in changes.items():
        news[key] = {"day": news.get(key, {"day": day})["day"], "words": words}
    return {**shape, "fields": fields, "news": news}


def news_of(shape: Shape) -> list[News]:
    """What is told of a source at present."""
    return [News(date.fromisoformat(one["day"]), one["words"]) for one in shape.get("news", {}).values()]


def fresh_news(before: Shape, after: Shape) -> list[str]:
    """What is told of `after` and was not of `before`."""
    return [one["words"] for key, one in after.get("news", {}).items() if key not in before.get("news", {})]

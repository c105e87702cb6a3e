"""What do the fields of a source hold, and is that still what they held? Numbers of a page, compared from run to run.

    rows                                        rows that were looked at
    empty.category                              of them, those in which nothing stands there
    unusable.requested_at                       of them, those that were refused for it
    form.requested_at.0000-00-00T00:00:00       values of a sample that look like this

A field that is suddenly empty nearly everywhere, whose dates look otherwise, whose words became numbers, or for which
most rows are refused, has changed at the source. What such rows would say is wrong or a zero that nobody observed, so
they are not stored: see `changed`. A share that has only grown is a remark: see `worse`.

Rows of one desk can lack a label together, so a share must be very unlikely, nearly all, and never seen before. Some
sources fill in labels for days: how much is empty is only compared with what was new when it was read.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import stats

from connectors.texts import as_text
from forewarn.panel import LABELS
from forewarn.request import Reject

Contents = Mapping[str, int]
Share = tuple[int, int]
"""Rows, and of how many."""

TIMES = ("requested_at", "updated_at", "closed_at", "due_at", "date")
SAMPLE = 40
"""Values of a page of which the form is looked at."""
NEARLY_ALL, MOST = 0.95, 0.5
LEAST = 10
"""Rows that tell of a change; a run that has fewer is taken together with the ones before it."""
ENOUGH = 50
"""Rows from which it is known what is usual."""
RARE = 0.15
"""A form that was more usual than this cannot be new."""
UNLIKELY = 1e-9
WORSE = 0.15
"""A share that is so much higher than usual is a remark."""
BACKFILL = "backfill"
"""Counts in the run that read a source for the first time."""
LATE = "late_rows"
"""New requests of days that were known already."""
ENOUGH_RUNS, LEAST_LATE, BURST = 7, 50, 5
"""So many runs tell how many requests come late; more than that number, and so many times as ever, are a burst."""

_ZONE = re.compile(r"\s?(Z|UTC|GMT|[+-]\d{2}:?\d{2})$")
_FRACTION = re.compile(r"(?<=:\d\d)[.,]\d+")
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")


class Change(NamedTuple):
    """A field that is not what it was, in words that name it."""

    field: str
    words: str


def contents_of(columns: Mapping[str, pa.Array], rejects: Mapping[str, int]) -> dict[str, int]:
    """What the columns of a page hold.

    Args:
        columns: Our field → its values.
        rejects: Our field → rows refused for it.
    """
    rows = len(next(iter(columns.values()), ()))
    if not rows:
        return {}
    found = Counter({"rows": rows} | {f"unusable.{name}": count for name, count in rejects.items() if count})
    chosen = pa.array(np.unique(np.linspace(0, rows - 1, min(rows, SAMPLE)).astype(np.int64)))
    for name, column in columns.items():
        found[f"empty.{name}"] = _empty(column)
        if name in TIMES or name in LABELS:
            found.update(f"form.{name}.{form}" for form in _forms(column.take(chosen), is_time=name in TIMES))
    return dict(+found)


def changed(now: Contents, earlier: Sequence[Contents]) -> Change | None:
    """The field for which these rows cannot be believed; None: all is as it was.

    Args:
        now: Of the rows that were just read.
        earlier: Of the runs before, the newest first.
    """
    live = [run for run in earlier if not run.get(BACKFILL)]
    if _departs(_unusable, now, earlier, nearly=MOST, unknown=MOST) is not None:
        field = max(_names(now, "unusable."), key=lambda name: now[f"unusable.{name}"])
        return Change(field, f"{now[f'unusable.{field}']} of {now['rows']} rows cannot be used for their {field}")
    for field in LABELS:
        share = _empty_share(field)
        if (usual := _departs(share, now, live, nearly=NEARLY_ALL)) is not None:
            return Change(field, f"{field} is empty in {_of(share(now))} rows; before it was in {usual:.0%}")
    for name in sorted(name for name in now if name.startswith("form.")):
        _, field, form = name.split(".", 2)
        if _departs(_form_share(field, form), now, earlier, nearly=NEARLY_ALL, ceiling=RARE) is not None:
            before = Counter[str]()
            for run in earlier:
                before.update({key: count for key, count in run.items() if key.startswith(f"form.{field}.")})
            usual_form = before.most_common(1)[0][0].split(".", 2)[2]
            return Change(field, f"{field} holds {_shown(form)} now, and held {_shown(usual_form)} before")
    return None


def worse(now: Contents, earlier: Sequence[Contents]) -> list[Change]:
    """Fields of which more is empty than was usual, which is worth a look."""
    live = [run for run in earlier if not run.get(BACKFILL)]
    found = []
    for field in _names(now, "empty."):
        count, rows = _empty_share(field)(now)
        before, of = _sum(_empty_share(field), live)
        # What was just requested is not closed yet, so the share of the open ones moves with what was read.
        if min(rows, of) < ENOUGH or count / rows < (NEARLY_ALL if field == "closed_at" else before / of + WORSE):
            continue
        if stats.binom.sf(count - 1, rows, _at_most(before, of)) < UNLIKELY:
            words = f"{field} is empty in {count / rows:.0%} of the rows, usually in {before / of:.0%}"
            found.append(Change(field, words))
    return found


def burst(late: Mapping[date, int], a_day: float, earlier: Sequence[Contents]) -> list[Change]:
    """That far more requests than ever come late, and as many as on half a day, which is a backlog that is published.

    Args:
        late: Day that was known already → its new requests.
        a_day: Requests on an ordinary day.
    """
    ever, count = [run[LATE] for run in earlier if LATE in run], sum(late.values())
    if len(ever) < ENOUGH_RUNS or count <= max(LEAST_LATE, BURST * max(ever), a_day / 2):
        return []
    words = f"{count} requests of days that were known already, {min(late)} to {max(late)}, were published at once"
    return [Change("requested_at", f"{words}; they are counted on their days")]


def field_of(reject: Reject) -> str:
    """The field for which a row was refused; '': another reason."""
    return reject.detail.partition(" ")[0]


def _departs(
    share: Callable[[Contents], Share],
    now: Contents,
    earlier: Sequence[Contents],
    *,
    nearly: float,
    ceiling: float = 0.5,
    unknown: float | None = None,
) -> float | None:
    """The usual share, if that of now is at least `nearly` and was never so; None: it is nothing new.

    Args:
        ceiling: What was more usual than this cannot be new.
        unknown: Taken for the usual share where none is known; None: nothing is told then.
    """
    count, rows = share(now)
    past = list(earlier)
    while rows and count >= nearly * rows and rows < LEAST and past:
        more, of = share(past[0])
        if of and more < nearly * of:
            break
        count, rows, past = count + more, rows + of, past[1:]
    if rows < LEAST or count < nearly * rows:
        return None
    if any(of >= LEAST and more >= nearly * of for more, of in map(share, past)):
        return None
    before, of = _sum(share, past)
    if of < ENOUGH and unknown is None:
        return None
    usual = _at_most(before, of) if of >= ENOUGH or unknown is None else unknown
    is_new = usual <= ceiling and stats.binom.sf(count - 1, rows, usual) < UNLIKELY
    return before / max(of, 1) if is_new else None


def _at_most(count: int, rows: int) -> float:
    """What a share may be, given what was seen of it."""
    return float(stats.beta.ppf(0.999, count + 1, rows - count + 1)) if rows > count else 1.0


def _sum(share: Callable[[Contents], Share], runs: Sequence[Contents]) -> Share:
    shares = [share(run) for run in runs]
    return sum(count for count, _ in shares), sum(rows for _, rows in shares)


def _unusable(contents: Contents) -> Share:
    return sum(contents[f"unusable.{name}"] for name in _names(contents, "unusable.")), contents.get("rows", 0)


def _empty_share(field: str) -> Callable[[Contents], Share]:
    """Of runs in which the field was asked for."""
    return lambda contents: (contents.get(f"empty.{field}", 0), contents.get("rows", 0))


def _form_share(field: str, form: str) -> Callable[[Contents], Share]:
    prefix, key = f"form.{field}.", f"form.{field}.{form}"
    return lambda contents: (
        contents.get(key, 0),
        sum(count for name, count in contents.items() if name.startswith(prefix)),
    )


def _names(contents: Contents, prefix: str) -> list[str]:
    return [name.removeprefix(prefix) for name in contents if name.startswith(prefix)]


def _empty(column: pa.Array) -> int:
    empty = column.null_count
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        empty += pc.sum(pc.equal(pc.utf8_trim_whitespace(column), "")).as_py() or 0
    return int(empty)


def _forms(column: pa.Array, *, is_time: bool) -> list[str]:
    if pa.types.is_temporal(column.type):
        zone = " zone" if pa.types.is_timestamp(column.type) and column.type.tz else ""
        return [f"{'date' if pa.types.is_date(column.type) else 'time'}{zone}"] * (len(column) - column.null_count)
    texts = [text for text in as_text(column).to_pylist() if text]
    if is_time:
        return [_form(text) for text in texts]
    return ["number" if _NUMBER.fullmatch(text) else "text" for text in texts]


def _form(text: str) -> str:
    """A time with its digits as zeros: what a day or an hour is does not matter, nor how exact a second is."""
    bare = _FRACTION.sub("", text[:40])
    named = _ZONE.sub("", bare)
    digits = re.sub(r"\d+", lambda found: "0" * max(2, len(found[0])), named)
    words = re.sub(r"[^\W\d_]{2,}", lambda found: "AM" if found[0].upper() in ("AM", "PM") else "word", digits)
    return f"{words} zone" if named != bare else words


def _shown(form: str) -> str:
    return {"number": "numbers", "text": "words"}.get(form, f"{form!r}")


def _of(share: Share) -> str:
    return f"{share[0]} of {share[1]}"

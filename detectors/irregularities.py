"""What of a source's counts is not the public's doing, and what is left when it is taken out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.backlog import find_backlogs
from detectors.batches import Batch, Cells, Mix, find_batches
from detectors.strata import find_silences
from detectors.taxonomy import find_changes
from forewarn.entries import Blank, Entries, Integers
from forewarn.irregularity import Cause, Irregularity

Numbered = tuple[Integers, Sequence[tuple[str, ...]]]
"""(n_cells,) the number of each cell, and what the numbers mean."""

Mask = npt.NDArray[np.bool_]

UNLABELLED_SHARE = 0.2
"""Where at most so much of a category does not say what kind it is, those that do not are remarkable."""


@dataclass(frozen=True)
class Ordinary:
    """What is left of the entries, and why the rest is not.

    Args:
        entries: Without what was recognised.
        blanks: Days that say nothing about a series.
        irregularities: What was recognised, oldest first.
    """

    entries: Entries
    blanks: Sequence[Blank]
    irregularities: Sequence[Irregularity]


_KINDS = ("category", "subcategory")
_QUESTIONS = ((Cause.BATCH, "agency", _KINDS), (Cause.BATCH, "agency", _KINDS[:1]), (Cause.UNLABELLED, "area", _KINDS))
"""Who may have entered what in bulk."""


def ordinary(entries: Entries, least: int, is_off: Mask) -> Ordinary:
    """Take out what was entered in bulk, and blank what began, ended, arrived late or is silent.

    Args:
        least: Smallest number of requests on a day that matters.
        is_off: (n_days,) holidays and planned closures.
    """
    of_public = without_batches(entries, least)
    backlogs, late = find_backlogs(of_public.entries)
    changes, silences = find_changes(of_public.entries), find_silences(of_public.entries, is_off)
    told = [*of_public.irregularities, *backlogs, *changes.irregularities, *silences.irregularities]
    blanks = [*late, *changes.blanks, *silences.blanks]
    return Ordinary(of_public.entries, blanks, sorted(told, key=lambda one: one.day))


def without_batches(entries: Entries, least: int) -> Ordinary:
    """Take out what was entered in bulk, first by kind of request, then by category.

    Of a category is not asked again what is a real surge of one kind, as the other kinds would hide that others
    report it, too.

    Args:
        least: Smallest number of requests on a day that matters.
    """
    found: list[Irregularity] = []
    entered, kept = entries.count, np.zeros(len(entries.row), dtype=np.bool_)
    for cause, who, topic in _QUESTIONS:
        offices = _numbered(entries, who)
        topics = _unlabelled(entries) if cause is Cause.UNLABELLED else entries.codes(*topic)
        cells = Cells(entries.day, offices[0], topics[0], entries.count, entered)
        mix = Mix(entries.day, offices[0], _numbered(entries, "category")[0], entered)
        batches, mine, shared = _find(cells, mix, entries.covered, ~kept, least)
        entries = entries.without(np.where(mine, entries.count, 0))
        kept |= shared
        found += [
            Irregularity(
                cause=cause,
                day=entries.date_of(batch.day),
                labels=dict(zip(topic, topics[1][batch.topic], strict=True)),
                count=batch.count,
                usual=round(batch.usual, 2),
                others=batch.others,
                who={who: offices[1][batch.office][0]},
            )
            for batch in batches
        ]
    return Ordinary(entries, (), sorted(found, key=lambda one: one.day))


def _find(cells: Cells, mix: Mix, covered: Mask, asked: Mask, least: int) -> tuple[list[Batch], Mask, Mask]:
    """The batches among the cells that are `asked`, which cells they are, and which cells are real surges."""
    rows = covered[cells.day] & asked
    none = np.zeros(len(asked), dtype=np.bool_)
    if not rows.any():
        return [], none, none
    since = int(np.flatnonzero(covered)[0])
    found = find_batches(Cells(*(column[rows] for column in cells)), mix, since=since, least=least)
    batches, surges = ([one for one in found if one.shared is shared] for shared in (False, True))
    key = np.column_stack(cells[:3]) @ _STRIDE
    of_batch, of_surge = (
        asked & np.isin(key, np.array([(b.day, b.office, b.topic) for b in some]).reshape(-1, 3) @ _STRIDE)
        for some in (batches, surges)
    )
    return batches, of_batch, of_surge


def _numbered(entries: Entries, label: str) -> Numbered:
    """As `codes`, -1 where the label is not known."""
    code, names = entries.codes(label)
    known = np.array([name != ("",) for name in names], dtype=bool)
    return np.where(known[code], code, -1), names


def _unlabelled(entries: Entries) -> Numbered:
    """Topics of the requests that do not say what others like them say; -1: any other request.

    That is the kind, where most of the category say theirs, or the category, where most of the source do.
    """
    code, names = entries.codes(*_KINDS)
    category, _ = entries.codes("category")
    number = np.full(len(code), -1, dtype=np.int64)
    for mute in (place for place, name in enumerate(names) if not all(name)):
        cells = np.flatnonzero(code == mute)
        alike = category == category[cells[0]] if names[mute][0] else np.ones(len(code), dtype=np.bool_)
        silent, total = (
            np.concatenate([[0], np.cumsum(np.bincount(entries.day[rows], entries.count[rows], len(entries.covered)))])
            for rows in (cells, np.flatnonzero(alike))
        )
        before = entries.day[cells]
        number[cells[silent[before] <= UNLABELLED_SHARE * total[before]]] = mute
    return number, names


_STRIDE = np.array([1, 1 << 20, 1 << 41])
"""A day, an office and a topic as one number."""

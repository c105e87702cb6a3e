"""Which name was likely meant: for settings, columns, data sets, and whatever else people write by hand."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

SHORTEST_PART = 3
"""Characters that a name must have to be taken for a part of another."""


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The one of `names` that `name` likely stands for; None: none is near.

    One that differs only in case and signs comes first, then one with a slip of the pen, then one of which it is a
    word, then the shortest that begins or ends with it, or with which it begins or ends.
    """
    known = sorted(names, reverse=True)
    plain = {_bare(other): other for other in known}
    wanted = _bare(name)
    if wanted in plain:
        return plain[wanted]
    if slips := get_close_matches(name.casefold(), folded := {other.casefold(): other for other in known}, 1):
        return folded[slips[0]]
    if words := [other for other in known if wanted in map(_bare, re.split(r"[\W_]+", other)) and wanted]:
        return min(words, key=len)
    parts = [other for other in plain if len(other) >= SHORTEST_PART <= len(wanted) and _is_part(other, wanted)]
    return plain[min(parts, key=lambda other: (abs(len(other) - len(wanted)), other))] if parts else None


def meant(name: str, names: Iterable[str]) -> str:
    """`; did you mean …?`, to be put behind a message; '' where none is near."""
    near = nearest(name, names)
    return f"; did you mean {near!r}?" if near else ""


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def _is_part(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    return longer.startswith(shorter) or longer.endswith(shorter)

"""Names of people and plates of cars in free text, known by what stands around them.

A name is what follows a title, an introduction, a farewell, or a word such as "neighbour"; and a given name with what
follows it. A name without such a sign cannot be told from a street or a company and stays; see docs/sources.md.
"""

import re
from itertools import chain

from forewarn.lexicon import words_of

_CAPITAL = "A-ZÀ-ÖØ-ÞĀĂĄĆĈĊČĎĐĒĖĘĚĞĢĪĮİĶĹĽŁŃŅŇŌŐŒŔŘŚŞŠŢŤŪŮŰŲŴŶŹŻŽ"
_WORD = r"[^\W\d_][\w'’-]*+"
_NAME = rf"[{_CAPITAL}][\w'’-]*+"


def _any_of(*lists: str) -> str:
    """One of the words of some lists, the longest first."""
    return "|".join(sorted(map(re.escape, chain(*map(words_of, lists))), key=len, reverse=True))


_PARTICLES = rf"(?:(?:{_any_of('particles')})\s+)*"
_MORE = rf"(?:\s+{_PARTICLES}{_NAME})"
_NO_PLACE = rf"(?!\s+(?i:{_any_of('streets_after', 'places_after')})\b)"
_TITLE = rf"(?:(?i:{_any_of('titles')})\b\.?\s+)"

_BEHIND_TITLE = re.compile(rf"\.?\s+{_TITLE}?({_PARTICLES}{_NAME}{_MORE}{{0,2}})")
_BEHIND_RELATION = re.compile(rf"[,:]?\s+({_PARTICLES}{_NAME}{_MORE}{{1,2}})")
_BEHIND_FAREWELL = re.compile(rf"[\s,.:!-]*({_PARTICLES}{_NAME}{_MORE}{{0,2}}|{_WORD}(?:\s+{_WORD})?(?=\W*$))")
_BEHIND_GIVEN = re.compile(rf"{_NO_PLACE}{_MORE}{_NO_PLACE}(?:{_MORE}{_NO_PLACE})?")
_NEXT_WORD = re.compile(rf"[,:]?\s+({_WORD})")
_INTRODUCED = re.compile(
    r"\b((?i:name is|name ist|hei(?:ß|ss)e|me llamo|nombre es|appelle|nom est)\s+)"
    rf"{_PARTICLES}{_WORD}{_MORE}{{0,2}}"
)
_INITIAL = re.compile(rf"(?<![\w.])[A-DF-MO-RT-VX-Z]\.\s?[{_CAPITAL}][\w'’-]{{2,}}+{_NO_PLACE}")  # not E. Main

_TITLES, _RELATIONS, _GIVEN = words_of("titles"), words_of("relations"), words_of("given_names")
_PARTING = words_of("farewells") | {"signed", "gezeichnet", "firmado", "signé"}
_KNOWN = _GIVEN | words_of("surnames")
_SIGNS = _TITLES | _RELATIONS | _GIVEN | _PARTING

_MONTHS = "JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC"
_CONSONANTS = "B-DF-HJ-NP-TV-Z"
_PLATES = (
    re.compile(
        rf"\b((?i:{_any_of('plates')})\b[\s:#.]*(?:(?i:number|no|nr|is|ist|es|est|n°)\b[\s:#.]*)?)"
        r"(?=[\w -]*\d)[A-ZÄÖÜ0-9]{1,4}(?:[ -]?[A-ZÄÖÜ0-9]{1,4}){0,3}\b"
    ),
    re.compile(rf"\b((?i:{_any_of('vehicles')})\s+)\d{{4}}[ -]?[{_CONSONANTS}]{{3}}\b"),  # coche 4711 QXZ
    re.compile(r"\b()[A-ZÄÖÜ]{1,3}-[A-Z]{1,2} ?\d{1,4}[EH]?\b"),  # S-AB 1234
    re.compile(r"\b()[A-Z]{2}\d{2} ?[A-Z]{3}\b"),  # KX19 ZPW
    re.compile(r"\b()[A-Z]{2}-\d{3}-[A-Z]{2}\b"),  # QX-471-ZT
    re.compile(rf"\b()(?:(?!{_MONTHS})[A-Z]{{3}}-\d{{3,4}}|\d[A-Z]{{3}}\d{{3}}|\d{{4}}[{_CONSONANTS}]{{3}})\b"),
)
_DIGIT = re.compile(r"\d")
_ANY_WORD = re.compile(_WORD)

SUSPECT = (
    r"[A-Z]\.|[A-Z0-9][- ]?\d|(?i:name is|name ist|nombre es|nom est)|(?i:\b(?:"
    + "|".join(sorted(map(re.escape, _SIGNS | words_of("plates") | words_of("vehicles"))))
    + r")\b)"
)
"""In Arrow's syntax: what stands in every text that `without_names` could change."""


def without_names(text: str) -> str:
    """`text` with `[name]` and `[plate]` where names and plates stand."""
    if _DIGIT.search(text):
        for plate in _PLATES:
            text = plate.sub(r"\1[plate]", text)
    text = _INTRODUCED.sub(r"\1[name]", text)
    pieces, done = [], 0
    for word in _ANY_WORD.finditer(text):
        if word.start() >= done and (span := _name_at(text, word)):
            pieces += [text[done : span[0]], "[name]"]
            done = span[1]
    return _INITIAL.sub("[name]", "".join([*pieces, text[done:]]))


def _name_at(text: str, word: re.Match[str]) -> tuple[int, int] | None:
    """Where the name stands that `word` begins or announces."""
    sign, end = word[0].lower(), word.end()
    if sign not in _SIGNS:
        return None
    found = None
    if sign in _TITLES:
        found = _BEHIND_TITLE.match(text, end)
    elif sign in _PARTING:
        found = _BEHIND_FAREWELL.match(text, end)
    elif sign in _RELATIONS:
        found = _BEHIND_RELATION.match(text, end)
        if found is None and (after := _NEXT_WORD.match(text, end)) and after[1].lower() in _KNOWN:
            found = after
    if found is not None:
        return found.span(1)
    if sign in _GIVEN and not text[: word.start()].endswith("St. "):
        if behind := _BEHIND_GIVEN.match(text, end):
            return word.start(), behind.end()
        if (after := _NEXT_WORD.match(text, end)) and after[1].lower() in _KNOWN:
            return word.start(), after.end()
    return None

"""Names of people and plates of cars in free text, known by what stands around them.

A name is what follows a title, an introduction, a farewell, or a word such as "neighbour"; and a given name with what
follows it. A name without such a sign cannot be told from a street or a company and stays; see docs/sources.md.
"""

import re
from itertools import chain

from forewarn.lexicon import LANGUAGES, words_of

_CAPITAL = "A-ZÀ-ÖØ-ÞĀĂĄĆĈĊČĎĐĒĖĘĚĞĢĪĮİĶĹĽŁŃŅŇŌŐŒŔŘŚŞŠŢŤŪŮŰŲŴŶŹŻŽ"
_WORD = r"[^\W\d_][\w'’-]*+"
_NAME = rf"[{_CAPITAL}][\w'’-]*+"


def _any_of(*lists: str) -> str:
    """One of the words of some lists, the longest first."""
    return "|".join(sorted(map(re.escape, chain(*map(words_of, lists))), key=len, reverse=True))


_PARTICLES = rf"(?:(?:{_any_of('particles')})\s+)*"
_MORE = rf"(?:\s+{_PARTICLES}{_NAME})"
_PLACES = _any_of("streets_after", "places_after")
_NO_PLACE = rf"(?!\s+(?i:{_PLACES})\b)"
_TITLE = rf"(?:(?i:{_any_of('titles')})\b\.?\s+)"

_BEHIND_TITLE = re.compile(rf"\.?\s+{_TITLE}?({_PARTICLES}{_NAME}{_MORE}{{0,2}})")
_BEHIND_RELATION = re.compile(rf"[,:]?\s+({_PARTICLES}{_NAME}{_MORE}{{1,2}})")
_BEHIND_FAREWELL = re.compile(
    rf"[\s,.:!-]*((?:[{_CAPITAL}]\.\s?)*{_PARTICLES}{_NAME}{_MORE}{{0,2}}|{_WORD}(?:\s+{_WORD})?(?=\W*$))"
)
_BEHIND_LABEL = re.compile(rf"\s*[:=]\s*({_NAME}(?:,\s*{_NAME})?{_MORE}{{0,2}})")
_NO_STREET = (
    rf"(?!\s+[{_CAPITAL}]\.?\s+{_NAME}\s+(?i:{_any_of('streets_after', 'places_after')})\b)"  # John F Kennedy Blvd
)
_BEHIND_GIVEN = re.compile(rf"{_NO_PLACE}{_NO_STREET}{_MORE}{_NO_PLACE}(?:{_MORE}{_NO_PLACE})?")
_NEXT_WORD = re.compile(rf"[,:]?\s+({_WORD})")
_INTRODUCED = re.compile(
    r"\b((?i:name is|name ist|hei(?:ß|ss)e|me llamo|nombre es|appelle|nom est)\s+)"
    rf"{_PARTICLES}{_WORD}{_MORE}{{0,2}}"
)
_I_AM = re.compile(rf"\b((?i:i am|i['’]m|soy|je suis)\s+){_PARTICLES}{_NAME}{_MORE}{{1,2}}{_NO_PLACE}")
_THANKED = re.compile(
    r"\b((?i:thanks|thank you|thx|danke|vielen dank|gracias|merci)\s*[,.!\n–-]\s*)"
    rf"{_NAME}(?:\s+{_NAME}\.?)?(?=\W*$)"
)
_ANY_INTRODUCTION = re.compile(
    r"name i|hei(?:ß|ss)e|llamo|nombre|appelle|nom est|i am|i['’]m|soy|suis|than|thx|dank|gracias|merci", re.IGNORECASE
)
_INITIAL = re.compile(rf"(?<![\w.])[A-DF-MO-RT-VX-Z]\.\s?[{_CAPITAL}][\w'’-]{{2,}}+{_NO_PLACE}")  # not E. Main

_TITLES, _RELATIONS, _GIVEN = words_of("titles"), words_of("relations"), words_of("given_names")
_PERSONS = words_of("persons")
_ALL_FUNCTION_WORDS = frozenset(chain(*(words_of(f"stopwords_{language}") for language in LANGUAGES)))
_FUNCTION_WORDS = _ALL_FUNCTION_WORDS - words_of("particles") - _GIVEN
_HOLY = re.compile(r"\b(?i:st\.|sankt|saint|san|santa|santo|são|sainte)\s+$")
_PARTING = words_of("farewells") | {"signed", "gezeichnet", "firmado", "signé"}
_KNOWN = _GIVEN | words_of("surnames")
_SIGNS = _TITLES | _RELATIONS | _GIVEN | _PARTING | _PERSONS

_MONTHS = "JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC"
_CONSONANTS = "B-DF-HJ-NP-TV-Z"
_PLATES = (
    re.compile(
        rf"\b((?i:{_any_of('plates')})\b[\s:#.]*(?:(?i:number|no|nr|is|ist|es|est|n°)\b[\s:#.]*)?)"
        r"(?=[\w -]*\d)[A-ZÄÖÜ0-9]{1,4}(?:[ -]?[A-ZÄÖÜ0-9]{1,4}){0,3}\b"
    ),
    re.compile(
        rf"\b((?i:{_any_of('plates')})\b[\s:#.]*(?:(?i:number|no|nr|is|ist|es|est|n°)\b[\s:#.]*)?)"
        r"(?:[a-zäöü]{1,3}-[a-z]{1,2} ?\d{1,4}|[a-z]{2,3}-?\d{3,4}[a-z]{0,3}|[a-z]{2}\d{2} ?[a-z]{3})\b"
    ),
    re.compile(
        rf"\b((?i:{_any_of('vehicles')})\s+)(?:\d{{4}}[ -]?[{_CONSONANTS}]{{3}}"  # coche 4711 QXZ
        r"|[A-Z]{2} \d{3} [A-Z]{2}|[A-ZÄÖÜ]{1,3}[ -][A-Z]{1,2} ?\d{1,4}[EH]?|[A-Z]{3} ?\d{3,4})\b"
    ),
    re.compile(r"\b()(?=[A-HJ-NPR-Z0-9]{17}\b)(?=(?:[A-Z]*\d){4})\w+"),  # a vehicle's identification number
    re.compile(r"\b()[A-Z]{1,2}-\d{4,5}[A-Z]{1,2}\b"),  # W-12345A
    re.compile(r"\b()(?:[A-Z]{2}-\d{2}-[A-Z]{2}|\d{2}-[A-Z]{2}-\d{2})\b"),  # XX-99-XX
    re.compile(r"\b()(?:AG|AI|AR|BE|BL|BS|FR|GE|GL|GR|JU|LU|NE|NW|OW|SG|SH|SO|SZ|TG|TI|UR|VD|VS|ZG|ZH)[ -]\d{6}\b"),
    re.compile(r"\b()[A-ZÄÖÜ]{1,3}-[A-Z]{1,2} ?\d{1,4}[EH]?\b"),  # S-AB 1234
    re.compile(r"\b()[A-Z]{2}\d{2} ?[A-Z]{3}\b"),  # KX19 ZPW
    re.compile(r"\b()[A-Z]{2}-\d{3}-[A-Z]{2}\b"),  # QX-471-ZT
    re.compile(rf"\b()(?:(?!{_MONTHS})[A-Z]{{3}}-\d{{3,4}}|\d[A-Z]{{3}}\d{{3}}|\d{{4}}[{_CONSONANTS}]{{3}})\b"),
)
_DIGIT = re.compile(r"\d")
_ANY_WORD = re.compile(_WORD)

SUSPECT = (
    r"[A-Z]\.|[A-Z0-9][- ]?\d|(?i:name is|name ist|nombre es|nom est|\bi am|\bi['’]m|\bsoy|je suis|\bthx|vielen dank)"
    r"|(?i:\b(?:" + "|".join(sorted(map(re.escape, _SIGNS | words_of("plates") | words_of("vehicles")))) + r")\b)"
)
"""In Arrow's syntax: what stands in every text that `without_names` could change."""


def without_names(text: str) -> str:
    """`text` with `[name]` and `[plate]` where names and plates stand."""
    if _DIGIT.search(text):
        for plate in _PLATES:
            text = plate.sub(r"\1[plate]", text)
    if _ANY_INTRODUCTION.search(text):
        for introduced in (_INTRODUCED, _I_AM, _THANKED):
            text = introduced.sub(r"\1[name]", text)
    pieces, done = [], 0
    for word in _ANY_WORD.finditer(text):
        if word.start() >= done and (span := _name_at(text, word)):
            pieces += [text[done : span[0]], "[name]"]
            done = span[1]
    return _INITIAL.sub("[name]", "".join([*pieces, text[done:]]))


def _name_at(text: str, word: re.Match[str]) -> tuple[int, int] | None:
    """Where the name stands that `word` begins or announces."""
    sign, end = word[0].lower(), word.end()
    if sign not in _SIGNS or word[0] == "m":  # five m, and not M. Dupont
        return None
    found = None
    if sign in _TITLES and not (sign in ("sr", "dr") and _is_no_title(text, word)):
        found = _BEHIND_TITLE.match(text, end)
    elif sign in _PARTING:
        found = _BEHIND_FAREWELL.match(text, end)
    elif sign in _PERSONS and (labelled := _BEHIND_LABEL.match(text, end)):
        found = labelled
    elif sign in _RELATIONS:
        found = _BEHIND_RELATION.match(text, end)
        if found is not None and found[1].isupper() and _KNOWN.isdisjoint(found[1].lower().split()):
            found = None  # where all is written in capitals they tell nothing
        if found is None and (after := _NEXT_WORD.match(text, end)) and after[1].lower() in _KNOWN:
            found = after
    if found is not None:
        return _without_function_words(text, *found.span(1))
    if sign in _GIVEN and not _HOLY.search(text[max(word.start() - 12, 0) : word.start()]):
        if behind := _BEHIND_GIVEN.match(text, end):
            return _without_function_words(text, word.start(), behind.end())
        if (after := _NEXT_WORD.match(text, end)) and after[1].lower() in _KNOWN:
            return word.start(), after.end()
    return None


def _is_no_title(text: str, word: re.Match[str]) -> bool:
    """A street's DR, or a service request's SR: in capitals, and neither a dot nor a name in capitals behind it."""
    behind = text[word.end() :].split(maxsplit=1)
    is_bare = word[0].isupper() and not text[word.end() :].startswith(".")
    return is_bare and (not behind or not behind[0].isupper() or len(behind[0].strip(",.;:")) < len("NGO"))


def _without_function_words(text: str, start: int, end: int) -> tuple[int, int] | None:
    """The span up to the next title, or to a word such as IS, which counts as a name where all is in capitals."""
    words = list(_ANY_WORD.finditer(text, start, end))
    for place, word in enumerate(words):
        bare = word[0].lower()
        if len(bare) > 1 and (bare in _TITLES or (word[0].isupper() and bare in _FUNCTION_WORDS)):
            return (start, words[place - 1].end()) if place else None
    return start, end

"""Texts as one long row of numbered words, so that rules about neighbouring words are array operations."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count, islice

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

LABEL_END = "\x1f"
"""Stands between a label (a sub-category) and what people wrote."""
_TEXT_END = "\x1e"
_CHUNK = 20_000  # texts that are cut into words at once
_TOKEN = re.compile(r"\w+(?:-\w+)*|[^\w \t'’]")
_ADDRESS = re.compile(r"\S*@\S*|\S+://\S+|www\.\S+")
_SCRUBBED = ("[mail]", "[phone]", "[account]", "[name]", "[plate]")
_SOFT = frozenset(".,:\n")
_JOINS = frozenset("'’")


@dataclass(frozen=True, eq=False)
class Tokens:
    """(n_tokens,) each; the texts follow one another, each closed by a token of no word.

    Args:
        word: Number of the word in `words`; 0: no word, across which no phrase goes.
        text: Number of the text.
        lower, capital, number, soft, ends: What the token is: written small, with a capital letter at its beginning or
            throughout, with a digit (its `word` is 0), a sign that may follow an abbreviation, the end of a sentence.
        in_label: The token is of the label, not of what people wrote.
        words: Distinct words in lower case; the first is ''.
    """

    word: Ints
    text: Ints
    lower: Bools
    capital: Bools
    number: Bools
    soft: Bools
    ends: Bools
    in_label: Bools
    words: Sequence[str]

    def which(self, wanted: Callable[[str], bool]) -> Bools:
        """(n_tokens,) whose word fulfils a condition, which is asked once for each distinct word."""
        return np.array([wanted(word) for word in self.words], dtype=bool)[self.word]


def tokens_of(texts: Sequence[str]) -> Tokens:
    """The tokens of texts of the form `label LABEL_END description`."""
    number_of: defaultdict[str, int] = defaultdict(count().__next__)
    chunks, rest = [], iter(texts)
    while some := list(islice(rest, _CHUNK)):
        found = _TOKEN.findall(_TEXT_END.join(map(_tidy, some)) + _TEXT_END)
        chunks.append(np.fromiter(map(number_of.__getitem__, found), dtype=np.int64, count=len(found)))
    form = np.concatenate(chunks) if chunks else np.zeros(0, dtype=np.int64)
    forms = list(number_of)
    lowered: defaultdict[str, int] = defaultdict(count().__next__)
    lowered[""]  # takes the number 0
    word_of_form = np.array([lowered[one.lower() if _is_word(one) else ""] for one in forms] or [0], dtype=np.int64)

    def kind(wanted: Callable[[str], bool]) -> Bools:
        return np.array([wanted(one) for one in forms] or [False], dtype=bool)[form]

    closes = kind(lambda one: one == _TEXT_END)
    text: Ints = np.cumsum(closes) - closes
    label_ends = np.cumsum(kind(lambda one: one == LABEL_END))
    before = np.concatenate([[0], label_ends[closes]])[text] if form.size else label_ends
    return Tokens(
        word=word_of_form[form],
        text=text,
        lower=kind(lambda one: _is_word(one) and one.islower()),
        capital=kind(lambda one: _is_word(one) and not one.islower() and one[:1].isupper()),
        number=kind(lambda one: any(sign.isdigit() for sign in one)),
        soft=kind(_SOFT.__contains__),
        ends=kind(lambda one: not _is_word(one) and one != "," and not one[0].isalnum()),
        in_label=(label_ends == before) & ~closes,
        words=list(lowered),
    )


def _tidy(text: str) -> str:
    """The text in one spelling of accents, with a lone sign where an address stood."""
    text = unicodedata.normalize("NFC", text)
    if "@" in text or "://" in text or "www." in text:
        text = _ADDRESS.sub(" @ ", text)
    if "[" in text:
        for scrubbed in _SCRUBBED:
            text = text.replace(scrubbed, " @ ")
    return text.replace(_TEXT_END, " ") if _TEXT_END in text else text


def _is_word(token: str) -> bool:
    return token.replace("-", "").isalpha()


def shifted(flags: Bools, by: int) -> Bools:
    """`flags` moved `by` places towards the end (negative: towards the beginning)."""
    moved = np.zeros_like(flags)
    if by >= 0:
        moved[by:] = flags[: len(flags) - by]
    else:
        moved[:by] = flags[-by:]
    return moved

"""Which of the documents hold which terms: words and phrases of up to three words, counted once a document."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse

from detectors.privacy import Guarded, function_words, guard, never_shown
from detectors.term_counts import Cells
from detectors.tokens import LABEL_END, Bools, Ints, tokens_of
from forewarn.lexicon import LANGUAGES, words_of
from forewarn.request import Documents, Texts

LONGEST = 3
SHORTEST_WORD = 3  # letters of a word that is a term by itself
_COPY = 8  # words from which on a text without a position is a copy if it comes again that day in that area
_CELL = 1000  # positions are told apart to a thousandth of a degree, about 100 m


@dataclass(frozen=True, eq=False)
class Corpus:
    """What was written, in the order of the days.

    Args:
        documents: One for each voice: copies of a text from one place on one day are one document.
        origin: (n_documents,) number of the place, or where that is unknown of the text, that a document is from.
        text: (n_documents,) number of the text.
        holds: (n_documents, n_terms) whether a document holds a term.
        parts: (n_terms, LONGEST) words of each term; -1: none.
        words: Distinct words.
        guarded: How each text uses each word.
        least: Fewer documents make no term.
    """

    documents: Documents
    origin: Ints
    text: Ints
    holds: sparse.csr_array
    parts: Ints
    words: Sequence[str]
    guarded: Guarded
    least: int

    def term(self, number: int) -> str:
        """A term as it is shown, in lower case."""
        return " ".join(self.words[part] for part in self.parts[number] if part >= 0)

    @cached_property
    def days(self) -> Ints:
        """(n_documents,) days since 1970-01-01."""
        return self.documents.day.astype(np.int64)

    @cached_property
    def areas(self) -> tuple[Ints, Texts]:
        """(n_documents,) number of each document's area, and the areas' names; -1: unknown."""
        return _numbered(self.documents.area)

    @cached_property
    def cells(self) -> Cells:
        """Terms in the whole source and in each area, and the documents that are counted in them."""
        return Cells.of(self.holds, self.areas[0], self.least)

    @cached_property
    def topics(self) -> tuple[Ints, Texts]:
        """(n_documents,) number of each document's category, and the categories' names; -1: unknown."""
        return _numbered(self.documents.category)


def corpus_of(documents: Documents, languages: Sequence[str] = LANGUAGES, *, least: int = 5) -> Corpus:
    """Terms that at least `least` documents hold; the order of `documents` is of no matter."""
    has_text = (documents.label != "") | (documents.text != "")
    documents = documents.where(has_text)
    documents, origin = _voices(documents)
    written = documents.label + LABEL_END + documents.text if len(documents) else documents.text
    text, distinct = pd.factorize(written)
    tokens = tokens_of(distinct.tolist())
    guarded = guard(tokens, len(distinct), languages)
    stop = function_words(languages) | {""}
    inside = np.array([not word or word in stop for word in tokens.words])
    lonely = np.array([len(word) < SHORTEST_WORD or word in words_of("negations") for word in tokens.words])
    barred = never_shown(tokens.words)
    word = np.where(barred[guarded.word], 0, guarded.word)
    weight = np.bincount(text, minlength=len(distinct))
    holds, parts = _terms(word, tokens.text, weight, inside, lonely | inside, least)
    return Corpus(documents, origin, text, holds[text], parts, tokens.words, replace(guarded, word=word[:0]), least)


def _voices(documents: Documents) -> tuple[Documents, Ints]:
    """Documents in the order of their days without copies, and where each is from."""
    n = len(documents)
    placed = ~np.isnan(documents.lat) & ~np.isnan(documents.lon)
    cell = np.where(placed, np.round(documents.lat * _CELL) * 1e6 + np.round(documents.lon * _CELL), np.nan)
    spot = np.where(placed, np.round(documents.lat, 5) * 1e6 + np.round(documents.lon, 5), np.nan)
    frame = pd.DataFrame(
        {
            "day": documents.day.astype(np.int64),
            "known": documents.known_from.astype(np.int64),
            **{name: pd.factorize(getattr(documents, name))[0] for name in ("area", "category", "label", "text")},
            "spot": spot,
        }
    )
    long = np.array([text.count(" ") >= _COPY - 1 for text in documents.text.tolist()], dtype=bool)
    may_be_copy = (documents.text != "") & (placed | long)
    frame["row"] = np.where(may_be_copy, -1, np.arange(n))
    kept = np.flatnonzero(~frame.sort_values("known", kind="stable").drop(columns="known").duplicated().sort_index())
    kept = kept[np.argsort(frame["day"].to_numpy()[kept], kind="stable")]
    said = pd.factorize(documents.area + LABEL_END + documents.text)[0] if n else np.zeros(0, dtype=np.int64)
    unplaced = np.where(documents.text != "", -1.0 - said, -1.0 - n - np.arange(n))
    origin, _ = pd.factorize(np.where(placed, cell + 1e12, unplaced))
    return documents.where(kept), origin[kept].astype(np.int64)


def _terms(
    word: Ints, text: Ints, weight: Ints, inside: Bools, lonely: Bools, least: int
) -> tuple[sparse.csr_array, Ints]:
    """(n_texts, n_terms) of 0 and 1, and (n_terms, LONGEST) their words.

    A phrase neither begins nor ends with a function word, and a longer one is frequent only if its parts are.
    """
    n_texts = len(weight)
    pairs: list[tuple[Ints, Ints]] = []
    parts: list[Ints] = []
    n_terms = 0
    key, place = word, np.flatnonzero(word > 0)
    frequent = np.zeros(len(word), dtype=bool)
    for size in range(1, LONGEST + 1):
        if size > 1:  # a shorter phrase begins here, and a word follows it
            place = place[frequent[place] & (place + size - 1 < len(word))]
            place = place[word[place + size - 1] > 0]
            key = key.copy()
            key[place] = key[place] * np.int64(len(inside)) + word[place + size - 1]
        codes, distinct = pd.factorize(key[place])
        code, of_text = _once(codes, text[place], weight, least, len(distinct))
        known = np.bincount(code, weights=weight[of_text], minlength=len(distinct)) >= least
        first_place = np.full(len(distinct), -1)
        first_place[codes[::-1]] = place[::-1]
        spelled = np.full((len(distinct), LONGEST), -1)
        for part in range(size):
            spelled[:, part] = word[first_place + part]
        ends = spelled[:, [0, size - 1]]
        shown = known & ~(lonely[spelled[:, 0]] if size == 1 else inside[ends].any(axis=1))
        number = np.where(shown, np.cumsum(shown) - 1 + n_terms, -1)
        keep = number[code] >= 0
        pairs.append((of_text[keep], number[code][keep]))
        parts.append(spelled[shown])
        n_terms += int(shown.sum())
        frequent = np.zeros(len(word), dtype=bool)
        frequent[place] = known[codes]
        key = key.copy()
        key[place] = codes
    rows, columns = (np.concatenate(side) for side in zip(*pairs, strict=True))
    ones = np.ones(len(rows), dtype=np.int32)
    return sparse.csr_array((ones, (rows, columns)), shape=(n_texts, n_terms)), np.concatenate(parts)


def _once(codes: Ints, text: Ints, weight: Ints, least: int, n_codes: int) -> tuple[Ints, Ints]:
    """Distinct pairs of a code and a text, of codes that can be in `least` documents."""
    often = (np.bincount(codes, weights=weight[text], minlength=n_codes) >= least)[codes]
    pair = np.sort(codes[often] * np.int64(max(len(weight), 1)) + text[often])
    pair = pair[np.append(True, pair[1:] != pair[:-1])] if pair.size else pair
    code, of_text = np.divmod(pair, max(len(weight), 1))
    return code, of_text


def _numbered(names: Texts) -> tuple[Ints, Texts]:
    codes, distinct = pd.factorize(names)
    unknown = np.flatnonzero(distinct == "")
    return np.where(np.isin(codes, unknown), -1, codes), distinct

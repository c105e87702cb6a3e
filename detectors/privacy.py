"""Which words of a text may be a name or an address? What is written here decides what an alert may show.

Two guards, one for the place, one for the word. `guard` takes out of each text what stands where names and addresses
stand. `Evidence` then asks of a word, over all texts, whether it is an ordinary one: only such words are shown.
What this guarantees, and what it does not, is in docs/methods/words.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from detectors.tokens import Bools, Ints, Tokens, shifted
from forewarn.lexicon import LANGUAGES, words_of

PLAIN, NAME_LIKE, SHOWN = 1, 2, 4
"""How a text uses a word: small among capitals (in German: after an article); as a name; in any way that is no name."""
PLAIN_ORIGINS = 3
"""So many places or people use a word as an ordinary one before it is shown, and
`SHOWN_ORIGINS` where their way of writing does not tell (all small, all capitals, German nouns)."""
SHOWN_ORIGINS = 8
_RUN = 3  # words of a name or of a street
_FAREWELL = 10  # tokens from a farewell to the end of a letter


@dataclass(frozen=True, eq=False)
class Guarded:
    """What is left of the tokens.

    Args:
        word: (n_tokens,) as in `Tokens`, 0 also where a name or an address may stand.
        usage: (n_texts, n_words) how each text uses each word, a sum of the flags above.
    """

    word: Ints
    usage: sparse.csc_array


def guard(tokens: Tokens, n_texts: int, languages: Sequence[str]) -> Guarded:
    """Tokens without what stands where names and addresses stand, and how the rest is used."""
    is_word = tokens.word > 0
    stop = tokens.which(function_words(languages).__contains__)
    german = _is_german(tokens, n_texts, languages)[tokens.text]
    first = shifted(tokens.ends, 1)
    first[:1] = True
    free = ~tokens.in_label & is_word
    middle = free & ~first & ~stop
    small, large = (_per_text(flags, tokens.text, n_texts) for flags in (free & tokens.lower, middle & tokens.capital))
    any_large = _per_text(free & tokens.capital, tokens.text, n_texts) > 0
    cased = (any_large & (small > large))[tokens.text]  # neither all small nor Every Word Large
    capital = free & tokens.capital & cased
    hidden = _named(tokens, capital, stop, cased) | _addressed(tokens, capital, stop, first)
    together = capital & ~german & (middle | first)
    together = (together & shifted(together, 1)) | (together & shifted(together, -1))
    hidden |= together & _per_run(together, middle & capital)
    after_article = shifted(tokens.which(words_of("stopwords_de").__contains__) & tokens.lower, 1) & german
    plain = cased & free & (tokens.lower | (capital & after_article))
    name_like = (hidden & is_word) | (capital & middle & ~german)
    flags = PLAIN * plain + NAME_LIKE * name_like + SHOWN * (is_word & ~name_like)
    flags[plain & name_like] -= PLAIN
    usage = _usage(tokens, flags, n_texts)
    return Guarded(np.where(hidden, 0, tokens.word), usage)


def function_words(languages: Sequence[str]) -> frozenset[str]:
    """Function words of these languages."""
    return frozenset().union(*(words_of(f"stopwords_{language}") for language in languages))


def never_shown(words: Sequence[str]) -> Bools:
    """(n_words,) words that are known as names, or look like streets."""
    names = words_of("given_names") | words_of("surnames")
    return np.array([word in names or _is_street(word) for word in words], dtype=bool)


def is_ordinary(usage: sparse.csc_array, word: int, texts: Ints, origins: Ints) -> bool:
    """Whether a word is used as an ordinary one by several.

    Args:
        texts: (n_documents,) the text of each document that is known so far; `origins` tells who or where it is from.
    """
    column = usage[:, [word]].toarray().ravel()
    flags = column[texts]
    plain, name_like, shown = (np.unique(origins[(flags & flag) > 0]).size for flag in (PLAIN, NAME_LIKE, SHOWN))
    return name_like <= plain and (plain >= PLAIN_ORIGINS or shown >= SHOWN_ORIGINS)


def _named(tokens: Tokens, capital: Bools, stop: Bools, cased: Bools) -> Bools:
    """Words after titles, offices, given names and farewells, and the given names themselves."""
    title = tokens.which(lambda word: word in words_of("titles") and len(word) > 1)
    title |= tokens.which("m".__eq__) & capital
    given = tokens.which(words_of("given_names").__contains__)
    any_case = capital | (((tokens.lower & cased) | ~cased) & (tokens.word > 0) & ~stop)
    part = _name_part(tokens, capital)
    hidden = given | _run(_behind(tokens, title), any_case | part, part)
    hidden |= _run(_behind(tokens, tokens.which(words_of("relations").__contains__)), part, part)
    hidden |= _run(shifted(given, 1), any_case | part, part)
    farewell = np.flatnonzero(tokens.which(words_of("farewells").__contains__))
    ends = np.flatnonzero(np.append(tokens.text[1:] != tokens.text[:-1], True)) if tokens.text.size else farewell
    for place in farewell:
        end = ends[tokens.text[place]]
        if end - place <= _FAREWELL:
            hidden[place : end + 1] = True
    return hidden


def _addressed(tokens: Tokens, capital: Bools, stop: Bools, first: Bools) -> Bools:
    """Words beside numbers, and names of streets."""
    is_word, number = tokens.word > 0, tokens.number
    short = np.array([len(word) <= _RUN or ("-" in word and len(word) < 7) for word in tokens.words])[tokens.word]
    before = tokens.which(words_of("streets_before").__contains__)
    after = tokens.which(words_of("streets_after").__contains__)
    part = _name_part(tokens, capital)
    ahead = shifted(number, -1) | (tokens.soft & shifted(number, -1))
    ahead |= shifted(tokens.soft & ahead, -1)
    hidden: Bools = tokens.which(_is_street) | (is_word & short & (shifted(number, 1) | shifted(number, -1)))
    hidden |= _run(_behind(tokens, number), part, part) | _run(ahead, capital, capital, by=-1)
    name = capital & ~stop
    street = after & (shifted(name & ~first, 1) | (capital & shifted(name, 1)))
    hidden |= street | _run(shifted(street, -1), name, name, by=-1)
    hidden |= _run(_behind(tokens, before), part, part)
    may_lie_between = (is_word & ~stop) | tokens.which(words_of("particles").__contains__) | tokens.soft
    hidden |= _between(number, after, may_lie_between, _RUN)  # 12 baker street
    hidden |= _between(before, number, may_lie_between, _RUN + 1)  # calle mayor 5
    numbered = after & ahead  # baker street 12
    hidden |= numbered | _run(shifted(numbered, -1), is_word & ~stop, is_word & ~stop, by=-1)
    lanes = before & _behind(tokens, number)  # 5 rue de la paix
    hidden |= _run(lanes, is_word, is_word, most=_RUN + 2)
    return hidden


def _name_part(tokens: Tokens, capital: Bools) -> Bools:
    """Capitals, and the small words of a name before them: `van der Berg`."""
    particle = tokens.which(words_of("particles").__contains__)
    leads = particle & shifted(capital, -1)
    return capital | leads | (particle & shifted(leads, -1))


def _run(start: Bools, first: Bools, rest: Bools, *, by: int = 1, most: int = _RUN) -> Bools:
    """Up to `most` tokens from each start on, as long as they are of the kind asked for."""
    reach = start & first
    found = reach.copy()
    for _ in range(most - 1):
        reach = shifted(reach, by) & rest
        found |= reach
    return found


def _between(opens: Bools, closes: Bools, between: Bools, most: int) -> Bools:
    """Tokens from an opening to a closing one with at most `most` others, all of the kind asked for, between them."""
    found = np.zeros_like(opens)
    alive = opens
    for gap in range(1, most + 2):
        alive = shifted(alive, 1)
        for by in range(gap + 1):
            found |= shifted(alive & closes, -by)
        alive &= between & ~closes
    return found


def _behind(tokens: Tokens, flags: Bools) -> Bools:
    """The token after each flagged one, past one sign such as the dot of an abbreviation."""
    return shifted(flags, 1) | shifted(shifted(flags, 1) & tokens.soft, 1)


def _per_run(run: Bools, wanted: Bools) -> Bools:
    """Tokens of those runs of neighbours that hold a wanted one."""
    number = np.cumsum(run & ~shifted(run, 1))
    holds = np.bincount(number, weights=run & wanted, minlength=int(number[-1]) + 1 if number.size else 1) > 0
    return run & holds[number]


def _is_street(word: str) -> bool:
    if word in words_of("no_streets"):
        return False
    return any(word.endswith(ending) and len(word) > len(ending) + 1 for ending in words_of("street_endings"))


def _is_german(tokens: Tokens, n_texts: int, languages: Sequence[str]) -> Bools:
    """(n_texts,) texts whose function words are German rather than of another of the source's languages."""
    hits = {
        language: _per_text(tokens.which(words_of(f"stopwords_{language}").__contains__), tokens.text, n_texts)
        for language in languages
    }
    if "de" not in hits:
        return np.zeros(n_texts, dtype=bool)
    others = [hits[language] for language in LANGUAGES if language in hits and language != "de"]
    return hits["de"] > np.max(others, axis=0) if others else np.ones(n_texts, dtype=bool)


def _usage(tokens: Tokens, flags: Ints, n_texts: int) -> sparse.csc_array:
    shape = (n_texts, len(tokens.words))
    found = sparse.csc_array(shape, dtype=np.int8)
    used = tokens.word > 0
    for flag in (PLAIN, NAME_LIKE, SHOWN):
        here = used & ((flags & flag) > 0)
        once = sparse.csc_array((np.ones(int(here.sum()), dtype=bool), (tokens.text[here], tokens.word[here])), shape)
        found = found + once.astype(np.int8) * np.int8(flag)
    return found.tocsc()


def _per_text(flags: Bools, text: Ints, n_texts: int) -> Ints:
    return np.bincount(text[flags], minlength=n_texts)

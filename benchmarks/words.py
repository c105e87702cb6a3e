"""How long words take, how often they come on ordinary days, how soon a planted phrase is found.

    python -m benchmarks.words speed [DOCUMENTS]
    python -m benchmarks.words ordinary
    python -m benchmarks.words figure FILE.svg

The texts are drawn: each category has a Zipf-like vocabulary of its own, mixed with one that all share.
"""

import resource
import sys
import time
from datetime import date, timedelta

import numpy as np

from detectors.vocabulary import Corpus, corpus_of
from detectors.words import Words
from forewarn.request import Documents

FIRST = date(2025, 1, 1)
PHRASE = "with brown water from the tap"
N_CATEGORIES = 12
SYLLABLES = [consonant + vowel for consonant in "bdgklmnprst" for vowel in "aeiou"]


def texts(
    seed: int,
    n_days: int,
    a_day: float,
    *,
    n_areas: int = 8,
    n_words: int = 3000,
    planted: dict[int, int] | None = None,
) -> Documents:
    """Documents of `n_days` days; `planted`: day → documents that hold the phrase."""
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(n_days), rng.poisson(a_day, n_days))
    n = len(day)
    drawn = np.unique(["".join(rng.choice(SYLLABLES, 3)) for _ in range(2 * n_words)])
    words = rng.permutation(drawn)[:n_words]
    chance = 1.0 / np.arange(1, len(words) + 1)
    category = rng.integers(N_CATEGORIES, size=n)
    of_category = np.stack([rng.permutation(len(words)) for _ in range(N_CATEGORIES)])
    common = rng.choice(len(words), (n, 12), p=chance / chance.sum())
    own = of_category[category[:, None], common]
    written = words[np.where(rng.random(common.shape) < 0.4, own, common)]
    text = np.array([f"The {' '.join(row)}" for row in written.tolist()], dtype=object)
    for on, amount in (planted or {}).items():
        for row in rng.choice(np.flatnonzero(day == on), amount, replace=False):
            text[row] += f" {PHRASE}"
    days = np.datetime64(FIRST, "D") + day
    return Documents(
        day=days,
        known_from=days,
        category=np.array([f"Category {number}" for number in category], dtype=object),
        area=np.array([f"Ward {number}" for number in rng.integers(n_areas, size=n)], dtype=object),
        label=np.array([""] * n, dtype=object),
        text=text,
        lat=40 + rng.random(n) / 5,
        lon=8 + rng.random(n) / 5,
    )


def speed(n: int) -> None:
    """Seconds of processor to count the terms of a year of `n` documents, and to judge a day."""
    found = texts(2, 371, n / 371, n_areas=30, n_words=20_000)
    start = time.process_time()
    corpus = corpus_of(found)
    print(f"{len(found):,} documents, {corpus.holds.shape[1]:,} terms: counted in {time.process_time() - start:.1f} s")
    for what in ("first", "each further"):
        start = time.process_time()
        Words().judge(corpus, FIRST + timedelta(days=370))
        print(f"{what} day judged in {time.process_time() - start:.2f} s")
    print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB in all")


def ordinary() -> None:
    """Days with a story on ordinary days, and the share of planted phrases found on the first and second day."""
    for level in (0.05, 0.014):
        days = hits = 0
        for seed in range(4):
            corpus = corpus_of(texts(seed, 400, 60))
            judged = range(100, 400)
            hits += sum(bool(Words(level=level).judge(corpus, FIRST + timedelta(days=day))) for day in judged)
            days += len(judged)
        print(f"level {level}: {hits} of {days:,} ordinary days with a story")
    for amount in (3, 5, 7, 10):
        found = [_found_on(texts(100 + seed, 250, 60, planted=dict.fromkeys((240, 241), amount))) for seed in range(20)]
        print(
            f"{amount} documents a day: found by day 1 {found.count(240) / 20:.0%}, by day 2 "
            f"{(found.count(240) + found.count(241)) / 20:.0%}"
        )


def _found_on(found: Documents) -> int | None:
    corpus = corpus_of(found)
    days = (day for day in (240, 241) if any("brown" in story.term for story in _judged(corpus, day)))
    return next(days, None)


def _judged(corpus: Corpus, day: int) -> list:  # type: ignore[type-arg]
    return Words(level=0.014).judge(corpus, FIRST + timedelta(days=day))


def figure(file: str) -> None:
    """A phrase that begins, its usual range, and the days on which it is told."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    mpl.use("svg")
    planted = {int(day): 1 for day in np.random.default_rng(1).choice(240, 20, replace=False)}
    corpus = corpus_of(texts(5, 260, 60, planted=planted | {240: 3, 241: 6, 242: 9, 243: 7, 244: 4, 245: 1}))
    counts = np.zeros(60)
    told = []
    for day in range(200, 260):
        stories = [story for story in _judged(corpus, day) if "brown water" in story.term]
        if stories:
            told.append(day)
            counts[max(day - 227, 0) : day - 199] = stories[0].history[-(day - 199) :]
    days = np.arange(200, 260)
    _, axes = plt.subplots(figsize=(7.5, 2.6))
    axes.bar(days, counts, color=["#d55e00" if day in told else "#b9c4d4" for day in days])
    axes.set_ylabel("requests a day")
    axes.set_xlabel("day")
    axes.set_title("“brown water”: the days on which it is told are coloured", fontsize=10, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    plt.tight_layout()
    plt.savefig(file, metadata={"Date": None})


if __name__ == "__main__":
    command, *rest = sys.argv[1:] or ["speed"]
    if command == "speed":
        speed(int(rest[0]) if rest else 1_000_000)
    elif command == "ordinary":
        ordinary()
    else:
        figure(rest[0])

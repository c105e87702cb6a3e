"""Words that became frequent are found soon, ordinary days are quiet, and nothing else matters than the texts."""

from dataclasses import fields, replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import nbinom

from detectors.term_counts import dispersion
from detectors.vocabulary import corpus_of
from detectors.words import LEAST_DAYS, Story, Words
from forewarn.request import Documents
from tests.detectors.letters import FIRST, documents, letters

PLANTED = [
    "There is brown water coming out of the tap.",
    "Our tap gives brown water since this morning.",
    "Why do we have brown water, is it safe?",
    "The kitchen tap runs with brown water.",
    "Is the brown water dangerous for my baby?",
    "We got brown water on the third floor.",
]


def stories_of(mail: Documents, day: int, *, min_documents: int = 5, min_origins: int = 3) -> list[Story]:
    method = Words(min_documents=min_documents, min_origins=min_origins)
    return method.judge(corpus_of(mail, least=min_documents), FIRST + timedelta(days=day))


@pytest.mark.parametrize("placed", [True, False])
def test_a_phrase_is_found_on_its_first_day_and_is_over_when_it_is_over(placed: bool) -> None:
    mail = letters(1, n_days=220, languages=["en"], extra={200: PLANTED, 201: PLANTED}, placed=placed)
    corpus = corpus_of(mail)
    found = {day: Words().judge(corpus, FIRST + timedelta(days=day)) for day in range(195, 215)}
    assert [day for day, stories in found.items() if stories] == [200, 201, 202]
    (story,) = found[201]
    assert story.term == "brown water"
    assert (story.observed, story.since, story.window_days) == (12, FIRST + timedelta(days=200), 2)
    assert story.expected < 0.5
    assert story.history[-2:].tolist() == [6.0, 6.0]
    assert {"brown", "water", "tap"} >= {other.term for other in story.others}


def test_hundreds_of_ordinary_days_bring_no_more_stories_than_promised() -> None:
    found = 0
    for seed in (11, 12):
        corpus = corpus_of(letters(seed, n_days=300, a_day=60))
        found += sum(bool(Words(level=0.05).judge(corpus, FIRST + timedelta(days=day))) for day in range(60, 300))
    assert found <= 0.05 * 480


def test_words_that_grow_with_all_requests_are_no_news() -> None:
    mail = letters(2, n_days=201, languages=["en"])
    crowd = letters(9, n_days=1, a_day=300, languages=["en"])
    crowd = replace(crowd, day=crowd.day + np.timedelta64(200, "D"))
    assert stories_of(joined(mail, crowd), 200) == []


def test_a_phrase_that_is_usual_elsewhere_is_found_in_an_area_where_it_is_new() -> None:
    usual = dict.fromkeys(range(200), PLANTED * 4)
    mail = letters(6, n_days=200, languages=["en"], extra=usual)
    brown = np.array(["brown water" in text for text in mail.text])
    area = np.where(brown, "Ward 1", mail.area).astype(object)
    news = documents([199] * 6, PLANTED, np.random.default_rng(6))
    news = replace(news, area=np.array(["Ward 2"] * 6, dtype=object))
    stories = stories_of(joined(replace(mail, area=area), news), 199)
    assert [(story.area, story.observed) for story in stories] == [("Ward 2", 6)]
    assert stories[0].term == "brown water"
    assert (
        stories_of(joined(replace(mail, area=area), replace(news, area=np.array(["Ward 1"] * 6, dtype=object))), 199)
        == []
    )


def test_there_is_no_verdict_before_enough_history() -> None:
    mail = letters(1, n_days=60, languages=["en"], extra=dict.fromkeys((30, LEAST_DAYS + 20), PLANTED))
    assert stories_of(mail, 30) == []
    assert stories_of(letters(1, n_days=60, languages=["en"], extra={50: PLANTED}), 50) != []
    few = letters(1, n_days=220, a_day=0.3, languages=["en"], extra={200: PLANTED})
    assert stories_of(few, 200) == []
    assert Words().judge(corpus_of(letters(1, n_days=0)), FIRST) == []


def test_fewer_than_five_documents_or_three_places_are_never_told() -> None:
    four = letters(1, n_days=210, languages=["en"], extra={200: PLANTED[:4]})
    assert stories_of(four, 200) == []
    assert stories_of(four, 200, min_documents=4) != []
    same = documents(
        [200] * 8, [f"{text} Again and again." for text in [*PLANTED, *PLANTED[:2]]], np.random.default_rng(2)
    )
    same = replace(same, lat=same.lat * 0 + 40.0, lon=same.lon * 0 + 8.0)
    mail = joined(letters(1, n_days=210, languages=["en"]), same)
    assert stories_of(mail, 200) == []


def test_what_comes_later_and_what_was_not_known_is_not_looked_at() -> None:
    mail = letters(1, n_days=220, languages=["en"], extra={200: PLANTED, 205: PLANTED})
    day = FIRST + timedelta(days=200)
    short = mail.where(mail.day <= np.datetime64(day, "D"))
    assert told(stories_of(mail, 200)) == told(stories_of(short, 200)) != []
    late = replace(mail, known_from=mail.known_from + np.timedelta64(3, "D"))
    corpus = corpus_of(late)
    assert Words().judge(corpus, day, day + timedelta(days=1)) == []
    assert told(Words().judge(corpus, day, day + timedelta(days=4))) == told(stories_of(mail, 200))


def test_words_explained_by_the_number_of_requests_of_their_category_are_marked() -> None:
    mail = letters(7, n_days=201, languages=["en"], a_day=40)
    music = np.array(["music" in text for text in mail.text])
    category = np.where(music, "Noise", mail.category).astype(object)
    rng = np.random.default_rng(8)
    party = documents([200] * 60, ["Loud music all night, nobody can sleep here."] * 60, rng)
    party = replace(party, category=np.array(["Noise"] * 60, dtype=object))
    stories = stories_of(joined(replace(mail, category=category), party), 200)
    assert stories
    assert all(story.explained for story in stories)
    planted = letters(7, n_days=201, languages=["en"], extra={200: PLANTED * 2})
    assert [story.explained for story in stories_of(planted, 200)] == [False]


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10**6))
def test_the_order_of_requests_is_of_no_matter(seed: int) -> None:
    mail = letters(1, n_days=120, a_day=15, languages=["en", "de"], extra={110: PLANTED, 111: PLANTED})
    order = np.random.default_rng(seed).permutation(len(mail))
    assert told(stories_of(mail, 111)) == told(stories_of(mail.where(order), 111)) != []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=60), min_size=1, max_size=12))
def test_terms_are_letters_whatever_is_written(texts: list[str]) -> None:
    corpus = corpus_of(documents([0] * len(texts), texts, np.random.default_rng(0)), least=1)
    for number in range(len(corpus.parts)):
        assert all(part.isalpha() for part in corpus.term(number).replace("-", " ").split())


def test_the_dispersion_equals_its_plain_loop_and_finds_what_was_drawn() -> None:
    from scipy import sparse

    rng = np.random.default_rng(3)
    documents_a_day = rng.poisson(40, (2, 364)).astype(float)
    size, rate = 2.0, 0.1
    counts = nbinom.rvs(size, size / (size + documents_a_day * rate), random_state=rng)
    got = dispersion(sparse.csr_array(counts), documents_a_day, np.full(2, rate), 1, prior=1.0, weight=5.0)
    for row in range(2):
        mean = documents_a_day[row] * rate
        excess = ((counts[row] - mean) ** 2 - mean).sum()
        assert got[row] == pytest.approx((excess + 5.0) / ((mean**2).sum() + 5.0))
    assert got == pytest.approx(1 / size, rel=0.35)


def joined(*parts: Documents) -> Documents:
    return Documents(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Documents)))


def told(stories: list[Story]) -> list[tuple[object, ...]]:
    return [(s.term, s.area, s.observed, s.since, round(s.tail, 12), s.explained, len(s.others)) for s in stories]

"""No alert shows a name or an address, however often it comes and however it is written."""

import re
from datetime import timedelta

import numpy as np
import pytest

from detectors.vocabulary import corpus_of
from detectors.words import Words
from forewarn.lexicon import LANGUAGES, words_of
from tests.detectors.letters import FIRST, documents, letters

NASTY = {
    "en": [
        "Mr Blackwood from the council promised that the brown water would stop.",
        "There is brown water again, says Thistlewaite from next door.",
        "My neighbour Ottoline Featherstone has brown water in her kitchen.",
        "Brown water at 14 Larkspur Street, please come.",
        "We have brown water here.\nKind regards, Ottoline Featherstone",
        "The brown water started when the van with plate KX19 ZPW came, call 0171 555 0199.",
        "Please mail ottoline@featherstone.example about the brown water, reference QZ-88121-RT.",
        "brown water at 14 larkspur street, signed john featherstone",
        "Dr. Blackwood and Mrs. Featherstone of Larkspur Street have brown water too.",
        "See www.featherstone.example or @ottoline about the brown water.",
    ],
    "de": [
        "Frau Kesselring aus dem ersten Stock hat braunes Wasser.",
        "Seit gestern kommt braunes Wasser, sagt Herr von der Tannhofen.",
        "In der Lerchenfelder Straße 12 läuft braunes Wasser aus der Leitung.",
        "Bei uns in der Amselhofgasse ist seit heute braunes Wasser.",
        "Das braune Wasser ist eklig, wir haben braunes Wasser.\nMit freundlichen Grüßen\nSieglinde Kesselring",
        "Der Wagen S-QX 4711 stand davor, dann kam braunes Wasser.",
        "Mein Name ist Tannhofen und wir haben braunes Wasser.",
        "Unser Vermieter Kesselring sagt zu dem Problem nichts, braunes Wasser seit Montag.",
        "braunes wasser in der amselhofgasse 3, bitte anrufen 0711 5550199",
        "Dr. Tannhofen, Lerchenfelder Str. 12, meldet braunes Wasser.",
    ],
    "es": [
        "El señor Etxeberria dice que sale agua marrón del grifo.",
        "Sale agua marrón en la calle de Valdeolmos 7.",
        "Mi vecina Begoña Etxeberria tiene agua marrón desde ayer.",
        "Me llamo Begoña Etxeberria y tengo agua marrón.",
        "Hay agua marrón en toda la avenida Valdeolmos.",
        "Con el coche 4711 QXZ vino el agua marrón a la casa.",
        "Tenemos agua marrón, un saludo, Begoña Etxeberria",
        "sale agua marrón en calle valdeolmos 7 segundo izquierda",
        "La señora Etxeberria llamó al 915550199 por el agua marrón.",
        "D. Etxeberria, Plaza Valdeolmos, 3: agua marrón otra vez.",
    ],
    "fr": [
        "M. Quéméneur a de l'eau marron au robinet.",
        "De l'eau marron coule au 12 rue de la Belleforêt.",
        "Ma voisine Maëlle Quéméneur a aussi de l'eau marron.",
        "Je m'appelle Maëlle Quéméneur, nous avons de l'eau marron.",
        "Il y a de l'eau marron dans toute la rue Belleforêt.",
        "La camionnette QX-471-ZT est partie, puis l'eau marron est venue.",
        "Nous avons de l'eau marron.\nCordialement, Maëlle Quéméneur",
        "eau marron au 12 rue de la belleforêt depuis hier",
        "Mme Quéméneur a téléphoné au 01 55 50 19 90 pour l'eau marron.",
        "Allée Belleforêt, 3 : de l'eau marron encore.",
    ],
}
PRIVATE = re.compile(
    "blackwood|thistlewaite|ottoline|featherstone|larkspur|kx19|zpw|kesselring|tannhofen|lerchenfelder|amselhof|"
    "sieglinde|qx|4711|etxeberria|valdeolmos|begoña|qxz|quéméneur|belleforêt|maëlle|qz|rt\\b|john|0199|example|[0-9@]"
)
TOLD = {"en": "brown water", "de": "braunes wasser", "es": "agua marrón", "fr": "eau marron"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("watched", ["its own", "all"])
@pytest.mark.parametrize("times", [1, 3])
def test_words_are_told_and_names_and_addresses_are_not(language: str, watched: str, times: int) -> None:
    day = 200
    extra = {day: NASTY[language] * times, day + 1: NASTY[language] * times}
    mail = letters(3, n_days=day + 2, languages=[language], extra=extra)
    corpus = corpus_of(mail, LANGUAGES if watched == "all" else [language])
    stories = Words(level=0.05).judge(corpus, FIRST + timedelta(days=day + 1))
    shown = [story.term for story in stories] + [other.term for story in stories for other in story.others]
    assert any(TOLD[language] in term for term in shown)
    assert not [term for term in shown if PRIVATE.search(term)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_name_that_comes_every_day_for_years_is_not_shown_when_it_comes_more_often(language: str) -> None:
    often = {day: NASTY[language][day % 10 :][:1] for day in range(230)}
    often |= dict.fromkeys((230, 231), NASTY[language] * 2)
    corpus = corpus_of(letters(4, n_days=232, languages=[language], extra=often))
    stories = Words(level=0.05).judge(corpus, FIRST + timedelta(days=231))
    shown = [story.term for story in stories] + [other.term for story in stories for other in story.others]
    assert not [term for term in shown if PRIVATE.search(term)]


def test_a_word_of_few_places_is_not_shown_however_often_it_comes() -> None:
    rng = np.random.default_rng(5)
    mail = letters(5, n_days=202, languages=["en"])
    copies = documents([200, 201] * 10, [f"the quagmire is back, letter {'x' * n}" for n in range(20)], rng)
    here = copies.where(np.arange(20))
    same_place = type(here)(
        here.day, here.known_from, here.category, here.area, here.label, here.text, here.lat * 0 + 40, here.lon * 0 + 8
    )
    both = type(mail)(*(np.concatenate([getattr(mail, n), getattr(same_place, n)]) for n in mail.__slots__))
    stories = Words(level=0.05).judge(corpus_of(both), FIRST + timedelta(days=201))
    assert not [story for story in stories if "quagmire" in story.term]


def test_the_real_descriptions_of_a_city_show_no_street_and_no_plate(real_data: object) -> None:
    import json
    from pathlib import Path

    file = Path(str(real_data)) / "api_payloads" / "open311_boston_requests_2026.json"
    texts = [row.get("description") or "" for row in json.loads(file.read_text(encoding="utf-8"))]
    corpus = corpus_of(documents([0] * len(texts), texts, np.random.default_rng(1)), least=1)
    shown = {corpus.term(number) for number in range(len(corpus.parts))}
    streets = re.findall(r"([A-Z][a-z]+) (?:St|Street|Ave|Road|Rd|Place)\b", " ".join(texts))
    assert streets
    assert not [term for term in shown if re.search(r"\d", term)]
    ordinary = {street for street in streets if re.search(rf"\b{street.lower()}\b", " ".join(texts))}
    assert not {street.lower() for street in streets} - {o.lower() for o in ordinary} & shown


def test_every_list_is_in_lower_case_and_no_function_word_is_a_name() -> None:
    names = words_of("given_names") | words_of("surnames")
    for language in LANGUAGES:
        words = words_of(f"stopwords_{language}")
        assert len(words) > 100
        assert words == {word.lower() for word in words}
        assert not words & names

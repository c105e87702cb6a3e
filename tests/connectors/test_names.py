"""Nasty examples in four languages, made up: what tells a name or a plate goes, what does not stays."""

import pyarrow as pa
import pytest

from connectors.names import without_names
from connectors.scrub import description, descriptions

NAMED = {
    "Mr Blackwood from the council promised": "Mr [name] from the council promised",
    "Dr. Blackwood and Mrs. O'Brien-Smith of flat 5": "Dr. [name] and Mrs. [name] of flat 5",
    "Ask for Prof. Dr. Maria Schmidt-Müller": "Ask for Prof. Dr. [name]",
    "My neighbour Ottoline Featherstone shouts": "My neighbour [name] shouts",
    "please call the landlord Smith": "please call the landlord [name]",
    "John Smith has no heat": "[name] has no heat",
    "james smith apt 4": "[name] apt 4",
    "my name is Thistlewaite and I have no heat": "my name is [name] and I have no heat",
    "No heat. Kind regards, Ottoline Featherstone": "No heat. Kind regards, [name]",
    "no heat, signed ottoline featherstone": "no heat, signed [name]",
    "J. Thistlewaite reports a leak": "[name] reports a leak",
    "Herr von der Tannhofen hat Lärm gemeldet": "Herr [name] hat Lärm gemeldet",
    "Mein Name ist Tannhofen und wir frieren": "Mein Name ist [name] und wir frieren",
    "Name: Max Mustermann": "Name: [name]",
    "Mit freundlichen Grüßen Sieglinde Kesselring": "Mit freundlichen Grüßen [name]",
    "El señor Etxeberria dice": "El señor [name] dice",
    "Me llamo Begoña Etxeberria y tengo frío": "Me llamo [name] y tengo frío",
    "mi vecino Juan Pérez García grita": "mi vecino [name] grita",
    "M. Quéméneur a téléphoné": "M. [name] a téléphoné",
    "Je m'appelle Maëlle Quéméneur, bonjour": "Je m'appelle [name], bonjour",
    "Cordialement, Maëlle Quéméneur": "Cordialement, [name]",
    "the van with plate KX19 ZPW": "the van with plate [plate]",
    "license plate: ABC-1234.": "license plate: [plate].",
    "plate number 7ABC123 blocking": "plate number [plate] blocking",
    "a grey car 8XYZ456 on the pavement": "a grey car [plate] on the pavement",
    "Der Wagen S-QX 4711 steht im Weg": "Der Wagen [plate] steht im Weg",
    "Kennzeichen S QX 471 parkt": "Kennzeichen [plate] parkt",
    "Con el coche 4711 QXZ vino": "Con el coche [plate] vino",
    "La camionnette QX-471-ZT est partie": "La camionnette [plate] est partie",
}

UNTOUCHED = [
    "Noise at Charlotte Street near St. James Park",
    "pothole on Daniel Webster Hwy",
    "E. Elm St and W. Main Street",
    "Dear Sir or Madam, the heat is off",
    "Der Mieter meldet Lärm, der Vermieter schweigt",
    "bus M15 SBS, route AC-21, P.S. 12",
    "4200 BLK Main, apt 4B, floor 3",
    "since JAN-2024, again on 2024-02-03",
    "no heat since 2024 in the U.S. Post Office",
    "regards from the park",
    "Con Edison works at the corner",
    "Müll neben der Straßenlaterne in der Parkstraße 5",
    "La lumière ne marche plus rue de la Paix",
    "La calle Mayor está sucia",
]


@pytest.mark.parametrize("text", NAMED)
def test_names_and_plates_go(text: str) -> None:
    assert without_names(text) == NAMED[text]


@pytest.mark.parametrize("text", UNTOUCHED)
def test_what_is_none_stays(text: str) -> None:
    assert without_names(text) == text


def test_whole_columns_are_scrubbed_as_each_text_is() -> None:
    texts = [*NAMED, *UNTOUCHED, "", "mail ada@example.org or call 617-555-0123"]
    assert descriptions(pa.array(texts)).tolist() == [description(text) for text in texts]


def test_a_long_text_of_signs_takes_no_time() -> None:
    for hostile in ("Mr " * 40_000, "A" * 100_000, "name is " * 10_000, "von der " * 10_000 + "X", "1" * 100_000):
        assert len(description(hostile)) <= 4000

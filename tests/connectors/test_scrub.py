import pytest

from connectors.scrub import MAX_LABEL, MAX_LABEL_BYTES, MAX_TEXT, description, label, quote, scrub


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("write to jane.doe+311@mail.example.co.uk please", "write to [mail] please"),
        ("call 617-555-0123 now", "call [phone] now"),
        ("(617) 555 0123", "[phone]"),
        ("Tel. +49 711 / 216-99345!", "Tel. [phone]!"),
        ("0049 711 21699345", "[phone]"),
    ],
)
def test_what_identifies_people_goes(text: str, kept: str) -> None:
    assert scrub(text) == kept


@pytest.mark.parametrize(
    "text",
    ["since 2026-06-22 08:15:00", "house number 1234, flat 5", "bus 42 at 18:30", "48.775846, 9.182932", "$120,000"],
)
def test_what_does_not_stays(text: str) -> None:
    assert scrub(text) == text


def test_labels_and_texts_are_tidy_and_bounded() -> None:
    assert label("  Graffiti\x00 \n on\twalls ") == "Graffiti on walls"
    assert len(label("x" * 9999)) == MAX_LABEL
    assert label("🐀" * MAX_LABEL) == "🐀" * (MAX_LABEL_BYTES // 4), "cut between two characters"
    assert len(description("x" * 99_999)) <= MAX_TEXT
    assert quote("a@b.example\n") == "[mail]"
    assert label("<script>alert(1)</script>") == "<script>alert(1)</script>"  # text stays text; pages escape it

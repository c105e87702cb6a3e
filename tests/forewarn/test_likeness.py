import pytest

from forewarn.likeness import meant, nearest

NAMES = ["created_date", "closed_date", "complaint_type", "Complaint Type", "id", "nyc-311", "boston-311"]


@pytest.mark.parametrize(
    ("name", "likely"),
    [
        ("CreatedDate", "created_date"),  # case and signs
        ("creatd_date", "created_date"),  # a slip of the pen
        ("date_closed_date", "closed_date"),  # a part
        ("nyc", "nyc-311"),
        ("boston-311-requests", "boston-311"),
        ("type", "complaint_type"),  # a word of it
        ("id", "id"),
        ("zzz", None),
        ("", None),
    ],
)
def test_the_likely_name(name: str, likely: str | None) -> None:
    assert nearest(name, NAMES) == likely
    assert meant(name, NAMES) == (f"; did you mean {likely!r}?" if likely else "")


def test_a_name_that_is_there_is_itself() -> None:
    assert all(nearest(name, [name, *reversed(NAMES)]) == name for name in ("id", "closed_date"))

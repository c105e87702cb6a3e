import pytest

from forewarn.shares import share


@pytest.mark.parametrize(
    ("part", "of_all", "words"),
    [
        (0, 9, "0%"),
        (109, 28_631, "under 1%"),
        (1, 100, "1%"),
        (41, 100, "41%"),
        (99, 100, "99%"),
        (28_522, 28_631, "over 99%"),
        (9, 9, "100%"),
    ],
)
def test_a_few_are_not_none_and_nearly_all_are_not_all(part: float, of_all: float, words: str) -> None:
    assert share(part, of_all) == words

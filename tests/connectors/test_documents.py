import pytest

from connectors.documents import parse_json, whole


def test_an_answer_is_one_whole_document() -> None:
    assert whole(b'{"a": [1, 2]}', parse_json, "application/json") == {"a": [1, 2]}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  \n",
        b'[{"a": 1}',
        b"[1] [2]",
        b"<!DOCTYPE html>soon",
        b"[" * 100_000 + b"]" * 100_000,
    ],
    ids=["empty", "blank", "cut", "two", "web page", "a well"],
)
def test_what_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        whole(body, parse_json, "application/json")

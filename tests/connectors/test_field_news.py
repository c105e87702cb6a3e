"""Which fields a source has, and what of them is told as new."""

from datetime import date, timedelta
from typing import Any

from connectors.contents import Change
from connectors.field_news import fresh_news, joined, news_of, noted
from connectors.shapes import shape_of_page

DAY = date(2026, 3, 2)


def at(shape: Any, days: int, told: dict[str, str], *worse: Change, is_all: bool = True) -> Any:
    return noted(shape, told, worse, DAY + timedelta(days=days), is_all=is_all)


def told(shape: Any) -> list[str]:
    return [one.words for one in news_of(shape)]


def test_a_page_shows_what_is_not_empty_in_it() -> None:
    rows = [{"id": 1, "tags": ["a"], "gone": None}, {"id": "x", "place": {"lat": 1.5}}]
    assert shape_of_page(rows) == {"id": "number or text", "tags": "list", "place.lat": "number"}
    assert shape_of_page([{"id": 1}] * 5000) == {"id": "number"}
    assert joined({"id": "number"}, {"id": "text", "at": "time"}) == {"id": "number or text", "at": "time"}


def test_what_a_source_says_of_its_fields_is_compared_at_once() -> None:
    known = at({}, 0, {"id": "number", "topic": "text"})
    assert told(known) == []
    later = at(known, 1, {"id": "text", "ward": "number"})
    assert told(later) == [
        "the field 'id' was number and is text now",
        "a new field 'ward' (number)",
        "the field 'topic' is gone",
    ]
    assert fresh_news(known, later) == told(later)
    assert fresh_news(later, at(later, 2, {"id": "text", "ward": "number"})) == []
    assert told(at(later, 40, {"id": "text", "ward": "number"})) == [], "it is what is usual"
    assert told(at(later, 2, {"id": "text", "ward": "number", "topic": "text"}))[-1] == "a new field 'topic' (text)"


def test_rows_leave_out_what_is_empty() -> None:
    known = at({}, 0, {"id": "number", "topic": "text"}, is_all=False)
    known = at(known, 3, {"id": "number", "rare": "text"}, is_all=False)
    assert told(known) == [], "which fields there are is not known yet"
    known = at(known, 8, {"id": "number or text", "late": "text"}, is_all=False)
    assert told(known) == ["the field 'id' was number and is number or text now", "a new field 'late' (text)"]
    assert told(at(known, 9, {"id": "number"}, is_all=False)) == told(known)
    assert "the field 'topic' is gone" in told(at(known, 28, {"id": "number"}, is_all=False))


def test_while_a_run_goes_on_nothing_is_gone() -> None:
    known = at({}, 0, {"id": "number", "topic": "text"})
    half = noted(known, {"id": "number", "ward": "text"}, (), DAY + timedelta(days=1), is_all=True, is_over=False)
    assert told(half) == ["a new field 'ward' (text)"]
    assert told(at(half, 1, {"id": "number", "ward": "text", "topic": "text"})) == told(half)


def test_a_run_that_found_nothing_out_changes_nothing() -> None:
    known = at({}, 0, {"id": "number"})
    assert at(known, 1, {}) == known


def test_what_holds_less_is_told_from_the_first_day_on() -> None:
    known = at(at({}, 0, {}, Change("area", "area is empty in 40%")), 3, {}, Change("area", "area is empty in 50%"))
    assert [(one.day, one.words) for one in news_of(known)] == [(DAY, "area is empty in 50%")]

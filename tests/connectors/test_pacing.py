from datetime import UTC, datetime, timedelta

import pytest

from connectors.pacing import LONGEST_PIECE, MOMENT, SECOND, Pace, crowd_of

START = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def rows(count: int) -> set[str]:
    return set(map(str, range(count)))


def test_spans_grow_until_answers_are_three_quarters_full() -> None:
    pace = Pace(DAY, full=100)
    pace.note_whole(START, START + DAY, rows(10))
    assert pace.length == 2 * DAY, "at most twice as long"
    pace.note_whole(START, START + 2 * DAY, rows(60))
    assert pace.length == 2.5 * DAY
    pace.note_whole(START, START + 2.5 * DAY, rows(95))
    assert pace.length < 2 * DAY
    pace = Pace(60 * DAY, full=100)
    pace.note_whole(START, START + 60 * DAY, rows(1))
    assert pace.length == LONGEST_PIECE


def test_a_shorter_reading_at_the_end_teaches_nothing() -> None:
    pace = Pace(DAY, full=100)
    pace.note_whole(START, START + timedelta(hours=2), rows(0))
    assert pace.length == DAY


@pytest.mark.parametrize(
    ("of_second_half", "growth"),
    [(rows(32) - rows(12), 0.75), (rows(25) - rows(12), 2)],  # 32 rows of which 25 came; the 25 that had come
)
def test_a_cap_is_learnt_from_halves_that_have_more_together(of_second_half: set[str], growth: float) -> None:
    pace = Pace(DAY, full=1000)
    pace.note_cut(START, START + DAY, rows(25), crowd=None)
    middle = pace.end_after(START)
    assert middle == START + DAY / 2
    pace.note_whole(START, middle, rows(12))
    assert pace.end_after(middle + SECOND) == START + DAY, "not beyond what is in doubt"
    pace.note_whole(middle + SECOND, START + DAY, of_second_half)
    length = pace.length
    pace.note_whole(START + DAY, START + DAY + length, rows(25))
    assert pace.length / length == pytest.approx(growth, rel=1e-4)


def test_a_second_of_many_rows_is_asked_for_by_itself() -> None:
    pace = Pace(DAY, full=100)
    crowd = START + timedelta(hours=5)
    pace.note_cut(START, START + DAY, rows(100), (crowd, crowd))
    before = pace.end_after(START)
    assert before == crowd - MOMENT
    pace.note_whole(START, before, rows(3))
    assert pace.end_after(before + SECOND) == crowd + SECOND
    assert crowd + SECOND - (before + SECOND) <= MOMENT
    pace.note_whole(before + SECOND, crowd + SECOND, rows(900))
    assert pace.end_after(crowd + MOMENT) == crowd + MOMENT + DAY, "then on as before"


def test_a_crowd_is_where_most_rows_are_unless_that_is_an_end_of_the_span() -> None:
    begin, second = START + timedelta(hours=9), timedelta(seconds=1)
    within = [begin + number * second for number in range(100)]
    first, last = crowd_of([*within, START + timedelta(hours=20)], START, START + DAY) or (START, START)
    assert begin - timedelta(seconds=100) < first < begin
    assert within[-1] < last < within[-1] + timedelta(seconds=100)
    assert crowd_of([begin] * 5, START, START + DAY) == (begin, begin)
    assert crowd_of([START + DAY - number * second for number in range(100)], START, START + DAY) is None
    assert crowd_of([START + number * timedelta(hours=1) for number in range(24)], START, START + DAY) is None
    assert crowd_of([], START, START + DAY) is None


def test_what_comes_after_a_crowd_is_read_in_the_usual_spans_again() -> None:
    pace = Pace(DAY, full=100)
    first, last = START + timedelta(hours=9), START + timedelta(hours=9, seconds=200)
    pace.note_cut(START, START + DAY, rows(100), (first, last))
    start = pace.end_after(START) + SECOND
    pace.note_whole(START, start - SECOND, rows(0))
    assert pace.end_after(start) == last + SECOND
    pace.note_cut(start, last + SECOND, rows(100), None)
    while start <= last:
        end = pace.end_after(start)
        pace.note_whole(start, end, rows(60))
        start = end + SECOND
    end = pace.end_after(start)
    assert end - start < timedelta(minutes=5)
    pace.note_whole(start, end, rows(0))
    assert pace.length > timedelta(hours=2)


def test_two_seconds_of_many_rows_cost_one_cut_answer_each() -> None:
    pace = Pace(3 * DAY, full=100)
    late, early = START + 2 * DAY, START + DAY
    pace.note_cut(START, START + 3 * DAY, rows(100), (late, late))
    pace.note_cut(START, late - MOMENT, rows(100), (early, early))
    start, asked = START, 0
    while start <= late:
        end = pace.end_after(start)
        assert not any(start - SECOND <= crowd <= end + SECOND for crowd in (late, early)) or end - start <= MOMENT
        pace.note_whole(start, end, rows(5))
        start, asked = end + SECOND, asked + 1
    assert asked == 4


def stumbling(pace: Pace, bad: datetime, until: datetime) -> int:
    """Reads up to `until` from a server that stumbles over the row of `bad`, and tells how many questions it took."""
    start, asked = START, 0
    while start < until:
        end, asked = min(pace.end_after(start), until), asked + 1
        if start - SECOND <= bad <= end + SECOND:
            if pace.is_last(start, end):
                pace.note_unread(start, end)
                start = end
            else:
                pace.note_stumble(end)
        else:
            pace.note_whole(start, end, rows(1))
            start = end + SECOND
    return asked


def test_one_row_is_encircled_in_few_steps_and_asked_for_by_itself_in_the_next_reading() -> None:
    until = START + 30 * DAY
    for seconds in (0, 1, 2, 3, 4, 5, 6, 7, 8, 86_399, 86_400, 86_401, 700_000, 700_001, 700_002):
        bad = START + timedelta(seconds=seconds)
        pace = Pace(8 * DAY, full=1000)
        assert stumbling(pace, bad, until) <= 2 * 20 + 10
        (trouble,) = pace.remembered(START, until)
        assert trouble[0] <= bad < trouble[1]
        again = Pace(8 * DAY, full=1000, troubles=[trouble])
        assert stumbling(again, bad, until) <= 6
        assert again.remembered(START, until) == [trouble]


def test_what_is_well_again_is_forgotten_and_what_was_not_read_is_kept() -> None:
    trouble = (START + DAY, START + DAY + 3 * SECOND)
    pace = Pace(8 * DAY, full=1000, troubles=[trouble])
    assert stumbling(pace, START - DAY, START + 2 * DAY) == 3
    assert pace.remembered(START, START + 2 * DAY) == []
    assert pace.remembered(START + 2 * DAY, START + 3 * DAY) == [trouble]

"""Days and weeks as steps, called by their last day."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from forewarn.steps import DAYS, Steps

WEDNESDAY = date(2026, 5, 6)
every_steps = st.one_of(st.just(DAYS), st.builds(Steps, st.just(7), st.integers(0, 6)))
any_day = st.dates(date(1990, 1, 1), date(2090, 1, 1))


def test_a_week_from_monday_to_sunday() -> None:
    weeks = Steps(7)
    assert weeks.begin_of(WEDNESDAY) == date(2026, 5, 4)
    assert weeks.end_of(WEDNESDAY) == date(2026, 5, 10)
    assert weeks.last_over(WEDNESDAY) == date(2026, 5, 3)
    assert weeks.last_over(date(2026, 5, 10)) == date(2026, 5, 10)
    assert weeks.first_whole(WEDNESDAY) == date(2026, 5, 11)
    assert weeks.first_whole(date(2026, 5, 4)) == date(2026, 5, 4)


def test_a_week_from_sunday_to_saturday() -> None:
    assert Steps(7, 6).begin_of(date(2026, 5, 9)) == date(2026, 5, 3)
    assert Steps(7, 6).end_of(date(2026, 5, 3)) == date(2026, 5, 9)


@given(every_steps, any_day, st.integers(0, 40))
def test_steps_cover_each_day_once(steps: Steps, first: date, n_days: int) -> None:
    last = first + timedelta(days=n_days)
    ends = steps.ends(first, last)
    assert all(first <= end <= last and steps.end_of(end) == end for end in ends)
    assert len(ends) == sum(
        steps.end_of(first + timedelta(days=n)) == first + timedelta(days=n) for n in range(n_days + 1)
    )
    assert steps.begin_of(first) <= first <= steps.end_of(first)
    assert steps.last_over(first) <= first < steps.last_over(first) + timedelta(days=steps.days)

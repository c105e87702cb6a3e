"""Bridge days, closures, school holidays and events as columns of the regression."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.design import calendar_design
from detectors.occasions import EVENT_SD, OWN_EVENT_SD, bridge_days, days_off, occasions
from detectors.scan import Scan
from forewarn.calendar import Calendar, Dates, Event, EventKind
from tests.detectors.panels import panel_of


def days_from(first: str, n_days: int) -> Dates:
    return np.datetime64(first) + np.arange(n_days)


def event(first: str, n_days: int = 1, kind: EventKind = EventKind.EVENT, name: str = "Fair") -> Event:
    begin = date.fromisoformat(first)
    return Event(kind, begin, begin + timedelta(days=n_days - 1), name)


def test_a_bridge_day_lies_alone_between_a_holiday_and_a_weekend() -> None:
    """Germany 2026: Ascension is a Thursday, 1 May a Friday; in 2025 Christmas is Thursday and Friday."""
    dates = days_from("2025-12-01", 200)
    found = dates[bridge_days(dates, Calendar("DE"))].astype(str).tolist()
    assert found == ["2026-01-02", "2026-05-15"]
    tuesday = Calendar(events=(event("2026-06-09", kind=EventKind.HOLIDAY),))
    assert dates[bridge_days(dates, tuesday)].astype(str).tolist() == ["2026-06-08"]
    wednesday = Calendar(events=(event("2026-06-10", kind=EventKind.HOLIDAY),))
    assert not bridge_days(dates, wednesday).any()


def test_a_holiday_makes_the_weekend_beside_it_longer() -> None:
    """In May 2023 Memorial Day is a Monday; 4 July is a Tuesday; in 2026 it is a Saturday."""
    summer = days_from("2023-05-20", 50)
    found = summer[days_off(summer, Calendar("US"))].astype(str).tolist()
    assert found == ["2023-05-27", "2023-05-28", "2023-05-29", "2023-06-17", "2023-06-18", "2023-06-19", "2023-07-04"]
    cut = days_from("2023-05-20", 9)
    assert days_off(cut, Calendar("US")).nonzero()[0].tolist() == [7, 8], "the holiday is the day after the last one"
    assert not days_off(summer, Calendar()).any()


def test_the_next_holiday_may_differ_from_those_before() -> None:
    """A Sunday that is louder than others is remarkable, unless Monday is a holiday."""
    counts = np.random.default_rng(5).poisson(200.0, (1, 400)).astype(float)
    counts[:, -1] = 270
    first = str(np.datetime64("2023-05-28") - 399)
    known, unknown = (
        Scan(1e-3).detect(panel_of(counts, first=first, calendar=calendar), 1)
        for calendar in (Calendar("US"), Calendar())
    )
    assert abs(known.expected[0, 0] / unknown.expected[0, 0] - 1) < 0.03
    assert (known.alarms()[0, 0], unknown.alarms()[0, 0]) == (False, True)


def test_without_holidays_and_events_the_regression_is_as_ever() -> None:
    dates = days_from("2023-01-01", 800)
    columns, sds = occasions(dates, Calendar(), dates[-7])
    assert columns.shape == (800, 0)
    assert sds == []


def test_columns_of_events() -> None:
    calendar = Calendar(
        events=(
            event("2024-05-04", 2),
            event("2025-05-03", 2),
            event("2025-07-01", name="Once"),
            event("2025-07-03", 9, EventKind.SCHOOL_HOLIDAY, "Summer"),
            event("2025-07-04", 3, EventKind.CLOSURE),  # from Friday to Sunday
        )
    )
    dates = days_from("2024-01-01", 600)
    columns, sds = occasions(dates, calendar, dates[-7])
    school, closed, shared, own = (dates[column > 0].astype(str).tolist() for column in columns.T)
    assert closed == ["2025-07-04"], "offices are closed at weekends anyway"
    assert len(school) == 9
    assert shared == ["2024-05-04", "2024-05-05", "2025-05-03", "2025-05-04", "2025-07-01"]
    assert own == shared[:4], "what came once has no effect of its own"
    assert sds[-2:] == [EVENT_SD, OWN_EVENT_SD]


@given(st.lists(st.tuples(st.sampled_from(EventKind), st.integers(0, 900), st.integers(1, 40)), max_size=8))
def test_how_many_days_are_judged_changes_no_column(drawn: list[tuple[EventKind, int, int]]) -> None:
    first = date(2023, 1, 1)
    events = [
        Event(kind, first + timedelta(days=at), first + timedelta(days=at + n), f"{n % 3}") for kind, at, n in drawn
    ]
    calendar = Calendar("DE", events=tuple(events))
    dates = days_from("2023-01-01", 807)
    whole, sds = occasions(dates, calendar, dates[800])
    for stop in (801, 804):
        cut, same = occasions(dates[:stop], calendar, dates[800])
        np.testing.assert_array_equal(cut, whole[:stop])
        assert same == sds


def test_a_bridge_day_on_which_offices_are_half_empty_is_learnt() -> None:
    calendar = Calendar("DE", "BW")
    dates = days_from("2018-01-01", 8 * 365)
    bridges = bridge_days(dates, calendar)
    mean = np.where(bridges, 40.0, 100.0)
    counts = np.random.default_rng(3).poisson(mean, (3, len(dates))).astype(float)
    last = int(np.flatnonzero(bridges)[-1])
    panel = panel_of(counts[:, : last + 1], first="2018-01-01", calendar=calendar)
    detection = Scan().detect(panel, 1)
    assert (detection.expected < 60).all()
    assert not detection.drops().any()


@pytest.mark.parametrize("n_past", [0, 1])
def test_an_event_that_was_seen_never_or_once_moves_no_expectation_far(n_past: int) -> None:
    dates = days_from("2024-01-01", 600)
    fair = [event(str(dates[-1]))]
    past = [event(str(dates[300]))] * n_past
    counts = np.random.default_rng(4).poisson(20.0, (4, 600)).astype(float)
    counts[:, 300] = 60
    plain = Scan().detect(panel_of(counts, first="2024-01-01"), 1)
    known = Scan().detect(panel_of(counts, first="2024-01-01", calendar=Calendar(events=(*past, *fair))), 1)
    ratio = known.expected / plain.expected
    assert ((ratio > 0.9) & (ratio < 1.85)).all(), "what tripled once is expected to rise by its root"
    assert (known.high > 1.4 * plain.high).all(), "what may come is wider"


def test_a_fair_of_each_year_is_expected() -> None:
    dates = days_from("2022-01-01", 1500)
    years = [event(f"{year}-10-03", 3) for year in (2022, 2023, 2024, 2025)]
    calendar = Calendar(events=tuple(years))
    fair = calendar.event_names(dates, EventKind.EVENT) != ""
    last = int(np.flatnonzero(fair)[-2])
    counts = np.random.default_rng(5).poisson(np.where(fair, 60.0, 20.0), (2, 1500)).astype(float)[:, : last + 1]
    detection = Scan().detect(panel_of(counts, first="2022-01-01", calendar=calendar), 1)
    assert (detection.expected > 40).all(), "three of them: three quarters of their effect, 20 * 3 ** 0.75"
    assert not detection.alarms().any()


def test_columns_stay_behind_those_there_were() -> None:
    dates = days_from("2023-01-01", 800)
    plain = calendar_design(dates, Calendar(), origin=dates[-7], history_days=793)
    fair = Calendar(events=(event("2024-05-04"),))
    known = calendar_design(dates, fair, origin=dates[-7], history_days=793)
    n_plain = plain.columns.shape[1]
    np.testing.assert_array_equal(known.columns[:, :n_plain], plain.columns)
    assert known.columns.shape[1] == len(known.prior_sd) == n_plain + 1

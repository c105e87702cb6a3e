"""Panels, coverage and what was known when."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import Connection, Engine

from forewarn.calendar import Calendar
from forewarn.contracts import Coverage
from forewarn.request import DailyCount
from store.cells import read_cells
from store.counts import (
    covered_span,
    daily_totals,
    other_counts,
    read_coverage,
    read_panels,
    revised_days,
    write_counts,
    write_coverage,
)
from store.engine import snapshot, transaction
from store.requests import WriteCounts

DAY = date(2026, 3, 2)
SEEN = date(2026, 3, 10)
NAN = np.nan


def later(days: int) -> date:
    return DAY + timedelta(days=days)


def volume(days: int, opened: int, category: str = "Rats", area: str = "", closed: int = 0) -> DailyCount:
    return DailyCount(later(days), category, "", area, "", "", opened, closed)


@pytest.fixture
def city(store_engine: Engine) -> Engine:
    """Five days, of which the third was not read and the fifth is not over."""
    with transaction(store_engine) as conn:
        counts = [volume(0, 3), volume(1, 4, area="Ward 7"), volume(2, 5), volume(4, 6), volume(1, 2, "Noise")]
        assert write_counts(conn, "bonn", counts, seen_day=SEEN, backfill=False) == WriteCounts(new=5)
        days = {
            later(0): Coverage.OBSERVED,
            later(1): Coverage.OBSERVED,
            later(2): Coverage.MISSING,
            later(3): Coverage.QUIET,
            later(4): Coverage.PARTIAL,
        }
        write_coverage(conn, "bonn", days, seen_day=SEEN, backfill=False)
        write_counts(conn, "köln", [volume(0, 99)], seen_day=SEEN, backfill=False)
    return store_engine


def test_only_covered_days_have_numbers(city: Engine) -> None:
    with snapshot(city) as conn:
        calendar = Calendar("DE")
        (panel,) = read_panels(conn, "bonn", [()], last_day=later(4), history_days=6, as_of=SEEN, calendar=calendar)
    np.testing.assert_array_equal(panel.counts, [[NAN, 3, 6, NAN, 0, NAN]])
    assert panel.dates[0] == np.datetime64("2026-03-01")
    assert (panel.source, panel.calendar, panel.as_of.date()) == ("bonn", calendar, SEEN)
    assert panel.as_of.tzinfo is UTC


def test_series_are_added_up_to_the_level_and_sorted(city: Engine) -> None:
    with snapshot(city) as conn:
        levels = [("category",), ("category", "area")]
        by_category, by_both = read_panels(conn, "bonn", levels, last_day=later(3), history_days=4, as_of=SEEN)
    assert by_category.labels["category"].tolist() == ["Noise", "Rats"]
    np.testing.assert_array_equal(by_category.counts, [[0, 2, NAN, 0], [3, 4, NAN, 0]])
    assert by_both.labels.to_numpy().tolist() == [["Noise", ""], ["Rats", ""], ["Rats", "Ward 7"]]
    assert by_both.labels.index.tolist() == [0, 1, 2]


def test_quiet_series_and_other_labels_can_be_left_out(city: Engine) -> None:
    with snapshot(city) as conn:
        (busy,) = read_panels(conn, "bonn", [("category",)], last_day=later(3), history_days=4, as_of=SEEN, min_mean=5)
        (ward,) = read_panels(
            conn, "bonn", [()], last_day=later(1), history_days=2, as_of=SEEN, where={"area": "Ward 7"}
        )
        (none,) = read_panels(conn, "bonn", [("area",)], last_day=later(1), history_days=2, as_of=SEEN, min_mean=99)
    assert busy.labels["category"].tolist() == ["Rats"]
    np.testing.assert_array_equal(ward.counts, [[0, 4]])
    assert none.counts.shape == (0, 2)
    assert none.level == ("area",)


def test_a_source_without_rows_has_a_panel_without_numbers(store_engine: Engine) -> None:
    with snapshot(store_engine) as conn:
        (panel,) = read_panels(conn, "bonn", [()], last_day=DAY, history_days=3, as_of=SEEN)
        assert np.isnan(panel.counts).all()
        assert covered_span(conn, "bonn") is None


def known(conn: Connection, day: date, as_of: date) -> int:
    """Requests of a day, as known at the end of another."""
    cells = read_cells(conn, "bonn", day, day, as_of=as_of, public_delay_days=0, where={})
    return int(cells.opened.sum())


def test_what_was_known_on_a_past_day(city: Engine) -> None:
    with transaction(city) as conn:
        revised = [volume(0, 30), volume(1, 0, area="Ward 7")]
        next_day = SEEN + timedelta(days=1)
        assert write_counts(conn, "bonn", revised, seen_day=next_day, backfill=False) == WriteCounts(changed=2)
        write_coverage(conn, "bonn", {later(2): Coverage.OBSERVED}, seen_day=next_day, backfill=False)

        def counts(as_of: date) -> list[float]:
            (panel,) = read_panels(conn, "bonn", [()], last_day=later(2), history_days=3, as_of=as_of)
            row: list[float] = panel.counts[0].tolist()
            return row

        np.testing.assert_array_equal(counts(SEEN - timedelta(days=1)), [NAN, NAN, NAN])
        np.testing.assert_array_equal(counts(SEEN), [3, 6, NAN])
        np.testing.assert_array_equal(counts(next_day), [30, 2, 5])
        assert revised_days(conn, "bonn", DAY, next_day) == [SEEN, next_day]
        assert revised_days(conn, "bonn", next_day, next_day) == [next_day]
        assert [known(conn, later(number), SEEN) for number in range(3)] == [3, 6, 5]
        assert daily_totals(conn, "bonn", DAY, later(2))[1].tolist() == [30, 2, 5]


def test_rows_of_a_back_fill_count_as_known_from_their_own_day_on(store_engine: Engine) -> None:
    with transaction(store_engine) as conn:
        counts = [volume(number, number + 1) for number in range(5)]
        write_counts(conn, "bonn", counts, seen_day=SEEN, backfill=True)
        days = dict.fromkeys([later(number) for number in range(5)], Coverage.OBSERVED)
        write_coverage(conn, "bonn", days, seen_day=SEEN, backfill=True)

        def panel(as_of: date, delay: int) -> list[float]:
            (known,) = read_panels(
                conn, "bonn", [()], last_day=later(4), history_days=5, as_of=as_of, public_delay_days=delay
            )
            row: list[float] = known.counts[0].tolist()
            return row

        np.testing.assert_array_equal(panel(later(2), 0), [1, 2, 3, NAN, NAN])
        np.testing.assert_array_equal(panel(later(2), 1), [1, 2, NAN, NAN, NAN])
        np.testing.assert_array_equal(panel(SEEN, 30), [1, 2, 3, 4, 5])
        assert revised_days(conn, "bonn", DAY, SEEN) == []
        assert covered_span(conn, "bonn", as_of=later(2), public_delay_days=1) == (DAY, later(1))


def test_an_edit_on_the_day_of_the_back_fill_does_not_reach_into_the_past(store_engine: Engine) -> None:
    with transaction(store_engine) as conn:
        write_coverage(conn, "bonn", {DAY: Coverage.OBSERVED}, seen_day=SEEN, backfill=True)
        write_counts(conn, "bonn", [volume(0, 5)], seen_day=SEEN, backfill=True)
        write_counts(conn, "bonn", [volume(0, 7)], seen_day=SEEN, backfill=False)
        write_counts(conn, "bonn", [volume(0, 9)], seen_day=SEEN + timedelta(days=1), backfill=True)
        assert [known(conn, DAY, as_of) for as_of in (DAY, SEEN, SEEN + timedelta(days=1))] == [5, 7, 9]


def test_a_clock_that_goes_back_does_not_rewrite_what_was_known(store_engine: Engine) -> None:
    with transaction(store_engine) as conn:
        write_counts(conn, "bonn", [volume(0, 5)], seen_day=SEEN, backfill=False)
        write_counts(conn, "bonn", [volume(0, 7)], seen_day=DAY, backfill=False)
        write_counts(conn, "bonn", [volume(0, 8)], seen_day=SEEN + timedelta(days=1), backfill=False)
        assert (known(conn, DAY, DAY), known(conn, DAY, SEEN)) == (0, 7)


def test_volumes_written_again_change_nothing_and_the_last_of_two_wins(store_engine: Engine) -> None:
    with transaction(store_engine) as conn:
        twice = [volume(0, 5), volume(0, 6, closed=2)]
        assert write_counts(conn, "bonn", twice, seen_day=SEEN, backfill=False) == WriteCounts(new=1, duplicates=1)
        assert write_counts(conn, "bonn", twice[1:], seen_day=SEEN, backfill=False) == WriteCounts(unchanged=1)
        assert write_counts(conn, "bonn", [], seen_day=SEEN, backfill=False) == WriteCounts()


def test_coverage_is_appended_only_when_it_changes(store_engine: Engine) -> None:
    with transaction(store_engine) as conn:
        for number, what in enumerate([Coverage.PARTIAL, Coverage.OBSERVED, Coverage.OBSERVED, Coverage.MISSING]):
            day = SEEN + timedelta(days=number)
            write_coverage(conn, "bonn", {DAY: what}, seen_day=day, backfill=False)
        write_coverage(conn, "bonn", {}, seen_day=SEEN, backfill=False)
        known = [read_coverage(conn, "bonn", DAY, DAY, as_of=SEEN + timedelta(days=number)) for number in (-1, 0, 2, 3)]
        assert known == [{}, {DAY: Coverage.PARTIAL}, {DAY: Coverage.OBSERVED}, {DAY: Coverage.MISSING}]
        assert conn.exec_driver_sql("SELECT count(*) FROM coverage").scalar_one() == 3


def test_as_of_is_an_aware_instant(city: Engine) -> None:
    with snapshot(city) as conn:
        (panel,) = read_panels(conn, "bonn", [()], last_day=DAY, history_days=1, as_of=SEEN)
    assert panel.as_of >= datetime(2026, 3, 10, 23, 59, tzinfo=UTC)


def test_counts_besides_those_that_are_told(city: Engine) -> None:
    with snapshot(city) as conn:
        told = [volume(0, 1), volume(1, 4), volume(2, 5)]
        others = other_counts(conn, "bonn", later(0), later(2), told)
    assert sorted(others) == sorted([volume(1, 4, area="Ward 7"), volume(1, 2, "Noise")])

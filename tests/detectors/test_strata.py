"""A part that brings nothing while the rest comes is silent, not low; one that took another name is not."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from detectors.strata import Silences, find_silences, silent_on
from forewarn.entries import Blank, Entries
from forewarn.irregularity import Cause
from tests.detectors.entries import FIRST, Row, entries_of, no_day_off

DAYS = 150
MEANS = {"North": 40.0, "South": 20.0, "Harbour": 6.0}


def town(
    silent: Mapping[str, range] | None = None,
    *,
    seed: int = 1,
    rename: Mapping[str, str] | None = None,
    missing: tuple[int, ...] = (),
    open_days: int = 7,
) -> Entries:
    """Three areas; `silent` ones bring nothing on these days, or all of it under the name of `rename`.

    All are open on the first `open_days` days of the week.
    """
    random = np.random.default_rng(seed)
    rows: list[Row] = []
    for day in range(DAYS):
        for area, mean in MEANS.items():
            count = int(random.poisson(mean if (FIRST + timedelta(day)).weekday() < open_days else 0.0))
            name = area
            if day in (silent or {}).get(area, ()):
                name = (rename or {}).get(area, "")
            if count and day not in missing and name:
                rows.append((day, "", "Rats", "", name, count))
    return entries_of(rows, DAYS, missing)


def silences(entries: Entries) -> Silences:
    return find_silences(entries, no_day_off(entries))


def on(day: int) -> date:
    return FIRST + timedelta(days=day)


@pytest.mark.parametrize("seed", range(10))
def test_ordinary_days_are_not_silent(seed: int) -> None:
    assert silences(town(seed=seed, open_days=5 + seed % 3)) == ([], [])


def test_a_large_part_is_silent_at_once_and_blank_until_it_is_heard_again() -> None:
    found = silences(town({"North": range(100, 104)}))
    (silent,) = found.irregularities
    assert (silent.cause, silent.labels, silent.day, silent.since) == (
        Cause.SILENT,
        {"area": "North"},
        on(100),
        on(100),
    )
    assert silent.until == on(103)
    assert 35 < silent.usual < 45
    assert found.blanks == [Blank({"area": "North"}, on(100), on(103))]


def test_a_small_part_must_be_silent_for_longer() -> None:
    found = silences(town({"Harbour": range(100, 120)}))
    (silent,) = found.irregularities
    assert silent.since == on(100)
    assert on(103) <= silent.day <= on(106)
    assert found.blanks == [Blank({"area": "Harbour"}, on(100), on(119))]
    assert silences(town({"Harbour": range(100, 103)})) == ([], [])


def test_stray_requests_do_not_end_a_beginning_silence() -> None:
    entries = town({"North": range(100, 103)})
    stray = entries_of([(100, "", "Rats", "", "North", 1)], DAYS)
    rows = [
        (int(day), "", "Rats", "", str(entries.series["area"].iloc[row]), int(count))
        for row, day, count in zip(entries.row, entries.day, entries.count, strict=True)
    ]
    (silent,) = silences(entries_of([*rows, (100, "", "Rats", "", "North", 1)], DAYS)).irregularities
    assert (silent.since, silent.count) == (on(100), int(stray.count.sum()))


def test_days_that_were_not_read_tell_nothing() -> None:
    assert silences(town({"North": range(100, 101)}, missing=(100,))) == ([], [])


def test_where_everything_is_silent_no_part_is() -> None:
    nothing = dict.fromkeys(MEANS, range(100, 103))
    assert silences(town(nothing)) == ([], [])


@pytest.mark.parametrize("open_days", [5, 6])
@pytest.mark.parametrize("area", ["North", "Harbour"])
def test_a_silence_goes_on_over_days_on_which_it_is_closed(area: str, open_days: int) -> None:
    found = silences(town({area: range(100, 131)}, open_days=open_days))
    assert [(one.since, one.until) for one in found.irregularities] == [(on(100), on(130))]


def test_a_part_that_is_closed_on_days_off_is_not_silent() -> None:
    """Unless it is silent on the days around them, too."""
    days_off = np.zeros(DAYS, dtype=np.bool_)
    days_off[[100, 101]] = True
    assert silences(town({"North": range(100, 102)})) != ([], [])
    assert find_silences(town({"North": range(100, 102)}), days_off) == ([], [])
    (found,) = find_silences(town({"North": range(99, 104)}), days_off).irregularities
    assert (found.since, found.day, found.until) == (on(99), on(99), on(103))


def test_where_a_part_is_often_silent_it_must_be_so_for_twice_as_long() -> None:
    often = [day for day in range(60, 100) if day % 10 < 3]
    for days, expected in ((6, []), (8, [(on(105), on(111))])):
        entries = town({"North": range(105, 105 + days)})
        keep = ~(np.isin(entries.day, often) & (entries.series["area"].to_numpy()[entries.row] == "North"))
        kept = replace(entries, row=entries.row[keep], day=entries.day[keep], count=entries.count[keep])
        assert [(one.since, one.day) for one in silences(kept).irregularities if one.day >= on(100)] == expected


def test_a_part_that_takes_another_name_is_renamed() -> None:
    entries = town({"North": range(100, DAYS)}, rename={"North": "District 1"})
    found = silences(entries)
    (one,) = found.irregularities
    assert (one.cause, one.since) == (Cause.RENAMED, on(100))
    assert one.became == (("North",), ("District 1",))
    assert found.blanks == [Blank({"area": "North"}, on(100), on(DAYS - 1))]
    assert silent_on(found.irregularities, on(101)) == []


def test_where_all_take_other_names_at_once_none_is_silent() -> None:
    every = dict.fromkeys(MEANS, range(100, DAYS))
    found = silences(town(every, rename={"North": "1", "South": "2", "Harbour": "3"})).irregularities
    assert {one.cause for one in found} == {Cause.RENAMED}
    assert [name for one in found for name in one.became[0]] == ["North", "South", "Harbour"]
    assert all(set(one.became[1]) == {"1", "2", "3"} for one in found)


def test_a_silence_is_trouble_while_it_lasts_and_for_two_weeks() -> None:
    irregularities = silences(town({"North": range(100, 104), "South": range(120, DAYS)})).irregularities
    silent = {day: [one.labels["area"] for one in silent_on(irregularities, on(day))] for day in range(DAYS)}
    assert {day for day in silent if "North" in silent[day]} == {100, 101, 102, 103}
    assert {day for day in silent if "South" in silent[day]} <= set(range(120, 134))
    assert "South" in silent[133]


def test_no_day_sees_a_later_one() -> None:
    whole = town({"North": range(100, 110), "Harbour": range(110, DAYS)})
    for last in range(98, 125):
        cut = entries_of(
            [
                (int(day), "", "Rats", "", str(whole.series["area"].iloc[row]), int(count))
                for row, day, count in zip(whole.row, whole.day, whole.count, strict=True)
                if day <= last
            ],
            last + 1,
        )
        known = [(one.labels, one.since, one.day) for one in silences(cut).irregularities]
        later = silences(whole).irregularities
        assert known == [(one.labels, one.since, one.day) for one in later if one.day <= on(last)]

"""Batches are told from what the public does: both ways, and without a look ahead."""

from dataclasses import replace

import numpy as np
import pytest

from detectors.irregularities import without_batches
from forewarn.entries import Entries
from forewarn.irregularity import Cause, Irregularity
from tests.detectors.entries import Row, entries_of, offices_town

DAYS = 200
DAY = 150


def town(*more: Row) -> Entries:
    return entries_of([*offices_town(DAYS), *more], DAYS)


def recognised(*more: Row) -> list[Irregularity]:
    return list(without_batches(town(*more), 5).irregularities)


def test_an_ordinary_town_has_no_batch() -> None:
    assert recognised() == []


def test_a_list_that_one_office_enters_is_a_batch_and_is_not_counted() -> None:
    (batch,) = recognised(
        (DAY, "Office 3", "Streets", "Bicycles", "Ward 1", 20), (DAY, "Office 3", "Streets", "Bicycles", "Ward 2", 20)
    )
    assert batch.cause is Cause.BATCH
    assert (batch.count, batch.others) == (40, 0)
    assert (batch.labels, batch.who) == ({"category": "Streets", "subcategory": "Bicycles"}, {"agency": "Office 3"})
    entries = town((DAY, "Office 3", "Streets", "Bicycles", "Ward 1", 40))
    left = without_batches(entries, 5).entries
    assert entries.count.sum() - left.count.sum() == 40
    assert (left.count == np.where(entries.count == 40, 0, entries.count)).all()


def test_a_list_without_any_kind_in_common_is_found_by_its_category() -> None:
    rows = [(DAY, "Office 3", "Parks", f"Kind {n}", "Ward 1", 4) for n in range(6)]
    found = recognised(*rows)
    assert [(one.labels, one.count) for one in found] == [({"category": "Parks"}, 24)]


def test_snow_is_no_batch_although_most_of_it_comes_from_one_office() -> None:
    rest = [(DAY, f"Office {n}", "Streets", "Snow", f"Ward {n}", 1) for n in range(4, 9)]
    assert recognised((DAY, "Office 3", "Streets", "Snow", "Ward 3", 25), *rest) == []


@pytest.mark.parametrize(("others", "n_batches"), [({4: 2, 5: 1}, 1), ({4: 1, 5: 1, 6: 1}, 0)])
def test_two_other_offices_with_three_requests_do_not_speak_for_all(others: dict[int, int], n_batches: int) -> None:
    rest = [(DAY, f"Office {n}", "Streets", "Snow", f"Ward {n}", count) for n, count in others.items()]
    assert len(recognised((DAY, "Office 3", "Streets", "Snow", "Ward 3", 25), *rest)) == n_batches


def test_the_second_snowfall_is_no_batch_either() -> None:
    storms = (60, 100, DAY)
    snow = [(day, f"Office {n}", "Streets", "Snow", f"Ward {n}", 2) for day in storms for n in range(4, 9)]
    assert recognised(*((day, "Office 3", "Streets", "Snow", "Ward 3", 25) for day in storms), *snow) == []


def test_a_rise_that_all_offices_share_is_no_batch() -> None:
    assert recognised(*((DAY, f"Office {n}", "Housing", "Repairs", f"Ward {n}", 12) for n in range(12))) == []


def test_where_each_agency_has_its_own_topics_a_surge_is_one_agencys_and_real() -> None:
    random = np.random.default_rng(1)
    rows = [
        (day, f"Department {n}", f"Category {n}", "", f"Ward {ward}", int(count))
        for day in range(DAYS)
        for n in range(6)
        for ward, count in enumerate(random.poisson(0.8, 5))
        if count
    ]
    assert (
        without_batches(
            entries_of([*rows, (DAY, "Department 2", "Category 2", "", "Ward 1", 60)], DAYS), 5
        ).irregularities
        == []
    )


def test_what_an_office_does_most_days_becomes_usual() -> None:
    found = recognised(*((day, "Office 3", "Housing", "Citizenship", "Ward 3", 30) for day in range(100, DAYS)))
    assert {one.day for one in found} == {town().date_of(day) for day in range(100, 128)}


def test_a_campaign_of_a_month_does_not_become_usual() -> None:
    workdays = [day for day in range(100, 130) if day % 7 < 5]
    found = recognised(*((day, "Office 3", "Housing", "Citizenship", "Ward 3", 30) for day in workdays))
    assert [one.day for one in found] == [town().date_of(day) for day in workdays]


def test_requests_without_a_kind_from_one_area_are_no_public_trouble() -> None:
    found = recognised(
        *((DAY, "", "Streets", "", area, 30) for area in ("Ward 1", "Ward 2")),
        *((day, "", "Streets", "", "Ward 5", 1) for day in range(36, DAYS, 9)),
    )
    assert [(one.cause, one.count, one.who["area"]) for one in found] == [
        (Cause.UNLABELLED, 30, "Ward 1"),
        (Cause.UNLABELLED, 30, "Ward 2"),
    ]


def test_requests_without_a_category_likewise() -> None:
    (found,) = recognised((DAY, "", "", "", "Ward 1", 30))
    assert (found.cause, found.labels["category"], found.who) == (Cause.UNLABELLED, "", {"area": "Ward 1"})


def test_where_kinds_are_often_missing_that_says_nothing() -> None:
    usual = [(day, "", "Streets", "", f"Ward {n}", 3) for day in range(DAYS) for n in range(12)]
    assert recognised((DAY, "", "Streets", "", "Ward 1", 60), *usual) == []


def test_a_form_that_stops_asking_for_the_kind_is_no_batch() -> None:
    rare = [(day, "", "Streets", "", f"Ward {day % 12}", 1) for day in range(0, DAYS, 5)]
    assert recognised(*rare, *((DAY, "", "Streets", "", f"Ward {n}", 8) for n in range(12))) == []


@pytest.mark.parametrize("cut", [DAY + 1, DAY + 10])
def test_later_days_change_nothing(cut: int) -> None:
    entries = town(
        (DAY, "Office 3", "Streets", "Bicycles", "Ward 1", 40),
        (DAY + 5, "Office 3", "Streets", "Bicycles", "Ward 1", 60),
        (DAY + 7, "Office 4", "Streets", "Bicycles", "Ward 1", 60),
    )
    past = entries.day < cut
    early = replace(
        entries, covered=entries.covered[:cut], row=entries.row[past], day=entries.day[past], count=entries.count[past]
    )
    whole = without_batches(entries, 5)
    assert list(without_batches(early, 5).irregularities) == [
        one for one in whole.irregularities if (one.day - entries.first_day).days < cut
    ]
    assert (without_batches(early, 5).entries.count == whole.entries.count[past]).all()


def test_the_order_of_cells_does_not_matter() -> None:
    entries = town((DAY, "Office 3", "Streets", "Bicycles", "Ward 1", 40))
    order = np.random.default_rng(2).permutation(len(entries.row))
    shuffled = replace(entries, row=entries.row[order], day=entries.day[order], count=entries.count[order])
    assert without_batches(shuffled, 5).irregularities == without_batches(entries, 5).irregularities
    assert (without_batches(shuffled, 5).entries.count == without_batches(entries, 5).entries.count[order]).all()


def test_days_that_were_not_read_are_not_asked() -> None:
    entries = entries_of([*offices_town(DAYS), (DAY, "Office 3", "Streets", "Bicycles", "Ward 1", 40)], DAYS, (DAY,))
    assert without_batches(entries, 5).irregularities == []


def test_nothing_is_no_trouble() -> None:
    assert without_batches(entries_of([], 30), 5).irregularities == []

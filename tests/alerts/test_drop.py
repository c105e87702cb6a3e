from dataclasses import replace

import numpy as np
import pytest

from alerts.rules.drop import Drop
from forewarn.irregularity import Cause, Irregularity
from tests.alerts.drawing import TUESDAY, drawn


def test_a_count_below_its_lower_limit_is_a_finding() -> None:
    (finding,) = Drop().evaluate([drawn(({"category": "Waste"}, 3, 40, 22))], TUESDAY)
    assert finding.title == "Waste: only 3 requests on Tue 3 Feb, usually 24 to 56"
    assert finding.evidence["fires_at"] == 21
    assert finding.evidence["excess"] == 37


def test_none_at_all_is_said_in_a_word() -> None:
    (finding,) = Drop().evaluate([drawn(({"category": "Waste"}, 0, 40, 22))], TUESDAY)
    assert finding.title == "Waste: no requests on Tue 3 Feb, usually 24 to 56"


def test_series_of_which_few_are_expected_are_not_judged() -> None:
    few = drawn(({"category": "Odd"}, 0, 9.9, 2))
    assert Drop().evaluate([few], TUESDAY) == []
    assert len(Drop(min_expected=9).evaluate([few], TUESDAY)) == 1


def test_a_day_that_was_not_read_completely_is_no_drop() -> None:
    assert Drop().evaluate([drawn(({"category": "Waste"}, np.nan, 40, 22))], TUESDAY) == []


def test_a_form_that_broke_is_one_issue_of_the_whole_source() -> None:
    whole = drawn(({}, 30, 120, 90))
    categories = drawn(*(({"category": name}, 10, 40, 22) for name in ("Waste", "Noise", "Rats")))
    (finding,) = Drop().evaluate([whole, categories], TUESDAY)
    assert finding.labels == {}
    assert len(finding.alarms) == 4
    assert [part["share"] for part in finding.evidence["parts"]] == [0.333, 0.333, 0.333]


def test_one_category_that_vanished_is_not_the_whole_source() -> None:
    whole = drawn(({}, 85, 120, 90))
    categories = drawn(
        ({"category": "Waste"}, 2, 40, 22), ({"category": "Noise"}, 42, 40, 22), ({"category": "Rats"}, 41, 40, 22)
    )
    (finding,) = Drop().evaluate([whole, categories], TUESDAY)
    assert finding.labels == {"category": "Waste"}


@pytest.mark.parametrize(("weeks_of_surge", "told"), [(1, False), (3, False), (5, True)])
def test_what_was_usual_before_a_surge_is_no_drop(weeks_of_surge: int, told: bool) -> None:
    risen = drawn(({"category": "Snow"}, 2, 40, 22), days=70)
    counts = risen.panel.counts.copy()
    counts[:, : -1 - 7 * weeks_of_surge] = 2.0
    after = replace(risen, panel=replace(risen.panel, counts=counts))
    assert bool(Drop().evaluate([after], TUESDAY)) is told


def test_days_that_were_not_read_say_nothing_of_what_was_usual() -> None:
    dropped = drawn(({"category": "Snow"}, 2, 40, 22), days=70)
    counts = dropped.panel.counts.copy()
    counts[:, :-22] = np.nan
    counts[:, -22:-1] = 2.0
    unread = replace(dropped, panel=replace(dropped.panel, counts=counts))
    assert len(Drop().evaluate([unread], TUESDAY)) == 1
    assert len(Drop().evaluate([drawn(({"category": "Snow"}, 2, 40, 22), days=5)], TUESDAY)) == 1


def test_a_day_of_which_half_is_known_is_held_against_half_of_the_days_before() -> None:
    half = drawn(({"category": "Snow"}, 12, 40, 22), days=70, known_share=0.5)
    assert len(Drop().evaluate([half], TUESDAY)) == 1
    counts = half.panel.counts.copy()
    counts[:, :-1] = 22.0
    assert Drop().evaluate([replace(half, panel=replace(half.panel, counts=counts))], TUESDAY) == []


def test_what_a_silent_part_of_the_source_explains_is_no_drop() -> None:
    def silent(area: str, usual: float) -> Irregularity:
        return Irregularity(Cause.SILENT, TUESDAY, {"area": area}, 0, usual, since=TUESDAY)

    whole = drawn(({}, 30, 120, 90))
    assert Drop().evaluate([whole], TUESDAY, [silent("North", 60.0)]) == []
    assert Drop().evaluate([whole], TUESDAY, [silent("North", 30.0), silent("South", 20.0)]) == []
    assert len(Drop().evaluate([whole], TUESDAY, [silent("North", 40.0)])) == 1, "it explains less than half of it"
    south = drawn(({"area": "South"}, 3, 40, 22))
    assert len(Drop().evaluate([south], TUESDAY, [silent("North", 60.0)])) == 1, "it is elsewhere"

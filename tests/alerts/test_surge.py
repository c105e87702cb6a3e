"""Surges on hand-drawn panels of 3 categories × 5 areas; 4 requests are usual in each cell, above 10 is an alarm."""

import json

import numpy as np
import pytest

from alerts.rules import RULES
from alerts.rules.surge import Surge
from forewarn.alert import Severity
from forewarn.calendar import Calendar
from forewarn.plugins import load
from forewarn.results import Detection
from tests.alerts.drawing import TUESDAY, city, drawn

QUIET = [4, 4, 4, 4, 4]


def scopes(detections: list[Detection]) -> list[dict[str, str]]:
    return [dict(finding.labels) for finding in Surge().evaluate(detections, TUESDAY)]


def test_an_ordinary_day_is_no_finding() -> None:
    assert scopes(city([QUIET, QUIET, QUIET])) == []


def test_one_cell_is_one_finding_of_that_cell() -> None:
    assert scopes(city([[4, 4, 4, 4, 14], QUIET, QUIET])) == [{"category": "Water leak", "area": "Elm"}]


def test_a_part_that_explains_half_of_its_whole_heads_the_issue() -> None:
    # 40 + 16 = 56 of 20 expected at the category: its excess is 36, and that of Elm is 36
    finding = Surge().evaluate(city([QUIET, QUIET, [4, 4, 4, 4, 40]]), TUESDAY)
    assert [dict(f.labels) for f in finding] == [{"category": "Rats", "area": "Elm"}]
    assert [dict(alarm.labels) for alarm in finding[0].alarms] == [
        {"category": "Rats", "area": "Elm"},
        {"category": "Rats"},
        {},
    ]


def test_a_whole_that_no_part_explains_heads_the_issue_and_its_parts_contribute() -> None:
    (finding,) = Surge().evaluate(city([QUIET, QUIET, [11, 9, 9, 9, 11]]), TUESDAY)
    assert finding.labels == {"category": "Rats"}
    assert finding.alarms[0].labels == {"category": "Rats"}
    assert {alarm.labels["area"] for alarm in finding.alarms if "area" in alarm.labels} == {"Alder", "Elm"}


def test_the_same_category_in_two_areas_is_one_issue_of_the_category() -> None:
    levels = city([QUIET, QUIET, [12, 4, 4, 4, 13]])
    (finding,) = Surge().evaluate(levels[2:], TUESDAY)  # the category's own sum was not judged
    assert finding.labels == {"category": "Rats"}
    assert finding.title == "Rats: more in 2 areas, most in Elm: 13 requests on Tue 3 Feb, usually 2 to 6"


def test_a_subcategory_in_two_areas_is_one_issue_too() -> None:
    rows = drawn(*(({"subcategory": "Garbage", "area": area}, 14, 4, 10) for area in ("Alder", "Birch")))
    assert scopes([rows]) == [{"subcategory": "Garbage"}]


def test_a_burst_main_is_one_issue_of_its_area() -> None:
    (finding,) = Surge().evaluate(city([[4, 4, 18, 4, 4], [4, 4, 21, 4, 4], QUIET]), TUESDAY)
    assert finding.labels == {"area": "Cedar"}
    assert finding.title == (
        "Cedar: more of No water and Water leak; No water: 21 requests on Tue 3 Feb, usually 2 to 6"
    )


def test_unrelated_cells_stay_apart() -> None:
    found = scopes(city([[15, 4, 4, 4, 4], QUIET, [4, 4, 4, 14, 4]]))
    assert found == [{"category": "Water leak", "area": "Alder"}, {"category": "Rats", "area": "Dale"}]


def test_a_general_rise_is_one_issue_and_takes_in_what_it_explains() -> None:
    grid = [[8, 8, 8, 8, 12], [8, 8, 8, 8, 8], [8, 8, 8, 8, 8]]  # twice the usual; 12 is within 2 × 10
    assert scopes(city(grid)) == [{}]


def test_the_whole_source_does_not_swallow_what_stands_out_of_a_general_rise() -> None:
    grid = [[8, 8, 8, 8, 8], [8, 8, 8, 8, 8], [8, 8, 8, 8, 25]]  # 25 is beyond 2.2 × 10
    assert {"category": "Rats", "area": "Elm"} in scopes(city(grid))
    assert {} in scopes(city(grid))


def test_the_whole_source_is_no_issue_when_others_explain_half_of_it_together() -> None:
    grid = [[22, 4, 4, 4, 4], QUIET, [4, 4, 4, 20, 4]]
    assert scopes(city(grid)) == [{"category": "Water leak", "area": "Alder"}, {"category": "Rats", "area": "Dale"}]


@pytest.mark.parametrize(("in_elm", "n_issues"), [(15, 1), (50, 2)])  # 11 or 46 more than expected, beside 20
def test_scopes_that_overlap_are_one_issue_if_one_can_explain_the_other(in_elm: float, n_issues: int) -> None:
    levels = [
        drawn(
            ({"category": "Rats", "subcategory": "Burrow"}, 25, 5, 12),
            ({"category": "Rats", "subcategory": "Bite"}, 1, 1, 4),
        ),
        drawn(({"category": "Rats", "area": "Elm"}, in_elm, 4, 10), ({"category": "Rats", "area": "Dale"}, 6, 4, 10)),
    ]
    findings = Surge().evaluate(levels, TUESDAY)
    assert len(findings) == n_issues
    assert {"category": "Rats", "subcategory": "Burrow"} in [f.labels for f in findings]
    assert sum(len(f.alarms) for f in findings) == 2


def test_an_area_beside_a_kind_that_heads_its_category_is_no_second_issue() -> None:
    levels = [
        drawn(({"category": "Parks"}, 70, 20, 40)),
        drawn(({"category": "Parks", "subcategory": "Lawns"}, 35, 5, 12)),
        drawn(({"category": "Parks", "area": "Elm"}, 25, 5, 12)),
    ]
    assert scopes(levels) == [{"category": "Parks", "subcategory": "Lawns"}]


def test_a_category_and_an_area_that_share_no_label_stay_apart() -> None:
    levels = [drawn(({"category": "Rats"}, 25, 5, 12)), drawn(({"area": "Elm"}, 24, 5, 12))]
    assert scopes(levels) == [{"category": "Rats"}, {"area": "Elm"}]


def test_few_requests_never_alarm() -> None:
    rare = drawn(({"category": "Odd"}, 4, 0.1, 2))
    assert Surge(min_requests=5).evaluate([rare], TUESDAY) == []
    assert len(Surge(min_requests=4).evaluate([rare], TUESDAY)) == 1


def test_days_without_verdict_or_not_judged_are_no_finding() -> None:
    unknown = drawn(({"category": "Rats"}, np.nan, 4, 10), ({"category": "Mice"}, 20, np.nan, np.nan))
    assert Surge().evaluate([unknown], TUESDAY) == []
    assert Surge().evaluate(city([QUIET, QUIET, [4, 4, 4, 4, 40]]), TUESDAY.replace(day=2)) == []
    assert Surge().evaluate([], TUESDAY) == []


def test_a_row_without_a_name_counts_in_its_whole_only() -> None:
    rats = drawn(({"category": "Rats"}, 34, 8, 20))
    areas = drawn(({"category": "Rats", "area": ""}, 30, 4, 10), ({"category": "Rats", "area": "Elm"}, 4, 4, 10))
    (finding,) = Surge().evaluate([rats, areas], TUESDAY)
    assert [dict(alarm.labels) for alarm in finding.alarms] == [{"category": "Rats"}]
    assert finding.evidence["parts"][0]["labels"] == {"category": "Rats", "area": ""}
    assert finding.evidence["watched"] == 2


def test_of_two_detectors_the_one_speaks_that_finds_the_day_less_ordinary() -> None:
    row = ({"category": "Rats"}, 30, 4, 10)
    (finding,) = Surge().evaluate([drawn(row, tail=1e-6), drawn(row, tail=1e-8, detector="ears-c1")], TUESDAY)
    assert [alarm.detector for alarm in finding.alarms] == ["ears-c1"]
    assert finding.evidence["watched"] == 2


@pytest.mark.parametrize(
    ("count", "expected", "limit", "severity"),
    [
        (14, 4, 10, Severity.WARNING),  # 10 more, 1.7 times as far as the limit
        (13, 4, 10, Severity.NOTICE),  # 9 more
        (34, 4, 10, Severity.CRITICAL),
        (33, 4, 10, Severity.WARNING),  # 29 more
        (130, 100, 125, Severity.NOTICE),  # 30 more, but hardly beyond the limit
    ],
)
def test_severity(count: float, expected: float, limit: float, severity: Severity) -> None:
    (finding,) = Surge().evaluate([drawn(({"category": "Rats"}, count, expected, limit))], TUESDAY)
    assert finding.severity is severity


def test_evidence_holds_what_an_explanation_needs_and_is_json() -> None:
    new_year = TUESDAY.replace(month=1, day=2)
    levels = [
        drawn(({}, 60, 55, 90), day=new_year, calendar=Calendar("DE")),
        drawn(({"category": "Rats"}, 40, 20, 33), day=new_year, calendar=Calendar("DE")),
        drawn(
            ({"category": "Rats", "area": "Elm"}, 13, 4, 14),
            ({"category": "Rats", "area": "Dale"}, 10, 4, 14),
            ({"category": "Rats", "area": "Cedar"}, 3, 4, 14),
            ({"category": "Mice", "area": "Elm"}, 14, 4, 14),
            day=new_year,
        ),
    ]
    (finding,) = Surge().evaluate(levels, new_year)
    evidence = json.loads(json.dumps(finding.evidence, allow_nan=False))
    assert evidence["fires_at"] == 34
    assert evidence["watched"] == 6 + 2, "six may surge, two are large enough to drop"
    assert evidence["excess"] == 20
    assert [(part["labels"]["area"], part["share"]) for part in evidence["parts"]] == [("Elm", 0.45), ("Dale", 0.3)]
    assert evidence["history"] == {"last_day": "2026-01-02", "counts": [20.0] * 27 + [40.0]}
    assert (evidence["holiday"], evidence["holiday_before"]) == ("", "New Year's Day")
    assert evidence["missing_days"] == 0


def test_a_count_that_fires_is_never_below_the_floor() -> None:
    (finding,) = Surge(min_requests=12).evaluate([drawn(({"category": "Rats"}, 14, 4, 9.5))], TUESDAY)
    assert finding.evidence["fires_at"] == 12


def test_the_table_of_rules_names_classes_that_are_there() -> None:
    assert {load(RULES, name, key="rules")().name for name in RULES} == set(RULES)

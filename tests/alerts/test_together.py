"""One cause is one alert, as far as a cluster tells that what rose has one."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from alerts.lifecycle import advance
from alerts.rules.surge import Surge
from alerts.rules.together import joined
from alerts.wording import explanation
from forewarn.alert import Finding
from forewarn.results import Cluster
from tests.alerts.drawing import TUESDAY, city
from tests.alerts.test_cluster import NOW, cluster

BURST = [
    [9, 9, 4, 4, 4],  # Water leak in Alder and Birch
    [20, 16, 4, 4, 4],  # No water, too
    [4, 4, 4, 14, 4],  # Rats in Dale
]
MAIN = cluster(["Water leak", "No water"], ["Alder", "Birch"])


def surges(grid: Sequence[Sequence[float]]) -> list[Finding]:
    return Surge().evaluate(city(grid, limit=8.0), TUESDAY)


def scopes(findings: Sequence[Finding]) -> list[dict[str, str]]:
    return [dict(finding.labels) for finding in findings]


def test_without_a_cluster_two_categories_in_several_areas_are_two_issues() -> None:
    found = scopes(joined(surges(BURST), [], TUESDAY))
    assert {"category": "Water leak"} in found
    assert {"category": "No water"} in found


def test_a_burst_main_is_one_issue_of_the_area_that_most_of_it_lies_in() -> None:
    apart = surges(BURST)
    burst, *others = sorted(joined(apart, [MAIN], TUESDAY), key=lambda finding: -finding.evidence["excess"])
    assert burst.labels == {"area": "Alder"}
    assert burst.title.startswith("Alder: more of No water and Water leak; No water")
    assert [finding.labels["category"] for finding in others] == ["Rats"]
    assert {alarm.labels.get("category") for alarm in burst.alarms} - {None} == {"No water", "Water leak"}
    assert "Water leak" in {entry["labels"].get("category") for entry in burst.evidence["related"]}
    assert sum(len(one.alarms) for one in (burst, *others)) == sum(len(one.alarms) for one in apart)
    (change,) = advance([], [burst], TUESDAY, NOW)
    assert any("Water leak" in line for line in explanation(change.alert))


@pytest.mark.parametrize(
    "other",
    [
        replace(MAIN, day=np.datetime64(TUESDAY, "D") - 1),
        cluster(["Water leak", "No water"], ["Cedar"]),
        cluster(["Water leak", "Rats"], ["Alder", "Birch"]),
        cluster(["No water"], ["Alder", "Birch"]),
    ],
    ids=["of another day", "elsewhere", "of another category", "of one category"],
)
def test_what_no_cluster_holds_together_stays_apart(other: Cluster) -> None:
    assert scopes(joined(surges(BURST), [other], TUESDAY)) == scopes(surges(BURST))


def test_what_is_mostly_elsewhere_stays_apart() -> None:
    everywhere = [[9, 9, 9, 9, 9], BURST[1], [4] * 5]
    found = scopes(joined(surges(everywhere), [MAIN], TUESDAY))
    assert {"category": "Water leak"} in found


def test_what_was_one_issue_stays_one_alert_on_a_day_without_the_cluster() -> None:
    burst = [one for one in joined(surges(BURST), [MAIN], TUESDAY) if "Rats" not in one.title]
    (opened,) = advance([], burst, TUESDAY, NOW)
    alert = opened.alert
    for number in range(1, 4):
        day = TUESDAY + timedelta(days=number)
        apart = [replace(one, day=day) for one in surges([*BURST[:2], [4] * 5])]
        assert len(apart) == 2
        changes = advance([alert], apart, day, NOW)
        assert [change.alert.fingerprint for change in changes] == [alert.fingerprint]
        alert = changes[0].alert
        assert alert.labels == {"area": "Alder"}

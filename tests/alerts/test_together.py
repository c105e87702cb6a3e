"""One cause is one alert, as far as a cluster tells that what rose has one."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from alerts.lifecycle import advance, record_verdict
from alerts.messages import notifications
from alerts.rules.surge import Surge
from alerts.rules.together import joined
from alerts.wording import explanation
from forewarn.alert import Change, Finding, State, Verdict
from forewarn.results import Cluster
from forewarn.settings import ChannelSettings
from tests.alerts.drawing import TUESDAY, city
from tests.alerts.test_cluster import NOW, cluster
from tests.alerts.test_lifecycle import Desk

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


def test_what_began_much_earlier_has_another_cause() -> None:
    """Rats that grow for two weeks are not told with the refuse that was left yesterday, though both are in Alder."""
    slow = [
        replace(one, evidence={**one.evidence, "window_days": 14}) if "Water leak" in one.title else one
        for one in surges(BURST)
    ]
    assert scopes(joined(slow, [MAIN], TUESDAY)) == scopes(slow)


def a_main_that_was_two_alerts(desk: Desk) -> list[Change]:
    """The first day is not enough for a cluster; on the second there is one."""
    desk.keep(advance([], [one for one in surges(BURST) if "Rats" not in one.title], TUESDAY, NOW))
    assert [alert.labels for alert in desk.alerts.values()] == [{"category": "No water"}, {"category": "Water leak"}]
    (burst,) = (one for one in joined(surges(BURST), [MAIN], TUESDAY) if "Rats" not in one.title)
    found = replace(burst, day=TUESDAY + timedelta(days=1))
    changes = advance(list(desk.alerts.values()), [found], found.day, NOW)
    desk.keep(changes)
    return changes


def test_two_alerts_that_turn_out_to_have_one_cause_become_one() -> None:
    desk = Desk()
    whole, part = a_main_that_was_two_alerts(desk)
    assert (whole.event.what, part.event.what) == ("continued", "merged")
    assert whole.alert.fingerprint in part.event.note
    assert (whole.alert.labels, part.alert.state) == ({"area": "Alder"}, State.RESOLVED)
    assert whole.alert.first_day == TUESDAY
    for number in range(2, 5):  # each topic by itself, and no cluster any more
        day = TUESDAY + timedelta(days=number)
        (alone,) = (one for one in surges(BURST) if one.title.startswith(("No water", "Water leak")[number % 2]))
        assert desk.keep(advance(list(desk.alerts.values()), [replace(alone, day=day)], day, NOW)) == ["continued"]
        assert desk.alerts[whole.alert.fingerprint].last_day == day
    again = replace(alone, day=TUESDAY)  # the first day judged again
    assert advance(list(desk.alerts.values()), [again], TUESDAY, NOW) == []


def test_who_was_told_of_a_part_hears_in_which_alert_it_goes_on() -> None:
    changes = a_main_that_was_two_alerts(Desk())
    channels = {"hook": ChannelSettings(url="jsons://desk.example.org/hook"), "log": ChannelSettings(url="log")}
    told = {change.alert.fingerprint: {"hook"} for change in changes}
    (message,) = notifications(changes, channels, told, now=NOW, dashboard_url="https://forewarn.example.org")
    assert (message.channel, message.subject.split("]")[0]) == ("hook", "[Part of another alert")
    assert f"goes on as part of {changes[0].alert.fingerprint}, Alder: more of" in message.text


def test_nothing_is_merged_into_what_a_person_dismissed() -> None:
    """It would be told no more, though nobody said so of it."""
    desk = Desk()
    desk.keep(advance([], [one for one in surges(BURST) if "Rats" not in one.title], TUESDAY, NOW))
    largest = next(alert for alert in desk.alerts.values() if alert.labels == {"category": "No water"})
    desk.keep([record_verdict(largest, Verdict.FALSE_ALARM, "Ada", NOW)])
    (burst,) = (one for one in joined(surges(BURST), [MAIN], TUESDAY) if "Rats" not in one.title)
    found = replace(burst, day=TUESDAY + timedelta(days=1))
    changes = advance(list(desk.alerts.values()), [found], found.day, NOW)
    assert [change.event.what for change in changes] == ["continued"]
    assert changes[0].alert.fingerprint == largest.fingerprint


def test_while_the_source_is_in_trouble_nothing_is_merged() -> None:
    (burst,) = (one for one in joined(surges(BURST), [MAIN], TUESDAY) if "Rats" not in one.title)
    opened = advance([], [one for one in surges(BURST) if "Rats" not in one.title], TUESDAY, NOW)
    changes = advance([one.alert for one in opened], [burst], TUESDAY, NOW, held=True)
    assert all(change.alert.state is State.OPEN for change in changes)


@pytest.mark.parametrize("topic", ["No water", "Water leak"])
def test_what_a_cause_had_risen_comes_back_as_the_same_alert_and_only_for_new_days(topic: str) -> None:
    desk = Desk()
    whole, _ = a_main_that_was_two_alerts(desk)
    day = TUESDAY + timedelta(days=4)
    assert desk.keep(advance(list(desk.alerts.values()), [], day, NOW)) == ["resolved"]
    (alone,) = (one for one in surges(BURST) if one.title.startswith(topic))
    later = replace(alone, day=day + timedelta(days=3))
    back = replace(later, evidence={**later.evidence, "window_days": 14, "day_stands_out": False})
    assert advance(list(desk.alerts.values()), [back], back.day, NOW) == []
    elsewhere = replace(back, labels={"category": topic, "area": "Elm"})
    (opened,) = advance([desk.alerts[whole.alert.fingerprint]], [elsewhere], back.day, NOW)
    assert opened.event.what == "opened"
    (again,) = advance(list(desk.alerts.values()), [later], later.day, NOW)
    assert (again.event.what, again.alert.fingerprint) == ("reopened", whole.alert.fingerprint)
    assert again.alert.labels == {"category": topic}

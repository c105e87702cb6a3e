"""The life of an alert, told as scenarios. Day 3 is 3 February 2026."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from alerts.lifecycle import acknowledge, advance, record_verdict, resolve
from alerts.muting import source_in_trouble
from alerts.rules.surge import Surge
from forewarn.alert import Alert, Change, Finding, Kind, Severity, State, Verdict
from tests.alerts.drawing import city

RATS = {"category": "Rats", "area": "Elm"}
NOW = datetime(2026, 2, 4, 6, tzinfo=UTC)


def day(number: int) -> date:
    return date(2026, 2, number)


def finding(
    number: int,
    labels: Mapping[str, str] = RATS,
    *,
    excess: float = 10,
    severity: Severity = Severity.NOTICE,
    kind: Kind = Kind.SURGE,
    **evidence: Any,
) -> Finding:
    return Finding(
        kind=kind,
        source="bonn",
        labels=labels,
        day=day(number),
        severity=severity,
        title=f"day {number}",
        evidence={"excess": excess, "head": dict(labels), "related": [], **evidence},
    )


class Desk:
    """Keeps the alerts between days, as the store does."""

    def __init__(self) -> None:
        self.alerts: dict[str, Alert] = {}

    def judge(self, number: int, *findings: Finding, held: bool = False) -> list[str]:
        return self.keep(advance(list(self.alerts.values()), findings, day(number), NOW, held=held))

    def keep(self, changes: Iterable[Change]) -> list[str]:
        happened = []
        for change in changes:
            before = self.alerts.get(change.alert.fingerprint)
            assert change.event.sequence == change.alert.revision == (before.revision if before else 0) + 1
            assert change.event.fingerprint == change.alert.fingerprint
            self.alerts[change.alert.fingerprint] = change.alert
            happened.append(change.event.what)
        return happened

    @property
    def only(self) -> Alert:
        (alert,) = self.alerts.values()
        return alert


def test_an_alert_opens_continues_and_resolves_after_three_quiet_days() -> None:
    desk = Desk()
    assert desk.judge(3, finding(3)) == ["opened"]
    assert desk.judge(4, finding(4)) == ["continued"]
    assert desk.judge(5) == []
    assert desk.judge(6) == []
    assert desk.judge(7) == ["resolved"]
    assert desk.judge(8) == []
    alert = desk.only
    assert (alert.state, alert.first_day, alert.last_day) == (State.RESOLVED, day(3), day(4))
    assert alert.title == "day 4"


def test_judging_a_day_twice_changes_nothing() -> None:
    desk = Desk()
    for number in (3, 4):
        assert desk.judge(number, finding(number), finding(number, {"category": "Noise"}))
        assert desk.judge(number, finding(number), finding(number, {"category": "Noise"})) == []
    assert desk.judge(3, finding(3), finding(3, {"category": "Noise"})) == []  # and an earlier day once more
    assert desk.judge(7)
    assert desk.judge(7) == []
    assert desk.judge(4, finding(4), finding(4, {"category": "Noise"})) == []  # also when it is over


def test_real_findings_judged_twice_change_nothing() -> None:
    quiet = [4, 4, 4, 4, 4]
    findings = Surge().evaluate(city([[4, 4, 18, 4, 4], [4, 4, 21, 4, 4], [4, 4, 4, 4, 40]]), day(3))
    opened = advance([], findings, day(3), NOW)
    assert [dict(change.alert.labels) for change in opened] == [RATS, {"area": "Cedar"}]
    assert advance([change.alert for change in opened], findings, day(3), NOW) == []
    assert Surge().evaluate(city([quiet, quiet, quiet]), day(3)) == []


def test_the_same_issue_opens_with_the_same_fingerprint_whatever_the_hour() -> None:
    (first,) = advance([], [finding(3)], day(3), NOW)
    (again,) = advance([], [finding(3, excess=99)], day(3), NOW.replace(hour=23))
    (other,) = advance([], [finding(3, {"category": "Mice"})], day(3), NOW)
    assert first.alert.fingerprint == again.alert.fingerprint != other.alert.fingerprint


def test_it_worsens_only_beyond_what_was_told() -> None:
    desk = Desk()
    desk.judge(3, finding(3, excess=10))
    assert desk.judge(4, finding(4, excess=15)) == ["continued"]
    assert desk.judge(5, finding(5, excess=15.1)) == ["worsened"]
    assert desk.judge(6, finding(6, excess=22)) == ["continued"]  # half more than 10, but not than 15.1
    assert desk.judge(7, finding(7, excess=5, severity=Severity.WARNING)) == ["worsened"]
    assert desk.judge(8, finding(8, excess=5)) == ["continued"]
    alert = desk.only
    assert alert.severity is Severity.WARNING  # it never weighs less while it lives
    assert (alert.peak_day, alert.evidence["peak"]["excess"]) == (day(6), 22)


def test_late_reports_can_worsen_the_same_day() -> None:
    desk = Desk()
    desk.judge(3, finding(3, excess=10))
    assert desk.judge(3, finding(3, excess=12)) == ["continued"]
    assert desk.judge(3, finding(3, excess=16)) == ["worsened"]
    assert desk.judge(3, finding(3, excess=16)) == []


def test_late_reports_can_show_an_earlier_beginning() -> None:
    desk = Desk()
    desk.judge(4, finding(4))
    assert desk.judge(3, finding(3)) == ["continued"]
    assert (desk.only.first_day, desk.only.last_day) == (day(3), day(4))
    assert desk.judge(3, finding(3)) == []


def test_it_opens_again_when_it_returns() -> None:
    desk = Desk()
    desk.judge(3, finding(3))
    desk.judge(6)
    assert desk.judge(10, finding(10)) == ["reopened"]
    alert = desk.only
    assert (alert.state, alert.first_day, alert.verdict) == (State.OPEN, day(10), None)  # not since day 3
    assert alert.evidence["before"] == {"first_day": "2026-02-03", "last_day": "2026-02-03"}


def test_days_of_the_time_before_judged_again_do_not_move_the_beginning() -> None:
    desk = Desk()
    desk.judge(3, finding(3))
    desk.judge(6)
    desk.judge(8, finding(8))
    assert desk.judge(3, finding(3)) == []
    assert desk.judge(7, finding(7)) == ["continued"]
    assert desk.only.first_day == day(7)


def test_what_comes_back_every_week_is_told_as_back_once() -> None:
    desk = Desk()
    days = {
        number: desk.judge(number, *([finding(number)] if number in (1, 8, 15, 22) else [])) for number in range(1, 29)
    }
    told_on = {number: happened for number, happened in days.items() if happened not in ([], ["continued"])}
    assert told_on == {1: ["opened"], 4: ["resolved"], 8: ["reopened"]}
    assert desk.only.evidence["before"]["last_day"] == "2026-02-01"


def test_what_lasts_adds_up_and_is_no_worse_for_it() -> None:
    desk = Desk()
    assert desk.judge(3, finding(3, excess=10, window_days=1)) == ["opened"]
    assert desk.judge(4, finding(4, excess=20, window_days=2)) == ["continued"]
    assert desk.judge(5, finding(5, excess=33, window_days=3)) == ["continued"]
    assert desk.judge(6, finding(6, excess=80, window_days=4)) == ["worsened"]


def test_a_span_that_holds_days_told_already_is_no_return_unless_its_last_day_stands_out() -> None:
    desk = Desk()
    desk.judge(3, finding(3))
    for number in (4, 5, 6):
        desk.judge(number)
    assert desk.only.state is State.RESOLVED
    echo = {"window_days": 10, "day_stands_out": False}
    assert desk.judge(8, finding(8, **echo)) == []
    assert desk.judge(9, finding(9, window_days=10, day_stands_out=True)) == ["reopened"]
    later = Desk()
    later.judge(3, finding(3))
    for number in (4, 5, 6):
        later.judge(number)
    assert later.judge(9, finding(9, window_days=5, day_stands_out=False)) == ["reopened"]


def test_once_back_it_is_over_after_a_week() -> None:
    desk = Desk()
    desk.judge(3, finding(3))
    desk.judge(6)
    desk.judge(8, finding(8))
    assert [desk.judge(number) for number in range(9, 15)] == [[]] * 6
    assert desk.judge(15) == ["resolved"]


@pytest.mark.parametrize("later", [{"category": "Rats", "area": "Dale"}, {"category": "Mice", "area": "Elm"}])
def test_what_is_over_does_not_come_back_somewhere_else(later: Mapping[str, str]) -> None:
    desk = Desk()
    desk.judge(3, finding(3))
    desk.judge(6)
    assert desk.judge(8, finding(8, later)) == ["opened"]


def test_two_kinds_within_one_category_stay_two_alerts() -> None:
    desk = Desk()
    whole = [{"labels": {"category": "Housing"}}]
    heat, lease = ({"category": "Housing", "subcategory": name} for name in ("Heat", "Lease"))
    desk.judge(3, finding(3, heat, related=whole))
    assert desk.judge(4, finding(4, lease, related=whole)) == ["opened"]


def test_a_contribution_found_alone_the_next_day_is_the_same_alert() -> None:
    desk = Desk()
    burrows, ward = {"category": "Rats", "subcategory": "Burrow"}, {"category": "Rats", "area": "Elm"}
    desk.judge(3, finding(3, burrows, related=[{"labels": ward}]))
    assert desk.judge(4, finding(4, ward), finding(4, {"category": "Rats", "area": "Dale"})) == ["continued", "opened"]


def test_an_alert_does_not_become_that_of_what_was_found_beside_it() -> None:
    desk = Desk()
    waste = {"category": "Waste"}
    desk.judge(3, finding(3, waste), finding(3, RATS))
    both = [{"labels": {"category": "Waste", "area": "Elm"}}, {"labels": RATS}]
    assert desk.judge(4, finding(4, {"area": "Elm"}, head=both[0]["labels"], related=both)) == ["continued"]
    desk.judge(5, finding(5, {"category": "Rats"}))
    topics = {alert.labels["category"]: alert.last_day for alert in desk.alerts.values() if "category" in alert.labels}
    assert topics == {"Waste": day(4), "Rats": day(5)}


def test_after_fourteen_days_it_is_another_alert() -> None:
    desk = Desk()
    desk.judge(3, finding(3))
    desk.judge(6)
    assert desk.judge(18, finding(18)) == ["opened"]
    assert len(desk.alerts) == 2


def test_what_a_person_resolved_opens_again_only_on_a_later_day() -> None:
    desk = Desk()
    desk.judge(3, finding(3))
    desk.keep([resolve(desk.only, "Ada", NOW, "rats caught")])
    assert desk.judge(3, finding(3, excess=12)) == []
    assert desk.judge(4, finding(4)) == ["reopened"]


@pytest.mark.parametrize(
    ("later", "common"),
    [
        ({"category": "Rats"}, {"category": "Rats"}),  # the whole of it
        ({"category": "Rats", "area": "Dale"}, {"category": "Rats"}),  # the next area
        ({"area": "Elm"}, {"area": "Elm"}),
        ({"category": "Rats", "area": "Elm", "channel": "App"}, RATS),  # a part of it
    ],
)
def test_related_scopes_are_one_alert_whose_scope_widens(later: Mapping[str, str], common: Mapping[str, str]) -> None:
    desk = Desk()
    desk.judge(3, finding(3))
    assert desk.judge(4, finding(4, later)) == ["continued"]
    assert desk.only.labels == common


@pytest.mark.parametrize("later", [{"category": "Mice", "area": "Elm"}, {"category": "Mice"}, {"area": "Dale"}, {}])
def test_unrelated_scopes_are_alerts_of_their_own(later: Mapping[str, str]) -> None:
    desk = Desk()
    desk.judge(3, finding(3))
    assert desk.judge(4, finding(4, later)) == ["opened"]


def test_the_whole_source_does_not_swallow_what_comes_later() -> None:
    desk = Desk()
    desk.judge(3, finding(3, {}))
    assert desk.judge(4, finding(4), finding(4, {})) == ["opened", "continued"]


def test_an_issue_of_an_area_keeps_the_categories_it_was_made_of() -> None:
    desk = Desk()
    members = [{"labels": {"category": "No water", "area": "Elm"}}]
    desk.judge(3, finding(3, {"area": "Elm"}, head={"category": "Water leak", "area": "Elm"}, related=members))
    assert desk.judge(4, finding(4, {"category": "No water", "area": "Dale"})) == ["continued"]
    assert desk.only.labels == {"area": "Elm"}


def test_a_surge_and_a_drop_are_two_alerts() -> None:
    desk = Desk()
    assert desk.judge(3, finding(3), finding(3, kind=Kind.DROP)) == ["opened", "opened"]


def test_of_two_findings_of_one_issue_the_larger_speaks() -> None:
    desk = Desk()
    desk.judge(3, finding(3, {"category": "Rats"}))
    smaller, larger = finding(4, {**RATS, "area": "Dale"}, excess=8), finding(4, RATS, excess=12)
    assert desk.judge(4, smaller, larger) == ["continued"]
    assert desk.only.evidence["excess"] == 12


def test_acknowledge_and_verdict_keep_it_alive_until_it_is_over() -> None:
    desk = Desk()
    desk.judge(3, finding(3))
    desk.keep([acknowledge(desk.only, "Ada", NOW, "on my way")])
    assert desk.only.state is State.ACKNOWLEDGED
    with pytest.raises(ValueError, match="acknowledged"):
        acknowledge(desk.only, "Bob", NOW)
    assert desk.judge(4, finding(4)) == ["continued"]
    assert desk.only.state is State.ACKNOWLEDGED
    desk.keep([record_verdict(desk.only, Verdict.REAL, "Ada", NOW)])
    assert (desk.only.state, desk.only.verdict) == (State.VERIFIED, Verdict.REAL)
    assert desk.judge(7) == ["resolved"]
    assert desk.only.verdict is Verdict.REAL
    desk.keep([record_verdict(desk.only, Verdict.FALSE_ALARM, "Bob", NOW)])
    assert (desk.only.state, desk.only.verdict) == (State.RESOLVED, Verdict.FALSE_ALARM)
    with pytest.raises(ValueError, match="resolved already"):
        resolve(desk.only, "Bob", NOW)


def test_a_dismissed_alert_does_not_speak_again() -> None:
    desk = Desk()
    desk.judge(3, finding(3))
    desk.keep([record_verdict(desk.only, Verdict.EXPECTED, "Ada", NOW, "street festival")])
    assert desk.only.state is State.DISMISSED
    assert desk.judge(4, finding(4, excess=100, severity=Severity.CRITICAL)) == ["continued"]


def test_events_tell_who_and_why() -> None:
    (opened,) = advance([], [finding(3)], day(3), NOW)
    event = acknowledge(opened.alert, "Ada", NOW, "on my way").event
    assert (opened.event.who, event.who, event.note, event.sequence) == ("forewarn", "Ada", "on my way", 2)


def told(alert: Alert) -> bool:
    return alert.evidence["told"] is not None


def test_while_the_source_is_in_trouble_alerts_are_recorded_but_not_told() -> None:
    desk = Desk()
    assert desk.judge(3, finding(3), held=True) == ["opened"]
    assert not told(desk.only)
    assert desk.judge(4, finding(4, excess=100), held=True) == ["continued"]
    assert not told(desk.only)
    assert desk.judge(5, finding(5)) == ["released"]
    assert told(desk.only)
    assert desk.judge(6, finding(6)) == ["continued"]


def test_a_held_alert_is_told_when_the_source_is_well_unless_it_is_over() -> None:
    desk = Desk()
    desk.judge(3, finding(3), held=True)
    assert desk.judge(5) == ["released"]
    desk = Desk()
    desk.judge(3, finding(3), held=True)
    assert desk.judge(6) == ["resolved"]
    assert not told(desk.only)


def test_a_held_alert_that_was_nothing_but_the_trouble_is_never_told() -> None:
    desk = Desk()
    desk.judge(3, finding(3), held=True)
    desk.judge(4, finding(4), held=True)
    assert [desk.judge(number) for number in (3, 4, 5, 6)] == [[], ["withdrawn"], [], []]
    assert [desk.judge(number) for number in (4, 5, 6, 7)] == [[], [], [], ["resolved"]]
    assert not told(desk.only)


def test_what_is_found_again_once_late_reports_are_in_is_told_all_the_same() -> None:
    desk = Desk()
    desk.judge(3, finding(3), held=True)
    assert [desk.judge(3), desk.judge(4)] == [["withdrawn"], []]
    assert [desk.judge(3, finding(3)), desk.judge(4)] == [["released"], []]
    assert told(desk.only)


def test_a_held_alert_whose_first_day_alone_is_found_again_is_told_once() -> None:
    desk = Desk()
    desk.judge(3, finding(3), held=True)
    desk.judge(4, finding(4), held=True)
    for _ in range(2):
        assert desk.judge(3, finding(3)) in (["released"], [])
        assert told(desk.only)
        assert desk.judge(4) == []


def test_days_of_a_source_in_trouble_are_no_quiet_days() -> None:
    desk = Desk()
    desk.judge(3, finding(3))
    assert desk.judge(8, held=True) == []
    assert desk.only.state is State.OPEN


def test_a_source_alert_resolves_at_once_however_long_it_was() -> None:
    desk = Desk()
    silent = finding(3, {}, kind=Kind.SOURCE)
    desk.judge(3, silent)
    assert source_in_trouble(desk.alerts.values())
    assert desk.judge(20, replace(silent, day=day(20), severity=Severity.CRITICAL)) == ["worsened"]
    assert len(desk.alerts) == 1
    assert desk.judge(20) == ["resolved"]
    assert not source_in_trouble(desk.alerts.values())


def test_other_alerts_are_no_trouble_of_the_source() -> None:
    (opened,) = advance([], [finding(3)], day(3), NOW)
    assert not source_in_trouble([opened.alert])


def test_alerts_of_other_sources_are_left_alone() -> None:
    elsewhere = replace(finding(3), source="ulm")
    (opened,) = advance([], [elsewhere], day(3), NOW)
    assert [c.event.what for c in advance([opened.alert], [finding(4)], day(4), NOW)] == ["opened"]


def scenario(findings: Sequence[Sequence[Finding]]) -> dict[str, Alert]:
    desk = Desk()
    for number, found in enumerate(findings, start=3):
        desk.judge(number, *found)
    return desk.alerts


def test_the_order_of_findings_does_not_matter() -> None:
    days = [
        [finding(3), finding(3, {"category": "Noise"}, excess=7)],
        [finding(4, {"category": "Rats"}, excess=20), finding(4, {"category": "Noise"}, excess=4)],
    ]
    assert scenario(days) == scenario([list(reversed(found)) for found in days])


def test_a_surge_and_a_cluster_of_one_category_are_one_alert_and_the_surge_speaks_first() -> None:
    desk = Desk()
    cluster = finding(3, {"category": "Rats"}, excess=40, kind=Kind.CLUSTER)
    assert desk.judge(3, cluster, finding(3)) == ["opened"]
    assert desk.only.kind is Kind.SURGE


def test_a_cluster_continues_as_a_cluster_and_a_surge_within_it_is_no_second_alert() -> None:
    desk = Desk()
    desk.judge(3, finding(3, {"category": "Rats"}, excess=20, kind=Kind.CLUSTER))
    cluster = finding(4, {"category": "Rats"}, excess=22, kind=Kind.CLUSTER)
    assert desk.judge(4, finding(4, excess=12), cluster) == ["continued"]
    assert desk.only.kind is Kind.CLUSTER
    assert desk.judge(5, finding(5, excess=12)) == ["continued"]  # now the surge alone
    assert desk.only.kind is Kind.SURGE
    assert desk.judge(5, finding(5, excess=12)) == []


def test_a_clusters_many_days_are_not_a_worsening_of_a_surges_one_day() -> None:
    desk = Desk()
    desk.judge(3, finding(3, excess=10))
    assert desk.judge(4, finding(4, {"category": "Rats"}, excess=50, kind=Kind.CLUSTER)) == ["continued"]
    assert desk.judge(5, finding(5, {"category": "Rats"}, excess=60, kind=Kind.CLUSTER)) == ["continued"]
    assert desk.judge(6, finding(6, {"category": "Rats"}, excess=80, kind=Kind.CLUSTER)) == ["worsened"]


def test_a_drop_is_never_the_issue_of_a_cluster() -> None:
    desk = Desk()
    desk.judge(3, finding(3, {"category": "Rats"}, kind=Kind.CLUSTER))
    assert desk.judge(4, finding(4, {"category": "Rats"}, kind=Kind.DROP)) == ["opened"]

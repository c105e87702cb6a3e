"""What is no incident is told once, as what it is, and only where it would have been told as one."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from alerts.lifecycle import advance
from alerts.messages import notifications
from alerts.rules.irregular import NotAnIncident
from alerts.wording import explanation
from forewarn.alert import Finding, Kind, Severity
from forewarn.irregularity import Cause, Irregularity
from forewarn.settings import ChannelSettings
from tests.alerts.drawing import EVENING, TUESDAY, drawn

BIKES = {"category": "Streets", "subcategory": "Bicycles"}
LEVELS = [drawn(({}, 60.0, 55.0, 90.0)), drawn(({"category": "Streets"}, 8.0, 9.0, 20.0))]


def batch(count: int, labels: Mapping[str, str] = BIKES, office: str = "Office 3") -> Irregularity:
    return Irregularity(Cause.BATCH, TUESDAY, labels, count, 0.2, 1, {"agency": office})


def found(*irregularities: Irregularity) -> list[Finding]:
    return NotAnIncident(min_requests=5).evaluate(irregularities, LEVELS, TUESDAY)


def test_a_batch_that_would_have_been_critical_is_told_with_who_and_how_many() -> None:
    (finding,) = found(batch(40))
    assert finding.title == "Office 3 entered 40 requests on Tue 3 Feb in one go: a batch, not counted"
    assert (finding.kind, finding.severity, finding.labels) == (Kind.DATA, Severity.NOTICE, {"agency": "Office 3"})


def test_a_batch_that_nobody_would_have_heard_of_is_not_told() -> None:
    assert found(batch(12)) == []


def test_several_lists_of_one_office_are_one_notice_and_of_two_offices_two() -> None:
    topics = [BIKES, {"category": "Streets", "subcategory": "Signs"}]
    (one,) = found(*(batch(30, labels) for labels in topics))
    assert one.evidence["count"] == 60
    assert len(found(batch(30), batch(40, office="Office 4"))) == 2


def test_small_lists_that_together_would_be_a_surge_are_told() -> None:
    assert found(batch(20)) == []
    assert len(found(batch(20), batch(20, office="Office 4"))) == 2


def test_what_is_left_out_whole_is_judged_by_its_own_size() -> None:
    of_a_series_that_is_gone = drawn(({"category": "Streets", "subcategory": "Signs"}, 1.0, 1.0, 5.0))
    rule = NotAnIncident(min_requests=5)
    assert len(rule.evaluate([batch(30)], [of_a_series_that_is_gone], TUESDAY)) == 1
    assert rule.evaluate([batch(29)], [of_a_series_that_is_gone], TUESDAY) == []


def test_what_one_person_reported_is_told_where_it_would_have_been_a_warning() -> None:
    walk = Irregularity(Cause.BURST, TUESDAY, {"category": "Streets"}, 18, 9.0)
    (finding,) = found(walk)
    assert finding.title == "Streets: 18 requests from one hand on Tue 3 Feb, not counted"
    assert found(replace(walk, count=12)) == []


def test_another_day_is_not_told_today() -> None:
    assert NotAnIncident().evaluate([batch(40)], LEVELS, TUESDAY + timedelta(1)) == []


def test_it_explains_itself_and_nobody_is_told_that_it_is_over() -> None:
    (opened,) = advance([], found(batch(40)), TUESDAY, EVENING)
    text = "\n".join(explanation(opened.alert))
    assert "Streets: Bicycles: 40 where 0.2 a day are usual; all others 1" in text
    assert "left out of what is judged" in text
    channels = {"log": ChannelSettings(kind="log")}
    assert len(notifications([opened], channels, {}, now=EVENING, dashboard_url="http://forewarn")) == 1
    later = TUESDAY + timedelta(days=4)
    (over,) = advance([opened.alert], [], later, EVENING + timedelta(days=4))
    assert over.event.what == "resolved"
    before = {opened.alert.fingerprint: {"log"}}
    assert notifications([over], channels, before, now=EVENING, dashboard_url="http://forewarn") == []


def test_names_are_text_whatever_they_hold() -> None:
    (finding,) = found(batch(40, office="O\u202effice\n3"))
    assert finding.title.startswith("O ffice 3 entered")

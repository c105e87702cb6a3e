"""Every score on cases small enough to count by hand."""

from datetime import date, timedelta

import pytest

from alerts.scoring.known_events import KnownEvent
from alerts.scoring.scores import Exposure, Scores, score_alerts, score_events, scores_of
from forewarn.alert import Alarm, Change, Kind
from tests.alerts.drawing import drawn
from tests.alerts.scoring.stories import change, event

DAY = date(2026, 2, 2)


def scored(story: list[Change], events: list[KnownEvent], *, n_days: int = 28) -> Scores:
    alerts, found = score_alerts(story, events), score_events(story, events)
    return scores_of(alerts, found, Exposure(events), n_days=n_days)


def alarm(labels: dict[str, str]) -> Alarm:
    return Alarm("town", labels, DAY, Kind.SURGE, "scan", 9.0, 4.0, 2.0, 6.0, 8.0, 1e-4)


def test_incidents_found_and_missed() -> None:
    events = [
        event("found", first=1, last=4, public=date(2026, 2, 3)),
        event("late", first=10, last=11),
        event("missed", first=20, last=21, public=date(2026, 2, 20)),
    ]
    story = [
        change(name="A", first=1, last=2),
        change("continued", name="A", first=1, last=3),
        change("continued", name="A", first=1, last=6),  # after the event
        change(name="B", last=11),
        change(name="C", last=15),  # tells of nothing
    ]
    scores = scored(story, events)
    assert (scores.incidents, scores.incidents_found) == (3, 2)
    assert scores.probability_of_detection == pytest.approx(2 / 3)
    assert scores.sensitivity == pytest.approx((2 + 1) / (4 + 2 + 2))
    assert scores.timeliness == pytest.approx((1 / 4 + 1 / 2 + 1) / 3)
    assert scores.median_days_after == 1
    assert scores.median_days_before_public == 1
    assert scores.alerts_per_week == pytest.approx(3 / 4)
    assert scores.precision == pytest.approx(2 / 3)
    assert scores.false_alerts_per_week == pytest.approx(1 / 4)


def test_a_drop_finds_a_dip_and_no_incident() -> None:
    events = [event("storm", "incident_dip"), event("rats")]
    scores = scored([change(kind=Kind.DROP, last=1)], events)
    assert (scores.incidents, scores.incidents_found) == (2, 1)
    found = {one.event_id: one.alerted_on for one in score_events([change(kind=Kind.DROP, last=1)], events)}
    assert found == {"storm": date(2026, 2, 1), "rats": None}


def test_what_was_no_incident_is_counted_by_kind_and_what_is_not_explained_is_not_scored() -> None:
    events = [
        event("list", "batch", 1, 1),
        event("other list", "batch", 5, 5),
        event("hole", "feed_defect", 8, 8),
        event("riddle", "unexplained", 12, 12),
        event("shift", "level_shift", 14, 14),
    ]
    story = [change(name="A", last=1), change(name="B", last=12), change(name="C", last=14)]
    story.append(change(name="D", kind=Kind.SOURCE, last=8))
    scores = scored(story[:3], events)
    assert {kind: (one.told, one.events) for kind, one in scores.told_as_incident.items()} == {
        "batch": (1, 2),
        "feed_defect": (0, 1),
    }
    assert scores.precision == 0.0
    assert scores.false_alerts_per_week == pytest.approx(1 / 4), "only the batch is held against it"
    assert scores.probability_of_detection is None
    assert scored(story, events).told_as_incident["feed_defect"].told == 0, "source trouble, told as such"


def test_an_alert_of_an_incident_and_a_riddle_tells_of_the_incident() -> None:
    events = [event("riddle", "unexplained"), event("rats")]
    (one,) = score_alerts([change(last=1)], events)
    assert (one.event, one.kind) == ("rats", "incident")


def test_what_was_held_back_was_not_told() -> None:
    events = [event()]
    held = [change(last=1, told=False), change("continued", last=2, told=False)]
    assert scored(held, events).incidents_found == 0
    assert score_alerts(held, events) == []
    released = [*held, change("released", last=3)]
    (found,) = score_events(released, events)
    assert (found.alerted_on, found.days_after) == (date(2026, 2, 3), 2)


def test_the_end_of_an_alert_is_no_finding() -> None:
    (found,) = score_events([change("resolved", last=2)], [event()])
    assert found.alerted_on is None


def test_without_known_events_only_volumes_are_told() -> None:
    scores = scored([change(last=1)], [])
    assert scores.alerts_per_week == pytest.approx(1 / 4)
    assert (scores.precision, scores.false_alerts_per_week, scores.timeliness) == (None, None, None)


def test_false_alarms_are_counted_where_no_event_is_known() -> None:
    rats = [event(labels={"category": "Rats", "area": "North"})]
    cells = drawn(
        ({"category": "Rats", "area": "North"}, 9, 4, 8),
        ({"category": "Rats", "area": "South"}, 9, 4, 8),
        ({"category": "Rats", "area": ""}, 9, 4, 8),
        ({"category": "Noise", "area": "South"}, float("nan"), 4, 8),
        ({"category": "Mice", "area": "South"}, 2, 4, 8),
        day=DAY,
    )
    sums = drawn(({"category": "Rats"}, 27, 12, 20), ({"category": "Mice"}, 2, 4, 8), day=DAY)
    exposure = Exposure(rats)
    alarms = [alarm({"category": "Rats", "area": "North"}), alarm({"category": "Rats", "area": "South"})]
    for _ in range(2):  # judged again: still one day
        exposure.add(DAY, [cells, sums], [*alarms, alarm({"category": "Rats"})])
    assert exposure.verdicts == 3, "Rats in South, Mice in South, Mice; the event is in two more, two have no number"
    assert exposure.alarms == 1
    scores = scores_of([], [], exposure, n_days=7)
    assert scores.false_positive_rate == pytest.approx(1 / 3)
    assert scores.false_alarms_per_week == 1
    exposure.add(DAY + timedelta(days=40), [cells], [])
    assert exposure.verdicts == 3, "a day that was not judged"


def test_two_detectors_on_one_panel_are_one_verdict() -> None:
    one = drawn(({"category": "Rats"}, 9, 4, 8), day=DAY)
    exposure = Exposure([])
    exposure.add(DAY, [one, one], [])
    assert exposure.verdicts == 1

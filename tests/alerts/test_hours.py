"""Which hours are told, and how they become one alert with their day."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from alerts.lifecycle import advance
from alerts.phrases import hours_text
from alerts.rules.hours import HourlySurge
from alerts.wording import explanation
from detectors.scan import Scan
from forewarn.alert import Alert, Finding, Kind, Severity
from forewarn.calendar import Calendar
from forewarn.irregularity import Cause, Irregularity
from forewarn.panel import HOUR, Panel
from forewarn.results import Detection

DAY_OF = date(2026, 4, 28)
NOW = datetime(2026, 4, 28, 16, 7, tzinfo=UTC)
N_DAYS = 45


def detections(extra: dict[int, int], *, day: date = DAY_OF, calendar: Calendar = Calendar()) -> list[Detection]:
    """The whole source and two categories, the first of which has more from some hours after midnight of `day` on."""
    rng = np.random.default_rng(4)
    counts = rng.poisson(8.0, size=(2, 24 * N_DAYS)).astype(float)
    start = 24 * (N_DAYS - 2)
    for hour, number in extra.items():
        counts[0, start + hour] += number
    dates = np.datetime64(day - timedelta(days=N_DAYS - 2), "h") + HOUR * np.arange(counts.shape[1])
    labels = (pd.DataFrame(index=pd.RangeIndex(1)), pd.DataFrame({"category": ["Rats", "Noise"]}))
    at = datetime(2026, 4, 30, tzinfo=UTC)
    return [
        Scan(1e-5).detect(Panel(part, dates, names, at, "town", calendar, step=HOUR), 72)
        for part, names in zip((counts.sum(axis=0, keepdims=True), counts), labels, strict=True)
    ]


def test_the_most_striking_hours_of_the_day_speak() -> None:
    (finding,) = HourlySurge().evaluate(detections({13: 30, 14: 40, 15: 30}), DAY_OF)
    assert finding.labels == {"category": "Rats"}
    assert "on Tue 28 Apr between 13:00 and 16:00, usually" in finding.title
    hours = finding.evidence["hours"]
    assert (hours["first"], hours["last"]) == ("2026-04-28T13:00:00", "2026-04-28T16:00:00")
    assert len(hours["counts"]) == 40, "as far back as hours were judged"
    assert sum(hours["counts"][-3:]) == finding.evidence["observed"]
    assert finding.evidence["watched"] == 24 * 3
    assert [other["labels"] for other in finding.evidence["related"]] == [{}]
    assert HourlySurge().evaluate(detections({13: 30, 14: 40, 15: 30}), DAY_OF + timedelta(days=1)) == []
    assert HourlySurge(min_requests=200).evaluate(detections({13: 30, 14: 40, 15: 30}), DAY_OF) == []


def test_hours_around_midnight_are_of_the_day_of_their_middle() -> None:
    found = detections({23: 40, 24: 40, 25: 40})
    assert HourlySurge().evaluate(found, DAY_OF + timedelta(days=1))[0].title.count("28 Apr 23:00 and Wed 29 Apr 02:00")
    (before,) = HourlySurge().evaluate(found, DAY_OF)
    assert "28 Apr 23:00 and Wed 29 Apr 01:00" in before.title


def test_what_one_office_entered_is_no_surge() -> None:
    batch = Irregularity(
        cause=Cause.BATCH, day=DAY_OF, labels={"category": "Rats"}, count=95, usual=3.0, who={"agency": "Office 26"}
    )
    found = detections({13: 30, 14: 40, 15: 30})
    assert HourlySurge().evaluate(found, DAY_OF, [replace(batch, day=DAY_OF - timedelta(days=1))])
    assert HourlySurge().evaluate(found, DAY_OF, [replace(batch, labels={"category": "Noise"})])
    assert HourlySurge().evaluate(found, DAY_OF, [batch]) == []


@pytest.mark.parametrize("day", [date(2026, 7, 2), date(2026, 7, 3), date(2026, 7, 4)])
def test_nights_around_a_holiday_are_left_to_the_day(day: date) -> None:
    found = detections({13: 60}, day=day, calendar=Calendar("US"))
    assert HourlySurge().evaluate(found, day) == []
    assert HourlySurge().evaluate(detections({13: 60}, day=day), day)


def of_hours(excess: float, severity: Severity = Severity.WARNING, day: date = DAY_OF) -> Finding:
    found = HourlySurge().evaluate(detections({13: 30, 14: 40, 15: 30}), DAY_OF)[0]
    return replace(found, day=day, severity=severity, evidence={**found.evidence, "excess": excess})


def of_day(excess: float, severity: Severity = Severity.WARNING, day: date = DAY_OF) -> Finding:
    evidence = {name: value for name, value in of_hours(excess).evidence.items() if name != "hours"}
    return replace(of_hours(excess), day=day, severity=severity, title="The day", evidence=evidence)


def told_of(*findings: Finding) -> tuple[list[str], Alert]:
    """What happens to the one alert as these are found one after the other."""
    alerts: dict[str, Alert] = {}
    events = []
    for finding in findings:
        is_over = "hours" not in finding.evidence
        changes = advance(list(alerts.values()), [finding], finding.day, NOW, is_over=is_over)
        alerts |= {change.alert.fingerprint: change.alert for change in changes}
        events += [change.event.what for change in changes] or ["nothing"]
    (alert,) = alerts.values()
    return events, alert


def test_hours_and_their_day_are_one_alert_told_once() -> None:
    events, alert = told_of(of_hours(50), of_hours(50), of_hours(120), of_day(200), of_hours(130))
    assert events == ["opened", "nothing", "continued", "continued", "nothing"]
    assert alert.title == "The day"
    assert alert.evidence["told"]["excess"] == 200


def test_what_becomes_graver_is_told_again() -> None:
    assert told_of(of_hours(50), of_hours(120, Severity.CRITICAL))[0] == ["opened", "worsened"]
    assert told_of(of_hours(50), of_day(120, Severity.CRITICAL))[0] == ["opened", "worsened"]
    tomorrow = DAY_OF + timedelta(days=1)
    assert told_of(of_hours(50), of_hours(120, day=tomorrow))[0][-1] == "continued", "as of a night"
    assert told_of(of_hours(50), of_day(60), of_hours(120, day=tomorrow))[0][-1] == "worsened"


def test_a_day_that_is_not_over_is_no_quiet_day() -> None:
    (opened,) = advance([], [of_day(50)], DAY_OF, NOW)
    later = DAY_OF + timedelta(days=3)
    assert advance([opened.alert], [], later, NOW, is_over=False) == []
    assert [change.event.what for change in advance([opened.alert], [], later, NOW)] == ["resolved"]


def test_hours_in_words() -> None:
    first = datetime(2026, 4, 28, 22)  # noqa: DTZ001 - on the clock of the place
    assert hours_text(first, first + timedelta(hours=1)) == "on Tue 28 Apr between 22:00 and 23:00"
    assert hours_text(first, first + timedelta(hours=2), year=True) == "on Tue 28 Apr 2026 between 22:00 and 24:00"
    assert hours_text(first, first + timedelta(hours=4)) == "between Tue 28 Apr 22:00 and Wed 29 Apr 02:00"
    (opened,) = advance([], [of_hours(50)], DAY_OF, NOW)
    words = "\n".join(explanation(opened.alert))
    assert "on Tue 28 Apr 2026 between 13:00 and 16:00, first noticed that day" in words
    assert "in hours like these" in words
    assert opened.alert.kind is Kind.SURGE

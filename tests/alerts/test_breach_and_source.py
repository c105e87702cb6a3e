from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from alerts.lifecycle import advance
from alerts.muting import source_in_trouble
from alerts.rules.breach import LimitBreach
from alerts.rules.source import SourceTrouble
from forewarn.alert import Finding, Severity
from forewarn.contracts import SourceHealth
from forewarn.results import Breach

BONN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 3, 2, 14, tzinfo=BONN)
MUTING = (SourceHealth.LATE, SourceHealth.BROKEN)


def breach(day: str = "2026-03-12", probability: float = 0.7) -> Breach:
    return Breach(
        source="bonn",
        labels={"category": "Rats"},
        limit=400,
        window_days=7,
        day=np.datetime64(day),
        probability=probability,
        expected=421.4,
        low=380.2,
        high=470.9,
        forecaster="ets",
    )


def trouble(health: SourceHealth, *, hours: float = 1, title: str = "", known: bool = False) -> list[Finding]:
    return SourceTrouble().evaluate(
        "bonn",
        health,
        "timed out",
        since=MONDAY,
        now=MONDAY.astimezone(UTC) + timedelta(hours=hours),
        newest_day=date(2026, 3, 1),
        usual=85.2,
        title=title,
        known=known,
    )


def test_a_breach_says_date_and_chance() -> None:
    (finding,) = LimitBreach().evaluate([breach()], date(2026, 2, 3))
    assert finding.title == "Rats: on about Thu 12 Mar the weekly number will pass 400 (chance 7 in 10)"
    assert finding.labels == {"category": "Rats"}
    assert finding.evidence["lead_days"] == 37
    assert finding.evidence["breach_day"] == "2026-03-12"


def test_a_limit_that_is_passed_is_not_told_as_if_it_were_to_come() -> None:
    (finding,) = LimitBreach().evaluate([replace(breach(), over=433.0)], date(2026, 2, 3))
    assert finding.title == ("Rats: 433 requests in the 7 days to Tue 3 Feb are more than the 400 that can be handled")


@pytest.mark.parametrize(
    ("day", "probability", "severity"),
    [
        ("2026-02-20", 0.7, Severity.NOTICE),
        ("2026-02-10", 0.7, Severity.WARNING),
        ("2026-02-20", 0.8, Severity.WARNING),
        ("2026-02-10", 0.95, Severity.CRITICAL),
    ],
)
def test_a_breach_weighs_more_when_it_is_likely_or_soon(day: str, probability: float, severity: Severity) -> None:
    (finding,) = LimitBreach().evaluate([breach(day, probability)], date(2026, 2, 3))
    assert finding.severity is severity


def test_the_next_breach_comes_first() -> None:
    found = LimitBreach().evaluate([breach("2026-03-12"), breach("2026-02-12")], date(2026, 2, 3))
    assert [finding.evidence["breach_day"] for finding in found] == ["2026-02-12", "2026-03-12"]


@pytest.mark.parametrize("health", [SourceHealth.OK, SourceHealth.QUIET, SourceHealth.LATE, SourceHealth.UNDETERMINED])
def test_a_source_that_may_be_well_is_no_finding(health: SourceHealth) -> None:
    assert trouble(health) == []


def test_trouble_says_since_when_in_the_zone_of_the_source() -> None:
    (finding,) = trouble(SourceHealth.SILENT)
    assert finding.title == "No requests from bonn since Mon 2 Mar 14:00"
    assert finding.evidence["newest_day"] == "2026-03-01"
    assert finding.day == date(2026, 3, 2)


@pytest.mark.parametrize(
    ("hours", "severity"), [(11, Severity.NOTICE), (12, Severity.WARNING), (48, Severity.CRITICAL)]
)
def test_trouble_weighs_more_the_longer_it_lasts(hours: float, severity: Severity) -> None:
    assert trouble(SourceHealth.BROKEN, hours=hours)[0].severity is severity


@pytest.mark.parametrize(
    ("health", "patience_hours", "title"),
    [
        (SourceHealth.UNDETERMINED, 2, "Nothing could be read from Bonn calls since Mon 2 Mar 14:00"),
        (SourceHealth.LATE, 24, "New requests from Bonn calls have been late since Mon 2 Mar 14:00"),
    ],
)
def test_what_may_pass_is_told_when_it_does_not(health: SourceHealth, patience_hours: float, title: str) -> None:
    assert trouble(health, hours=patience_hours - 0.1, title="Bonn calls") == []
    (finding,) = trouble(health, hours=patience_hours, title="Bonn calls")
    assert finding.title == title
    assert finding.source == "bonn"


@pytest.mark.parametrize("health", [SourceHealth.LATE, SourceHealth.UNDETERMINED])
def test_a_lull_of_doubt_does_not_end_a_trouble_that_is_known(health: SourceHealth) -> None:
    assert trouble(health, hours=0.1, known=True)
    assert not trouble(SourceHealth.OK, known=True)


def test_only_a_late_source_mutes_nothing() -> None:
    late, broken = (
        [change.alert for change in advance([], trouble(h, hours=30), MONDAY.date(), MONDAY)] for h in MUTING
    )
    assert not source_in_trouble(late)
    assert source_in_trouble(broken)

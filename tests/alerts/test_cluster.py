"""Clusters become findings with all that a message needs."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest

from alerts.lifecycle import advance
from alerts.mail_page import mail_page
from alerts.rules.cluster import ClusterRise
from alerts.wording import answers, explanation
from forewarn.alert import Alert, Finding, Kind, Severity
from forewarn.results import Cluster, ClusterCell

TUESDAY = date(2026, 2, 3)
NOW = datetime(2026, 2, 4, 6, tzinfo=UTC)


def cluster(
    topics: Sequence[str] = ("Rats",),
    areas: Sequence[str] = ("Alder", "Birch", "Cedar"),
    *,
    each: float = 8.0,
    expected: float = 2.0,
    window_days: int = 4,
    tail: float = 1e-6,
) -> Cluster:
    """`each` requests of each topic in each area, but two more in the first."""
    cells = [
        ClusterCell({"category": topic, "area": area}, each + 2 * (not row), expected, 0.0, 5.0)
        for topic in topics
        for row, area in enumerate(areas)
    ]
    cells.sort(key=lambda cell: -cell.observed)
    history = np.full(56, 3.0)
    history[10], history[-1] = np.nan, 12.0
    return Cluster(
        source="bonn",
        day=np.datetime64(TUESDAY, "D"),
        window_days=window_days,
        topics=[{"category": topic} for topic in topics],
        areas=areas,
        observed=sum(cell.observed for cell in cells),
        expected=expected * len(cells),
        low=2.0,
        high=11.0,
        limit=math.nan if len(topics) > 1 else 17.0,
        tail=tail,
        scans=40,
        cells=cells,
        history=history,
        usual=np.full(56, 2.5),
    )


def findings(*clusters: Cluster) -> list[Finding]:
    return ClusterRise().evaluate(clusters, TUESDAY)


def opened(*clusters: Cluster) -> Alert:
    (change,) = advance([], findings(*clusters), TUESDAY, NOW)
    return change.alert


@pytest.mark.parametrize(
    ("found", "labels", "title"),
    [
        (
            cluster(),
            {"category": "Rats"},
            "Rats: 26 requests in 3 neighbouring areas, most in Alder, since Sat 31 Jan, usually 2 to 11",
        ),
        (
            cluster(areas=["Elm"], window_days=1),
            {"category": "Rats", "area": "Elm"},
            "Rats in Elm: 10 requests on Tue 3 Feb, usually 2 to 11",
        ),
        (
            cluster(["Water leak", "No water"], ["Elm"]),
            {"area": "Elm"},
            "Elm: more of Water leak and No water: 20 requests since Sat 31 Jan, usually 2 to 11",
        ),
        (
            cluster(["Water leak", "No water"], ["Elm", "Dale"]),
            {"area": "Elm"},
            "Elm and 1 neighbouring area: more of Water leak and No water: 36 requests since Sat 31 Jan, "
            "usually 2 to 11",
        ),
    ],
)
def test_title_and_labels(found: Cluster, labels: dict[str, str], title: str) -> None:
    (finding,) = findings(found)
    assert (finding.kind, finding.labels, finding.title) == (Kind.CLUSTER, labels, title)


@pytest.mark.parametrize(
    ("found", "severity"),
    [
        (cluster(each=4.0), Severity.NOTICE),  # 14, of which 8 more
        (cluster(each=5.0), Severity.WARNING),  # 17, of which 11 more
        (cluster(each=5.0, expected=3.0), Severity.NOTICE),  # not twice as many
        (cluster(each=12.0), Severity.CRITICAL),  # 38, of which 32 more
        (cluster(each=12.0, expected=6.0), Severity.WARNING),  # 38, of which 20 more
        (cluster(each=12.0, tail=5e-5), Severity.CRITICAL),  # once in 500 days by chance
        (cluster(each=12.0, tail=1e-4), Severity.NOTICE),  # once in 250
    ],
)
def test_severity(found: Cluster, severity: Severity) -> None:
    assert findings(found)[0].severity is severity


def test_clusters_of_the_same_categories_are_one_finding_headed_by_the_least_ordinary() -> None:
    smaller = cluster(areas=["Oak", "Pine"], tail=1e-5)
    (finding,) = findings(smaller, cluster())
    assert finding.evidence["areas"] == ["Alder", "Birch", "Cedar"]
    assert [other["areas"] for other in finding.evidence["elsewhere"]] == [["Oak", "Pine"]]


def test_clusters_that_share_a_category_and_an_area_are_one_finding_and_others_are_not() -> None:
    several = cluster(["Rats", "Mice"], ["Cedar", "Dale"], tail=1e-5)
    noise = cluster(["Noise"], ["Cedar"], tail=1e-4)
    far = cluster(["Rats", "Foxes"], ["Oak"], tail=1e-3)
    assert len(findings(cluster(), several)) == 1
    assert len(findings(cluster(), noise, far)) == 3


def test_clusters_of_other_days_are_no_finding() -> None:
    assert findings(replace(cluster(), day=np.datetime64("2026-02-02"))) == []


def test_evidence_is_json_and_says_where_and_since_when() -> None:
    evidence = json.loads(json.dumps(findings(cluster())[0].evidence, allow_nan=False))
    assert (evidence["observed"], evidence["expected"], evidence["excess"]) == (26, 6, 20)
    assert (evidence["since"], evidence["window_days"], evidence["fires_at"]) == ("2026-01-31", 4, 18)
    assert [part["share"] for part in evidence["parts"]] == [0.4, 0.3, 0.3]
    assert len(evidence["history"]["counts"]) == 28
    assert len(evidence["chart"]["counts"]) == len(evidence["chart"]["usual"]) == 56
    assert evidence["chart"]["counts"][10] is None
    assert json.loads(json.dumps(findings(cluster(["A", "B"]))[0].evidence, allow_nan=False))["fires_at"] is None


def test_the_explanation_is_plain() -> None:
    told = explanation(opened(cluster(), cluster(areas=["Oak"], tail=1e-5)))
    assert told[0] == (
        "What is higher: Rats in Alder, Birch and Cedar: 26 requests from Sat 31 Jan to Tue 3 Feb 2026, "
        "first noticed that day."
    )
    assert "Chance alone brings a cluster like this about once in 68 years over all areas and categories" in told[2]
    assert "  - Alder: 10, usually 0 to 5 (40 % of the increase)" in told
    assert "  - Rats in Oak: 10 in the 4 days to Tue 3 Feb, usually 2 to 11" in told
    assert "When it stays silent: With fewer than 18 requests there would have been no alert." in told
    several = [answer.question for answer in answers(opened(cluster(["Water leak", "No water"])))]
    assert "When it stays silent" not in several
    assert several[-1] == "What to do"


def test_labels_stay_text() -> None:
    alert = opened(cluster(["<b>Rats</b>\n"], ["<script>", "Elm"]))
    page = mail_page(alert, "Warning", answers(alert), "https://example.org")
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "usual that day: 0 to 6" in page
    assert "\n" not in alert.title

from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType

import plotly.graph_objects as go
import pytest
from dash import dcc

from dashboards import parts
from dashboards.sparkline import _drawing
from dashboards.words import ago_text, since_text, spelled
from forewarn.alert import Alert, Kind, Severity, State

NOW = datetime(2026, 3, 12, 9, tzinfo=UTC)


def test_every_chart_keeps_to_itself() -> None:
    (chart,) = [piece for piece in parts.graph(go.Figure(), "A title").children if isinstance(piece, dcc.Graph)]
    assert chart.config["showSendToCloud"] is False
    assert chart.config["displaylogo"] is False
    assert chart.config["displayModeBar"] is False
    assert chart.config["plotlyServerURL"] == ""


def test_a_part_is_named_by_what_it_has_beyond_its_issue() -> None:
    assert parts.part_name({"category": "Rats", "area": "Ward 7"}, {"category": "Rats"}) == "Ward 7"
    assert parts.part_name({"category": "Rats", "area": "Ward 7"}, {}) == "Rats in Ward 7"


def test_words_between_backticks_are_code() -> None:
    assert [getattr(piece, "children", piece) for piece in parts.prose("try `forewarn run` now")] == [
        "try ",
        "forewarn run",
        " now",
    ]


def test_a_gap_breaks_the_sparkline() -> None:
    assert _drawing([1, 2, None, 3, 4], 100, 30, mark_last=True).count("<polyline") == 2
    assert "<polyline" not in _drawing([None, None], 100, 30, mark_last=True)
    assert "fill=" not in _drawing([None], 100, 30, mark_last=True).replace('fill="none"', "")


@pytest.mark.parametrize(
    ("past", "words"),
    [
        (timedelta(seconds=20), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(hours=5), "5 hours ago"),
        (timedelta(days=3), "3 days ago"),
        (timedelta(seconds=-30), "just now"),
    ],
)
def test_how_long_ago(past: timedelta, words: str) -> None:
    assert ago_text(NOW - past, NOW) == words


def test_since_when() -> None:
    def lasting(days: int) -> Alert:
        first = date(2026, 3, 10)
        last = first + timedelta(days=days - 1)
        return Alert(
            "f", Kind.SURGE, "s", MappingProxyType({}), State.OPEN, Severity.NOTICE, "t", first, last, last, NOW, NOW, 1
        )

    assert since_text(lasting(1)) == "on Tue 10 Mar"
    assert since_text(lasting(3)) == "since Tue 10 Mar, 3 days"


def test_spelled() -> None:
    assert [spelled(n, "alert") for n in (0, 1, 2, 14)] == ["No alerts", "One alert", "Two alerts", "14 alerts"]

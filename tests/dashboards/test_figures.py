from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from dashboards.figures import history_figure, text_of
from dashboards.history import History
from forewarn.alert import Alarm, Kind
from forewarn.contracts import Coverage
from forewarn.irregularity import Cause, Irregularity
from store.detections import ForecastRow

FIRST = date(2026, 3, 2)
DATES = np.arange(np.datetime64(FIRST), np.datetime64(FIRST) + 8)
NOTHING = np.full(8, np.nan)


def drawn(**changes: object) -> History:
    """Eight days: the fourth was not observed, the last is above its limit."""
    counts = np.array([4.0, 5, 6, np.nan, 5, 4, 6, 30])
    history = History(
        kind=Kind.SURGE,
        window_days=1,
        dates=DATES,
        counts=counts,
        expected=np.full(8, 5.0),
        low=np.full(8, 1.0),
        high=np.full(8, 9.0),
        limit=np.full(8, 12.0),
        holidays=np.full(8, "", dtype="<U20"),
        coverage={FIRST + timedelta(days=3): Coverage.MISSING},
    )
    return replace(history, **changes)


def traces(history: History, **options: bool) -> dict[str, object]:
    return {trace.name: trace for trace in history_figure(history, **options).data}


def test_traces_are_named_in_plain_words() -> None:
    assert list(traces(drawn())) == ["Usual range", "Expected", "Limit", "Requests"]
    assert "Lower limit" in traces(drawn(kind=Kind.DROP))
    assert "Limit" not in traces(drawn(), limit_line=False)


def test_without_a_verdict_only_counts_are_drawn() -> None:
    assert list(traces(drawn(expected=NOTHING, low=NOTHING, high=NOTHING, limit=NOTHING))) == ["Requests"]


def test_a_day_that_was_not_observed_is_a_gap_and_is_shaded() -> None:
    requests = traces(drawn())["Requests"]
    assert np.isnan(requests.y[3])
    assert requests.connectgaps is False
    (shade,) = history_figure(drawn()).layout.shapes
    assert (shade.x0, shade.x1) == ("2026-03-04T12:00", "2026-03-05T12:00")


def test_a_run_of_missing_days_is_named() -> None:
    coverage = {FIRST + timedelta(days=place): Coverage.MISSING for place in (2, 3, 4)}
    (note,) = [note.text for note in history_figure(drawn(coverage=coverage)).layout.annotations]
    assert note == "missing"


def test_missing_and_incomplete_days_are_not_one_shade() -> None:
    coverage = {FIRST: Coverage.MISSING, FIRST + timedelta(days=1): Coverage.PARTIAL}
    assert len(history_figure(drawn(coverage=coverage)).layout.shapes) == 2


def test_complete_days_are_not_shaded() -> None:
    assert not history_figure(
        drawn(coverage={FIRST: Coverage.OBSERVED, date(2026, 3, 3): Coverage.QUIET})
    ).layout.shapes


def test_alarms_are_diamonds_at_their_count() -> None:
    alarm = Alarm("city", {}, FIRST + timedelta(days=7), Kind.SURGE, "scan", 30, 5, 1, 9, 12, 1e-6)
    marks = traces(drawn(alarms=[alarm]))["Out of the ordinary"]
    assert marks.marker.symbol == "diamond"
    assert list(marks.y) == [30]
    assert marks.customdata[0] == "30 requests on Mon 9 Mar, usually 1 to 9"


def test_the_forecast_widens_the_axis() -> None:
    ahead = DATES[-1] + np.arange(1, 4)
    forecast = ForecastRow(FIRST, "ets", ahead, np.full(3, 5.0), np.full(3, 2.0), np.full(3, 50.0))
    figure = history_figure(drawn(forecast=forecast))
    assert {"Forecast", "Likely range ahead"} <= {trace.name for trace in figure.data}
    assert np.datetime64(figure.layout.xaxis.range[1]) > ahead[-1]
    assert figure.layout.yaxis.range[1] > 50


def test_a_limit_far_above_every_count_does_not_flatten_them() -> None:
    assert history_figure(drawn(limit=np.full(8, 5000.0))).layout.yaxis.range[1] < 60


def test_names_of_holidays_are_text() -> None:
    holidays = np.array(["<b>Day</b> of <i>bold</i>", *[""] * 7])
    assert "<" not in traces(drawn(holidays=holidays))["Public holiday"].customdata[0]


def test_nothing_known_is_still_a_chart() -> None:
    figure = history_figure(drawn(counts=NOTHING, expected=NOTHING, low=NOTHING, high=NOTHING, limit=NOTHING))
    assert figure.layout.yaxis.range[1] > 0


@pytest.mark.parametrize("label", ["<b>x</b>", "a\n<a href='x'>y</a>", "\u202e<script>"])
def test_plotly_gets_no_markup(label: str) -> None:
    assert "<" not in text_of(label)
    assert "\n" not in text_of(label)


def test_days_that_are_not_complete_are_hollow_and_say_how_much_is_known() -> None:
    share = np.array([1, 1, 1, 1, 1, 0.99, 0.93, 0.8])
    figure = history_figure(drawn(known_share=share))
    (trace,) = [trace for trace in figure.data if trace.name == "Not complete yet"]
    assert list(trace.x) == list(DATES[-2:])
    assert list(trace.y) == [6, 30]
    assert list(trace.customdata) == [93, 80]
    assert trace.marker.symbol == "circle-open"
    for complete in (None, np.ones(8)):
        assert "Not complete yet" not in [trace.name for trace in history_figure(drawn(known_share=complete)).data]


def test_what_is_no_incident_is_marked_and_said_as_text() -> None:
    day = FIRST + timedelta(days=7)
    found = [
        Irregularity(Cause.BATCH, day, {"category": "<b>Bicycles</b>"}, 23 - number, who={"agency": "Office 26"})
        for number in range(6)
    ]
    marked = traces(drawn(irregular=found))["Not an incident"]
    assert (marked.x, marked.y) == ((day,), (30.0,))
    lines = marked.customdata[0].split("<br>")
    assert lines[0] == "Entered in one go: &lt;b&gt;Bicycles&lt;/b&gt;, Office 26, 23 requests"
    assert lines[4:] == ["and 2 more"]
    assert "Not an incident" not in traces(drawn(irregular=[replace(found[0], day=FIRST + timedelta(days=3))]))

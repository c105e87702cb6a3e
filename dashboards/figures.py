"""Charts: plain functions from values to figures. What a source sent is shown as text, never as markup.

Colours are those of Okabe and Ito, which stay apart for people who see colours differently; wherever a colour
means something, a shape or a word says it, too.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from html import escape
from itertools import groupby
from typing import Any

import numpy as np
import plotly.graph_objects as go

from alerts.phrases import day_text, days_text, hours_text, plain, range_text, requests_text
from dashboards.history import History
from dashboards.words import COVERAGE_WORDS, irregular_text
from forewarn.alert import Kind
from forewarn.calendar import Dates
from forewarn.contracts import Coverage
from forewarn.irregularity import Irregularity
from forewarn.panel import SETTLED, Floats
from store.detections import ForecastRow

INK = "#23262b"
MUTED = "#5c6168"
RULE = "#e4dfd5"
BLUE = "#0072B2"
VERMILLION = "#D55E00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif'

LINES_SHOWN = 4
"""Of what one day holds that is no incident; the page Data health has all."""


def history_figure(history: History, *, limit_line: bool = True) -> go.Figure:
    """Requests of one series, with what is usual, what was out of the ordinary and what is likely next.

    Args:
        limit_line: Whether to draw the count from which on an alert is raised.
    """
    figure = blank()
    _add_usual(figure, history, limit_line=limit_line)
    if history.forecast is not None:
        _add_forecast(figure, history.forecast)
    few = np.isfinite(history.counts).sum() <= 120
    figure.add_scatter(
        x=history.dates,
        y=history.counts,
        name="Requests",
        mode="lines+markers" if few else "lines",
        line={"color": BLUE, "width": 1.8},
        marker={"size": 4.5, "color": BLUE},
        connectgaps=False,
        customdata=[_when(history, date) for date in history.dates.tolist()],
        hovertemplate="<b>%{y:,.0f}</b> requests %{customdata}<extra></extra>",
    )
    _add_open_days(figure, history)
    _add_alarms(figure, history)
    _add_irregular(figure, history)
    _shade_gaps(figure, history.coverage)
    _mark_holidays(figure, history)
    last_shown = history.dates[-1] if history.forecast is None else max(history.dates[-1], history.forecast.dates[-1])
    half = np.timedelta64(history.step / 2)
    figure.update_xaxes(range=[str(history.dates[0] - half), str(last_shown + half)])
    figure.update_yaxes(range=[0, 1.08 * _top(history)])
    return figure


def _when(history: History, at: Any) -> str:
    """What a date of a history stands for."""
    if history.in_hours:
        return hours_text(at, at + history.step, year=True)
    return days_text(at, history.window_days, year=True)


def text_of(label: str) -> str:
    """A label as Plotly should show it: Plotly takes a few tags for markup, so none may reach it."""
    return escape(plain(label), quote=False)


def blank() -> go.Figure:
    """An empty chart in our hand: light rules, no frame, legend above. The page writes the title beside it."""
    axis = {"gridcolor": RULE, "linecolor": RULE, "zeroline": False, "automargin": True, "fixedrange": True}
    return go.Figure(
        layout={
            "template": "none",
            "font": {"family": FONT, "size": 13, "color": INK},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "margin": {"l": 8, "r": 12, "t": 36, "b": 28},
            "xaxis": {**axis, "showgrid": False, "tickfont": {"color": MUTED}, "nticks": 7},
            "yaxis": {**axis, "tickfont": {"color": MUTED}, "nticks": 5},
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"color": INK}},
            "hoverlabel": {"bgcolor": "#fffdf9", "bordercolor": RULE, "font": {"color": INK, "family": FONT}},
            "dragmode": False,
            "hovermode": "x",
        }
    )


def _add_usual(figure: go.Figure, history: History, *, limit_line: bool) -> None:
    if not np.isfinite(history.expected).any():
        return
    _add_band(figure, history.dates, history.low, history.high, "Usual range", "rgba(86,180,233,0.28)")
    figure.add_scatter(
        x=history.dates,
        y=history.expected,
        name="Expected",
        mode="lines",
        line={"color": MUTED, "width": 1, "dash": "dot"},
        hovertemplate="expected %{y:,.0f}<extra></extra>",
    )
    if limit_line and np.isfinite(history.limit).any():
        figure.add_scatter(
            x=history.dates,
            y=history.limit,
            name="Lower limit" if history.kind is Kind.DROP else "Limit",
            mode="lines",
            line={"color": VERMILLION, "width": 1.2, "dash": "dash", "shape": "hvh"},
            hovertemplate="limit %{y:,.0f}<extra></extra>",
        )


def _add_forecast(figure: go.Figure, forecast: ForecastRow) -> None:
    _add_band(figure, forecast.dates, forecast.low, forecast.high, "Likely range ahead", "rgba(230,159,0,0.26)")
    figure.add_scatter(
        x=forecast.dates,
        y=forecast.mean,
        name="Forecast",
        mode="lines",
        line={"color": "#8a5a00", "width": 1.8, "dash": "dashdot"},
        customdata=[day_text(day, year=True) for day in forecast.dates.tolist()],
        hovertemplate="%{customdata}<br>forecast %{y:,.0f}<extra></extra>",
    )


def _add_band(figure: go.Figure, dates: Dates, low: Floats, high: Floats, name: str, colour: str) -> None:
    known = np.isfinite(low) & np.isfinite(high)
    for run, (first, last) in enumerate(_runs(known)):
        days = dates[first : last + 1]
        figure.add_scatter(
            x=np.concatenate([days, days[::-1]]),
            y=np.concatenate([high[first : last + 1], np.maximum(low[first : last + 1], 0)[::-1]]),
            fill="toself",
            fillcolor=colour,
            line={"width": 0},
            mode="lines",
            name=name,
            legendgroup=name,
            showlegend=run == 0,
            hoverinfo="skip",
        )


def _add_open_days(figure: go.Figure, history: History) -> None:
    """A hollow circle on each day of which requests are still to come in."""
    if history.known_share is None:
        return
    still_open = (history.known_share < SETTLED) & np.isfinite(history.counts)
    if not still_open.any():
        return
    figure.add_scatter(
        x=history.dates[still_open],
        y=history.counts[still_open],
        name="Not complete yet",
        mode="markers",
        marker={"symbol": "circle-open", "size": 10, "color": BLUE, "line": {"width": 1.8}},
        customdata=[round(100 * share) for share in history.known_share[still_open].tolist()],
        hovertemplate="so far; about %{customdata} % of such a day is usually known by now<extra></extra>",
    )


def _add_alarms(figure: go.Figure, history: History) -> None:
    """A diamond on the line for each alarm; what it tells of may be the sum of several days."""
    alarms = history.alarms
    if not alarms:
        return
    count_on = dict(zip(history.dates.tolist(), history.counts.tolist(), strict=True))
    figure.add_scatter(
        x=[alarm.day for alarm in alarms],
        y=[count_on.get(alarm.day, alarm.observed) for alarm in alarms],
        name="Out of the ordinary",
        mode="markers",
        marker={"symbol": "diamond", "size": 11, "color": VERMILLION, "line": {"color": "#fff", "width": 1}},
        customdata=[
            f"{requests_text(a.observed)} {days_text(a.day, a.window_days)}, usually {range_text(a.low, a.high)}"
            for a in alarms
        ],
        hovertemplate="%{customdata}<extra></extra>",
    )


def _add_irregular(figure: go.Figure, history: History) -> None:
    """A hollow square on each day (or week) that holds what is not the public's doing, with what that is."""
    dates = history.dates.tolist()
    count_on = dict(zip(dates, history.counts.tolist(), strict=True))
    inside = [one for one in history.irregular if dates and one.day <= dates[-1]]
    groups = [
        (dates[place], list(found)) for place, found in groupby(inside, key=lambda one: bisect_left(dates, one.day))
    ]
    shown = [(day, found) for day, found in groups if np.isfinite(count_on.get(day, np.nan))]
    if not shown:
        return
    figure.add_scatter(
        x=[day for day, _ in shown],
        y=[count_on[day] for day, _ in shown],
        name="Not an incident",
        mode="markers",
        marker={"symbol": "square-open", "size": 11, "color": PURPLE, "line": {"width": 2}},
        customdata=["<br>".join(_irregular_lines(found)) for _, found in shown],
        hovertemplate="%{customdata}<extra></extra>",
    )


def _irregular_lines(found: Sequence[Irregularity]) -> list[str]:
    """The largest of a day, each in a line."""
    lines = [text_of(irregular_text(one)) for one in found[:LINES_SHOWN]]
    return [*lines, f"and {len(found) - LINES_SHOWN} more"] if len(found) > LINES_SHOWN else lines


def _shade_gaps(figure: go.Figure, coverage: Mapping[date, Coverage]) -> None:
    """Grey over each run of days without a complete count, with the word for it where there is room."""
    gaps = sorted(day for day, what in coverage.items() if what in (Coverage.MISSING, Coverage.PARTIAL))
    for _, run in groupby(enumerate(gaps), key=lambda item: (item[1].toordinal() - item[0], coverage[item[1]])):
        days = [day for _, day in run]
        figure.add_vrect(
            x0=f"{days[0] - timedelta(days=1)}T12:00",
            x1=f"{days[-1]}T12:00",
            fillcolor="#d9d4ca",
            opacity=0.55,
            line_width=0,
            layer="below",
            annotation={
                "text": COVERAGE_WORDS[coverage[days[0]]] if len(days) >= 3 else "",
                "font": {"size": 11, "color": MUTED},
            },
            annotation_position="inside top",
        )


def _mark_holidays(figure: go.Figure, history: History) -> None:
    """A small triangle at the foot of each public holiday; its name shows on pointing at it."""
    named = [(day, name) for day, name in zip(history.dates.tolist(), history.holidays, strict=True) if name]
    if not named:
        return
    figure.add_scatter(
        x=[day for day, _ in named],
        y=[0.0] * len(named),
        name="Public holiday",
        mode="markers",
        marker={"symbol": "triangle-up", "size": 8, "color": GREEN},
        customdata=[text_of(str(name)) for _, name in named],
        hovertemplate="%{customdata}<extra></extra>",
        cliponaxis=False,
    )


def _top(history: History) -> float:
    """The largest number that must be seen. A range or limit far above every count is cut off instead."""
    shown = [history.counts, history.expected]
    if history.forecast is not None:
        shown.append(history.forecast.high)
    largest = max((float(np.nanmax(values)) for values in shown if np.isfinite(values).any()), default=1.0)
    ranges = [values for values in (history.high, history.limit) if np.isfinite(values).any()]
    return max(largest, 1.0, *(min(float(np.nanmax(values)), 1.25 * largest) for values in ranges))


def _runs(known: Any) -> list[tuple[int, int]]:
    """First and last index of each run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(int)))
    return [(int(first), int(last) - 1) for first, last in zip(edges[::2], edges[1::2], strict=True)]

"""The report of a back-test as one page that needs nothing else: for a mail, a meeting, a phone. Plain words.

Everything that a source or a file of events holds is escaped here.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from html import escape
from pathlib import Path

import numpy as np
import plotly.graph_objects as go

from alerts.phrases import count_of, day_text, number, plain
from alerts.scoring.known_events import INCIDENTS
from alerts.scoring.power import PowerPoint
from alerts.scoring.report import Backtest, BacktestReport, Budget
from dashboards.figures import BLUE, GREEN, INK, MUTED, VERMILLION, blank, text_of

MOST_ROWS = 200
FEWEST_TROUBLES = 5
CONFIG = {"showSendToCloud": False, "displaylogo": False, "displayModeBar": False, "responsive": True}
VOLUME_LOOKS = (("#56B4E9", "circle"), (BLUE, "square"), (GREEN, "diamond"), ("#8a5a00", "cross"), (VERMILLION, "x"))
"""Colour and mark of each volume, the quietest first."""

KIND_WORDS = {
    "incident": "real problem",
    "incident_dip": "real dip",
    "batch": "batch entry",
    "burst": "one reporter",
    "calendar": "every year",
    "feed_defect": "defect of the feed",
    "level_shift": "new normal",
    "unexplained": "not explained",
}

STYLE = Path(__file__).with_name("report.css")


def backtest_page(report: BacktestReport) -> str:
    """The whole page."""
    figures = _Figures()
    body = [_head(report), *(_source(one, figures) for one in report.sources), _budget(report.budget, figures)]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Back-test</title>'
        f'<link rel="icon" href="data:,"><style>{STYLE.read_text(encoding="utf-8")}</style></head>\n'
        f"<body><main>{''.join(body)}</main></body></html>\n"
    )


class _Figures:
    """Charts as HTML; the first brings the script that draws them all."""

    def __init__(self) -> None:
        self._drawn = 0

    def draw(self, figure: go.Figure, words: str, height: int = 260) -> str:
        figure.update_layout(height=height)
        self._drawn += 1
        drawn = figure.to_html(
            full_html=False,
            include_plotlyjs=self._drawn == 1,
            config=CONFIG,
            div_id=f"figure-{self._drawn}",
            default_width="100%",
        )
        return f'<div role="img" aria-label="{escape(words, quote=True)}">{drawn}</div>'


def _head(report: BacktestReport) -> str:
    first, last = min(one.first for one in report.sources), max(one.last for one in report.sources)
    told = sum(len(one.alerts) for one in report.sources)
    weeks = ((last - first).days + 1) / 7
    without = "".join(f"<p class='muted'>{_text(why)}</p>" for why in report.without.values())
    return (
        f"<h1>What forewarn would have told</h1><p>From {day_text(first, year=True)} to {day_text(last, year=True)}, "
        f"every day judged with the numbers as they were known on the morning after it: "
        f"<strong>{count_of(told, 'alert')}</strong>, {number(told / weeks)} a week.</p>{without}"
    )


def _source(one: Backtest, figures: _Figures) -> str:
    parts = [f"<h2>{_text(one.source)}</h2>", _facts(one), "<h3>Alerts, week by week</h3>"]
    parts.append(figures.draw(weeks_figure(one), f"Alerts of {plain(one.source)} in each week"))
    if one.events:
        parts += ["<h3>What is known to have happened</h3>", _events(one)]
    parts += ["<h3>Alerts</h3>", _alerts(one)]
    if one.notices:
        rows = [(_day(notice.first_day), _text(notice.title)) for notice in one.notices]
        parts += ["<h3>Told as what it was: no incident</h3>", _table(("First day", "Notice"), rows)]
    if one.power:
        parts += [
            "<h3>How large must a trouble be?</h3><p>Made-up troubles were put into the real numbers, each in a series "
            "and at a time without an alert. The share that raised an alarm, by size; lines are series of different "
            "volume (usual requests a day). A standard deviation (sd) is the usual up and down of a series from day to "
            "day.</p>",
            '<div class="grid">',
            *(_power(name, points, figures) for name, points in _by_trouble(one.power)),
            "</div>",
        ]
    return "".join(parts)


def _power(name: str, points: Sequence[PowerPoint], figures: _Figures) -> str:
    drawn = figures.draw(power_figure(points), f"Share of troubles found by size: {name}", 250)
    return f"<div><h3>{escape(name.capitalize())}</h3>{drawn}</div>"


def _facts(one: Backtest) -> str:
    scores = one.scores
    facts = [("alerts a week", number(scores.alerts_per_week)), ("series watched", f"{one.series:,}")]
    if scores.incidents:
        facts += [
            ("incidents found", f"{scores.incidents_found} of {scores.incidents}"),
            ("days until told (median)", _or_dash(scores.median_days_after)),
            ("days before the public (median)", _or_dash(scores.median_days_before_public)),
            ("timeliness (0 at once, 1 missed)", _or_dash(scores.timeliness, 2)),
            ("days of incidents found", _percent(scores.sensitivity)),
        ]
    if one.events:
        facts += [
            ("alerts that tell of an incident", _percent(scores.precision)),
            ("alerts of nothing known, a week", _or_dash(scores.false_alerts_per_week)),
        ]
    if scores.false_positive_rate is not None:
        name = "ordinary days of a series with an alarm" if one.events else "days of a series with an alarm"
        facts.append((name, f"{100 * scores.false_positive_rate:.2g} %" if scores.false_positive_rate else "0 %"))
    listed = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts)
    wrong = [
        f"{told.told} of {told.events} ({KIND_WORDS[kind]})"
        for kind, told in scores.told_as_incident.items()
        if told.told
    ]
    told = f"<p>Told as a problem though it was none: {escape(', '.join(wrong))}.</p>" if wrong else ""
    return f'<dl class="facts">{listed}</dl>{told}'


def _events(one: Backtest) -> str:
    rows = [
        (
            _text(event.event_id),
            KIND_WORDS[event.kind],
            _day(event.first_day),
            _day(event.alerted_on) if event.alerted_on else "no",
            "" if event.days_after is None else str(event.days_after),
            "" if event.days_before_public is None else str(event.days_before_public),
        )
        for event in one.events
    ]
    return _table(("Event", "What it was", "First day", "Told of", "Days after", "Days before the public"), rows)


def _alerts(one: Backtest) -> str:
    if not one.alerts:
        return "<p>None.</p>"
    rows = [
        (
            _day(scored.alert.first_day),
            scored.alert.severity.name.lower(),
            _text(scored.alert.evidence["peak"]["title"]),
            _text(scored.event or ""),
        )
        for scored in one.alerts
    ]
    return _table(("First day", "Severity", "Alert on its worst day", "Known event"), rows)


def _budget(budget: Budget, figures: _Figures) -> str:
    if budget.asked_per_week is None:
        words = "No budget of alerts is set (<code>detection.alerts_per_week</code>)."
    else:
        words = f"{escape(budget.summary())}."
    parts = [
        f"<h2>How many alerts, at which threshold</h2><p>{words} The same days at looser and stricter settings:</p>"
    ]
    parts.append(figures.draw(budget_figure(budget), "Alerts a week by false alarms a week"))
    if budget.held_back:
        rows = [
            (
                _day(held.first_day),
                _text(held.source),
                _text(held.title),
                f"once in {count_of(max(round(held.once_in_days), 1), 'day')}",
            )
            for held in budget.held_back
        ]
        needed = count_of(round(budget.held_back[0].needed_days), "day")
        parts.append(
            f"<h3>Held back by the budget</h3><p>Chance alone brings such a number as often as said, over everything "
            f"that is watched; the budget tells what comes once in {needed} or less often.</p>"
        )
        parts.append(_table(("First day", "Source", "Would have told", "By chance"), rows))
    return "".join(parts)


def weeks_figure(one: Backtest) -> go.Figure:
    """Alerts in each week of the replay; known incidents as marks above, filled where they were told of."""
    n_weeks = -(-((one.last - one.first).days + 1) // 7)
    week = Counter(min(max((scored.alert.first_day - one.first).days // 7, 0), n_weeks - 1) for scored in one.alerts)
    told = [week[number] for number in range(n_weeks)]
    figure = blank()
    figure.add_bar(
        x=[one.first + timedelta(days=7 * number) for number in range(n_weeks)],
        y=told,
        marker_color=BLUE,
        width=6 * 86_400_000,
        offset=0,
        name="Alerts",
        showlegend=False,
        hovertemplate="week of %{x|%-d %b %Y}: %{y}<extra></extra>",
    )
    top = max([*told, 1])
    incidents = [event for event in one.events if event.kind in INCIDENTS]
    for name, chosen, symbol in (
        ("Incident, told of", [event for event in incidents if event.alerted_on], "star-diamond"),
        ("Incident, missed", [event for event in incidents if not event.alerted_on], "star-diamond-open"),
    ):
        if chosen:
            figure.add_scatter(
                x=[event.first_day for event in chosen],
                y=[1.12 * top] * len(chosen),
                mode="markers",
                name=name,
                marker={"symbol": symbol, "size": 11, "color": VERMILLION},
                customdata=[text_of(event.event_id) for event in chosen],
                hovertemplate="%{customdata}<extra></extra>",
            )
    figure.update_yaxes(range=[0, 1.25 * top], title="alerts", dtick=max(1, round(top / 4)))
    figure.update_xaxes(range=[str(one.first), str(one.last + timedelta(days=1))])
    return figure


def budget_figure(budget: Budget) -> go.Figure:
    """Alerts a week against the setting of false alarms a week, with the budget and the threshold found."""
    figure = blank()
    asked = [point.false_alarms_per_week for point in budget.curve]
    told = [point.alerts_per_week for point in budget.curve]
    figure.add_scatter(
        x=asked,
        y=told,
        mode="lines+markers",
        name="Alerts a week",
        line={"color": BLUE, "width": 1.8},
        marker={"size": 5},
        hovertemplate="%{x:.3g} false alarms a week allowed: %{y:.2f} alerts a week<extra></extra>",
    )
    figure.add_scatter(
        x=[budget.false_alarms_per_week],
        y=[budget.alerts_per_week],
        mode="markers",
        name="In force",
        marker={"symbol": "diamond", "size": 12, "color": VERMILLION},
        hovertemplate="in force<extra></extra>",
    )
    if budget.asked_per_week is not None:
        figure.add_hline(y=budget.asked_per_week, line={"color": INK, "dash": "dash", "width": 1.2})
        figure.add_annotation(
            x=0, xref="paper", y=budget.asked_per_week, text="budget", showarrow=False, yshift=9, xanchor="left"
        )
    powers = range(int(np.floor(np.log10(min(asked)))), int(np.ceil(np.log10(max(asked)))) + 1)
    ticks = [10.0**power for power in powers][::-2][::-1]
    figure.update_xaxes(
        type="log", title="false alarms a week allowed", tickvals=ticks, ticktext=[f"{tick:g}" for tick in ticks]
    )
    figure.update_yaxes(title="alerts a week", rangemode="tozero")
    figure.update_layout(margin={"b": 50})
    return figure


def power_figure(points: Sequence[PowerPoint]) -> go.Figure:
    """Share detected by size, a line for each volume of which there were enough troubles to tell."""
    figure = blank()
    points = [point for point in points if point.troubles >= FEWEST_TROUBLES] or list(points)
    volumes = sorted({(point.volume_from, point.volume_to or np.inf) for point in points})
    share = points[0].unit == "share"
    for volume in volumes:
        mine = sorted((p for p in points if p.volume_from == volume[0]), key=lambda point: point.size)
        colour, symbol = VOLUME_LOOKS[int(np.searchsorted((0.5, 2.0, 10.0, 50.0), volume[0], side="right"))]
        name = f"under {volume[1]:g}" if volume[0] == 0 else f"{volume[0]:g} to {volume[1]:g}"
        figure.add_scatter(
            x=[100 * point.size if share else point.size for point in mine],
            y=[100 * point.detected for point in mine],
            mode="lines+markers",
            name=f"over {volume[0]:g}" if np.isinf(volume[1]) else name,
            line={"color": colour, "width": 1.8},
            marker={"symbol": symbol, "size": 8},
            customdata=[
                f"{point.percent:,.0f} % of the usual number; {count_of(point.troubles, 'trouble')}"
                + ("" if point.median_days is None else f"; told after {count_of(round(point.median_days), 'day')}")
                for point in mine
            ],
            hovertemplate="%{y:.0f} % found<br>%{customdata}<extra></extra>",
        )
    figure.update_yaxes(range=[-4, 104], title="% found", tickvals=[0, 50, 100])
    title = "% of the requests that stay away" if share else "requests a day on top, in sd"
    figure.update_xaxes(title=title, tickvals=[100 * p if share else p for p in sorted({p.size for p in points})])
    figure.update_layout(margin={"t": 58, "b": 46}, legend={"font": {"size": 11, "color": MUTED}})
    return figure


def _by_trouble(points: Sequence[PowerPoint]) -> Iterable[tuple[str, list[PowerPoint]]]:
    for name in dict.fromkeys(point.trouble for point in points):
        yield name, [point for point in points if point.trouble == name]


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Cells are HTML already. On a phone each row is a few lines, with the column's name before each cell."""
    labels = [escape(column, quote=True) for column in columns]
    head = "".join(f"<th scope='col'>{label}</th>" for label in labels)
    body = "".join(
        "<tr>" + "".join(f'<td data-label="{n}">{cell}</td>' for n, cell in zip(labels, row, strict=True)) + "</tr>"
        for row in rows[:MOST_ROWS]
    )
    more = f"<p class='muted'>And {len(rows) - MOST_ROWS:,} more.</p>" if len(rows) > MOST_ROWS else ""
    return (
        f"<div class='wide' tabindex='0'><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{more}"
    )


def _text(words: str) -> str:
    return escape(plain(words, 300))


def _day(day: object) -> str:
    return f"<span class='day'>{escape(str(day))}</span>"


def _or_dash(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value:.{digits}f}".removesuffix(".0")


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"

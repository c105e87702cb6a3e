"""Explore: any series of any source, with what is usual, what is likely next, and what it is made of."""

from collections.abc import Mapping
from datetime import date, timedelta
from urllib.parse import urlencode

import dash
import numpy as np
from dash import dcc, html
from dash.development.base_component import Component
from sqlalchemy import Connection

from alerts.phrases import count_of, day_text, number, plain, scope_text
from dashboards import parts
from dashboards.desk import Desk
from dashboards.figures import history_figure
from dashboards.history import History, read_history
from dashboards.sparkline import sparkline
from dashboards.words import LABEL_WORDS, irregular_text, latest, span_text
from forewarn.contracts import Coverage
from forewarn.panel import Floats, Panel
from store.counts import covered_span, read_panels
from store.engine import snapshot
from store.panels import in_steps

SHOWN_DAYS = 365
MOST_DAYS = 5000
"""Days that one chart may show: thirteen years, and few enough for a phone."""
RECENT_DAYS = 92
"""Categories and areas of these last days are offered."""
MULTIPLES = 12
IRREGULAR_SHOWN = 3
"""So many of what is no incident are named, the last ones; the page Data health has all."""
EVERY = ""


def layout(desk: Desk, _rest: str, query: Mapping[str, str]) -> tuple[str, Component]:
    """Title and content of the page; the address may name source, category, area, split, from and to."""
    sources = list(desk.settings.sources)
    if not sources:
        return "Explore", html.Div(
            [html.H1("Explore"), html.P("There is no source in forewarn.toml yet.", className="empty")]
        )
    source = query.get("source", sources[0])
    source = source if source in sources else sources[0]
    category, area = query.get("category", EVERY), query.get("area", EVERY)
    with snapshot(desk.engine) as conn:
        span = covered_span(conn, source)
        offered = _offered(conn, desk, source, span[1] if span else desk.today(source))
    last = _day(query.get("to"), desk.today(source))
    first = _day(query.get("from"), last - timedelta(days=SHOWN_DAYS - 1))
    splits = _splits(desk, source)
    split = query.get("split", "")
    if split not in splits:
        split = "area" if category and "area" in splits else "category"
    named = {name: plain(desk.title(name)) for name in sources}
    return "Explore", html.Div(
        [
            html.H1("Explore"),
            parts.filters(
                "What to show",
                [
                    parts.choice("source", "Source", named, source, resets="category area"),
                    parts.choice("category", "Category", _choice(offered, "category", category), category),
                    parts.choice("area", "Area", _choice(offered, "area", area), area),
                    parts.choice("split", "Broken down by", splits, split),
                    parts.day_choice("from", "From", first),
                    parts.day_choice("to", "To", last),
                ],
            ),
            html.Div(view(desk, source, category, area, split, first, last)),
        ]
    )


def connect(_app: dash.Dash, _desk: Desk) -> None:
    """Nothing to connect: every choice is an address, so that it can be sent to somebody."""


def view(desk: Desk, source: str, category: str, area: str, split: str, first: date, last: date) -> list[Component]:
    """The chart of what was chosen, and below it what it is made of."""
    if first > last:
        return [html.P("The first day is after the last.", className="empty")]
    first = max(first, last - timedelta(days=MOST_DAYS - 1))
    labels = {name: value for name, value in (("category", category), ("area", area)) if value}
    with snapshot(desk.engine) as conn:
        history = read_history(conn, desk, source, labels, first, last)
        panel = _panel(conn, desk, source, (split,), first, last, labels)
    if not np.isfinite(history.counts).any():
        return [html.P(f"Nothing is known from {span_text(first, last)}.", className="empty")]
    found: list[Component] = [
        html.H2(scope_text(labels)),
        parts.graph(history_figure(history, limit_line=False), history.title, height=400),
        html.Ul([html.Li(line) for line in _remarks(history)], className="remarks"),
    ]
    if len(panel.labels):
        found += [html.H2(f"By {LABEL_WORDS[split].lower()}"), _multiples(panel, split, source, labels)]
    return found


def _remarks(history: History) -> list[str]:
    """What the chart shows, in words."""
    known = np.isfinite(history.counts)
    counted = count_of(int(known.sum()), history.unit)
    when = f"{'on' if history.step_days == 1 else 'in'} {counted}"
    lines = [f"{number(float(history.counts[known].sum()))} requests {when}."]
    if alarmed := sorted({alarm.day for alarm in history.alarms}):
        lines.append(f"Out of the ordinary: {latest([day_text(day) for day in alarmed])}.")
    if missing := sorted(day for day, what in history.coverage.items() if what is Coverage.MISSING):
        lines.append(f"Missing, and left out: {latest([day_text(day) for day in missing])}.")
    if history.irregular:
        told = [f"{irregular_text(one)} ({day_text(one.day)})" for one in history.irregular[:IRREGULAR_SHOWN]]
        more = len(history.irregular) - len(told)
        lines.append(f"Not an incident: {'; '.join(told)}{f'; and {more} more' if more else ''}.")
    dates = history.dates.tolist()
    holidays = [f"{name} ({day_text(day)})" for day, name in zip(dates, history.holidays, strict=True) if name]
    if holidays:
        lines.append(f"Public holidays: {latest(holidays)}.")
    return lines


def _multiples(panel: Panel, split: str, source: str, labels: Mapping[str, str]) -> html.Ol:
    """The largest parts, each as a line of its own scale; a part opens the chart of it."""
    totals = np.nansum(panel.counts, axis=1)
    cards = []
    for row in np.argsort(-totals, kind="stable")[:MULTIPLES]:
        name = str(panel.labels.iloc[int(row)][split])
        most = f"{number(float(np.nanmax(panel.counts[row])))}{{}} a {'day' if panel.step_days == 1 else 'week'}"
        shown = plain(name) or "Not stated"
        words = f"{shown}: up to {most.format(' requests')}."
        chosen = {"source": source, **labels, split: name}
        head = dcc.Link(shown, href="/explore?" + urlencode(chosen)) if split in ("category", "area") else shown
        cards.append(
            html.Li(
                [
                    html.H3(head),
                    sparkline(_smoothed(panel.counts[row]), words, width=260, height=64, mark_last=False),
                    html.P(f"{number(float(totals[row]))} in all, up to {most.format('')}"),
                ]
            )
        )
    return html.Ol(cards, className="multiples")


def _smoothed(counts: Floats) -> list[float | None]:
    """Days, or where they are many the daily mean of each week; None where nothing is known."""
    if len(counts) > 120:
        weeks = counts[len(counts) % 7 :].reshape(-1, 7)
        known = np.isfinite(weeks).sum(axis=1)
        counts = np.where(known > 0, np.nansum(weeks, axis=1) / np.maximum(known, 1), np.nan)
    return [float(count) if np.isfinite(count) else None for count in counts]


def _panel(
    conn: Connection,
    desk: Desk,
    source: str,
    level: tuple[str, ...],
    first: date,
    last: date,
    labels: Mapping[str, str],
) -> Panel:
    settings = desk.source(source)
    (panel,) = read_panels(
        conn,
        source,
        [level],
        last_day=settings.steps.last_over(last),
        history_days=(settings.steps.last_over(last) - first).days + 1,
        as_of=desk.today(source),
        where=labels,
        public_delay_days=settings.public_delay_days,
    )
    return in_steps(panel, settings.steps)


def _offered(conn: Connection, desk: Desk, source: str, last: date) -> dict[str, list[str]]:
    first = last - timedelta(days=RECENT_DAYS - 1)
    found = _panel(conn, desk, source, ("category", "area"), first, last, {}).labels
    return {name: sorted({str(value) for value in found[name]} - {""}) for name in ("category", "area")}


def _choice(offered: Mapping[str, list[str]], name: str, chosen: str) -> dict[str, str]:
    every = {"category": "All categories", "area": "All areas"}[name]
    return {EVERY: every, **{value: plain(value) for value in sorted({*offered[name], chosen} - {EVERY})}}


def _splits(desk: Desk, source: str) -> dict[str, str]:
    """The labels that the source's levels use."""
    used = {label for level in desk.source(source).levels for label in level} | {"category"}
    return {label: words for label, words in LABEL_WORDS.items() if label in used}


def _day(text: str | None, otherwise: date) -> date:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return otherwise

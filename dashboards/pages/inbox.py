"""Inbox: what needs somebody now, each alert to be read in ten seconds."""

from collections.abc import Mapping, Sequence
from datetime import date

import dash
from dash import Input, Output, dcc, html
from dash.development.base_component import Component

from alerts.phrases import chances_text, count_of, day_text, number, plain, time_text
from dashboards import parts
from dashboards.desk import Desk, query_of
from dashboards.sparkline import sparkline
from dashboards.words import HEALTH_WORDS, HEALTHY, KIND_WORDS, ago_text, since_text, spelled
from forewarn.alert import Alert, Kind, State
from store.alerts import read_alerts
from store.engine import snapshot
from store.sources import SourceRow, read_health

RESOLVED_SHOWN = 30
REFRESH_SECONDS = 60
EVERY = ""
STATES = {
    EVERY: "All that are not over",
    State.OPEN.value: "Open",
    State.ACKNOWLEDGED.value: "Acknowledged",
    "decided": "Decided",
}
LIVE = (State.OPEN, State.ACKNOWLEDGED, State.VERIFIED, State.DISMISSED)
SHOWN = {
    EVERY: LIVE,
    State.OPEN.value: (State.OPEN,),
    State.ACKNOWLEDGED.value: (State.ACKNOWLEDGED,),
    "decided": (State.VERIFIED, State.DISMISSED),
}


def layout(desk: Desk, _rest: str, query: Mapping[str, str]) -> tuple[str, Component]:
    """Title and content of the page; the address may name state, source and category."""
    with snapshot(desk.engine) as conn:
        alerts = read_alerts(conn, states=LIVE) + read_alerts(conn, states=(State.RESOLVED,), limit=RESOLVED_SHOWN)
    categories = sorted({category for alert in alerts if (category := _category(alert))})
    sources = sorted({alert.source for alert in alerts} | set(desk.settings.sources))
    named = {name: plain(desk.title(name)) for name in sources}
    shown, source, category = (query.get(name, EVERY) for name in ("state", "source", "category"))
    return "Inbox", html.Div(
        [
            html.H1("Inbox"),
            parts.filters(
                "Which alerts to show",
                [
                    parts.choice("state", "State", STATES, shown),
                    parts.choice("source", "Source", {EVERY: "All sources", **named}, source),
                    parts.choice(
                        "category",
                        "Category",
                        {EVERY: "All categories", **{name: plain(name) for name in categories}},
                        category,
                    ),
                ],
            ),
            html.Div(ledger(desk, shown, source, category), id="inbox-ledger"),
            dcc.Interval(id="inbox-clock", interval=REFRESH_SECONDS * 1000),
        ]
    )


def connect(app: dash.Dash, desk: Desk) -> None:
    """Keeps the list fresh."""

    @app.callback(
        Output("inbox-ledger", "children"),
        Input("inbox-clock", "n_intervals"),
        dash.State("address", "search"),
        prevent_initial_call=True,
    )
    def _refresh(_n: int, search: str | None) -> list[Component]:
        query = query_of(search)
        return ledger(desk, *(query.get(name, EVERY) for name in ("state", "source", "category")))


def ledger(desk: Desk, shown: str, source: str, category: str) -> list[Component]:
    """Alerts that live, the gravest first, and below them those that were resolved."""
    with snapshot(desk.engine) as conn:
        live = read_alerts(conn, source=source or None, states=SHOWN.get(shown, LIVE))
        resolved = read_alerts(conn, source=source or None, states=(State.RESOLVED,), limit=RESOLVED_SHOWN)
        health = read_health(conn)
    live = [alert for alert in live if not category or _category(alert) == category]
    resolved = [alert for alert in resolved if not category or _category(alert) == category]
    live.sort(key=lambda alert: (LIVE.index(alert.state) >= 2, -alert.severity, -alert.last_day.toordinal()))
    needing = [alert for alert in live if alert.state is State.OPEN]
    found: list[Component] = [_looked(desk, health)]
    if live:
        heading = f"{spelled(len(needing), 'open alert')}" + _others(len(live) - len(needing))
        found += [html.H2(heading), _rows(desk, live)]
    else:
        found.append(_calm(health, filtered=bool(source or category or shown)))
    if resolved:
        found += [html.H2("Resolved lately"), _rows(desk, resolved)]
    return found


def _rows(desk: Desk, alerts: Sequence[Alert]) -> html.Ol:
    return html.Ol([html.Li(_row(desk, alert), key=alert.fingerprint) for alert in alerts], className="ledger")


def _row(desk: Desk, alert: Alert) -> html.Article:
    return html.Article(
        [
            parts.severity(alert.severity),
            html.Div(
                [
                    html.H3(dcc.Link(plain(alert.title, 300), href=f"/alerts/{alert.fingerprint}")),
                    html.P(f"{KIND_WORDS[alert.kind]} {since_text(alert)} · {plain(desk.title(alert.source))}"),
                ],
                className="what",
            ),
            html.Div(_weight(alert), className="weight"),
            html.Div(_line(alert), className="line"),
            parts.state(alert.state),
        ],
        className=f"row {alert.state.value}",
    )


def _weight(alert: Alert) -> list[Component]:
    """The one number that says how much."""
    evidence = alert.evidence
    if alert.kind is Kind.BREACH:
        big, small = chances_text(evidence["probability"]), f"chance, in {count_of(evidence['lead_days'], 'day')}"
    elif alert.kind is Kind.SOURCE:
        newest = evidence["newest_day"]
        big, small = (day_text(date.fromisoformat(newest)), "newest data") if newest else ("No data", "so far")
    elif alert.kind is Kind.DATA:
        big, small = number(evidence["count"]), "requests"
    else:
        sign, where = ("−", "below expected") if alert.kind is Kind.DROP else ("+", "above expected")
        big, small = f"{sign}{number(evidence['excess'])}", where
    return [html.Strong(big), html.Span(small)]


def _line(alert: Alert) -> list[Component]:
    history = alert.evidence.get("history")
    if not history:
        return []
    counts = history["counts"]
    known = [count for count in counts if count is not None]
    least, most = (number(min(known)), number(max(known))) if known else ("0", "0")
    unit = "day" if alert.evidence.get("step_days", 1) == 1 else "week"
    return [sparkline(counts, f"The last {len(counts)} {unit}s: between {least} and {most} requests a {unit}.")]


def _looked(desk: Desk, health: Sequence[SourceRow]) -> html.P:
    """When things were last looked at, in one line."""
    if not health:
        return html.P("No source has been read yet.", className="looked")
    last = max(health, key=lambda row: row.checked_at)
    local = time_text(desk.local(last.checked_at, last.source))
    sick = [row for row in health if row.health not in HEALTHY]
    how = (
        "Not all sources are healthy: "
        + "; ".join(f"{plain(desk.title(row.source))} – {HEALTH_WORDS[row.health].lower()}" for row in sick)
        if sick
        else _all_healthy(len(health))
    )
    return html.P(
        [
            f"Last looked {ago_text(last.checked_at, desk.now())} ({local}). {how}. ",
            dcc.Link("Data health", href="/health"),
        ],
        className="looked trouble" if sick else "looked",
    )


def _calm(health: Sequence[SourceRow], *, filtered: bool) -> html.Div:
    if filtered:
        return html.Div([html.H2("Nothing here"), html.P("No alert fits this choice.")], className="empty")
    if not health:
        return html.Div(
            [
                html.H2("Nothing to show yet"),
                html.P("Once a source has been read and judged, its alerts appear here. `forewarn run` does both."),
            ],
            className="empty",
        )
    sick = [row for row in health if row.health not in HEALTHY]
    words = (
        "Nothing out of the ordinary was found, but not every source could be read, so this is not the whole picture."
        if sick
        else "Everything that is watched is within its usual range."
    )
    newest = max((row.newest_day for row in health if row.newest_day), default=None)
    until = f" The newest data is of {day_text(newest, year=True)}." if newest else ""
    return html.Div([html.H2("Nothing needs you now"), html.P(words + until)], className="empty")


def _all_healthy(amount: int) -> str:
    return "The source is healthy" if amount == 1 else f"All {amount} sources are healthy"


def _others(amount: int) -> str:
    return f", {spelled(amount, 'other').lower()} being dealt with" if amount else ""


def _category(alert: Alert) -> str:
    return alert.labels.get("category", "")

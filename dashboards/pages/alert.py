"""Alert: the evidence for one issue, and what a person can do about it."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from urllib.parse import urlencode

import dash
import numpy as np
from dash import ALL, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate
from sqlalchemy import Connection

from alerts import lifecycle
from alerts.phrases import count_of, day_text, number, plain, range_text, time_text
from alerts.telling import record
from alerts.wording import answers
from dashboards import parts
from dashboards.desk import Desk
from dashboards.figures import history_figure
from dashboards.history import History, cluster_history, hours_history, read_history, words_history
from dashboards.words import COVERAGE_WORDS, EVENT_WORDS, KIND_WORDS, VERDICT_WORDS, since_text
from forewarn.alert import Alert, AlertEvent, Kind, Verdict
from forewarn.alert import State as AlertState
from store.alerts import read_alert
from store.engine import snapshot, transaction

CHART_DAYS = 56
NOTE_LENGTH = 2000
NAME_LENGTH = 80
PARTS_QUESTION = "Where it comes from"


def layout(desk: Desk, fingerprint: str, _query: Mapping[str, str]) -> tuple[str, Component]:
    """Title and content of the page."""
    with snapshot(desk.engine) as conn:
        found = read_alert(conn, fingerprint)
        if found is None:
            return "No such alert", html.Div(
                [
                    html.H1("There is no such alert"),
                    html.P(["It may be of another installation. ", dcc.Link("Go to the inbox", href="/")]),
                ],
                className="empty",
            )
        alert, events = found
        history = _history(conn, desk, alert)
    return plain(alert.title, 120), html.Div(
        [
            html.P(dcc.Link("← Inbox", href="/"), className="back"),
            dcc.Store(id="alert-fingerprint", data=fingerprint),
            html.Div(_standing(desk, alert), id="alert-standing"),
            html.Div(
                [
                    html.Div(
                        [_chart(alert, history), *_contributions(alert), *_explained(alert)], className="evidence"
                    ),
                    html.Aside(
                        [
                            html.H2("Your part"),
                            _form(alert),
                            html.P(id="alert-said", role="status"),
                            html.H2("What happened"),
                            html.Ol(_events(desk, alert, events), id="alert-events", className="events"),
                        ]
                    ),
                ],
                className="card",
            ),
            _numbers(history),
        ]
    )


def _history(conn: Connection, desk: Desk, alert: Alert) -> History:
    if alert.kind is Kind.WORDS:
        return words_history(conn, alert)
    if alert.kind is Kind.CLUSTER:
        return cluster_history(conn, desk, alert)
    if "hours" in alert.evidence:
        return hours_history(alert)
    return _series_history(conn, desk, alert)


def _series_history(conn: Connection, desk: Desk, alert: Alert) -> History:
    chart_days = CHART_DAYS * alert.evidence.get("step_days", 1)
    last = min(desk.today(alert.source), alert.last_day + timedelta(days=chart_days // 4))
    return read_history(
        conn,
        desk,
        alert.source,
        alert.evidence.get("head", alert.labels),
        last - timedelta(days=chart_days - 1),
        last,
        kind=alert.kind,
        detector=alert.evidence.get("detector", ""),
        watched=alert.evidence.get("watched", 1),
    )


def connect(app: dash.Dash, desk: Desk) -> None:
    """Makes the buttons work."""

    @app.callback(
        Output("alert-standing", "children"),
        Output("alert-events", "children"),
        Output("alert-said", "children"),
        Output("alert-note", "value"),
        Output("alert-acknowledge", "disabled"),
        Output("alert-resolve", "disabled"),
        Input("alert-acknowledge", "n_clicks"),
        Input("alert-resolve", "n_clicks"),
        Input({"verdict": ALL}, "n_clicks"),
        State("alert-fingerprint", "data"),
        State("alert-who", "value"),
        State("alert-note", "value"),
        prevent_initial_call=True,
    )
    def _act(
        acknowledged: int | None,
        resolved: int | None,
        judged: list[int | None],
        fingerprint: str,
        who: str | None,
        note: str | None,
    ) -> tuple[object, ...]:
        if not any((acknowledged, resolved, *judged)):
            raise PreventUpdate  # the buttons have just been drawn
        name, words = plain(who or "", NAME_LENGTH), (note or "").strip()[:NOTE_LENGTH]
        if not name:
            return _only_said("Please say who you are first.")
        try:
            said = act(desk, fingerprint, ctx.triggered_id, name, words)
        except ValueError as error:
            return _only_said(f"Nothing was changed: {error}.")
        with snapshot(desk.engine) as conn:
            found = read_alert(conn, fingerprint)
        assert found is not None  # noqa: S101 - it was changed a moment ago
        alert, events = found
        return (
            _standing(desk, alert),
            _events(desk, alert, events),
            said,
            "",
            alert.state is not AlertState.OPEN,
            alert.state is AlertState.RESOLVED,
        )


def _only_said(words: str) -> tuple[object, ...]:
    return no_update, no_update, words, no_update, no_update, no_update


def act(desk: Desk, fingerprint: str, button: str | Mapping[str, str], who: str, note: str) -> str:
    """Does what the button says, and tells so.

    Args:
        button: `alert-acknowledge`, `alert-resolve`, or the verdict as `{"verdict": …}`.

    Raises:
        ValueError: It cannot be done, with the reason.
        StoreError: It could not be stored.
    """
    at = desk.now()
    with transaction(desk.engine) as conn:
        found = read_alert(conn, fingerprint)
        if found is None:
            raise ValueError("there is no such alert")
        if button == "alert-acknowledge":
            change, said = lifecycle.acknowledge(found[0], who, at, note), f"Acknowledged by {who}."
        elif button == "alert-resolve":
            change, said = lifecycle.resolve(found[0], who, at, note), f"Resolved by {who}."
        elif isinstance(button, str):
            raise ValueError("there is no such button")
        else:
            verdict = Verdict(button["verdict"])
            change = lifecycle.record_verdict(found[0], verdict, who, at, note)
            said = f"Stored: {VERDICT_WORDS[verdict].lower()}. Thank you, {who}."
        record(conn, desk.settings, [change], at)
    return said


def _standing(desk: Desk, alert: Alert) -> list[Component]:
    verdict = [html.Span(f"Verdict: {VERDICT_WORDS[alert.verdict]}")] if alert.verdict else []
    whole: list[Component] = []
    if part_of := alert.evidence.get("part_of"):
        link = dcc.Link("Go to that alert", href=f"/alerts/{part_of}")
        whole = [html.P(["It has one cause with another alert, which goes on for both. ", link])]
    return [
        html.P(
            [
                parts.severity(alert.severity),
                parts.state(alert.state),
                html.Span(f"{KIND_WORDS[alert.kind]} {since_text(alert)}"),
                html.Span(plain(desk.title(alert.source))),
                *verdict,
            ],
            className="facts",
        ),
        html.H1(plain(alert.title, 300)),
        *whole,
    ]


def _chart(alert: Alert, history: History) -> Component:
    what = history.title + {
        Kind.CLUSTER: " of all areas and categories of the cluster, and what is usual",
        Kind.BREACH: ", and the forecast",
        Kind.SOURCE: " from this source",
        Kind.DATA: ", with what is not counted",
        Kind.WORDS: " with these words, and what is usual",
    }.get(alert.kind, ", and what is usual")
    lately = f"the last {count_of(len(history.dates) * history.step_days // 7, 'week')}"
    if history.in_hours:
        lately = f"the {count_of(len(history.dates), 'hour')} until then"
    judged = alert.kind in (Kind.SURGE, Kind.DROP)
    return html.Div(
        [
            parts.graph(history_figure(history, limit_line=judged), f"{what}: {lately}", height=340),
            html.P(_explore_link(alert), className="more"),
        ]
    )


def _explore_link(alert: Alert) -> dcc.Link:
    labels = {name: value for name, value in alert.labels.items() if name in ("category", "area")}
    return dcc.Link("Look further back", href="/explore?" + urlencode({"source": alert.source, **labels}))


def _explained(alert: Alert) -> list[Component]:
    """The questions and their answers; where it comes from is drawn instead, below."""
    rows: list[Component] = []
    for answer in answers(alert):
        if alert.evidence.get("parts") and answer.question == PARTS_QUESTION:
            continue
        lines = [html.Ul([html.Li(line) for line in answer.lines])] if answer.lines else []
        rows += [html.Dt(answer.question), html.Dd([html.P(parts.prose(answer.text)), *lines])]
    return [html.H2("Why this alert"), html.Dl(rows, className="answers")]


def _contributions(alert: Alert) -> list[Component]:
    found = alert.evidence.get("parts")
    if not found:
        return []
    word = "decrease" if alert.kind is Kind.DROP else "increase"
    return [html.H2(PARTS_QUESTION), parts.bars(found, alert.labels, word)]


def _form(alert: Alert) -> Component:
    """Asked in the order in which it is needed: who, then take it, then say what it was, then close it."""
    name = dcc.Input(
        id="alert-who",
        type="text",
        autoComplete="name",
        maxLength=NAME_LENGTH,
        persistence=True,
        persistence_type="local",
    )
    note = dcc.Textarea(id="alert-note", maxLength=NOTE_LENGTH, rows=3)
    verdicts = [html.Button(words, id={"verdict": verdict.value}) for verdict, words in VERDICT_WORDS.items()]
    is_open, is_over = alert.state is AlertState.OPEN, alert.state is AlertState.RESOLVED
    return html.Div(
        [
            parts.field("Your name", name, help_text="Kept on this device, and beside what you do here."),
            parts.field("Note, if you like", note),
            html.Button("Acknowledge: I look after it", id="alert-acknowledge", className="main", disabled=not is_open),
            html.Fieldset([html.Legend("What was it?"), *verdicts]),
            html.Button("Resolve: it is over", id="alert-resolve", disabled=is_over),
        ],
        className="form",
    )


def _events(desk: Desk, alert: Alert, events: Sequence[AlertEvent]) -> list[Component]:
    """The newest first; a run of days on which it was only found again is one line."""
    rows: list[Component] = []
    again = 0
    for event in events:
        again = again + 1 if event.what == "continued" else 0
        if again > 1:
            rows.pop()
        times = f" on {count_of(again, 'day')}" if again > 1 else ""
        rows.append(
            html.Li(
                [
                    html.Strong(f"{EVENT_WORDS.get(event.what, plain(event.what))}{times}"),
                    html.Span("" if event.who == lifecycle.FOREWARN else f" by {plain(event.who)}"),
                    parts.moment(desk, event.at, alert.source),
                    *([html.P(plain(event.note, NOTE_LENGTH))] if event.note else []),
                ]
            )
        )
    return rows[::-1]


def _numbers(history: History) -> html.Details:
    rows = []
    for place in reversed(range(len(history.dates))):
        day: date = history.dates[place].item()
        count, low, high = history.counts[place], history.low[place], history.high[place]
        known = history.coverage.get(day)
        rows.append(
            (
                time_text(history.dates[place].item()) if history.in_hours else day_text(day, year=True),
                number(count) if np.isfinite(count) else "–",
                range_text(low, high) if np.isfinite(low) else "–",
                COVERAGE_WORDS[known] if known else "as known then" if history.in_hours else "not read",
            )
        )
    first = {"hour": "Hour from", "day": "Day", "week": "Week to"}[history.unit]
    return html.Details(
        [
            html.Summary("The numbers as a table"),
            parts.table(history.title, (first, "Requests", "Usual range", "Count is"), rows, numeric=(1, 2)),
        ]
    )

"""Alert: the evidence for one issue, and what a person can do about it."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from urllib.parse import urlencode

import dash
from dash import Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component

from alerts import lifecycle
from alerts.phrases import day_text, number, plain, range_text
from alerts.wording import answers
from dashboards import parts
from dashboards.desk import Desk
from dashboards.figures import history_figure
from dashboards.history import History, read_history
from dashboards.words import COVERAGE_WORDS, EVENT_WORDS, KIND_WORDS, VERDICT_WORDS, since_text
from forewarn.alert import Alert, AlertEvent, Change, Kind, Verdict
from store.alerts import read_alert, write_changes
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
        labels = alert.evidence.get("head", alert.labels)
        last = min(desk.today(alert.source), alert.last_day + timedelta(days=CHART_DAYS // 4))
        history = read_history(
            conn,
            desk,
            alert.source,
            labels,
            last - timedelta(days=CHART_DAYS - 1),
            last,
            kind=alert.kind,
            detector=alert.evidence.get("detector", ""),
            watched=alert.evidence.get("watched", 1),
        )
    return plain(alert.title, 120), html.Div(
        [
            html.P(dcc.Link("← Inbox", href="/"), className="back"),
            dcc.Store(id="alert-fingerprint", data=fingerprint),
            html.Div(_standing(desk, alert), id="alert-standing"),
            html.Div(
                [
                    html.Div([_chart(alert, history), *_explained(alert), *_contributions(alert)], className="evidence"),
                    html.Aside(
                        [
                            html.H2("What to do"),
                            _form(),
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


def connect(app: dash.Dash, desk: Desk) -> None:
    """Makes the buttons work."""

    @app.callback(
        Output("alert-standing", "children"),
        Output("alert-events", "children"),
        Output("alert-said", "children"),
        Output("alert-note", "value"),
        Input("alert-acknowledge", "n_clicks"),
        Input("alert-judge", "n_clicks"),
        Input("alert-resolve", "n_clicks"),
        State("alert-fingerprint", "data"),
        State("alert-who", "value"),
        State("alert-verdict", "value"),
        State("alert-note", "value"),
        prevent_initial_call=True,
    )
    def _act(
        _ack: int | None,
        _judge: int | None,
        _resolve: int | None,
        fingerprint: str,
        who: str | None,
        verdict: str | None,
        note: str | None,
    ) -> tuple[object, object, str, object]:
        if not any((_ack, _judge, _resolve)):
            return no_update, no_update, "", no_update
        name, words = plain(who or "", NAME_LENGTH), (note or "").strip()[:NOTE_LENGTH]
        if not name:
            return no_update, no_update, "Please say who you are first.", no_update
        try:
            said = act(desk, fingerprint, str(ctx.triggered_id), name, verdict, words)
        except ValueError as error:
            return no_update, no_update, f"Nothing was changed: {error}.", no_update
        with snapshot(desk.engine) as conn:
            found = read_alert(conn, fingerprint)
        assert found is not None  # noqa: S101 - it was changed a moment ago
        alert, events = found
        return _standing(desk, alert), _events(desk, alert, events), said, ""


def act(desk: Desk, fingerprint: str, button: str, who: str, verdict: str | None, note: str) -> str:
    """Does what the button says, and tells so.

    Raises:
        ValueError: It cannot be done, with the reason.
        StoreError: It could not be stored.
    """
    at = desk.now()
    with transaction(desk.engine) as conn:
        found = read_alert(conn, fingerprint)
        if found is None:
            raise ValueError("there is no such alert")
        alert = found[0]
        change: Change
        if button == "alert-acknowledge":
            change, said = lifecycle.acknowledge(alert, who, at, note), f"Acknowledged by {who}."
        elif button == "alert-judge":
            if verdict not in set(Verdict):
                raise ValueError("choose what it was first")
            change = lifecycle.record_verdict(alert, Verdict(verdict), who, at, note)
            said = f"Stored: {VERDICT_WORDS[Verdict(verdict)]}. Thank you, {who}."
        else:
            change, said = lifecycle.resolve(alert, who, at, note), f"Resolved by {who}."
        write_changes(conn, [change])
    return said


def _standing(desk: Desk, alert: Alert) -> list[Component]:
    verdict = [html.Span(f"Verdict: {VERDICT_WORDS[alert.verdict]}")] if alert.verdict else []
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
    ]


def _chart(alert: Alert, history: History) -> Component:
    what = {
        Kind.BREACH: "Requests a day, and the forecast",
        Kind.SOURCE: "Requests a day from this source",
    }.get(alert.kind, "Requests a day, and what is usual")
    judged = alert.kind in (Kind.SURGE, Kind.DROP)
    return html.Div(
        [
            parts.graph(history_figure(history, limit_line=judged), f"{what}: the last eight weeks", height=340),
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
        rows += [html.Dt(answer.question), html.Dd([html.P(answer.text), *lines])]
    return [html.H2("Why this alert"), html.Dl(rows, className="answers")]


def _contributions(alert: Alert) -> list[Component]:
    found = alert.evidence.get("parts")
    if not found:
        return []
    word = "decrease" if alert.kind is Kind.DROP else "increase"
    return [html.H2(PARTS_QUESTION), parts.bars(found, alert.labels, word)]


def _form() -> Component:
    """Asked in the order in which it is needed: who, then take it, then say what it was, then close it."""
    verdicts = [{"label": words, "value": verdict.value} for verdict, words in VERDICT_WORDS.items()]
    return html.Div(
        [
            parts.field(
                "Your name",
                dcc.Input(
                    id="alert-who",
                    type="text",
                    autoComplete="name",
                    maxLength=NAME_LENGTH,
                    persistence=True,
                    persistence_type="local",
                ),
                help_text="Kept on this device, and beside what you do here.",
            ),
            parts.field("Note", dcc.Textarea(id="alert-note", maxLength=NOTE_LENGTH, rows=3)),
            html.Button("Acknowledge: I look after it", id="alert-acknowledge", className="main"),
            html.Fieldset(
                [
                    html.Legend("What was it?"),
                    dcc.RadioItems(id="alert-verdict", options=verdicts),
                    html.Button("Store the verdict", id="alert-judge"),
                ]
            ),
            html.Button("Resolve: it is over", id="alert-resolve"),
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
        times = f", {again} times" if again > 1 else ""
        rows.append(
            html.Li(
                [
                    html.Strong(f"{EVENT_WORDS.get(event.what, plain(event.what))}{times}"),
                    html.Span(f" by {plain(event.who)}"),
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
                day_text(day, year=True),
                number(count) if count == count else "–",  # noqa: PLR0124 - NaN is not itself
                range_text(low, high) if low == low else "–",  # noqa: PLR0124
                COVERAGE_WORDS[known] if known else "not read",
            )
        )
    return html.Details(
        [
            html.Summary("The numbers as a table"),
            parts.table("Requests a day", ("Day", "Requests", "Usual range", "Count is"), rows, numeric=(1, 2)),
        ]
    )



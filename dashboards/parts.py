"""Pieces that several pages are made of."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import plotly.graph_objects as go
from dash import dcc, html
from dash.development.base_component import Component

from alerts.phrases import SEVERITY_WORDS, number, plain, range_text, scope_text, time_text
from dashboards.desk import Desk
from dashboards.words import STATE_WORDS, ago_text
from forewarn.alert import Severity, State

GRAPH_CONFIG: Any = {
    "showSendToCloud": False,  # the button that uploads a chart to its maker's cloud is on by default
    "displaylogo": False,
    "displayModeBar": False,
    "scrollZoom": False,
    "responsive": True,
    "plotlyServerURL": "",
}


def spoken(words: str) -> dict[str, Any]:
    """A name that is read out, for what shows none."""
    return {"aria-label": words}


def graph(figure: go.Figure, caption: str, *, height: int = 320) -> html.Figure:
    """A chart under its title; the only way in which pages show one."""
    return html.Figure(
        [
            html.Figcaption(caption),
            dcc.Graph(
                figure=figure,
                config=GRAPH_CONFIG,
                responsive=True,
                style={"height": f"{height}px"},
            ),
        ],
        className="chart",
    )


def severity(level: Severity) -> html.Span:
    """Shape, colour and word."""
    return html.Span(SEVERITY_WORDS[level], className=f"severity {level.name.lower()}")


def state(value: State) -> html.Span:
    """The word for a state, in a frame."""
    return html.Span(STATE_WORDS[value], className=f"state {value.value}")


def moment(desk: Desk, at: datetime, source: str) -> html.Time:
    """How long ago, with the local time; both in the source's zone."""
    local = desk.local(at, source)
    return html.Time(f"{time_text(local)}, {ago_text(at, desk.now())}", dateTime=local.isoformat(timespec="minutes"))


def bars(parts: Sequence[Mapping[str, Any]], issue: Mapping[str, str], kind_word: str) -> html.Ol:
    """The largest contributions to an issue, each with a bar for its share of the excess.

    Args:
        parts: As in an alert's evidence.
        issue: Labels of the issue; a part is named by what it has beyond them.
    """
    return html.Ol(
        [
            html.Li(
                [
                    html.Span(part_name(part["labels"], issue), className="bar-name"),
                    html.Span(
                        f"{number(part['observed'])}, usually {range_text(part['low'], part['high'])}",
                        className="bar-count",
                    ),
                    html.Span(
                        html.Span(style={"width": f"{100 * min(max(part['share'], 0.0), 1.0):.1f}%"}),
                        className="bar",
                    ),
                    html.Span(f"{round(100 * part['share'])} % of the {kind_word}", className="bar-share"),
                ]
            )
            for part in parts
        ],
        className="bars",
    )


def part_name(own: Mapping[str, str], issue: Mapping[str, str]) -> str:
    """What a part is called within its issue: `Ward 7` within `Rats`."""
    rest = {name: value for name, value in own.items() if issue.get(name) != value}
    return plain(rest["area"]) if set(rest) == {"area"} else scope_text(rest)


def prose(text: str) -> list[Component | str]:
    """Our own words, what stands between backticks set as something to type."""
    return [html.Code(part) if place % 2 else part for place, part in enumerate(text.split("`"))]


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[Any]], numeric: Sequence[int] = ()) -> html.Div:
    """A table that scrolls sideways on a narrow screen; columns at `numeric` are set to the right."""

    def cells(row: Sequence[Any], cell: Any, **more: Any) -> list[Component]:
        return [
            cell(content, className="number" if place in numeric else "", **more) for place, content in enumerate(row)
        ]

    return html.Div(
        html.Table(
            [
                html.Caption(caption),
                html.Thead(html.Tr(cells(head, html.Th, scope="col"))),
                html.Tbody([html.Tr(cells(row, html.Td)) for row in rows]),
            ]
        ),
        className="table",
        tabIndex="0",
        role="region",
        **spoken(caption),
    )


def filters(name: str, fields: Sequence[Component]) -> html.Form:
    """A form whose choices become the address as soon as they are made (see assets/filters.js)."""
    return html.Form(list(fields), className="filters", method="get", **spoken(name))


def choice(name: str, label: str, options: Mapping[str, str], chosen: str, *, resets: str = "") -> html.Div:
    """The browser's own list to choose one of; `options` are value → words.

    Args:
        resets: Names of choices that make no sense any more when this one changes.
    """
    picks = [html.Option(words, value=value, selected=value == chosen) for value, words in options.items()]
    more: dict[str, Any] = {"data-resets": resets}
    return field(label, html.Select(picks, id=f"choose-{name}", name=name, **more))


def day_choice(name: str, label: str, chosen: date) -> html.Div:
    """The browser's own calendar."""
    kind: Any = "date"  # Dash passes it on, but does not list it
    return field(label, dcc.Input(id=f"choose-{name}", name=name, type=kind, value=chosen.isoformat()))


def field(label: str, control: Any, *, help_text: str = "") -> html.Div:
    """A control under its label."""
    help_line = [html.Small(help_text)] if help_text else []
    return html.Div([html.Label(label, htmlFor=control.id), control, *help_line], className="field")

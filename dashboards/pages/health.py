"""Data health: whether every source delivers what it should, and every message reached its channel."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import dash
from dash import html
from dash.development.base_component import Component
from sqlalchemy import Connection

from alerts.phrases import count_of, day_text, number, plain, scope_text, time_text
from connectors.field_news import Shape, news_of
from connectors.quality import quality_of
from dashboards import parts
from dashboards.desk import Desk
from dashboards.words import CAUSE_WORDS, COVERAGE_WORDS, HEALTH_WORDS, HEALTHY, ago_text, latest
from forewarn.contracts import Coverage
from forewarn.irregularity import Irregularity
from store.alerts import OutboxRow, read_outbox
from store.counts import read_coverage
from store.engine import snapshot
from store.irregularities import read_irregularities
from store.retention import texts_from
from store.sources import (
    RejectRow,
    RunRow,
    SourceRow,
    read_health,
    read_rejects,
    read_runs,
    read_shape,
    sum_counters,
)
from store.weather import known_until, read_reading

STRIP_DAYS = 90
RUNS_SHOWN = 10
RUN_COUNTERS = ("fetched", "new", "changed", "removed", "rejected")
QUALITY_DAYS = 7
REJECTS_SHOWN = 50
IRREGULAR_SHOWN = 50
NEWS_SHOWN = 12
MESSAGES_READ = 500
MESSAGES_SHOWN = 20


def layout(desk: Desk, _rest: str, _query: Mapping[str, str]) -> tuple[str, Component]:
    """Title and content of the page."""
    with snapshot(desk.engine) as conn:
        health = {row.source: row for row in read_health(conn)}
        names = list(dict.fromkeys([*desk.settings.sources, *health]))
        cards = [_source(conn, desk, name, health.get(name)) for name in names]
        messages = read_outbox(conn, MESSAGES_READ)
    none = [html.P("There is no source in forewarn.toml yet.", className="empty")]
    return "Data health", html.Div([html.H1("Data health"), *(cards or none), *_outbox(desk, messages)])


def connect(_app: dash.Dash, _desk: Desk) -> None:
    """Nothing on this page answers."""


def _source(conn: Connection, desk: Desk, name: str, row: SourceRow | None) -> html.Section:
    today = desk.today(name)
    first = today - timedelta(days=STRIP_DAYS - 1)
    coverage = read_coverage(conn, name, first, today)
    return html.Section(
        [
            html.H2(plain(desk.title(name))),
            *_state(desk, row),
            *_weather(conn, desk, name),
            *_texts(conn, desk, name),
            *_news(read_shape(conn, name)),
            _strip(coverage, first, today),
            _runs(desk, name, read_runs(conn, name, RUNS_SHOWN)),
            *_quality(sum_counters(conn, name, desk.now() - timedelta(days=QUALITY_DAYS))),
            *_rejects(read_rejects(conn, name, REJECTS_SHOWN)),
            *_irregular(read_irregularities(conn, name)),
        ],
        className="source",
    )


def _state(desk: Desk, row: SourceRow | None) -> list[Component]:
    if row is None:
        return [html.P([html.Span("Never read", className="health unknown")], className="facts")]
    well = "well" if row.health in HEALTHY else "sick"
    newest = f"Last day with data: {day_text(row.newest_day, year=True)}" if row.newest_day else "No day with data yet"
    since = time_text(desk.local(row.changed_at, row.source))
    return [
        html.P(
            [
                html.Span(HEALTH_WORDS[row.health], className=f"health {well}"),
                html.Span(f"since {since}"),
                html.Span(newest),
                html.Span(f"Read {ago_text(row.checked_at, desk.now())}"),
            ],
            className="facts",
        ),
        *([html.P(plain(row.message, 500))] if row.message else []),
    ]


def _weather(conn: Connection, desk: Desk, name: str) -> list[Component]:
    """Nothing, where it is not watched."""
    place = desk.weather_place(name)
    if place is None:
        return []
    reading, until = read_reading(conn, place), known_until(conn, place)
    known = f"known until {day_text(until, year=True)}" if until else "not known yet"
    if reading is None:
        return [html.P(f"Weather: {known}.")]
    asked = ago_text(reading.asked_at, desk.now())
    if reading.problem:
        words = f"Weather: {known}. It could not be read {asked}, and counts are judged without: "
        return [html.P(words + plain(reading.problem, 500))]
    return [html.P(f"Weather: {known}, read {asked}.")]


def _texts(conn: Connection, desk: Desk, name: str) -> list[Component]:
    """How long free texts are kept; nothing of a source that is not in the settings any more."""
    if name not in desk.settings.sources:
        return []
    days, since = desk.settings.sources[name].keep_text_days, texts_from(conn, name)
    kept = f"are kept for {count_of(days, 'day')}" if days else "are not kept"
    emptied = f"; there are none of days before {day_text(since, year=True)}" if since else ""
    return [html.P(f"Free texts {kept}{emptied}.")]


def _news(shape: Shape) -> list[Component]:
    """What has changed about the source's fields and its rows, the latest first."""
    news = sorted(news_of(shape), key=lambda one: one.day, reverse=True)
    if not news:
        return []
    items = [html.Li(f"{day_text(one.day)}: {plain(one.words, 300)}") for one in news[:NEWS_SHOWN]]
    more = [html.Li(f"and {len(news) - NEWS_SHOWN} more")] if len(news) > NEWS_SHOWN else []
    return [html.Div([html.P("New about what it sends:"), html.Ul([*items, *more])], className="news")]


def _strip(coverage: Mapping[date, Coverage], first: date, last: date) -> html.Figure:
    """One box a day, by shape and colour; the sum of it in words below."""
    days = [first + timedelta(days=place) for place in range((last - first).days + 1)]
    boxes = [
        html.Span(
            className=f"day {coverage[day].value if day in coverage else 'unread'}",
            title=f"{day_text(day)}: {_known(coverage.get(day))}",
        )
        for day in days
    ]
    words = _coverage_words(coverage, len(days))
    return html.Figure(
        [
            html.Figcaption(f"The last {len(days)} days"),
            html.Div(boxes, className="strip", role="img", **parts.spoken(f"The last {len(days)} days. {words}")),
            html.Div([html.Span(day_text(first)), html.Span(day_text(last))], className="ends"),
            html.P(words, className="legend"),
        ],
        className="coverage",
    )


def _coverage_words(coverage: Mapping[date, Coverage], n_days: int) -> str:
    found = [
        f"{count_of(amount, 'day')} {words}"
        for what, words in COVERAGE_WORDS.items()
        if (amount := sum(known is what for known in coverage.values()))
    ]
    if unread := n_days - len(coverage):
        found.append(f"{count_of(unread, 'day')} not read")
    missing = sorted(day for day, what in coverage.items() if what is Coverage.MISSING)
    named = f" Missing: {latest([day_text(day) for day in missing])}." if missing else ""
    return f"{'; '.join(found)}.{named}"


def _known(what: Coverage | None) -> str:
    return COVERAGE_WORDS[what] if what else "not read"


def _runs(desk: Desk, name: str, runs: Sequence[RunRow]) -> Component:
    if not runs:
        return html.P("No run yet.")
    rows = [
        (
            time_text(desk.local(run.started_at, name)),
            _lasted(run),
            plain(run.outcome or "not finished"),
            ", ".join(f"{run.counters[key]:,} {key}" for key in RUN_COUNTERS if run.counters.get(key)) or "–",
            plain(run.message, 300) or "–",
        )
        for run in runs
    ]
    return html.Details(
        [
            html.Summary("Recent runs"),
            parts.table("Recent runs", ("Began", "Took", "Outcome", "Counted", "Said"), rows),
        ],
        open=False,
    )


def _lasted(run: RunRow) -> str:
    if run.finished_at is None:
        return "–"
    seconds = (run.finished_at - run.started_at).total_seconds()
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _quality(counters: Mapping[str, int]) -> list[Component]:
    """What the rows of the last days were like, in numbers."""
    rows = [
        (plain(one.words), f"{one.number:,}", f"{one.number / one.of:.0%}" if one.of else "–")
        for one in quality_of(counters)
    ]
    if not rows:
        return []
    columns = ("What it was", "How many", "Of all")
    return [
        html.Details(
            [
                html.Summary(f"What was read in the last {QUALITY_DAYS} days"),
                parts.table("What was read", columns, rows, numeric=(1, 2)),
            ]
        )
    ]


def _rejects(rejects: Sequence[RejectRow]) -> list[Component]:
    if not rejects:
        return []
    rows = [(plain(row.reason.replace("_", " ")), plain(row.detail, 200), plain(row.position)) for row in rejects]
    words = f"Rows that could not be used ({'the last ' if len(rejects) == REJECTS_SHOWN else ''}{len(rejects)})"
    return [
        html.Details([html.Summary(words), parts.table("Rejected rows", ("Reason", "What it held", "Where"), rows)])
    ]


def _irregular(found: Sequence[Irregularity]) -> list[Component]:
    """What counts as no incident, told or not: the latest first, and of one day the largest."""
    if not found:
        return []
    rows = [
        (
            day_text(one.day),
            CAUSE_WORDS[one.cause],
            scope_text(one.labels),
            plain(", ".join(one.who.values())) or "–",
            number(one.count),
            number(one.usual),
            number(one.others),
        )
        for one in found[:IRREGULAR_SHOWN]
    ]
    shown = f", the last {IRREGULAR_SHOWN} of {len(found)}" if len(found) > IRREGULAR_SHOWN else f" ({len(found)})"
    columns = ("Day", "What it is", "Requests about", "From", "How many", "Usual a day", "From all others")
    return [
        html.Details(
            [
                html.Summary(f"Not an incident{shown}"),
                parts.table("Not an incident: left out of what is judged", columns, rows, numeric=(4, 5, 6)),
            ]
        )
    ]


def _outbox(desk: Desk, messages: Sequence[OutboxRow]) -> list[Component]:
    """How many messages wait, fail or were given up; those that did not arrive one by one."""
    given_up = [message for message in messages if message.given_up]
    late = [m for m in messages if m.delivered_at is None and not m.given_up and m.error]
    waiting = [m for m in messages if m.delivered_at is None and not m.given_up and not m.error]
    delivered = sum(message.delivered_at is not None for message in messages)
    head: list[Component] = [html.H2("Messages")]
    if not messages:
        return [*head, html.P("None has been written yet.")]
    facts = [
        f"{delivered:,} delivered",
        f"{len(waiting):,} waiting",
        f"{len(late):,} to be tried again",
        f"{len(given_up):,} given up",
    ]
    head.append(html.P([html.Span(fact) for fact in facts], className="facts"))
    undelivered = [*given_up, *late, *waiting][:MESSAGES_SHOWN]
    if not undelivered:
        return [*head, html.P("Everything that was written has arrived.")]
    rows = [
        (
            "given up" if message.given_up else "will be tried again" if message.error else "waiting",
            plain(message.channel),
            plain(message.subject, 120),
            ago_text(message.created_at, desk.now()),
            message.attempts,
            plain(message.error, 200) or "–",
        )
        for message in undelivered
    ]
    columns = ("How it stands", "Channel", "Subject", "Written", "Tries", "Last trouble")
    return [*head, parts.table("Messages that have not arrived", columns, rows, numeric=(4,))]

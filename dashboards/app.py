"""The dashboard: which page stands under which address, and how it is served."""

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from types import ModuleType
from typing import Any
from urllib.parse import unquote

import dash
from dash import Input, Output, dcc, html
from dash.development.base_component import Component
from sqlalchemy import Engine
from waitress.server import create_server
from waitress.wasyncore import close_all

from dashboards.desk import Desk, query_of
from dashboards.guard import guard
from dashboards.inbound import take_batches
from dashboards.pages import alert, explore, health, inbox
from dashboards.parts import spoken
from forewarn.errors import ConfigError, ForewarnError
from forewarn.settings import Settings

log = logging.getLogger(__name__)

PAGES: dict[str, ModuleType] = {"": inbox, "alerts": alert, "explore": explore, "health": health}
"""First part of the address → page."""

MENU = {"": "Inbox", "explore": "Explore", "health": "Data health"}

DOCUMENT = """<!DOCTYPE html>
<html lang="en">
<head>
{%metas%}
<title>{%title%}</title>
<link rel="icon" href="/assets/favicon.svg" type="image/svg+xml">
{%css%}
</head>
<body>
<noscript><p class="loading">This dashboard needs JavaScript.</p></noscript>
{%app_entry%}
{%config%}
{%scripts%}
{%renderer%}
</body>
</html>
"""


def create_app(engine: Engine, settings: Settings, *, now: Callable[[], datetime]) -> dash.Dash:
    """The dashboard on an open store.

    Args:
        now: Gives the present, aware; pages say how long ago something was.
    """
    desk = Desk(engine, settings, now)
    app = dash.Dash(
        "dashboards",
        title="forewarn",
        update_title="",
        index_string=DOCUMENT,
        serve_locally=True,
        suppress_callback_exceptions=True,  # each page brings its own controls
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
        on_error=_tell,
        enable_mcp=False,
        use_pages=False,
    )
    app.layout = _frame()

    @app.callback(
        Output("page", "children"),
        Output("menu", "children"),
        Output("title", "data"),
        Output("trouble", "children"),
        Input("address", "pathname"),
        Input("address", "search"),
    )
    def _show(pathname: str | None, search: str | None) -> tuple[Component, list[Component], str, str]:
        first, _, rest = (pathname or "/").strip("/").partition("/")
        if first not in PAGES:
            return _nothing_here(), _menu("nowhere"), "Not found · forewarn", ""
        try:
            title, content = PAGES[first].layout(desk, unquote(rest), query_of(search))
        except ForewarnError as error:
            return _trouble(error), _menu(first), "Trouble · forewarn", ""
        return content, _menu(first), f"{title} · forewarn", ""

    app.clientside_callback(  # type: ignore[no-untyped-call]
        "function (title) { document.title = title; }", Input("title", "data")
    )
    for page in PAGES.values():
        page.connect(app, desk)
    guard(app.server, settings.dashboard, app.csp_hashes())
    take_batches(app.server, desk)
    return app


@contextmanager
def serve(app: dash.Dash, host: str, port: int) -> Iterator[str]:
    """Serves the dashboard from a thread until the block ends; gives its address. Port 0: any free one.

    Raises:
        ConfigError: The port is taken, or the host is not one of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConfigError("dashboard.port", f"cannot listen on {host}, port {port}: {error.strerror}") from error
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # it warns when a page asks for all its parts at once
    connections: dict[int, Any] = {}
    server = create_server(
        app.server,
        sockets=[listening],
        map=connections,
        threads=8,
        ident="forewarn",
        max_request_body_size=app.server.config[
            "MAX_CONTENT_LENGTH"
        ],  # it would take a gigabyte before we see any of it
    )
    thread = threading.Thread(target=server.run, name="dashboard", daemon=True)
    thread.start()
    try:
        shown = f"[{host}]" if ":" in host else host
        yield f"http://{shown}:{listening.getsockname()[1]}"
    finally:
        server.task_dispatcher.shutdown()
        server.trigger.pull_trigger(partial(close_all, connections, ignore_all=True))  # in the thread that uses them
        thread.join(timeout=5)


def _frame() -> Component:
    return html.Div(
        [
            dcc.Location(id="address", refresh="callback-nav"),
            dcc.Store(id="title", data="forewarn"),
            html.A("Skip to content", href="#page", className="skip"),
            html.Header(
                [
                    dcc.Link("forewarn", href="/", className="name"),
                    html.Nav(id="menu", children=_menu(""), **spoken("Pages")),
                ]
            ),
            html.Div(id="trouble", role="alert"),
            html.Main(html.P("Reading…", className="loading"), id="page", tabIndex="-1"),
            html.Footer("forewarn: early warning for service requests. Times are those of each source’s place."),
        ],
        className="sheet",
    )


def _menu(current: str) -> list[Component]:
    return [
        dcc.Link(words, href=f"/{path}", className="here" if path == current else "") for path, words in MENU.items()
    ]


def _nothing_here() -> Component:
    return html.Div([html.H1("There is no such page"), html.P(dcc.Link("Go to the inbox", href="/"))])


def _trouble(error: ForewarnError) -> Component:
    return html.Div([html.H1("The data cannot be read right now"), html.P(str(error))], className="empty")


def _tell(error: Exception) -> None:
    """Says what went wrong above the page; what was not foreseen goes to the log, and no further."""
    if isinstance(error, ForewarnError):
        words = str(error)
    else:
        log.error("a page failed", exc_info=error)
        words = "Something went wrong here, and was written to the log. Reload the page to go on."
    dash.set_props("trouble", {"children": words})

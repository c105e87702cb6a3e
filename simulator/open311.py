"""A real Open311 GeoReport v2 endpoint (https://wiki.open311.org/GeoReport_v2) for a simulated source.

    GET /services.json|xml              GET /services/{code}.json|xml
    GET /requests.json|xml              GET /requests/{id}.json|xml

It is plain WSGI, so that tests can put faults in front of it. `/requests` takes `service_request_id`,
`service_code`, `status`, `start_date`, `end_date` (at most 90 days apart), and the extensions `page`,
`page_size`, `updated_after`, `updated_before` and `extensions=true`. Both ends of a span belong to it.
Requests come in the order of their requested time; a query by update time in the order of the update.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import numpy as np
from waitress.server import create_server
from waitress.wasyncore import close_all

from simulator.georeport import Record, request_records, service_records, to_json, to_xml
from simulator.population import Ints, Population

MAX_SPAN = timedelta(days=90)  # the specification's

Query = Mapping[str, str]


class Clock:
    """A clock that is moved by hand: `clock.now = …`."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


class _Refused(Exception):
    def __init__(self, code: HTTPStatus, description: str) -> None:
        self.code = code
        self.description = description


def open311_app(
    population: Population,
    clock: Callable[[], datetime],
    *,
    freeze_at: datetime | None = None,
    max_page_size: int = 1000,
) -> WSGIApplication:
    """The endpoint.

    Args:
        clock: Tells the (aware) instant whose state is shown.
        freeze_at: From here on nothing new appears, though every answer is in order.
        max_page_size: A larger `page_size` is cut to it without a word, as most endpoints do.
    """

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        now = clock()
        shown = now if freeze_at is None else min(now, freeze_at)
        resource, _, form = environ["PATH_INFO"].strip("/").rpartition(".")
        status = HTTPStatus.OK
        try:
            if environ["REQUEST_METHOD"] != "GET":
                raise _Refused(HTTPStatus.METHOD_NOT_ALLOWED, "only reading is possible here")
            if form not in ("json", "xml"):
                raise _Refused(HTTPStatus.NOT_FOUND, "ask for .json or .xml")
            query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
            root, element, records = _answer(population, resource, query, shown, max_page_size)
        except _Refused as refusal:
            status = refusal.code
            root, element = "errors", "error"
            records = [{"code": status.value, "description": refusal.description}]
        body = to_xml(records, root, element) if form == "xml" else to_json(records if element else records[0])
        start_response(
            f"{status.value} {status.phrase}",
            [
                ("Content-Type", f"{'text/xml' if form == 'xml' else 'application/json'}; charset=utf-8"),
                ("Content-Length", str(len(body))),
                ("Date", format_datetime(now.astimezone(UTC), usegmt=True)),
            ],
        )
        return [body]

    return app


def _answer(
    population: Population, resource: str, query: Query, now: datetime, max_page_size: int
) -> tuple[str, str, list[Record]]:
    """Root element, element and records of one resource; no element: the one record is the root."""
    match resource.split("/"):
        case ["services"]:
            return "services", "service", service_records(population.services)
        case ["services", code]:
            if code not in {service.code for service in population.services}:
                raise _Refused(HTTPStatus.NOT_FOUND, f"service_code {code} was not found")
            return "service_definition", "", [{"service_code": code, "attributes": []}]
        case ["requests"]:
            versions = _page(_select(population, query, now), query, max_page_size)
        case ["requests", request_id]:
            found = population.find(request_id, now)
            if found is None:
                raise _Refused(HTTPStatus.NOT_FOUND, f"service_request_id {request_id} was not found")
            versions = np.array([found])
        case _:
            raise _Refused(HTTPStatus.NOT_FOUND, "no such resource")
    extensions = query.get("extensions") == "true"
    return "service_requests", "request", request_records(population, versions, extensions=extensions)


def _select(population: Population, query: Query, now: datetime) -> Ints:
    """The versions that a query of `/requests` asks for."""
    if ids := query.get("service_request_id"):
        found = [population.find(request_id, now) for request_id in ids.split(",")]
        return np.array([version for version in found if version is not None], dtype=np.int64)
    versions = _in_span(population, query, now)
    if codes := query.get("service_code"):
        numbers = {service.code: number for number, service in enumerate(population.services)}
        if unknown := set(codes.split(",")) - set(numbers):
            raise _Refused(HTTPStatus.BAD_REQUEST, f"service_code {min(unknown)} was not found")
        wanted = [numbers[code] for code in codes.split(",")]
        versions = versions[np.isin(population.service[versions], wanted)]
    if status := query.get("status"):
        if unknown := set(status.split(",")) - {"open", "closed"}:
            raise _Refused(HTTPStatus.BAD_REQUEST, f"status {min(unknown)} is neither open nor closed")
        versions = versions[np.isin(population.closed[versions], [name == "closed" for name in status.split(",")])]
    return versions


def _in_span(population: Population, query: Query, now: datetime) -> Ints:
    """The versions in the span of requested times, or in that of update times if one is given."""
    start, end = _instant(query, "start_date"), _instant(query, "end_date")
    since, until = _instant(query, "updated_after"), _instant(query, "updated_before")
    if since or until:
        versions = population.changed(now, since, until)
        requested = population.requested[population.request[versions]]
        first = start.timestamp() if start else -np.inf
        last = end.timestamp() if end else np.inf
        return versions[(first <= requested) & (requested <= last)]
    end = end or (start + MAX_SPAN if start else now)
    start = start or end - MAX_SPAN
    if not timedelta(0) <= end - start <= MAX_SPAN:
        raise _Refused(HTTPStatus.BAD_REQUEST, "end_date must be 0 to 90 days after start_date")
    return population.visible(now, start, end)


def _page(versions: Ints, query: Query, max_page_size: int) -> Ints:
    page = _count(query, "page", 1)
    size = min(_count(query, "page_size", max_page_size), max_page_size)
    return versions[(page - 1) * size : page * size]


def _count(query: Query, name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise _Refused(HTTPStatus.BAD_REQUEST, f"{name} must be a whole number from 1 to 999999999")
    return int(text)


def _instant(query: Query, name: str) -> datetime | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise _Refused(HTTPStatus.BAD_REQUEST, f"{name} is not a date and time in W3C format") from None
    if instant.tzinfo is None:
        raise _Refused(HTTPStatus.BAD_REQUEST, f"{name} must carry a time zone")
    if not 1900 < instant.year < 9000:
        raise _Refused(HTTPStatus.BAD_REQUEST, f"{name} is out of range")
    return instant


@contextmanager
def serve(app: WSGIApplication, port: int = 0) -> Iterator[str]:
    """Serves `app` on loopback, several requests at a time, and gives its address; port 0: any free one."""
    connections: dict[int, Any] = {}
    server: Any = create_server(app, map=connections, host="127.0.0.1", port=port, threads=4)
    thread = threading.Thread(target=server.run, name="open311", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        server.task_dispatcher.shutdown()
        with suppress(OSError):  # a request that just ended may have ended the loop, which closes the trigger
            server.trigger.pull_trigger(lambda: close_all(connections))  # ends the loop, as nothing is left to wait for
        thread.join()

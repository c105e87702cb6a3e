"""Puts the troubles of real servers in front of a WSGI application, one answer at a time."""

import gzip
import re
import zlib
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from email.utils import format_datetime
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

Headers = list[tuple[str, str]]
Whole = tuple[str, Headers, bytes]
Fault = Callable[[Whole], Whole]


class Faulty:
    """The application behind a queue of faults: each answer meets the next one; `None` lets it pass.

    A fault in `standing` meets every answer until it is taken away. `asked` lists the paths and queries that came,
    `headers` what was sent with the last, and `met` counts the faults of the queue that were met.

    Args:
        clock: What the server takes for the time of day; None: that of the machine.
    """

    def __init__(self, app: WSGIApplication, clock: Callable[[], datetime] | None = None) -> None:
        self._app, self._clock = app, clock
        self.queue: deque[Fault | None] = deque()
        self.standing: list[Fault] = []
        self.met = 0
        self.asked: list[str] = []
        self.headers: dict[str, str] = {}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self.asked.append(f"{environ['PATH_INFO']}?{environ.get('QUERY_STRING', '')}")
        self.headers = {name: value for name, value in environ.items() if name.startswith("HTTP_")}
        caught: list[tuple[str, Headers]] = []

        def catch(status: str, headers: Headers) -> Callable[[bytes], object]:
            caught.append((status, headers))
            return lambda _: None

        body = b"".join(self._app(environ, catch))
        status, headers = caught[0]
        if self._clock is not None:
            headers = [*headers, ("Date", format_datetime(self._clock(), usegmt=True))]
        fault = self.queue.popleft() if self.queue else None
        self.met += fault is not None
        for each in (fault, *self.standing):
            if each is not None:
                status, headers, body = each((status, headers, body))
        start_response(status, headers)
        return [body]


def status(line: str, **headers: str) -> Fault:
    """Answers with an error status."""
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return lambda _: (line, [*named, ("Content-Type", "text/plain")], b"sorry")


def web_page(_: Whole) -> Whole:
    """A friendly page with status 200 where data should be."""
    return "200 OK", [("Content-Type", "text/html")], b"<!DOCTYPE html><p>We will be back soon"


def empty(_: Whole) -> Whole:
    """Status 200 and nothing."""
    return "200 OK", [("Content-Type", "application/json"), ("Content-Length", "0")], b""


def cut(whole: Whole) -> Whole:
    """Half of the body, though its length says so too: the document does not parse."""
    line, headers, body = whole
    half = body[: len(body) // 2]
    return line, [(n, v) for n, v in headers if n != "Content-Length"] + [("Content-Length", str(len(half)))], half


def too_short(whole: Whole) -> Whole:
    """Fewer bytes than announced, but a complete document: only the length tells."""
    line, headers, body = whole
    kept = [(n, v) for n, v in headers if n != "Content-Length"]
    return line, [*kept, ("Content-Length", str(len(body) + 2000))], body


def broken_gzip(whole: Whole) -> Whole:
    """Says gzip, and is not whole."""
    line, headers, body = whole
    packed = gzip.compress(body)[:-12] + b"0" * 12
    kept = [(n, v) for n, v in headers if n != "Content-Length"]
    return line, [*kept, ("Content-Encoding", "gzip"), ("Content-Length", str(len(packed)))], packed


def not_gzip(whole: Whole) -> Whole:
    """Says gzip, and is plain."""
    line, headers, body = whole
    return line, [*headers, ("Content-Encoding", "gzip")], body


def not_deflated(whole: Whole) -> Whole:
    """Says deflate whatever was asked for, and is plain."""
    line, headers, body = whole
    return line, [*headers, ("Content-Encoding", "deflate")], body


def deflated_raw(whole: Whole) -> Whole:
    """Deflate without the envelope that the standard asks for, as some servers send it."""
    line, headers, body = whole
    packing = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = packing.compress(body) + packing.flush()
    kept = [(n, v) for n, v in headers if n != "Content-Length"]
    return line, [*kept, ("Content-Encoding", "deflate"), ("Content-Length", str(len(packed)))], packed


def redirect(location: str) -> Fault:
    """Sends the client elsewhere."""
    return lambda _: ("302 Found", [("Location", location), ("Content-Type", "text/plain")], b"")


def poisoned(record_id: str) -> Fault:
    """Any answer that this record is in fails, as where a server stumbles over one bad row."""
    failure = status("500 Internal Server Error")
    return lambda whole: failure(whole) if record_id.encode() in whole[2] else whole


def rewritten(pattern: bytes, to: bytes) -> Fault:
    """Whatever matches in an answer is something else, as when a publisher changes what a field holds."""

    def rewrite(whole: Whole) -> Whole:
        line, headers, body = whole
        changed = re.sub(pattern, to, body)
        kept = [(n, v) for n, v in headers if n != "Content-Length"]
        return line, [*kept, ("Content-Length", str(len(changed)))], changed

    return rewrite

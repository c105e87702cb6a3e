"""Servers that mean harm, on real sockets: they drip, never end, blow up, lead astray, and repeat what is secret."""

import gzip
import logging
import socket
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Thread

import pytest

from connectors.discretion import secrets_of
from connectors.documents import parse_json
from connectors.http import Answer, HttpSource
from forewarn.errors import ForewarnError, SourceChanged, SourceUnavailable

Behaviour = Callable[[socket.socket, bytes], None]
Hosting = Callable[[Behaviour], int]
JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
TOKEN = "hunter2-token"


@pytest.fixture
def hosting() -> Iterator[Hosting]:
    """Lets a behaviour answer on loopback, once for each connection; gives the port."""
    listening: list[socket.socket] = []

    def host(behaviour: Behaviour) -> int:
        server = socket.create_server(("127.0.0.1", 0))
        listening.append(server)

        def answer(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                behaviour(connection, connection.recv(1 << 16))

        def accept() -> None:
            with suppress(OSError):
                while True:
                    Thread(target=answer, args=(server.accept()[0],), daemon=True).start()

        Thread(target=accept, daemon=True).start()
        return int(server.getsockname()[1])

    yield host
    for server in listening:
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()


def ask(port: int, *, scheme: str = "http", user: str = "", **settings: object) -> Answer:
    url = f"{scheme}://{user}127.0.0.1:{port}"
    allowed = {"allow_http": True, "allow_private_hosts": True, "pause_seconds": 0, "max_body_mb": 1, **settings}
    origin = HttpSource(source="town", zone="UTC", url=url, **allowed)  # type: ignore[arg-type]
    with origin.client({"X-App-Token": TOKEN}, secrets=("hunter2-query",)) as client:
        return client.get(f"{url}/rows", {"token": "hunter2-query"}, parse_json, tries=1)


def dripping(begin: bytes, drop: bytes) -> Behaviour:
    def drip(connection: socket.socket, _: bytes) -> None:
        connection.sendall(begin)
        while True:
            connection.sendall(drop)
            time.sleep(0.02)

    return drip


def telling(answer: bytes) -> Behaviour:
    return lambda connection, _: connection.sendall(answer)


@pytest.mark.parametrize(
    ("scheme", "begin", "drop"),
    [
        ("http", b"HTTP/1.1 200 OK\r\nX-A: ", b"a"),
        ("http", b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        ("http", JSON + b"\r\n[", b" "),
        ("http", JSON + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
        ("http", JSON + b"Transfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n", b"X-Y: z\r\n"),
        ("https", b"\x16\x03\x03\x3f\x00\x02\x00\x3e\xfc\x03\x03", b"\x00"),
    ],
    ids=["headers", "continues", "body", "size of a piece", "trailers", "greeting of TLS"],
)
def test_no_answer_lasts_longer_than_it_may(
    hosting: Hosting, monkeypatch: pytest.MonkeyPatch, scheme: str, begin: bytes, drop: bytes
) -> None:
    monkeypatch.setattr("connectors.http.TOTAL_SECONDS", 1.0)
    began = time.monotonic()
    with pytest.raises(SourceUnavailable, match="not complete after"):
        ask(hosting(dripping(begin, drop)), scheme=scheme)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "told",
    [
        b"Date: Fri, 31 Dec 9999 23:59:59 GMT\r\nAge: 999999999\r\n",
        b"Date: Sat, 01 Jan 2000 00:00:00 +9999\r\n",
    ],
)
def test_a_clock_beyond_all_time_tells_no_time(hosting: Hosting, told: bytes) -> None:
    answer = ask(hosting(telling(JSON + told + b"Content-Length: 2\r\n\r\n[]")))
    assert (answer.document, answer.skew_seconds) == ([], None)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_what_blows_up_is_refused_before_it_fills_the_memory(hosting: Hosting, layers: int) -> None:
    body = b"[" + b" " * (1 << 24) + b"]"
    for _ in range(layers):
        body = gzip.compress(body, 9)
    head = f"Content-Encoding: {', '.join(['gzip'] * layers)}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with pytest.raises(SourceChanged, match="more than 1 MB"):
        ask(hosting(telling(JSON + head + body)))


@pytest.mark.parametrize(
    "location",
    [
        "http://localhost:{port}/",
        "//localhost:{port}/",
        "http://localhost:{port}\\@127.0.0.1:{own}/",  # Python and the library read different hosts in it
        "http://127.0.0.1:{own}@localhost:{port}/",
        "http://127.0.0.1:{port}/",  # somebody else on the same machine
        "http://127.0.0.1:{own}\\.localhost:{port}/",
    ],
)
def test_nobody_leads_to_where_a_source_may_not_go(hosting: Hosting, location: str) -> None:
    came: list[bytes] = []

    def elsewhere(connection: socket.socket, asked: bytes) -> None:
        came.append(asked)
        connection.sendall(JSON + b"Content-Length: 2\r\n\r\n[]")

    port, own = hosting(elsewhere), [0]

    def lead(connection: socket.socket, _: bytes) -> None:
        target = location.format(port=port, own=own[0])
        connection.sendall(f"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: {target}\r\n\r\n".encode())

    own[0] = hosting(lead)
    with pytest.raises(ForewarnError):
        ask(own[0])
    assert came == []


def test_what_is_secret_is_neither_logged_nor_repeated(hosting: Hosting, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    ask(hosting(telling(JSON + b"Content-Length: 2\r\nthis is no header\r\n\r\n[]")))
    assert "Failed to parse headers" in caplog.text

    def repeat(connection: socket.socket, asked: bytes) -> None:
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\n\r\n" + asked)

    with pytest.raises(SourceChanged, match="403: GET /rows") as caught:
        ask(hosting(repeat), user="ann:hunter2-word@")
    for secret in ("hunter2", b64encode(b"ann:hunter2-word").decode()):
        assert secret not in caplog.text
        assert secret not in str(caught.value)


def test_secrets_are_known_in_all_their_forms() -> None:
    basic = b64encode(b"ann/token:k:y").decode()
    known = secrets_of("https://bob:s%2Fx@example.org", {"Authorization": f"Basic {basic}"}, ["a b"])
    assert {"bob", "s/x", "s%2Fx", f"Basic {basic}", basic, "ann/token", "k:y", "a b", "a+b"} <= set(known)
    assert known == sorted(known, key=len, reverse=True) or sorted(map(len, known), reverse=True) == list(
        map(len, known)
    )

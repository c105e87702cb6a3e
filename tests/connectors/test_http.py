from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest

from connectors.documents import TryLater, parse_json, parse_xml
from connectors.http import MAX_TRIES, TOTAL_SECONDS, Answer, Client, HttpSource
from connectors.sockets import is_public
from forewarn.errors import SourceChanged, SourceUnavailable
from tests.servers import faults
from tests.servers.faults import Faulty

Serving = Callable[[WSGIApplication], str]
NOW = datetime(2026, 6, 22, 12, tzinfo=UTC)


def hello(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    body = b'["' + b"hello" * 50 + b'"]'
    start_response(
        "200 OK",
        [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Date", format_datetime(NOW, usegmt=True)),
        ],
    )
    return [body]


@pytest.fixture
def server() -> Faulty:
    return Faulty(hello)


def source(url: str, **settings: object) -> HttpSource:
    allowed = {"allow_http": True, "allow_private_hosts": True, **settings}
    return HttpSource(source="bonn", zone="Europe/Berlin", url=url, **allowed)  # type: ignore[arg-type]


def ask(origin: HttpSource, path: str = "/requests.json?key=hunter2") -> Answer:
    with origin.client({"X-App-Token": "hunter2"}) as client:
        return client.get(origin.url + path, {}, parse_json)


@pytest.mark.parametrize(
    "fault",
    [
        faults.web_page,
        faults.empty,
        faults.cut,
        faults.too_short,
        faults.status("202 Accepted"),
        faults.status("408 Request Timeout"),
        faults.status("425 Too Early"),
        faults.status("429 Too Many Requests"),
        faults.status("500 Internal Server Error"),
        faults.status("503 Service Unavailable"),
    ],
)
def test_passing_trouble_is_tried_again_and_then_reported(
    serving: Serving, server: Faulty, fault: faults.Fault, waits: list[float]
) -> None:
    url = serving(server)
    server.queue.extend([fault, fault])
    assert ask(source(url)).retries == 2
    assert 0.75 <= waits[0] <= 1.25
    assert 1.5 <= waits[1] <= 2.5

    server.asked.clear()
    server.queue.extend([fault] * MAX_TRIES)
    with pytest.raises(SourceUnavailable) as caught:
        ask(source(url))
    assert len(server.asked) == MAX_TRIES
    assert "hunter2" not in str(caught.value)


def test_retry_after_is_honoured_in_seconds_and_as_a_date(serving: Serving, server: Faulty, waits: list[float]) -> None:
    url = serving(server)
    date = format_datetime(NOW + timedelta(seconds=40), usegmt=True)
    server.queue.append(faults.status("429 Too Many Requests", Retry_After="17"))
    server.queue.append(faults.status("503 Service Unavailable", Retry_After=date))
    client = Client(source(url), {}, sleep=waits.append, now=lambda: NOW)
    with client:
        client.get(url, {}, parse_json)
    assert waits == [17, 40]


def test_a_long_retry_after_ends_the_run_at_once(serving: Serving, server: Faulty, waits: list[float]) -> None:
    server.queue.append(faults.status("429 Too Many Requests", Retry_After="86400"))
    with pytest.raises(SourceUnavailable, match="86400"):
        ask(source(serving(server)))
    assert waits == []


def test_a_refusal_is_not_repeated_and_says_what_the_server_said(serving: Serving, server: Faulty) -> None:
    server.queue.append(faults.status("403 Forbidden"))
    with pytest.raises(SourceChanged, match="403: sorry"):
        ask(source(serving(server)))
    assert len(server.asked) == 1


@pytest.mark.parametrize("fault", [faults.broken_gzip, faults.not_gzip])
def test_broken_compression_is_asked_for_without(serving: Serving, server: Faulty, fault: faults.Fault) -> None:
    server.queue.append(fault)
    assert ask(source(serving(server))).retries == 1
    assert server.headers["HTTP_ACCEPT_ENCODING"] == "identity"


def test_a_server_that_always_says_deflate_is_read_as_it_is(serving: Serving, server: Faulty) -> None:
    server.queue.extend([faults.not_deflated] * MAX_TRIES)
    origin = source(serving(server))
    with origin.client() as client:
        answers = [client.get(origin.url, {}, parse_json) for _ in range(2)]
    assert [answer.retries for answer in answers] == [2, 0], "asked for without, then taken at its content"
    assert answers[0].document == ["hello" * 50]
    server.queue.clear()
    server.queue.append(faults.deflated_raw)
    assert ask(source(serving(server))).retries == 0


def test_what_may_pass_with_this_server_is_tried_again(serving: Serving, server: Faulty, waits: list[float]) -> None:
    origin = source(serving(server))
    refusal = faults.status("424 Failed Dependency")
    server.queue.append(refusal)
    with origin.client() as client:
        assert client.get(origin.url, {}, parse_json, also_retried=frozenset({424})).retries == 1
        server.queue.append(refusal)
        with pytest.raises(SourceChanged, match="424"):
            client.get(origin.url, {}, parse_json)
        server.queue.extend([faults.status("500 Internal Server Error")] * 2)
        with pytest.raises(SourceUnavailable) as caught:
            client.get(origin.url, {}, parse_json, tries=2)
        assert caught.value.status == 500
        waits.clear()
        throttled = b'{"detail": "Request was throttled. Expected available in 12 seconds."}'
        server.queue.append(lambda _: ("429 Too Many Requests", [("Content-Type", "application/json")], throttled))
        client.get(origin.url, {}, parse_json)
        assert 12 in waits


def test_a_dripping_answer_ends_at_the_deadline(serving: Serving, server: Faulty) -> None:
    ticks = iter(range(0, 10_000_000, TOTAL_SECONDS + 1))
    with (
        Client(source(serving(server)), {}, sleep=lambda _: None, monotonic=lambda: next(ticks)) as client,
        pytest.raises(SourceUnavailable, match="not complete after"),
    ):
        client.get(client.origin.url, {}, parse_json)


def test_an_endless_answer_is_refused(serving: Serving) -> None:
    def endless(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        return (b" " * 100_000 for _ in range(20))

    with pytest.raises(SourceChanged, match="more than 1 MB"):
        ask(source(serving(endless), max_body_mb=1))


def test_redirects_stay_on_the_host_or_go_where_they_may(serving: Serving, server: Faulty) -> None:
    url = serving(server)
    server.queue.append(faults.redirect("/elsewhere"))
    assert ask(source(url)).retries == 0

    foreign = url.replace("127.0.0.1", "localhost")
    server.queue.append(faults.redirect(foreign))
    with pytest.raises(SourceChanged, match="allowed_hosts"):
        ask(source(url))

    server.queue.append(faults.redirect(foreign))
    assert ask(source(url, allowed_hosts=("localhost",))).retries == 0
    assert "HTTP_X_APP_TOKEN" not in server.headers  # a token never leaves for another host


def test_circles_end(serving: Serving, server: Faulty) -> None:
    server.queue.extend([faults.redirect("/again")] * 10)
    with pytest.raises(SourceChanged, match="circle"):
        ask(source(serving(server)))


def test_private_addresses_need_leave(serving: Serving, server: Faulty) -> None:
    url = serving(server)
    with pytest.raises(SourceChanged, match="allow_private_hosts"):
        ask(source(url, allow_private_hosts=False))
    with pytest.raises(SourceChanged, match="allow_private_hosts"):
        ask(source(url.replace("127.0.0.1", "localhost"), allow_private_hosts=False))
    assert server.asked == []


def test_plain_http_needs_leave(serving: Serving, server: Faulty) -> None:
    with pytest.raises(SourceChanged, match="allow_http"):
        ask(source(serving(server), allow_http=False))


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "169.254.169.254", "100.64.0.1", "224.0.0.1"),
        *("::1", "fe80::1%eth0", "fec0::1", "fd00::1", "::ffff:192.168.0.1", "::7f00:1"),
        *("64:ff9b::7f00:1", "64:ff9b:1::808:808", "2002:7f00:1::", "::ffff:0:10.0.0.1"),  # translated
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)
    assert is_public("93.184.216.34")
    assert is_public("2606:2800:220:1::1")
    assert is_public("64:ff9b::808:808")


def test_nobody_there() -> None:
    with pytest.raises(SourceUnavailable, match="could not be made") as caught:
        ask(source("http://user:hunter2@127.0.0.1:9"))
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(Client(source("https://x"), {"X-App-Token": "hunter2"}))
    assert "hunter2" not in repr(source("https://ann:hunter2@x"))


def test_clocks_that_differ_are_told(serving: Serving, server: Faulty) -> None:
    with Client(source(serving(server)), {}, now=lambda: NOW + timedelta(minutes=10)) as client:
        assert client.get(client.origin.url, {}, parse_json).skew_seconds == 600


def test_a_cached_answer_is_as_old_as_it_says(serving: Serving, server: Faulty) -> None:
    server.standing.append(header("Age", "7200"))
    with Client(source(serving(server)), {}, now=lambda: NOW + timedelta(hours=2)) as client:
        assert client.get(client.origin.url, {}, parse_json).skew_seconds == 0
        assert client.origin.clock_ahead(NOW + timedelta(hours=2)) == timedelta(0)
    server.standing[:] = [header("Age", "-1")]
    with Client(source(serving(server)), {}, now=lambda: NOW + timedelta(hours=2)) as client:
        client.get(client.origin.url, {}, parse_json)
        assert client.origin.clock_ahead(NOW + timedelta(hours=2)) == timedelta(hours=2)
        assert client.origin.clock_ahead(NOW + timedelta(days=9000)) == timedelta(0), "no server's clock is right then"


def test_all_sources_of_a_server_keep_the_pause_together(serving: Serving, server: Faulty, waits: list[float]) -> None:
    url = serving(server)
    for _ in range(2):
        ask(source(url, pause_seconds=60))
    (left,) = waits
    assert 50 < left <= 60


def test_pauses_lie_between_requests(serving: Serving, server: Faulty, waits: list[float]) -> None:
    with source(serving(server), pause_seconds=0.5).client() as client:
        for _ in range(3):
            client.get(client.origin.url, {}, parse_json)
    assert waits == [0.5, 0.5]


def test_hostile_xml_is_refused() -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY b "boom">]><a>&b;</a>'
    with pytest.raises(ValueError, match=r"Entit"):
        parse_xml(bomb)
    with pytest.raises(ValueError, match="no element"):
        parse_xml(b"<a><b>")


def header(name: str, value: str) -> faults.Fault:
    """The answer with one header more."""
    return lambda whole: (whole[0], [(n, v) for n, v in whole[1] if n != name] + [(name, value)], whole[2])


@pytest.mark.parametrize("location", ["http://[nowhere", "http://127.0.0.1:port/"])
def test_redirects_to_addresses_that_are_none(serving: Serving, server: Faulty, location: str) -> None:
    url = serving(server)
    server.queue.append(faults.redirect(location))
    assert ask(source(url)).retries == 1, "tried again"
    server.queue.extend([faults.redirect(location)] * MAX_TRIES)
    with pytest.raises(SourceUnavailable):
        ask(source(url))


@pytest.mark.parametrize("wait", ["\xb2", "9" * 5000, "Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "-5", "soon"])
def test_waiting_times_that_are_none(serving: Serving, server: Faulty, wait: str) -> None:
    server.queue.extend([faults.status("503 Service Unavailable", Retry_After=wait)] * MAX_TRIES)
    with pytest.raises(SourceUnavailable, match="status 503"):
        ask(source(serving(server)))


def test_a_date_that_is_none_tells_no_time(serving: Serving, server: Faulty) -> None:
    server.queue.append(header("Date", "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"))
    assert ask(source(serving(server))).skew_seconds is None


def test_a_refusal_does_not_repeat_our_secrets(serving: Serving) -> None:
    def echo(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("403 Forbidden", [("Content-Type", "text/plain")])
        return [f"no entry for {environ['HTTP_X_APP_TOKEN']} of ann, s3cret".encode()]

    url = serving(echo).replace("http://", "http://ann:s3cret@")
    with pytest.raises(SourceChanged, match="403: no entry for … of …, …") as caught:
        ask(source(url))
    assert "hunter2" not in str(caught.value)


def test_xml_in_an_encoding_that_is_none() -> None:
    with pytest.raises(ValueError, match="nope"):
        parse_xml(b'<?xml version="1.0" encoding="nope"?><a/>')


def test_a_question_is_posted_again_after_trouble_and_the_status_is_told(waits: list[float], serving: Serving) -> None:
    came: list[bytes] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        assert environ["REQUEST_METHOD"] == "POST"
        assert environ["CONTENT_TYPE"] == "application/json"
        came.append(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        start_response("409 Conflict", [("Content-Type", "application/json"), ("Content-Length", "2")])
        return [b"[]"]

    server = Faulty(app)
    server.queue.append(faults.status("503 Service Unavailable"))
    origin = source(serving(server))
    with origin.client() as client:
        answer = client.post(
            f"{origin.url}/query.json", {"query": "SELECT 1"}, parse_json, also_accepted=frozenset({409})
        )
    assert came == [b'{"query": "SELECT 1"}'] * 2
    assert (answer.document, answer.status, answer.retries) == ([], 409, 1)
    assert len(waits) == 1


def test_a_document_that_asks_to_come_later_is_asked_for_again_and_quoted(serving: Serving, server: Faulty) -> None:
    def busy(_: bytes) -> object:
        raise TryLater("the table is being loaded")

    origin = source(serving(server))
    with origin.client() as client, pytest.raises(SourceUnavailable, match="the table is being loaded"):
        client.get(origin.url, {}, busy)
    assert len(server.asked) == MAX_TRIES

"""Channels against real receivers on loopback: an SMTP server and a web server."""

import email
import json
import logging
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from alerts.channels import channel_for, targets_of
from alerts.channels.apprise import AppriseChannel
from alerts.channels.log import LogChannel
from alerts.messages import notifications
from forewarn.alert import Notification
from forewarn.errors import ConfigError, DeliveryError
from forewarn.settings import ChannelSettings
from tests.alerts.test_messages import NOW, surge

SECRET = "hunter2-secret"


def message(key: str = "abc:1:ops", channel: str = "ops", **changes: Any) -> Notification:
    values = {
        "idempotency_key": key,
        "channel": channel,
        "fingerprint": "abc",
        "subject": "[Notice] Rats: 34 – 雨",
        "text": "Rats: 34 <b>&amp;</b>\n\nWhat to do\nLook.\n\nhttp://desk/alerts/abc\n",
        "html": "<html><body><p>Rats: <b>34</b></p></body></html>",
        "created_at": datetime(2026, 2, 4, 6, tzinfo=UTC),
    }
    return Notification(**{**values, **changes})


class MailServer:
    """Keeps the mails it accepts; refuses those to `refused`."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, Message]] = []
        self.refused: set[str] = set()

    async def handle_RCPT(  # noqa: N802 - names and arguments are aiosmtpd's
        self, _server: object, _session: object, envelope: Any, address: str, _options: object
    ) -> str:
        if address in self.refused:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802
        self.mails += [(address, email.message_from_bytes(envelope.content)) for address in envelope.rcpt_tos]
        return "250 OK"


@pytest.fixture
def mail_server() -> Iterator[tuple[MailServer, str]]:
    handler = MailServer()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, f"mailto://127.0.0.1:{port}?mode=insecure&from=forewarn@example.org"
    controller.stop()


@contextmanager
def web_server(status: int = 200) -> Iterator[tuple[list[tuple[dict[str, str], dict[str, Any]]], str]]:
    """Headers and bodies of what was posted, and the server's host and port."""
    posted: list[tuple[dict[str, str], dict[str, Any]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            posted.append((dict(self.headers), json.loads(body)))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield posted, f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_mail_arrives_as_text_and_html_with_its_key(mail_server: tuple[MailServer, str]) -> None:
    server, url = mail_server
    AppriseChannel("ops", f"{url}&to=ada@example.org").send(message())
    ((address, mail),) = server.mails
    assert address == "ada@example.org"
    assert str(email.header.make_header(email.header.decode_header(mail["Subject"]))) == "[Notice] Rats: 34 – 雨"
    assert mail["Idempotency-Key"] == "abc:1:ops"
    assert mail["References"] == "<abc@forewarn>"
    bodies = {part.get_content_type(): part.get_payload(decode=True) for part in mail.walk() if not part.is_multipart()}
    assert b"<b>34</b>" in bodies["text/html"]
    assert bodies["text/plain"].strip() == b"Rats: 34"


def test_each_target_gets_its_own_message_and_no_other(mail_server: tuple[MailServer, str]) -> None:
    server, url = mail_server
    settings = ChannelSettings.model_validate({"url": f"{url}&to=ada@example.org,bob@example.org"})
    channel = channel_for("ops", settings)
    assert targets_of("ops", settings) == ("ops", "ops/2")
    server.refused = {"ada@example.org"}
    with pytest.raises(DeliveryError, match=r"ada@example\.org"):
        channel.send(message(channel="ops"))
    channel.send(message(channel="ops/2"))
    assert [address for address, _ in server.mails] == ["bob@example.org"]


def test_a_target_that_was_taken_out_is_not_tried_again(mail_server: tuple[MailServer, str]) -> None:
    with pytest.raises(DeliveryError, match="taken out") as raised:
        AppriseChannel("ops", f"{mail_server[1]}&to=ada@example.org").send(message(channel="ops/2"))
    assert not raised.value.retryable


def test_what_a_source_sends_cannot_add_headers_or_markup_to_a_mail(mail_server: tuple[MailServer, str]) -> None:
    server, url = mail_server
    settings = ChannelSettings.model_validate({"url": f"{url}&to=ada@example.org"})
    hostile = surge("<script>x</script>\r\nBcc: eve@example.org\r\n\r\n<b>")
    for told in notifications([hostile], {"ops": settings}, {}, now=NOW, dashboard_url="http://desk"):
        channel_for("ops", settings).send(told)
    ((address, mail),) = server.mails
    assert address == "ada@example.org"
    assert mail["Bcc"] is None
    bodies = {part.get_content_type(): part.get_payload(decode=True) for part in mail.walk() if not part.is_multipart()}
    assert b"<script" not in bodies["text/html"]
    assert b"&lt;script&gt;x&lt;/script&gt;" in bodies["text/html"]
    assert b"<script>x</script> Bcc: eve@example.org <b>" in bodies["text/plain"]


def test_a_webhook_gets_text_and_key() -> None:
    with web_server() as (posted, host):
        AppriseChannel("hook", f"json://{host}/x").send(message(channel="hook"))
    ((headers, body),) = posted
    assert headers["Idempotency-Key"] == "abc:1:ops"
    assert body["title"] == "[Notice] Rats: 34 – 雨"
    assert body["message"] == "Rats: 34 <b>&amp;</b>\n\nWhat to do\nLook.\n\nhttp://desk/alerts/abc\n".strip()


def test_a_webhook_that_refuses_is_told_without_secrets() -> None:
    with web_server(status=503) as (_, host), pytest.raises(DeliveryError) as raised:
        AppriseChannel("hook", f"json://user:{SECRET}@{host}/x").send(message(channel="hook"))
    assert raised.value.retryable
    assert "503" in raised.value.problem
    assert SECRET not in str(raised.value)


def test_a_dead_server_is_worth_another_try() -> None:
    with web_server() as (_, host):
        pass
    with pytest.raises(DeliveryError, match="A Connection error") as raised:
        AppriseChannel("hook", f"json://{host}/x").send(message(channel="hook"))
    assert raised.value.retryable


def test_a_category_calls_nobody_in_a_chat() -> None:
    with web_server() as (posted, host):
        AppriseChannel("chat", f"json://{host}/x").send(message(channel="chat", text="@everyone: 34\n\nlink"))
    assert "@everyone" not in posted[0][1]["message"]
    assert "everyone: 34" in posted[0][1]["message"]


def test_markdown_in_a_category_stays_text_in_a_chat() -> None:
    with web_server() as (posted, host):
        channel = AppriseChannel("chat", f"json://{host}/x?format=markdown")
        channel.send(message(channel="chat", text="[Rats](http://evil)\n\nlink"))
    assert "[Rats](http://evil)" not in posted[0][1]["message"]
    assert "Rats" in posted[0][1]["message"]


def test_a_short_message_keeps_its_link(monkeypatch: pytest.MonkeyPatch) -> None:
    from apprise.plugins.custom_json import NotifyJSON

    monkeypatch.setattr(NotifyJSON, "body_maxlen", 60)
    with web_server() as (posted, host):
        AppriseChannel("sms", f"json://{host}/x").send(message(channel="sms", text="first\n\n" + 60 * "x" + "\n\nlink"))
    assert posted[0][1]["message"] == "first\n\nlink"


@pytest.mark.parametrize("url", ["", "nonsense", f"json://user:{SECRET}@", f"foo://user:{SECRET}@host"])
def test_a_wrong_address_is_explained_without_showing_it(url: str, caplog: pytest.LogCaptureFixture) -> None:
    settings = ChannelSettings.model_validate({"url": url})
    with caplog.at_level(logging.DEBUG), pytest.raises(ConfigError, match=r"channels\.ops\.url") as raised:
        channel_for("ops", settings)
    assert SECRET not in str(raised.value)
    assert "hunter2" not in caplog.text


def test_a_channel_does_not_show_its_address() -> None:
    assert SECRET not in repr(AppriseChannel("ops", f"json://user:{SECRET}@host"))


def test_the_log_is_written_exactly_once(tmp_path: Path) -> None:
    log = LogChannel("log", str(tmp_path / "log.jsonl"))
    for key in ("a:1:log", "a:1:log", "a:2:log", "a:1:log"):
        log.send(message(key))
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["key"] for line in lines] == ["a:1:log", "a:2:log"]
    assert lines[0]["subject"] == "[Notice] Rats: 34 – 雨"


def test_a_line_that_was_cut_off_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    log = LogChannel("log", str(path))
    log.send(message())
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    log.send(message())
    assert path.read_bytes() == whole[:-20] + b"\n" + whole


def test_a_disk_that_takes_a_part_of_a_line_has_not_taken_it(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    log = LogChannel("log", str(path))
    log.send(message("a:1:log"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 40, before[1]))
    try:
        with pytest.raises(DeliveryError, match="cannot write"):
            log.send(message("a:2:log"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    log.send(message("a:2:log"))
    first, _, last = path.read_text().splitlines()
    assert [json.loads(line)["key"] for line in (first, last)] == ["a:1:log", "a:2:log"]


def test_a_log_that_cannot_be_written_is_worth_another_try(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match="cannot write") as raised:
        LogChannel("log", str(tmp_path / "missing" / "log.jsonl")).send(message())
    assert raised.value.retryable
    with pytest.raises(ConfigError, match="path"):
        channel_for("log", ChannelSettings.model_validate({"kind": "log"}))

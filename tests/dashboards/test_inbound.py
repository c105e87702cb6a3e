"""Batches over real HTTP, on SQLite and PostgreSQL: what is answered, and what is kept when it is."""

import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import Engine

from dashboards.app import create_app, serve
from forewarn.errors import ConfigError, StoreError
from forewarn.settings_file import parse
from simulator.open311 import Clock
from store.engine import open_store
from store.received import read_batches
from tests.databases import postgres_server, store_engine, store_url
from tests.servers.sender import SECRET, Sender, heartbeat

__all__ = ["postgres_server", "store_engine", "store_url"]

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)
SETTINGS: dict[str, Any] = {
    "sources": {
        "noise line": {"kind": "webhook", "secret": SECRET, "max_body_mb": 1, "batches_a_minute": 4},
        "folder": {"kind": "files", "path": "somewhere", "fields": {"requested_at": "at"}},
    }
}


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def line(store_engine: Engine, clock: Clock) -> Iterator[Sender]:
    with serve(create_app(store_engine, parse(SETTINGS), now=clock), "127.0.0.1", 0) as url:
        yield Sender(f"{url}/ingest/noise%20line")


def call(number: int) -> dict[str, Any]:
    return {"source_record_id": f"c-{number}", "requested_at": NOW.isoformat(), "category": "Noise"}


def kept(engine: Engine) -> list[Any]:
    return [batch.content["rows"] for batch in read_batches(engine, "noise line", 0)]


def test_a_batch_is_kept_and_answered(line: Sender, store_engine: Engine) -> None:
    answer = line.send([call(1), {"source_record_id": "c-2"}, call(3)], NOW, key="k1")
    assert answer.status_code == 202
    assert answer.json() == {
        "batch_id": "1",
        "accepted": 2,
        "rejected": [{"index": 1, "error": "requested_at is empty"}],
    }
    assert [[row["source_record_id"] for row in rows] for rows in kept(store_engine)] == [["c-1", "c-3"]]
    assert line.send("\n".join(map(json.dumps, [call(4), call(5)])).encode(), NOW).json()["accepted"] == 2
    assert line.send([heartbeat(NOW)], NOW).json()["accepted"] == 1


def test_the_same_batch_again_is_kept_once(line: Sender, store_engine: Engine, clock: Clock) -> None:
    first = line.send([call(1)], NOW, key="k1")
    clock.now += timedelta(minutes=20)
    again = line.send([call(1)], clock.now, key="k1")
    assert (again.status_code, again.json()) == (202, first.json())
    other = line.send([call(2)], clock.now, key="k1")
    assert other.status_code == 409
    assert len(kept(store_engine)) == 1
    without_key = [line.send([call(7)], clock.now).json()["batch_id"] for _ in range(3)]
    assert len(set(without_key)) == 1, "the body itself is the key"


def test_who_overhears_a_batch_cannot_send_it_again_under_another_key(line: Sender, store_engine: Engine) -> None:
    """Else an older state of a request could be put over a newer one within the minutes that a signature holds."""
    first = line.send([call(1)], NOW, key="k1")
    line.send([{**call(1), "category": "Rats"}], NOW, key="k2")
    again = line.send([call(1)], NOW, key="k3")
    assert (again.status_code, again.json()) == (202, first.json())
    assert [[row["category"] for row in rows] for rows in kept(store_engine)] == [["Noise"], ["Rats"]]


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Signature": ""},
        {"X-Signature": "sha256=" + "0" * 64},
        {"X-Timestamp": str(int(NOW.timestamp()) + 1)},
        {"X-Timestamp": "soon"},
    ],
)
def test_what_is_not_signed_is_not_kept(line: Sender, store_engine: Engine, headers: dict[str, str]) -> None:
    line.headers = headers
    assert line.send([call(1)], NOW).status_code == 401
    assert kept(store_engine) == []


def test_who_does_not_know_the_secret_is_not_believed(line: Sender, store_engine: Engine) -> None:
    answer = Sender(line.url, secret="s-another-secret-000").send([call(1)], NOW)
    assert answer.status_code == 401
    assert SECRET not in answer.text
    assert kept(store_engine) == []


def test_old_and_future_batches_are_refused(line: Sender, store_engine: Engine) -> None:
    for minutes, status in [(-6, 401), (6, 401), (-4, 202), (4, 202)]:
        answer = line.send([call(minutes)], NOW + timedelta(minutes=minutes))
        assert answer.status_code == status, answer.text
    assert len(kept(store_engine)) == 2


def test_a_timestamp_may_be_written_as_iso_8601(line: Sender) -> None:
    body = json.dumps([call(1)]).encode()
    told = NOW.isoformat()
    signed = hmac.new(SECRET.encode(), f"{told}.".encode() + body, sha256).hexdigest()
    headers = {"X-Timestamp": told, "X-Signature": f"sha256={signed}"}
    assert requests.post(line.url, data=body, headers=headers, timeout=30).status_code == 202


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large(line: Sender, store_engine: Engine, chunked: bool) -> None:
    body = b"[" + b" " * (1 << 20) + b"]"
    posted = requests.post(line.url, data=iter([body]) if chunked else body, timeout=30)
    assert posted.status_code == 413
    assert kept(store_engine) == []


def test_what_is_far_too_large_is_not_taken_in(line: Sender) -> None:
    for path in ("/ingest/noise%20line", "/_dash-update-component"):
        try:
            status = requests.post(
                line.url.replace("/ingest/noise%20line", path), data=bytes(17 << 20), timeout=30
            ).status_code
        except requests.ConnectionError:  # cut before all of it was sent
            status = 413
        assert status == 413


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'[{"source_record_id": "c-1"', b'[{"source_record_id": "c-1"}]', b"\xff"]
)
def test_a_batch_without_anything_usable(line: Sender, store_engine: Engine, body: bytes) -> None:
    answer = line.send(body, NOW)
    assert answer.status_code == 422
    assert answer.json()["error"]
    assert kept(store_engine) == []


def test_too_many_batches_are_put_off(line: Sender, store_engine: Engine, clock: Clock) -> None:
    for number in range(4):
        assert line.send([call(number)], NOW).status_code == 202
    answer = line.send([call(4)], NOW)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    assert line.send([call(0)], NOW).status_code == 202, "a repeated one was kept already"
    clock.now += timedelta(minutes=1)
    assert line.send([call(4)], clock.now).status_code == 202
    assert len(kept(store_engine)) == 5


def test_other_sources_take_nothing(line: Sender, store_engine: Engine) -> None:
    for name in ("folder", "nobody", "folder/x"):
        answer = Sender(line.url.replace("noise%20line", name)).send([call(1)], NOW)
        assert answer.status_code == 404
    assert requests.get(line.url, timeout=30).status_code != 202
    assert kept(store_engine) == []


def test_a_store_that_cannot_be_written_is_said_to_the_sender(
    line: Sender, store_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise StoreError("The disk is full.")

    with monkeypatch.context() as broken:
        broken.setattr("dashboards.inbound.keep_batch", full)
        answer = line.send([call(1)], NOW, key="k1")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert line.send([call(1)], NOW, key="k1").status_code == 202
    assert len(kept(store_engine)) == 1


def test_a_secret_that_is_too_short_stops_the_dashboard(tmp_path: Path) -> None:
    engine = open_store(f"sqlite:///{tmp_path / 'empty.db'}")
    settings = parse({"sources": {"line": {"kind": "webhook", "secret": "hunter2"}}})
    with pytest.raises(ConfigError, match=r"sources\.line"):
        create_app(engine, settings, now=lambda: NOW)
    engine.dispose()

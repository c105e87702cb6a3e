"""Each kind of source is checked before it is trusted: what maps to what, and the newest that it has."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIApplication

import pytest
from sqlalchemy import create_engine, text

from connectors import connector_for
from connectors.checking import Check, check
from forewarn.contracts import ReceivedBatch
from forewarn.settings import SourceSettings
from tests.servers.population import Population
from tests.servers.served import SERVED, ZONE

FIRST = date(2026, 4, 20)
NOW = datetime(2026, 6, 19, 16, tzinfo=UTC)  # a Friday
ON_THE_WEB = {"allow_http": True, "allow_private_hosts": True, "pause_seconds": 0, "zone": ZONE.key}
OURS = {
    "requested_at": "requested_at",
    "category": "category",
    "area": "area",
    "channel": "channel",
    "status": "status",
}
Serving = Callable[[WSGIApplication], str]
ASKED = [kind for kind in SERVED if kind not in ("files", "webhook", "sql")]  # those three are told of below


def served(serving: Serving, kind: str, n_days: int, **changes: Any) -> Check:
    """A town of the last `n_days` before NOW less what `changes` say, behind the server of this kind."""
    town = Population.drawn(7, FIRST, n_days, per_day=12, zone=ZONE)
    server = SERVED[kind]()
    for now in (NOW - timedelta(days=14), NOW):  # what changes last is stamped so
        server.show(town.at(now), now)
    settings = {**server.settings, **ON_THE_WEB, "url": serving(server.app), **changes}
    return check(connector_for("town", SourceSettings(**settings)), NOW)


@pytest.mark.parametrize("kind", ASKED)
def test_every_field_is_told_with_what_the_newest_requests_hold(serving: Serving, kind: str) -> None:
    found = served(serving, kind, 61)
    assert found.usable
    assert not found.wrong
    holds = dict(zip((line.partition(" ← ")[0] for line in found.fields), found.holds, strict=True))
    for ours in {"source_record_id", *SERVED[kind].told} - {"closed_at"}:
        assert holds[ours], (ours, found.fields)
    newest = date.fromisoformat(holds["requested_at"].removesuffix(" (days only)").rpartition(" to ")[2])
    assert NOW.date() - newest <= timedelta(days=1), found.sample
    assert found.plan.startswith("2026-03-2")


@pytest.mark.parametrize("kind", ASKED)
def test_a_source_that_fell_silent_is_told(serving: Serving, kind: str) -> None:
    found = served(serving, kind, 45)  # up to 3 June; closings and late reports go on
    assert found.usable
    assert any("the newest request of the sample is of 2026-06-0" in line for line in found.wrong), found


@pytest.mark.parametrize("kind", [kind for kind in ASKED if "category" in SERVED[kind].settings.get("fields", {})])
def test_a_slip_of_the_pen_is_named(serving: Serving, kind: str) -> None:
    fields = SERVED[kind].settings["fields"]
    right = fields["category"]
    found = served(serving, kind, 61, fields={**fields, "category": right[:-1] + "x"})
    likely = "did you mean 'custom_fields." if kind == "zendesk" else f"did you mean {right!r}?"
    assert any(line.startswith("category ← ") and likely in line for line in found.wrong), found.wrong


def test_a_database_is_told_by_its_newest_rows(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'calls.db'}"
    with create_engine(address).begin() as conn:
        conn.execute(text("CREATE TABLE call (id INTEGER, created TEXT, updated TEXT, kind TEXT, who TEXT)"))
        for hour in range(2000):
            at = f"{NOW - timedelta(hours=hour + 1):%Y-%m-%d %H:%M:%S}"
            conn.execute(text(f"INSERT INTO call VALUES ({hour}, '{at}', '{at}', 'Noise', 'x')"))
    query = """SELECT * FROM call WHERE (updated > :since OR (updated = :since AND id > :after_id))
        AND updated < :until ORDER BY updated, id LIMIT :limit"""
    fields = {"source_record_id": "id", "requested_at": "created", "updated_at": "updated", "category": "kind"}
    settings = {"kind": "sql", "zone": ZONE.key, "clock": "UTC", "database_url": address, "query": query}
    found = check(connector_for("calls", SourceSettings(**settings, fields=fields)), NOW)
    assert (found.usable, found.wrong, found.unread) == (True, [], ["who"])
    assert dict(zip(found.fields, found.holds, strict=True))["category ← kind"] == "only 'Noise'"
    assert "2026-06-19" in found.sample
    wrong = check(connector_for("calls", SourceSettings(**settings, fields={**fields, "category": "kinds"})), NOW)
    assert wrong.wrong == ["category ← kinds: the source shows no such field; did you mean 'kind'?"]


def test_what_was_pushed_is_told_by_what_was_kept() -> None:
    rows = [
        {"source_record_id": str(n), "requested_at": f"2026-06-19T{n:02}:00:00-04:00", "category": "Noise"}
        for n in range(9)
    ]
    content = {"rows": rows, "removed": [], "rejects": [], "accepted": 9, "alive_until": None}
    batch = ReceivedBatch(3, NOW, content)
    settings = SourceSettings(kind="webhook", zone=ZONE.key, secret="s" * 16, fields={"category": "topic"})
    source = connector_for("line", settings, received=lambda after: [batch] if after < batch.number else [])
    found = check(source, NOW)
    assert list(zip(found.fields, found.holds, strict=True)) == [
        ("source_record_id ← source_record_id", "such as 8"),
        ("requested_at ← requested_at", "2026-06-19 to 2026-06-19"),
        ("category ← topic", "only 'Noise'"),
    ]
    assert found.wrong == []


def test_files_are_told_by_their_last_rows_and_judged_by_all(tmp_path: Path) -> None:
    days = [date(2026, 1, 1) + timedelta(days=n // 4) for n in range(677)]
    lines = [f"{n},{day},Noise,North,open" for n, day in enumerate(days)]
    lines[1] = "1,never,Noise,North,open"
    (tmp_path / "calls.csv").write_text("\n".join(["id,at,topic,part,state", *lines]) + "\n", encoding="utf-8")
    fields = {"source_record_id": "id", "requested_at": "at", "category": "topic", "area": "parts"}
    settings = {"kind": "files", "zone": ZONE.key, "path": str(tmp_path)}
    found = check(connector_for("calls", SourceSettings(**settings, fields={**fields, "area": "part"})), NOW)
    assert found.usable
    assert found.wrong == ["1 of 677 rows cannot be used (1 bad_date), such as row 2: requested_at holds 'never'"]
    assert dict(zip(found.fields, found.holds, strict=True))["requested_at ← at"] == (
        "2026-01-01 to 2026-06-19 (days only)"
    )
    assert list(found.unread) == ["state"]
    wrong = check(connector_for("calls", SourceSettings(**settings, fields=fields)), NOW).wrong
    assert wrong == ["area ← parts: the source shows no such field; did you mean 'part'?"]

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from connectors import connector_for
from connectors.webhook import Webhook
from forewarn.contracts import Page, ReceivedBatch, WindowEnd
from forewarn.errors import ConfigError
from forewarn.settings import SourceSettings
from tests.servers.sender import SECRET, heartbeat

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)


class Box:
    """Keeps batches in memory."""

    def __init__(self) -> None:
        self.batches: list[ReceivedBatch] = []

    def put(self, source: Webhook, items: Sequence[Any], at: datetime) -> None:
        content = json.loads(json.dumps(source.check(json.dumps(items).encode(), at)))
        self.batches.append(ReceivedBatch(len(self.batches) + 1, at, content))

    def after(self, number: int) -> Sequence[ReceivedBatch]:
        return [batch for batch in self.batches if batch.number > number][:2]


@pytest.fixture
def box() -> Box:
    return Box()


def connector(box: Box | None = None, **options: Any) -> Webhook:
    settings = {"secret": SECRET, "zone": "Europe/Berlin", **options}
    received = (box or Box()).after
    found = connector_for("line", SourceSettings(kind="webhook", **settings), received=received)
    assert isinstance(found, Webhook)
    return found


def call(number: int, at: datetime, **values: Any) -> dict[str, Any]:
    return {"source_record_id": f"c-{number}", "requested_at": at.isoformat(), "category": "Noise", **values}


def read(source: Webhook, state: dict[str, Any] | None = None, now: datetime = NOW) -> list[Page]:
    return [page for window in source.plan(state or {}, now) for page in source.fetch(window)]


def ids(pages: Sequence[Page]) -> list[str]:
    return [request.source_record_id for page in pages for request in page.requests]


def end_of(pages: Sequence[Page]) -> WindowEnd:
    end = pages[-1].end
    assert end is not None
    return end


def test_batches_are_read_in_order_and_once(box: Box) -> None:
    source = connector(box)
    for hour in range(5):
        box.put(source, [call(hour, NOW + timedelta(hours=hour))], NOW + timedelta(hours=hour))
    pages = read(source)
    assert ids(pages) == [f"c-{hour}" for hour in range(5)]
    assert [page.end.state["after"] for page in pages if page.end] == [1, 2, 3, 4, 5, 5]
    assert ids(read(source, dict(end_of(pages).state))) == []
    assert ids(read(source, dict(end_of(pages[:2]).state))) == ["c-2", "c-3", "c-4"], "as after a kill"


def test_only_what_the_settings_ask_for_is_kept_and_that_scrubbed(box: Box) -> None:
    source = connector(box, fields={"description": "text", "area": "place.district"})
    row = call(1, NOW, text="Call me: +49 170 1234567 or a@b.org", place={"district": "Mitte"}, name="Jane Roe")
    box.put(source, [row], NOW)
    kept = json.dumps(box.batches[0].content)
    assert "Jane" not in kept
    assert "1234567" not in kept
    assert "a@b.org" not in kept
    (request,) = next(iter(read(source))).requests
    assert request.area == "Mitte"
    assert request.description == "Call me: [phone] or [mail]"


def test_bad_items_are_told_with_their_index_and_stop_no_other(box: Box) -> None:
    source = connector(box)
    items = [
        call(1, NOW),
        {"source_record_id": "c-2"},
        17,
        call(3, datetime(1900, 1, 1, tzinfo=UTC)),
        {"type": "heartbeat", "at": "2026-06-30T12:00:00"},
        {"type": "deletion"},
        call(5, NOW + timedelta(days=3)),
        heartbeat(NOW),
        {"requested_at": NOW.isoformat()},
        {"type": "deletion", "source_record_id": "c-0"},
    ]
    box.put(source, items, NOW)
    content = box.batches[0].content
    assert content["accepted"] == 3
    assert [(reason, index) for reason, _, index in content["rejects"]] == [
        ("no_date", "1"),
        ("unreadable", "2"),
        ("sentinel_date", "3"),
        ("bad_heartbeat", "4"),
        ("no_id", "5"),
        ("future_date", "6"),
        ("no_id", "8"),
    ]
    first, _ = read(source)
    assert ids([first]) == ["c-1"]
    assert list(first.removed) == ["c-0"]
    assert len(first.rejects) == 7
    assert first.rejects[0].position == "batch 1, item 1"


def test_of_a_request_and_its_deletion_the_later_counts(box: Box) -> None:
    source = connector(box)
    gone = {"type": "deletion", "source_record_id": "c-1"}
    box.put(source, [call(1, NOW), gone], NOW)
    box.put(source, [gone, call(1, NOW)], NOW)
    first, second, _ = read(source)
    assert list(first.removed) == ["c-1"]
    assert (list(second.removed), ids([second])) == ([], ["c-1"])
    assert box.batches[1].content["accepted"] == 2


def test_lines_of_json(box: Box) -> None:
    source = connector(box)
    lines = "\n".join([json.dumps(call(1, NOW)), "", '{"broken', json.dumps(call(2, NOW))]).encode()
    content = source.check(b"\xef\xbb\xbf" + lines, NOW)
    assert [row["source_record_id"] for row in content["rows"]] == ["c-1", "c-2"]
    assert [reject[2] for reject in content["rejects"]] == ["1"]


@pytest.mark.parametrize("body", [b'[{"a": 1}, {"b"', b"\xff\xfe[]", b"[" * 100_000])
def test_half_a_body_is_refused_whole(body: bytes) -> None:
    with pytest.raises(ValueError, match="body"):
        connector().check(body, NOW)


def test_a_heartbeat_makes_days_without_requests_known(box: Box) -> None:
    source = connector(box, first_day="2026-06-28")
    box.put(source, [call(1, datetime(2026, 6, 28, 9, tzinfo=UTC))], datetime(2026, 6, 28, 10, tzinfo=UTC))
    first = end_of(read(source))
    assert first.covers is None
    assert first.open_day == date(2026, 6, 28)
    box.put(source, [heartbeat(NOW - timedelta(minutes=1))], NOW)
    later = end_of(read(source, dict(first.state)))
    assert later.covers == (date(2026, 6, 28), date(2026, 6, 29))
    assert later.open_day == date(2026, 6, 30)
    assert later.fresh_until == NOW - timedelta(minutes=1)


def test_without_life_nothing_becomes_known(box: Box) -> None:
    source = connector(box, first_day="2026-06-28")
    assert end_of(read(source)).covers is None
    box.put(source, [heartbeat(datetime(2026, 6, 29, 10, tzinfo=UTC))], NOW)
    end = end_of(read(source))
    assert end.covers == (date(2026, 6, 28), date(2026, 6, 28)), "up to what the sender says, not to when it came"
    assert end_of(read(source, dict(end.state), NOW + timedelta(days=9))).covers is None


def test_a_batch_without_a_heartbeat_proves_the_days_before_its_newest_request(box: Box) -> None:
    source = connector(box, first_day="2026-06-20")
    rows = [call(n, datetime(2026, 6, 20, 9, tzinfo=UTC) + n * timedelta(hours=12)) for n in range(9)]
    ahead = call(99, NOW + timedelta(days=400))
    box.put(source, [*rows, ahead], NOW)  # the first of a sender who catches up
    end = end_of(read(source))
    assert end.covers == (date(2026, 6, 20), date(2026, 6, 23))
    assert end.fresh_until == NOW, "it lives"
    box.put(source, [{"type": "deletion", "source_record_id": "c-1"}], NOW)
    assert end_of(read(source, dict(end.state))).covers is None
    box.put(source, [call(10, NOW - timedelta(hours=4)), heartbeat(NOW)], NOW)
    assert end_of(read(source, dict(end.state))).covers == (date(2026, 6, 24), date(2026, 6, 29))


def test_a_heartbeat_ahead_of_time_proves_nothing_of_the_future(box: Box) -> None:
    source = connector(box, first_day="2026-06-28")
    box.put(source, [heartbeat(NOW + timedelta(minutes=4))], NOW)
    assert end_of(read(source)).fresh_until == NOW
    assert source.check(json.dumps([heartbeat(NOW + timedelta(days=1))]).encode(), NOW)["accepted"] == 0


def test_the_first_known_day_is_the_one_after_the_first_batch(box: Box) -> None:
    source = connector(box)
    box.put(source, [call(1, NOW - timedelta(days=3))], NOW)
    box.put(source, [heartbeat(NOW + timedelta(days=2))], NOW + timedelta(days=2))
    assert end_of(read(source)).covers == (date(2026, 7, 1), date(2026, 7, 1))


def test_a_late_request_has_its_day_judged_again(box: Box) -> None:
    source = connector(box, first_day="2026-06-20")
    box.put(source, [heartbeat(NOW)], NOW)
    state = dict(end_of(read(source)).state)
    box.put(source, [call(1, datetime(2026, 6, 22, 9, tzinfo=UTC))], NOW + timedelta(minutes=5))
    pages = read(source, state)
    assert end_of(pages).covers == (date(2026, 6, 22), date(2026, 6, 29))
    assert "touched" not in end_of(pages).state
    assert end_of(read(source, dict(end_of(pages[:1]).state))).covers == (date(2026, 6, 22), date(2026, 6, 29))


def test_signatures() -> None:
    source = connector()
    assert not source.is_signed("1", "sha256=00", b"x")
    assert not source.is_signed("1", "päng", b"x")


def test_secrets_are_long_enough_and_not_shown() -> None:
    assert SECRET not in repr(connector())
    with pytest.raises(ConfigError, match="16 characters") as caught:
        connector(secret="hunter2")
    assert "hunter2" not in str(caught.value)
    with pytest.raises(ConfigError, match="secret"):
        connector_for("line", SourceSettings(kind="webhook"))
    with pytest.raises(ConfigError, match="no such setting"):
        connector(received="x")


def test_a_probe_says_where_it_waits() -> None:
    assert "/ingest/line" in connector().probe().remarks[0]

"""What was pushed is kept in an order that no reader sees change."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from store.engine import transaction
from store.received import begin_receiving, count_batches, drop_batches, find_batch, keep_batch, read_batches

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)


def keep(engine: Engine, source: str, key: str, at: datetime = NOW) -> int:
    with transaction(engine, durable=True) as conn:
        begin_receiving(conn, source)
        marks = {"idempotency_key": key, "body_hash": f"hash {key}", "signature": f"signed {key}"}
        return keep_batch(conn, source, {"key": key}, received_at=at, **marks)


def test_batches_are_read_in_order_piece_by_piece(store_engine: Engine) -> None:
    for number in range(120):
        keep(store_engine, "line" if number % 3 else "other", f"key {number}", NOW + timedelta(seconds=number))
    found, after = [], 0
    while batches := read_batches(store_engine, "line", after):
        found += [batch.content["key"] for batch in batches]
        assert [batch.number for batch in batches] == sorted(batch.number for batch in batches)
        after = batches[-1].number
    assert found == [f"key {number}" for number in range(120) if number % 3]
    assert batches == []


def test_a_reader_never_passes_by_a_batch_that_is_committed_later(store_engine: Engine) -> None:
    """Many senders at once: whoever reads up to a number has everything up to it."""
    seen: list[int] = []

    def send(number: int) -> None:
        keep(store_engine, "line", f"key {number}")

    with ThreadPoolExecutor(8) as senders:
        waiting = [senders.submit(send, number) for number in range(60)]
        while len(seen) < 60:
            seen += [batch.number for batch in read_batches(store_engine, "line", seen[-1] if seen else 0)]
            if all(one.done() for one in waiting):
                for one in waiting:
                    one.result()
                seen += [batch.number for batch in read_batches(store_engine, "line", seen[-1] if seen else 0)]
                break
    assert len(seen) == 60


def test_a_key_stands_for_one_batch_of_a_source(store_engine: Engine) -> None:
    number = keep(store_engine, "line", "a")
    keep(store_engine, "other", "a")
    with store_engine.connect() as conn:
        found = find_batch(conn, "line", idempotency_key="a", signature="")
        assert found is not None
        assert (found.number, found.body_hash, found.content) == (number, "hash a", {"key": "a"})
        assert find_batch(conn, "line", idempotency_key="b", signature="signed a") == found
        assert find_batch(conn, "line", idempotency_key="b", signature="") is None
    with pytest.raises(IntegrityError), store_engine.begin() as conn:
        keep_batch(conn, "line", {}, received_at=NOW, idempotency_key="a", body_hash="other", signature="")


def test_what_was_read_is_dropped_after_a_while_and_its_number_not_given_again(store_engine: Engine) -> None:
    numbers = [keep(store_engine, "line", str(day), NOW + timedelta(days=day)) for day in range(4)]
    with transaction(store_engine) as conn:
        drop_batches(conn, "line", up_to=numbers[1], before=NOW + timedelta(days=60))
        drop_batches(conn, "line", up_to=numbers[3], before=NOW)
        drop_batches(conn, "other", up_to=numbers[3], before=NOW + timedelta(days=60))
    assert [batch.number for batch in read_batches(store_engine, "line", 0)] == numbers[2:]
    with transaction(store_engine) as conn:
        drop_batches(conn, "line", up_to=numbers[3], before=NOW + timedelta(days=60))
    assert keep(store_engine, "line", "new") > numbers[3]


def test_how_many_came_lately(store_engine: Engine) -> None:
    for second in range(5):
        keep(store_engine, "line", str(second), NOW + timedelta(seconds=second))
    with store_engine.connect() as conn:
        assert count_batches(conn, "line", NOW + timedelta(seconds=1)) == 3
        assert count_batches(conn, "other", NOW) == 0

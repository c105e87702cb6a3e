"""Turns follow each other at once, and never overlap."""

from sqlalchemy import Engine

from store.turns import turn


def test_one_turn_after_the_other(store_engine: Engine) -> None:
    for _ in range(30):
        with turn(store_engine, "bonn") as is_ours:
            assert is_ours


def test_two_turns_at_once(store_engine: Engine) -> None:
    with turn(store_engine, "bonn") as first, turn(store_engine, "bonn") as second, turn(store_engine, "ulm") as other:
        assert (first, second, other) == (True, False, True)
    with turn(store_engine, "bonn") as is_ours:
        assert is_ours

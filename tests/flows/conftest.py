"""The flows' central tests run on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from store.engine import open_store
from tests.databases import postgres_server, store_engine, store_url
from tests.flows.towns import Town

__all__ = ["postgres_server", "store_engine", "store_url"]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An empty SQLite store, for tests that need no second database."""
    opened = open_store(f"sqlite:///{tmp_path / 'forewarn.db'}")
    yield opened
    opened.dispose()


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path / "town")

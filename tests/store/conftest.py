"""The store's tests run on SQLite and on PostgreSQL."""

from tests.databases import postgres_server, store_engine, store_url

__all__ = ["postgres_server", "store_engine", "store_url"]

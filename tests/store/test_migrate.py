"""The migrations lead to exactly the tables of the schema, there and back."""

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect

from store.engine import open_store
from store.migrate import migrations
from store.schema import metadata


def test_the_migrated_database_has_the_schema(store_engine: Engine) -> None:
    with store_engine.connect() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_down_and_up_again(store_engine: Engine) -> None:
    config = migrations()
    with store_engine.begin() as conn:
        config.attributes["connection"] = conn
        command.downgrade(config, "base")
    with store_engine.connect() as conn:
        assert inspect(conn).get_table_names() == ["alembic_version"]
    open_store(store_engine.url.render_as_string(hide_password=False)).dispose()
    with store_engine.connect() as conn:
        assert {*metadata.tables, "alembic_version"} == set(inspect(conn).get_table_names())

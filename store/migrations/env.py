"""Runs migrations on the connection that `store.migrate` hands over."""

from alembic import context

from store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
    user_module_prefix="types.",
)
with context.begin_transaction():
    context.run_migrations()

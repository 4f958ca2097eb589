"""Alembic's door: run the migrations on the connection that `schema.migrate` hands in."""

from alembic import context

# Locks and the one transaction around all steps belong to the caller.
context.configure(connection=context.config.attributes["connection"])
context.run_migrations()

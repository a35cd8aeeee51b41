"""Alembic's entry: one transaction, as the owner of all tables, over the connection that migrate.py hands in."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, version_table_schema="app", transaction_per_migration=False)
with context.begin_transaction():
    context.run_migrations()

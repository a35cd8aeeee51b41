"""Fences: the lease outside of the database, changes of mode and epoch on record, attempts that a restore forgot."""

from outreach_pipelines.adapters.postgres.migrate import run_sql_beside

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql_beside(__file__)

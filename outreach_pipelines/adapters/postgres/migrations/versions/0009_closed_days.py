"""Accepted sends of days that are over, added up once."""

from outreach_pipelines.adapters.postgres.migrate import run_sql_beside

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql_beside(__file__)

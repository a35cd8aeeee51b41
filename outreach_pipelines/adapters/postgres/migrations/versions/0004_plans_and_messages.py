"""The day's plan, its decisions, and a row for each message with its attempts."""

from outreach_pipelines.adapters.postgres.migrate import run_sql_beside

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql_beside(__file__)

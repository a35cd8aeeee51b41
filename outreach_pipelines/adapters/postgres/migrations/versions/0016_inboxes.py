"""Logins by token, checks of logins, and mail that waits for a person's verdict."""

from outreach_pipelines.adapters.postgres.migrate import run_sql_beside

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql_beside(__file__)

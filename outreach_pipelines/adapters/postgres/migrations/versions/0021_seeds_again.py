"""Seeds that failed go again, and what they showed of a way to send stands beside what its DNS shows."""

from outreach_pipelines.adapters.postgres.migrate import run_sql_beside

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql_beside(__file__)

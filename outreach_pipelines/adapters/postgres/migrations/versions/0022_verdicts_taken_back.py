"""Verdicts on mail can be taken back, with what followed from them."""

from outreach_pipelines.adapters.postgres.migrate import run_sql_beside

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql_beside(__file__)

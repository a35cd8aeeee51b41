"""Who sends, through whom, from which domains and mailboxes, and what."""

from outreach_pipelines.adapters.postgres.migrate import run_sql_beside

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql_beside(__file__)

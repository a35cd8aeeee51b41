"""What people and rules make of replies: assignments, intents, labels, notices."""

from outreach_pipelines.adapters.postgres.migrate import run_sql_beside

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql_beside(__file__)

"""What receivers report of mail in our domains' names, and weekly proofs by messages to our own inboxes."""

from outreach_pipelines.adapters.postgres.migrate import run_sql_beside

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql_beside(__file__)

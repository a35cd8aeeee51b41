"""What the DNS audit is asked for, what it compares with, what it has seen change, and who was told."""

from outreach_pipelines.adapters.postgres.migrate import run_sql_beside

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql_beside(__file__)

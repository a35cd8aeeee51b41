"""A tenant's choice to send once more what a plain SMTP server may have taken."""

from outreach_pipelines.adapters.postgres.migrate import run_sql_beside

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql_beside(__file__)

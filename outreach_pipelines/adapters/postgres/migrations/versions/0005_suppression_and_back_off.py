"""Who is not written to, and what is slowed or stopped."""

from outreach_pipelines.adapters.postgres.migrate import run_sql_beside

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql_beside(__file__)

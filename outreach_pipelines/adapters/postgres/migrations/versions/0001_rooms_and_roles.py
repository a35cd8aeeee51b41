"""Who may do what, which tenant a transaction is for, and the two clocks."""

from outreach_pipelines.adapters.postgres.migrate import run_sql_beside

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql_beside(__file__)

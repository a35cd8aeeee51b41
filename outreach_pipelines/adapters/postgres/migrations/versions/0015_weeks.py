"""Messages and attempts lie in partitions of a week: one that is never written to still costs each statement a lock."""

from outreach_pipelines.adapters.postgres.migrate import run_sql_beside

revision = "0015"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql_beside(__file__)

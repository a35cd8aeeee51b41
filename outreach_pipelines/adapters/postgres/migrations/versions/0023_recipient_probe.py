"""What servers of recipients said of an address when they were asked before anything was sent."""

from outreach_pipelines.adapters.postgres.migrate import run_sql_beside

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql_beside(__file__)

"""What providers tell of our standing with them, and the files of campaign steps."""

from outreach_pipelines.adapters.postgres.migrate import run_sql_beside

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql_beside(__file__)

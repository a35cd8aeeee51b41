"""Plans of days that are over, the day a tenant began, and what ops sees of leads."""

from outreach_pipelines.adapters.postgres.migrate import run_sql_beside

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql_beside(__file__)

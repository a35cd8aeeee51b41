"""How each recipient provider receives each sending domain, scored every day."""

from outreach_pipelines.adapters.postgres.migrate import run_sql_beside

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql_beside(__file__)

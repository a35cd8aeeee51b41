"""Who is written to, why that is lawful, and how far each sequence has come."""

from outreach_pipelines.adapters.postgres.migrate import run_sql_beside

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql_beside(__file__)

"""What accounts are known by from their calls, their breakers, and the blocks of sends that workers lease of them."""

from outreach_pipelines.adapters.postgres.migrate import run_sql_beside

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql_beside(__file__)

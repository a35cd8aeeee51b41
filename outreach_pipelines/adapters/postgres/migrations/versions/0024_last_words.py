"""What providers said last is kept, overlapping audits are told apart, and calls at recipients' servers are counted over all tenants."""

from outreach_pipelines.adapters.postgres.migrate import run_sql_beside

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql_beside(__file__)

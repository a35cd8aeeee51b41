"""Doubt: probes that carry the watermark, looks at providers, rulings of people."""

from outreach_pipelines.adapters.postgres.migrate import run_sql_beside

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of the file of the same name."""
    run_sql_beside(__file__)

"""Reports of receivers: where they lie, and what is kept of them."""

from typing import TYPE_CHECKING

from resources.database import app_engine
from resources.files import object_store

if TYPE_CHECKING:
    from outreach_pipelines.adapters.mail_report_files import StoredReportFiles
    from outreach_pipelines.adapters.postgres.mail_report_store import PostgresMailReportStore


def mail_report_store() -> "PostgresMailReportStore":
    """What receivers reported."""
    from outreach_pipelines.adapters.postgres.mail_report_store import PostgresMailReportStore

    return PostgresMailReportStore(app_engine())


def mail_report_files() -> "StoredReportFiles":
    """Reports below mail-reports/."""
    from outreach_pipelines.adapters.mail_report_files import StoredReportFiles

    return StoredReportFiles(object_store())

"""Reports of receivers: where they lie, and what is kept of them."""

from typing import TYPE_CHECKING

from resources.database import app_engine
from resources.files import object_store

if TYPE_CHECKING:
    from outreach_pipelines.adapters.mail_report_files import ReportFilesAndMail
    from outreach_pipelines.adapters.postgres.mail_report_store import PostgresMailReportStore


def mail_report_store() -> "PostgresMailReportStore":
    """What receivers reported."""
    from outreach_pipelines.adapters.postgres.mail_report_store import PostgresMailReportStore

    return PostgresMailReportStore(app_engine())


def mail_report_files() -> "ReportFilesAndMail":
    """Reports below mail-reports/, and in mail that was parked."""
    from outreach_pipelines.adapters.mail_report_files import ReportFilesAndMail, StoredReportFiles
    from outreach_pipelines.adapters.postgres.parked_report_mail import PostgresParkedMail

    return ReportFilesAndMail(StoredReportFiles(object_store()), PostgresParkedMail(app_engine(), object_store()))

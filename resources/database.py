"""The stores, each over the role that it needs.

Configuration only. URLs and keys come from the settings and never from run config, which the UI shows. Every run loads
this module: what only the command line asks for is imported there.
"""

from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.back_off_store import PostgresBackOffStore
from outreach_pipelines.adapters.postgres.clock import DatabaseClock
from outreach_pipelines.adapters.postgres.dns_audit_store import PostgresDnsAuditStore
from outreach_pipelines.adapters.postgres.due_hours import PostgresDueHours
from outreach_pipelines.adapters.postgres.enrollment_store import PostgresEnrollmentStore
from outreach_pipelines.adapters.postgres.event_store import PostgresEventInbox, PostgresEventStore
from outreach_pipelines.adapters.postgres.health_store import PostgresHealthStore
from outreach_pipelines.adapters.postgres.inventory_store import PostgresInventoryStore
from outreach_pipelines.adapters.postgres.lead_store import PostgresLeadStore
from outreach_pipelines.adapters.postgres.maintenance import PostgresMaintenance
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.plan_store import PostgresPlanStore
from outreach_pipelines.adapters.postgres.recipient_store import PostgresRecipientStore
from outreach_pipelines.adapters.postgres.reconciliation_store import PostgresReconciliationStore
from outreach_pipelines.adapters.postgres.reply_store import PostgresReplyStore
from outreach_pipelines.adapters.postgres.report_store import PostgresReportStore
from outreach_pipelines.adapters.postgres.share_store import PostgresShareStore
from outreach_pipelines.adapters.postgres.tenant_directory import PostgresTenantDirectory
from outreach_pipelines.adapters.postgres.tenant_session import connect
from outreach_pipelines.adapters.templates import TemplateStore
from outreach_pipelines.settings import load_settings
from resources.files import object_store
from resources.keys import address_key, tagger

if TYPE_CHECKING:
    from outreach_pipelines.adapters.postgres.diagnosis_reader import PostgresDiagnosisReader
    from outreach_pipelines.adapters.postgres.hand_store import PostgresHandStore
    from outreach_pipelines.adapters.postgres.stepped_time import PostgresSteppedTime
    from outreach_pipelines.adapters.postgres.story_reader import PostgresStoryReader
    from outreach_pipelines.adapters.postgres.suppression_book import PostgresSuppressionBook


@cache
def _engine(url: str) -> Engine:
    # One pool a process and role: sensors tick in threads of one process for days.
    return connect(url)


def app_engine() -> Engine:
    """The pool of role outreach_app."""
    return _engine(load_settings().database_url.get_secret_value())


def ops_engine() -> Engine:
    """The pool of role outreach_ops."""
    return _engine(load_settings().ops_url.get_secret_value())


def ingest_engine() -> Engine:
    """The pool of role outreach_ingest."""
    return _engine(load_settings().ingest_url.get_secret_value())


def tenants() -> PostgresTenantDirectory:
    """Who there is: names, numbers, zones."""
    return PostgresTenantDirectory(ops_engine())


def due_hours() -> PostgresDueHours:
    """Which tenants have work in an hour."""
    return PostgresDueHours(ops_engine())


def clock() -> DatabaseClock:
    """Policy time."""
    return DatabaseClock.of(app_engine())


def messages() -> PostgresMessageStore:
    """The send protocol's transactions."""
    return PostgresMessageStore(app_engine())


def plans() -> PostgresPlanStore:
    """Snapshots, plans, releases; letters are judged before a release."""
    return PostgresPlanStore(app_engine(), TemplateStore(object_store()))


def event_store() -> PostgresEventStore:
    """Events that wait, and what they change."""
    return PostgresEventStore(app_engine())


def event_inbox() -> PostgresEventInbox:
    """Where verified events come in."""
    return PostgresEventInbox(ingest_engine(), app_engine())


def maintenance() -> PostgresMaintenance:
    """Heartbeat and partitions."""
    return PostgresMaintenance(ops_engine())


def inventory_store() -> PostgresInventoryStore:
    """What inventories were applied."""
    return PostgresInventoryStore(app_engine(), object_store())


def lead_store() -> PostgresLeadStore:
    """Leads and refused rows."""
    return PostgresLeadStore(app_engine(), address_key())


def enrollments() -> PostgresEnrollmentStore:
    """Leads in campaigns."""
    return PostgresEnrollmentStore(app_engine())


def recipients() -> PostgresRecipientStore:
    """Whose servers take the leads' mail."""
    return PostgresRecipientStore(app_engine())


def audits() -> PostgresDnsAuditStore:
    """DNS audits and readiness."""
    return PostgresDnsAuditStore(app_engine())


def health() -> PostgresHealthStore:
    """Scores of mailboxes."""
    return PostgresHealthStore(app_engine())


def back_off() -> PostgresBackOffStore:
    """Evidence and holds."""
    return PostgresBackOffStore(app_engine())


def hands() -> "PostgresHandStore":
    """Pauses and holds by hand."""
    from outreach_pipelines.adapters.postgres.hand_store import PostgresHandStore

    return PostgresHandStore(app_engine())


def suppression_book() -> "PostgresSuppressionBook":
    """Suppressions by hand."""
    from outreach_pipelines.adapters.postgres.suppression_book import PostgresSuppressionBook

    return PostgresSuppressionBook(app_engine())


def reply_store() -> PostgresReplyStore:
    """Inboxes, cursors, and what was read."""
    return PostgresReplyStore(app_engine(), object_store(), tagger())


def reconciliations() -> PostgresReconciliationStore:
    """Counts from three tables."""
    return PostgresReconciliationStore(app_engine())


def reports() -> PostgresReportStore:
    """Daily reports."""
    return PostgresReportStore(app_engine())


def share_store() -> PostgresShareStore:
    """Shares of accounts over all tenants."""
    return PostgresShareStore(ops_engine())


def story_reader() -> "PostgresStoryReader":
    """What `outreach explain` tells."""
    from outreach_pipelines.adapters.postgres.story_reader import PostgresStoryReader

    return PostgresStoryReader(app_engine())


def diagnosis_reader() -> "PostgresDiagnosisReader":
    """What `outreach doctor` looks at."""
    from outreach_pipelines.adapters.postgres.diagnosis_reader import PostgresDiagnosisReader

    return PostgresDiagnosisReader(app_engine())


def stepped_time() -> "PostgresSteppedTime":
    """The hand on policy time; for the demo."""
    from outreach_pipelines.adapters.postgres.stepped_time import PostgresSteppedTime

    return PostgresSteppedTime(ops_engine())

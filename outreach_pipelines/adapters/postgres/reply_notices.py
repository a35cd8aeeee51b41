"""Which replies were told to whom, on PostgreSQL. Telling them is a `Notifier`'s."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.notice_outcome import note_outcome
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.inbox_mail import InboundId
from outreach_pipelines.application.notify_replies import NotTold, Told, WaitingNotice
from outreach_pipelines.domain.tenant import TenantId

_SQL = statements("reply_notices")


@dataclass(frozen=True, slots=True)
class PostgresNoticeBook:
    """`NoticeBook` as role outreach_app."""

    engine: Engine

    def queue(self, tenant: TenantId, targets: Sequence[str], intents: Sequence[str]) -> int:
        """See `NoticeBook.queue`."""
        with tenant_session(self.engine, tenant) as connection:
            return connection.execute(_SQL["queue"], {"targets": list(targets), "intents": list(intents)}).rowcount

    def claim(self, tenant: TenantId, targets: Sequence[str]) -> WaitingNotice | None:
        """See `NoticeBook.claim`."""
        with tenant_session(self.engine, tenant) as connection:
            row = connection.execute(_SQL["claim"], {"targets": list(targets)}).mappings().first()
        if row is None:
            return None
        names = ("target", "tries", "received_at", "intent", "campaign", "mailbox", "assigned_to")
        own = {name: row[name] for name in names}
        return WaitingNotice(inbound=InboundId(row["inbound_id"]), text=row["reply_text"], **own)

    def settle(
        self, tenant: TenantId, notice: WaitingNotice, outcome: Told | NotTold, retry_seconds: int | None
    ) -> None:
        """See `NoticeBook.settle`."""
        which = {"inbound_id": notice.inbound, "target": notice.target}
        with tenant_session(self.engine, tenant) as connection:
            note_outcome(connection, _SQL, which, outcome, retry_seconds)

"""News of DNS audits and who was told, on PostgreSQL. Telling is a `Notifier`'s, writing them down `dns_audit_store`'s."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, Row

from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.notice_outcome import note_outcome
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.judge_domains import DatedNews, WayState
from outreach_pipelines.application.notify_dns import WaitingNews
from outreach_pipelines.application.notify_replies import NotTold, Told
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.news import TOLD, News, NewsKind
from outreach_pipelines.domain.provider_account import AccountName
from outreach_pipelines.domain.send_plan.senders import ReadinessState
from outreach_pipelines.domain.tenant import TenantId

_SQL = statements("dns_news")
_KINDS = sorted(kind.value for kind in TOLD)


@dataclass(frozen=True, slots=True)
class PostgresDnsNews:
    """`NewsBook` and `DomainStates` as role outreach_app."""

    engine: Engine

    def queue(self, tenant: TenantId, targets: Sequence[str]) -> int:
        """See `NewsBook.queue`."""
        with tenant_session(self.engine, tenant) as connection:
            return connection.execute(_SQL["queue"], {"targets": list(targets), "kinds": _KINDS}).rowcount

    def claim(self, tenant: TenantId, targets: Sequence[str]) -> WaitingNews | None:
        """See `NewsBook.claim`."""
        with tenant_session(self.engine, tenant) as connection:
            row = connection.execute(_SQL["claim"], {"targets": list(targets)}).first()
            if row is None:
                return None
            news = connection.execute(_SQL["news_of_audit"], {"seen_at": row.seen_at, "kinds": _KINDS}).all()
        return WaitingNews(row.seen_at, row.target, row.tries, tuple(map(_news, news)))

    def settle(self, tenant: TenantId, waiting: WaitingNews, outcome: Told | NotTold, retry: int | None) -> None:
        """See `NewsBook.settle`."""
        which = {"seen_at": waiting.seen_at, "target": waiting.target}
        with tenant_session(self.engine, tenant) as connection:
            note_outcome(connection, _SQL, which, outcome, retry)

    def news(self, tenant: TenantId, *, since: datetime) -> Sequence[DatedNews]:
        """See `DomainStates.news`."""
        with tenant_session(self.engine, tenant) as connection:
            rows = connection.execute(_SQL["news_since"], {"since": since}).all()
        return [DatedNews(row.seen_at, _news(row)) for row in rows]

    def ways(self, tenant: TenantId) -> Sequence[WayState]:
        """See `DomainStates.ways`."""
        with tenant_session(self.engine, tenant) as connection:
            rows = connection.execute(_SQL["ways"]).all()
        return [
            WayState(
                domain=DomainName(row.domain),
                account=AccountName(row.account),
                definite=None if row.definite_state is None else ReadinessState(row.definite_state),
                definite_at=row.definite_at,
                newest=ReadinessState(row.state),
                reason=row.reason,
                audited_at=row.audited_at,
            )
            for row in rows
        ]


def _news(row: Row[tuple[object, ...]]) -> News:
    return News(
        kind=NewsKind(row.kind),
        domain=DomainName(row.domain),
        subject=row.subject,
        sentence=row.sentence,
        gone=tuple(row.gone),
        come=tuple(row.come),
    )

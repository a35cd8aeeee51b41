"""Which logins are due for their check of the day, and what came of them, on PostgreSQL."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.reply_store import PostgresReplyStore
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.check_logins import AccountLogin, Login, LoginFound
from outreach_pipelines.application.inbox_mail import InboxToRead
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.inbox_event import plain_unicode
from outreach_pipelines.domain.tenant import TenantId

_SQL = statements("logins")
LONGEST_DETAIL = 500


@dataclass(frozen=True, slots=True)
class PostgresLoginBook:
    """`LoginBook` as role outreach_app."""

    engine: Engine
    inboxes: PostgresReplyStore

    def due(self, tenant: TenantId, *, most: int) -> Sequence[Login]:
        """See `LoginBook.due`."""
        with tenant_session(self.engine, tenant) as connection:
            inboxes = set(connection.execute(_SQL["due_inboxes"], {"most": most}).scalars())
            rows = connection.execute(_SQL["due_accounts"], {"most": most}).all()
        accounts = [AccountLogin(AccountId(row.account_id), row.name) for row in rows]
        known = self.inboxes.inboxes(tenant) if inboxes else ()
        return [*(inbox for inbox in known if inbox.inbox in inboxes), *accounts]

    def record(self, tenant: TenantId, found: Sequence[LoginFound]) -> None:
        """See `LoginBook.record`."""
        with tenant_session(self.engine, tenant) as connection:
            connection.execute(_SQL["record_checks"], {"rows": json.dumps([_row(each) for each in found])})


def _row(found: LoginFound) -> dict[str, object]:
    login = found.login
    of = {"inbox_id": login.inbox} if isinstance(login, InboxToRead) else {"account_id": login.account}
    return {**of, "outcome": found.outcome, "detail": plain_unicode(found.detail)[:LONGEST_DETAIL]}

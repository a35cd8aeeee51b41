"""Changes of DNS records in a tenant's audit log."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.acts_by_hand import ByHand
from outreach_pipelines.application.apply_fixes import ChangeStep
from outreach_pipelines.domain.tenant import TenantId

_SQL = statements("operators")


@dataclass(frozen=True, slots=True)
class PostgresDnsChangeLog:
    """`ChangeLog` as role outreach_app, which may add rows and take none away."""

    engine: Engine

    def note(
        self, tenant: TenantId, by: ByHand, step: ChangeStep, subject: str, detail: Mapping[str, str | None]
    ) -> None:
        """See `ChangeLog.note`."""
        values = {"actor": by.actor, "action": step.value, "subject": subject, "detail": json.dumps(dict(detail))}
        with tenant_session(self.engine, tenant) as connection:
            connection.execute(_SQL["note"], values)

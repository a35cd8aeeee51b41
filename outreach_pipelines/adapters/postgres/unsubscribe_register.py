"""The web edge's one door to the database: it may record that somebody is to be left alone, and nothing else.

Belongs here: the call of `app.unsubscribe` as role outreach_web. Does not: tokens and pages.
"""

from dataclasses import dataclass
from typing import assert_never

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.application.unsubscribe import UnsubscribeScope
from outreach_pipelines.domain.tracking_token import UnsubscribeClaim
from outreach_pipelines.errors import Unreadable


@dataclass(frozen=True, slots=True)
class PostgresUnsubscribeRegister:
    """`engine` belongs to outreach_web (`tenant_session.connect`)."""

    engine: Engine

    def unsubscribe(self, claim: UnsubscribeClaim, scope: UnsubscribeScope) -> None:
        """One transaction, committed when this returns; idempotent.

        Raises `Unreadable` when the database did not answer; a constraint that says no is a bug and passes.
        """
        named = statements("unsubscribe")
        wish = {
            "tenant": claim.tenant,
            "recipient_hmac": claim.recipient_hmac,
            "scope": scope.value,
            "scope_id": _scope_id(claim, scope),
            "reference": claim.reference,
        }
        try:
            with self.engine.begin() as connection:
                connection.execute(named["limit_wait"])
                connection.execute(named["unsubscribe"], wish)
        except IntegrityError:
            raise
        except (DBAPIError, PoolTimeoutError) as broken:
            message = "the database did not confirm the unsubscribe"
            raise Unreadable(message) from broken


def _scope_id(claim: UnsubscribeClaim, scope: UnsubscribeScope) -> int:
    match scope:
        case UnsubscribeScope.CAMPAIGN:
            return claim.campaign_id
        case UnsubscribeScope.MAILBOX:
            return claim.mailbox_id
        case UnsubscribeScope.TENANT:
            return 0
    assert_never(scope)

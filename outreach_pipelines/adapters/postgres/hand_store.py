"""Pauses and holds by hand, on PostgreSQL: one transaction an act.

Belongs here: rows as values, values as parameters. Does not: what an act changes (`application.operate`).
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from sqlalchemy import Connection, Engine

from outreach_pipelines.adapters.postgres.back_off_store import PostgresBackOffCase
from outreach_pipelines.adapters.postgres.hold_rows import hold_values
from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.acts_by_hand import HoldLine, Load, Note
from outreach_pipelines.application.places import Place, PlaceKind
from outreach_pipelines.domain.back_off import (
    AccountScope,
    CampaignScope,
    DomainScope,
    HoldDecision,
    LeadFileScope,
    MailboxScope,
    PathScope,
    Policy,
    RecipientProviderScope,
    Scope,
    Signal,
    TenantAccountScope,
    TenantScope,
    tenant_policy,
)
from outreach_pipelines.domain.back_off.scope_key import ScopeKey, scope_key, scope_of
from outreach_pipelines.domain.tenant import TenantId, TenantRef

_SQL = statements("operators")
_BACK_OFF = statements("back_off")
_ANYWHERE: dict[str, object] = dict.fromkeys(("mailbox", "domain", "campaign", "lead_file", "account", "provider"))


@dataclass(frozen=True, slots=True)
class PostgresHandStore:
    """`HandStore` as role outreach_app."""

    engine: Engine

    def places(self, tenant: TenantRef) -> Sequence[Place]:
        """All of the tenant that can be paused or held."""
        with tenant_session(self.engine, tenant.id) as connection:
            rows = connection.execute(_SQL["places"]).all()
        return [
            Place(tenant, PlaceKind(row.kind), row.name, scope_of(ScopeKey(row.scope_key), tenant.id), row.state)
            for row in rows
        ]

    def in_force(self, tenant: TenantRef) -> Sequence[HoldLine]:
        """What keeps something back now, the strictest first."""
        with tenant_session(self.engine, tenant.id) as connection:
            rows = connection.execute(_SQL["in_force"]).all()
        return [
            HoldLine(
                scope_of(ScopeKey(row.scope_key), tenant.id), row.signal, row.factor, row.sentence, row.since, row.until
            )
            for row in rows
        ]

    def load(self, place: Place) -> Load:
        """See `HandStore.load`."""
        with tenant_session(self.engine, place.tenant.id) as connection:
            row = connection.execute(_SQL["load"], _ANYWHERE | _parts(place.scope)).one()
        return Load(row.waiting, row.next_due, row.under_way)

    @contextmanager
    def at_hand(self, tenant: TenantId) -> Iterator["PostgresHandCase"]:
        """See `HandStore.at_hand`."""
        with tenant_session(self.engine, tenant) as connection:
            connection.execute(_BACK_OFF["lock"])
            yield PostgresHandCase(connection, PostgresBackOffCase(connection, tenant))

    def wait_for_intents(self, tenant: TenantId) -> None:
        """See `HandStore.wait_for_intents`."""
        with tenant_session(self.engine, tenant) as connection:
            connection.execute(_SQL["wait_for_intents"])

    def wake(self, tenant: TenantId) -> int:
        """See `HandStore.wake`."""
        with tenant_session(self.engine, tenant) as connection:
            return connection.execute(_SQL["wake"]).rowcount


@dataclass(frozen=True, slots=True)
class PostgresHandCase:
    """`HandCase` within one transaction."""

    connection: Connection
    judged: PostgresBackOffCase

    def now(self) -> datetime:
        """See `HandCase.now`."""
        now: datetime = self.connection.execute(_SQL["policy_now"]).scalar_one()
        return now

    def policy(self) -> Policy:
        """See `HandCase.policy`."""
        return tenant_policy(self.judged.rules().thresholds)

    def standing(self, scope: Scope) -> Sequence[HoldDecision]:
        """See `HandCase.standing`."""
        return [hold for hold in self.judged.standing() if hold.scope == scope]

    def refusal_stands(self, scope: Scope) -> bool:
        """See `HandCase.refusal_stands`."""
        return bool(self.connection.execute(_SQL["refusal_stands"], {"scope_key": scope_key(scope)}).scalar_one())

    def set_manual(self, hold: HoldDecision) -> None:
        """See `HandCase.set_manual`."""
        self.connection.execute(_SQL["set_manual_hold"], hold_values(hold, hold.since))

    def end_manual(self, scope: Scope, why: str, at: datetime) -> None:
        """See `HandCase.end_manual`."""
        self._end(scope, Signal.MANUAL.value, why, at)

    def end_refusal(self, scope: Scope, why: str, at: datetime) -> None:
        """See `HandCase.end_refusal`."""
        self._end(scope, "answer", why, at)

    def ease(self, hold: HoldDecision, at: datetime) -> None:
        """See `HandCase.ease`."""
        values = hold_values(hold, at)
        match hold.scope:
            case AccountScope(account):
                self.connection.execute(_BACK_OFF["set_account_hold"], values | {"account_id": account})
            case _:
                self.connection.execute(_BACK_OFF["set_hold"], values)
        if hold.reason.signal is Signal.ERRORS:
            self.connection.execute(_SQL["forget_errors"], {"scope_key": scope_key(hold.scope)})

    def tenant_pause(self) -> str | None:
        """See `HandCase.tenant_pause`."""
        why: str | None = self.connection.execute(_SQL["tenant_pause"]).scalar_one_or_none()
        return why

    def pause_tenant(self, reason: str | None) -> None:
        """See `HandCase.pause_tenant`."""
        self.connection.execute(_SQL["pause_tenant"], {"reason": reason})

    def note(self, note: Note) -> None:
        """See `HandCase.note`."""
        values = {"actor": note.by.actor, "action": note.act.value, "subject": scope_key(note.scope)}
        self.connection.execute(_SQL["note"], values | {"detail": json.dumps(note.detail)})

    def _end(self, scope: Scope, signal: str, why: str, at: datetime) -> None:
        values = {"scope_key": scope_key(scope), "signal": signal, "why": why, "at": at}
        self.connection.execute(_SQL["end_holds"], values)


def _parts(scope: Scope) -> dict[str, object]:
    """The part of a tenant that a scope names."""
    match scope:
        case TenantScope():
            return {}
        case MailboxScope(mailbox):
            return {"mailbox": mailbox}
        case DomainScope(domain):
            return {"domain": domain}
        case CampaignScope(campaign):
            return {"campaign": campaign}
        case LeadFileScope(lead_file):
            return {"lead_file": lead_file}
        case PathScope(mailbox, account):
            return {"mailbox": mailbox, "account": account}
        case RecipientProviderScope(mailbox, provider):
            return {"mailbox": mailbox, "provider": provider.value}
        case TenantAccountScope(_, account) | AccountScope(account):
            return {"account": account}
    assert_never(scope)

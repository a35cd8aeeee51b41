"""DNS audits on PostgreSQL: what to ask, what was found each day, what is believed.

Belongs here: rows and their sentences. Does not: judgement (`domain.dns_audit`), the belief's JSON (`standing_json`).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from ipaddress import ip_address
from typing import Any, assert_never

from sqlalchemy import Connection, Engine, RowMapping

from outreach_pipelines.adapters.postgres.account_settings import connection_of
from outreach_pipelines.adapters.postgres.audit_memory import memory_row, news_rows, stored_memory
from outreach_pipelines.adapters.postgres.audit_policy_rows import audit_policy
from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.standing_json import standing_json, standing_of
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.audit_domains import AuditTarget, PathKey, SettledAudit
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.audit_policy import AuditPolicy, DedicatedAddress
from outreach_pipelines.domain.campaign import PoolName
from outreach_pipelines.domain.dns_audit.findings import Finding, ResourceRecord, Unanswered
from outreach_pipelines.domain.dns_audit.from_inventory import expectations_of
from outreach_pipelines.domain.dns_audit.news import AuditMemory
from outreach_pipelines.domain.dns_audit.readiness import NotReady, Readiness, Ready, Undecided
from outreach_pipelines.domain.dns_audit.settling import AwaitingConfirmation, Standing
from outreach_pipelines.domain.inventory import Direction, Selector, SendingDomain
from outreach_pipelines.domain.lead import LawfulBasis
from outreach_pipelines.domain.provider_account import AccountName, ProviderAccount, ProviderKind, TenantAccount
from outreach_pipelines.domain.seed_belief import MENDED
from outreach_pipelines.domain.send_plan.senders import ReadinessState
from outreach_pipelines.domain.tenant import TenantId

_SQL = statements("dns_audit")


@dataclass(frozen=True, slots=True)
class PostgresDnsAuditStore:
    """`DnsAuditStore` as role outreach_app."""

    engine: Engine

    def targets(self, tenant: TenantId) -> Sequence[AuditTarget]:
        """See `DnsAuditStore.targets`. Retired domains are not asked about."""
        with tenant_session(self.engine, tenant) as connection:
            policy = audit_policy(connection.execute(_SQL["audit_policy"]).mappings().first())
            return [_target(row, policy) for row in connection.execute(_SQL["targets"]).mappings()]

    def policy(self, tenant: TenantId) -> AuditPolicy:
        """What the tenant asks of its audit."""
        with tenant_session(self.engine, tenant) as connection:
            return audit_policy(connection.execute(_SQL["audit_policy"]).mappings().first())

    def last_definite(self, tenant: TenantId) -> Mapping[PathKey, Standing]:
        """See `DnsAuditStore.last_definite`."""
        with tenant_session(self.engine, tenant) as connection:
            rows = connection.execute(_SQL["standings"]).all()
        return {PathKey(DomainName(row.domain), AccountName(row.account)): standing_of(row.standing) for row in rows}

    def memories(self, tenant: TenantId) -> Mapping[DomainName, AuditMemory]:
        """See `DnsAuditStore.memories`."""
        with tenant_session(self.engine, tenant) as connection:
            rows = connection.execute(_SQL["memories"]).all()
        return {DomainName(row.name): stored_memory(row) for row in rows}

    def save(
        self, tenant: TenantId, day: date, audits: Sequence[SettledAudit], *, now: datetime
    ) -> frozenset[DomainName]:
        """See `DnsAuditStore.save`."""
        overtaken: set[DomainName] = set()
        with tenant_session(self.engine, tenant) as connection:
            # By name: of two that save at once, neither waits for the other in a circle.
            for settled in sorted(audits, key=lambda each: each.audit.domain):
                if _remembered(connection, settled, now):
                    _save(connection, day, settled, now)
                    _tell(connection, day, settled, now)
                else:
                    overtaken.add(settled.audit.domain)
        return frozenset(overtaken)


def _remembered(connection: Connection, settled: SettledAudit, now: datetime) -> bool:
    """Whether the audit may be kept: it has seen all that others kept before."""
    place = {"domain": settled.audit.domain, "now": now}
    return connection.execute(_SQL["remember"], {**place, **memory_row(settled.memory)}).rowcount > 0


def _tell(connection: Connection, day: date, settled: SettledAudit, now: datetime) -> None:
    if news := news_rows(settled):
        place = {"domain": settled.audit.domain, "now": now, "day": day}
        connection.execute(_SQL["add_news"], [{**each, **place} for each in news])


def _save(connection: Connection, day: date, settled: SettledAudit, now: datetime) -> None:
    domain, findings = settled.audit.domain, settled.audit.findings
    place = {"domain": domain, "day": day}
    connection.execute(_SQL["drop_audit"], place)
    connection.execute(_SQL["add_audit"], {**place, **_audit_values(settled)})
    rows = [{**place, "position": number, **_finding_values(each)} for number, each in enumerate(findings.findings, 1)]
    if rows:
        connection.execute(_SQL["add_finding"], rows)
    ways = [{"domain": domain, **_way_values(*each, settled)} for each in settled.standings.items()]
    if ways:
        moment = {"day": day, "now": now, "sentence": MENDED}
        connection.execute(_SQL["seed_faults_over"], [{**each, **moment} for each in ways])
        connection.execute(_SQL["settle"], ways)


def _target(row: RowMapping, policy: AuditPolicy) -> AuditTarget:
    uses = [_use(each) for each in row["accounts"] or ()]
    domain = SendingDomain(
        name=DomainName(row["name"]),
        pool=PoolName(row["pool"]),
        direction=Direction(row["direction"]),
        region=row["region"],
        tracking_host=row["tracking_host"],
        dkim_selectors=tuple(map(Selector, row["dkim_selectors"])),
        mail_from=row["mail_from"],
        accounts=tuple(use.account.name for use in uses),
    )
    return AuditTarget(domain.name, expectations_of(domain, {use.account.name: use for use in uses}, policy=policy))


def _use(row: Mapping[str, Any]) -> TenantAccount:
    addresses = tuple(
        DedicatedAddress(ip_address(each["ip"]), DomainName(each["helo"]) if each["helo"] else None)
        for each in row["addresses"] or ()
    )
    # How much of its quota the tenant has says nothing of the DNS.
    return TenantAccount(_account(row), Decimal(1), "", addresses=addresses)


def _account(row: Mapping[str, Any]) -> ProviderAccount:
    basis = tuple(LawfulBasis(name) for name in row["allowed_basis"])
    connection = connection_of(row["kind"], row["settings"])
    return ProviderAccount(AccountName(row["name"]), ProviderKind(row["kind"]), connection, basis)


def _audit_values(settled: SettledAudit) -> Mapping[str, object]:
    findings = settled.audit.findings
    return {
        "score": findings.score.total,
        "queries": len(settled.audit.answers),
        "unanswered": [_gap_text(gap) for gap in findings.unanswered],
    }


def _gap_text(gap: Unanswered) -> str:
    return f"{gap.check} of {gap.name}: {gap.cause}"


def _finding_values(finding: Finding) -> Mapping[str, object]:
    fix = finding.fix
    return {
        "check_name": finding.check.value,
        "fault": finding.fault.value,
        "severity": finding.severity.name.lower(),
        "name": finding.name,
        "evidence": finding.evidence,
        "stops": sorted(finding.stops),
        "publish": _zone_lines(fix.publish if fix else ()),
        "withdraw": _zone_lines(fix.withdraw if fix else ()),
    }


def _zone_lines(records: Sequence[ResourceRecord]) -> list[str]:
    return [record.zone_line for record in records]


def _way_values(account: AccountName, standing: Standing, settled: SettledAudit) -> Mapping[str, object]:
    seen = settled.audit.findings.readiness[account]
    definite = standing.state if isinstance(standing.state, Ready | NotReady) else None
    return {
        "account": account,
        "state": _state_of(seen).value,
        "reason": " ".join(_sentences(standing, seen)),
        "definite_state": None if definite is None else _state_of(definite).value,
        "definite_at": None if definite is None else standing.confirmed_at,
        "standing": json.dumps(standing_json(standing)),
    }


def _state_of(readiness: Readiness) -> ReadinessState:
    match readiness:
        case Ready():
            return ReadinessState.READY
        case NotReady():
            return ReadinessState.NOT_READY
        case Undecided():
            return ReadinessState.UNKNOWN
    assert_never(readiness)


def _sentences(standing: Standing, seen: Readiness) -> Iterator[str]:
    """What is believed, and what the newest audit saw where that is something else."""
    match standing.state:
        case Ready():
            yield "All that the account needs is published."
        case NotReady() as faulty:
            yield _faults_text(faulty)
        case AwaitingConfirmation():
            yield "Faults were seen once; the next audit decides."
        case Undecided(causes):
            yield f"Nobody could say: {', '.join(causes)}." if causes else "Nothing is known yet."
    yield from _newest(standing, seen)


def _newest(standing: Standing, seen: Readiness) -> Iterator[str]:
    since = f"{standing.confirmed_at:%Y-%m-%d %H:%M} UTC" if standing.confirmed_at else "never"
    match seen:
        case NotReady() if not isinstance(standing.state, NotReady):
            yield f"Seen once, to be confirmed: {_faults_text(seen)}"
        case Undecided(causes) if not isinstance(standing.state, Undecided):
            yield f"Last known for certain: {since}; now nobody could say: {', '.join(causes)}."


def _faults_text(faulty: NotReady) -> str:
    return "; ".join(f"{finding.check} of {finding.name}: {finding.evidence}" for finding in faulty.faults) + "."

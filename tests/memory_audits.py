"""The port `DnsAuditStore` in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from dns_audit_cases import DOMAIN, expectations

from outreach_pipelines.application.audit_domains import AuditTarget, PathKey, SettledAudit
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.news import AuditMemory, News
from outreach_pipelines.domain.dns_audit.settling import Standing
from outreach_pipelines.domain.tenant import TenantId


@dataclass(slots=True)
class MemoryAudits:
    """The port `DnsAuditStore` in memory, for one tenant."""

    wanted: Sequence[AuditTarget] = (AuditTarget(DOMAIN, expectations()),)
    days: dict[date, Sequence[SettledAudit]] = field(default_factory=dict)
    standings: dict[PathKey, Standing] = field(default_factory=dict)
    kept: dict[DomainName, AuditMemory] = field(default_factory=dict)
    news: list[News] = field(default_factory=list)

    def targets(self, tenant: TenantId) -> Sequence[AuditTarget]:
        return self.wanted

    def last_definite(self, tenant: TenantId) -> Mapping[PathKey, Standing]:
        return dict(self.standings)

    def memories(self, tenant: TenantId) -> Mapping[DomainName, AuditMemory]:
        return dict(self.kept)

    def save(
        self, tenant: TenantId, day: date, audits: Sequence[SettledAudit], *, now: datetime
    ) -> frozenset[DomainName]:
        self.days[day] = audits
        overtaken = {one.audit.domain for one in audits if one.memory.audits != self._kept_before(one.audit.domain)}
        for one in audits:
            if one.audit.domain in overtaken:
                continue
            self.kept[one.audit.domain] = replace(one.memory, audits=one.memory.audits + 1)
            self.news += one.news
            for account, standing in one.standings.items():
                self.standings[PathKey(one.audit.domain, account)] = standing
        return frozenset(overtaken)

    def _kept_before(self, domain: DomainName) -> int:
        return self.kept[domain].audits if domain in self.kept else 0

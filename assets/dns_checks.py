"""Checks of the DNS audit: what stops, and what nobody knows. The gate is elsewhere: plans leave out ways that are not ready.

Each looks over all tenants, so that one of them anywhere turns it red; they also run by the clock (`check_every_hour`).
"""

import dagster as dg

from assets.checks import listed
from assets.dns_audit import dns_audit
from outreach_pipelines.application.judge_domains import DomainStates, out_of_sight, stopped
from outreach_pipelines.application.ports import Clock
from outreach_pipelines.application.tenants import TenantDirectory


@dg.asset_check(asset=dns_audit, description="No sending domain is stopped by a fault that two audits have shown.")
def sending_domains_are_ready(
    tenants: dg.ResourceParam[TenantDirectory], domain_states: dg.ResourceParam[DomainStates]
) -> dg.AssetCheckResult:
    """Red where a domain has no way left to send, a warning where another account takes over. Never by what is unknown."""
    found = [(row.ref.slug, each) for row in tenants.all() for each in stopped(domain_states.ways(row.ref.id))]
    sentences = [f"{slug}: {each.sentence}" for slug, each in found]
    wholly = any(each.wholly for _, each in found)
    return dg.AssetCheckResult(
        passed=not found,
        severity=dg.AssetCheckSeverity.ERROR if wholly else dg.AssetCheckSeverity.WARN,
        description="; ".join(sentences[:3]) or "no fault stops a sending domain",
        metadata={"stopped": listed(sentences)},
    )


@dg.asset_check(asset=dns_audit, description="Of every sending domain DNS said something certain lately.")
def sending_domains_are_known(
    tenants: dg.ResourceParam[TenantDirectory],
    domain_states: dg.ResourceParam[DomainStates],
    clock: dg.ResourceParam[Clock],
) -> dg.AssetCheckResult:
    """A warning for domains that no audit of the last 24 hours looked at, or of which nothing was certain for 72 hours."""
    now = clock.now()
    doubts = [
        f"{row.ref.slug}: {each}"
        for row in tenants.all()
        for each in out_of_sight(domain_states.ways(row.ref.id), now=now)
    ]
    return dg.AssetCheckResult(
        passed=not doubts,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(doubts[:3]) or "every sending domain is known",
        metadata={"unknown": listed(doubts)},
    )


DNS_CHECKS = [sending_domains_are_ready, sending_domains_are_known]

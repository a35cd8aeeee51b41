"""Ask servers of recipients about the addresses of new leads, where a tenant wants it: seldom, few at a time, and never with DATA.

Belongs here: whom to ask, and the limits. Does not: the call (an adapter), what replies mean (`domain.recipient_probe`).
"""

import secrets
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final, Protocol

from outreach_pipelines.application.audit_domains import DnsResolver
from outreach_pipelines.domain.address import Address, DomainName
from outreach_pipelines.domain.dns_audit.answers import (
    Cause,
    MailExchanger,
    Query,
    Records,
    RecordType,
    Unknown,
    data_of,
)
from outreach_pipelines.domain.dns_audit.names import ROOT
from outreach_pipelines.domain.ids import LeadId
from outreach_pipelines.domain.recipient_probe import ProbeResult, ProbeTalk, judge_probe
from outreach_pipelines.domain.tenant import TenantId

MOST_A_CALL: Final = 5
"""Addresses of a domain that one call asks about, beside the made-up one."""
MOST_A_RUN: Final = 50


@dataclass(frozen=True, slots=True)
class ProbeSubject:
    """A person who was not written to yet."""

    lead: LeadId
    address: Address


class RecipientCaller(Protocol):
    """Whoever calls servers of recipients."""

    async def ask(self, host: DomainName, made_up: Address, addresses: Sequence[Address]) -> ProbeTalk:
        """Ask in one call; the addresses only where the made-up one is not taken. Never raises for what the network does."""
        ...


class ProbeStore(Protocol):
    """Who is to be asked about, and what was said."""

    def due(self, tenant: TenantId, *, most: int) -> Sequence[ProbeSubject]:
        """New leads by domain, `MOST_A_CALL` of each at most; none where the inventory does not want it (see its query)."""
        ...

    def begin(self, tenant: TenantId, domain: DomainName, leads: Sequence[LeadId]) -> bool:
        """Commit that they are about to be asked, as unknown. False, and nobody may be: the domain was called within the hour."""
        ...

    def save(self, tenant: TenantId, results: Mapping[LeadId, ProbeResult]) -> None:
        """Keep what was said of those that were begun."""
        ...


@dataclass(frozen=True, slots=True)
class Probed:
    """What a run did: calls made, and leads by what was said of them."""

    calls: int = 0
    results: Mapping[ProbeResult, int] = field(default_factory=dict)


async def probe_recipients(
    resolver: DnsResolver,
    caller: RecipientCaller,
    store: ProbeStore,
    *,
    tenant: TenantId,
    most: int = MOST_A_RUN,
    new_name: Callable[[], str] = lambda: secrets.token_hex(12),
) -> Probed:
    """Ask about at most `most` people, one call a domain, one after the other. A second run within the hour calls nobody again."""
    calls, found = 0, Counter[ProbeResult]()
    for domain, group in groupby(store.due(tenant, most=most), key=lambda each: each.address.domain):
        subjects = list(group)
        host = await _host(resolver, domain)
        if host is None or not store.begin(tenant, domain, [each.lead for each in subjects]):
            continue
        name = new_name()
        talk = await caller.ask(host, Address(name, domain, name), [each.address for each in subjects])
        results = {each.lead: judge_probe(talk, each.address) for each in subjects}
        store.save(tenant, results)
        calls += 1
        found.update(results.values())
    return Probed(calls, dict(found))


async def _host(resolver: DnsResolver, domain: DomainName) -> DomainName | None:
    """The first of the domain's mail hosts; None where the DNS names none today."""
    query = Query(domain, RecordType.MX)
    answer = (await resolver.resolve([query])).get(query, Unknown(Cause.NOT_ANSWERED))
    if not isinstance(answer, Records):
        return None
    hosts = [each for each in data_of(answer, MailExchanger) if each.host != ROOT]
    return min(hosts, key=lambda each: (each.preference, each.host)).host if hosts else None

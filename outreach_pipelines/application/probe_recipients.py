"""Ask servers of recipients about the addresses of new leads, where a tenant wants it: seldom, few at a time, and never with DATA.

Belongs here: whom to ask, and the limits. Does not: the call (an adapter), what replies mean (`domain.recipient_probe`).
"""

import secrets
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from typing import Final, Protocol

from outreach_pipelines.application.audit_domains import DnsResolver
from outreach_pipelines.domain.address import Address, DomainName
from outreach_pipelines.domain.dns_audit.answers import (
    Answer,
    Cause,
    MailExchanger,
    Query,
    RecordType,
    Unknown,
    data_of,
)
from outreach_pipelines.domain.dns_audit.names import ROOT
from outreach_pipelines.domain.ids import LeadId
from outreach_pipelines.domain.recipient_probe import ProbeResult, ProbeTalk, judge_probe, operator_of
from outreach_pipelines.domain.tenant import TenantId

MOST_A_CALL: Final = 5
"""Addresses of a domain that one call asks about, beside the made-up one."""
MOST_AN_HOUR: Final = 50
"""People of a tenant."""


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

    def due(self, tenant: TenantId, *, most_an_hour: int) -> Sequence[ProbeSubject]:
        """New leads by domain, `MOST_A_CALL` of each at most; none where the inventory does not want it (see its query).

        Those of the last hour count. The order of domains changes by the hour: one that cannot be asked keeps no other back.
        """
        ...

    def begin(self, tenant: TenantId, domain: DomainName, operator: str, leads: Sequence[LeadId]) -> bool:
        """Commit that they are about to be asked, as unknown.

        False, and nobody may be: some tenant called the domain within the hour, or its operator's servers were called often
        enough.
        """
        ...

    def pass_over(self, tenant: TenantId, leads: Sequence[LeadId]) -> None:
        """Keep as unknown that nobody can be asked about them."""
        ...

    def save(self, tenant: TenantId, results: Mapping[LeadId, ProbeResult]) -> None:
        """Keep what was said of those that were begun."""
        ...


@dataclass(frozen=True, slots=True)
class Probed:
    """What a run did: calls made, leads by what was said of them, and domains that were not called.

    `put_off`: called lately, or their operator was; `no_host`: the DNS names no host; `unresolved`: it did not answer.
    """

    calls: int = 0
    results: Mapping[ProbeResult, int] = field(default_factory=dict)
    put_off: int = 0
    no_host: int = 0
    unresolved: int = 0


class _NotCalled(StrEnum):
    """Why a domain was not called."""

    PUT_OFF = "put_off"
    NO_HOST = "no_host"
    UNRESOLVED = "unresolved"


async def probe_recipients(
    resolver: DnsResolver,
    caller: RecipientCaller,
    store: ProbeStore,
    *,
    tenant: TenantId,
    most_an_hour: int = MOST_AN_HOUR,
    new_name: Callable[[], str] = lambda: secrets.token_hex(12),
) -> Probed:
    """Ask about people, one call a domain, one after the other. A second run within the hour calls nobody again."""
    found, left, calls = Counter[ProbeResult](), Counter[_NotCalled](), 0
    for domain, group in groupby(store.due(tenant, most_an_hour=most_an_hour), key=lambda each: each.address.domain):
        subjects = list(group)
        host = await _host_for(resolver, store, tenant, domain, [each.lead for each in subjects])
        if isinstance(host, _NotCalled):
            left[host] += 1
            continue
        name = new_name()
        talk = await caller.ask(host, Address(name, domain, name), [each.address for each in subjects])
        results = {each.lead: judge_probe(talk, each.address) for each in subjects}
        store.save(tenant, results)
        calls += 1
        found.update(results.values())
    return Probed(calls, dict(found), **{reason.value: left[reason] for reason in _NotCalled})


async def _host_for(
    resolver: DnsResolver, store: ProbeStore, tenant: TenantId, domain: DomainName, leads: Sequence[LeadId]
) -> DomainName | _NotCalled:
    """The host to call now, with the call committed."""
    query = Query(domain, RecordType.MX)
    answer = (await resolver.resolve([query])).get(query, Unknown(Cause.NOT_ANSWERED))
    if isinstance(answer, Unknown):
        return _NotCalled.UNRESOLVED
    host = _first_host(answer)
    if host is None:
        store.pass_over(tenant, leads)
        return _NotCalled.NO_HOST
    return host if store.begin(tenant, domain, operator_of(host), leads) else _NotCalled.PUT_OFF


def _first_host(answer: Answer) -> DomainName | None:
    hosts = [each for each in data_of(answer, MailExchanger) if each.host != ROOT]
    return min(hosts, key=lambda each: (each.preference, each.host)).host if hosts else None

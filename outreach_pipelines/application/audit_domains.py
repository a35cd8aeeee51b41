"""The nightly DNS audit of a tenant's domains: ask, judge, settle, keep.

Here: the loop around the pure audit, and its two ports. Not here: any judgement (domain/dns_audit).
"""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial
from itertools import islice
from typing import Protocol, TypeVar, cast

from outreach_pipelines.application.ask_providers import DomainDesks, ask_providers
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Answer, Answers, Cause, Query, Unknown
from outreach_pipelines.domain.dns_audit.audit import Findings, auditing
from outreach_pipelines.domain.dns_audit.expectations import Expectations
from outreach_pipelines.domain.dns_audit.findings import Severity
from outreach_pipelines.domain.dns_audit.lookups import Lookup
from outreach_pipelines.domain.dns_audit.news import AuditMemory, News, Seen, whats_new
from outreach_pipelines.domain.dns_audit.provider_check import still_refused
from outreach_pipelines.domain.dns_audit.provider_word import Words, kept_words, recalled, with_words
from outreach_pipelines.domain.dns_audit.readiness import NotReady, Ready
from outreach_pipelines.domain.dns_audit.settling import Standing, settle
from outreach_pipelines.domain.provider_account import AccountName
from outreach_pipelines.domain.tenant import TenantId

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class AuditTarget:
    """A domain and what it should publish."""

    domain: DomainName
    expectations: Expectations


@dataclass(frozen=True, slots=True)
class DomainAudit:
    """One domain's findings with the answers they rest on: `audit` of these gives the same findings again."""

    domain: DomainName
    findings: Findings
    answers: Answers


@dataclass(frozen=True, slots=True)
class PathKey:
    """A way to send: this account with this domain in From."""

    domain: DomainName
    account: AccountName


@dataclass(frozen=True, slots=True)
class SettledAudit:
    """An audit, what is believed after it for each account of the domain, what is new, and what the next compares with."""

    audit: DomainAudit
    standings: Mapping[AccountName, Standing]
    news: tuple[News, ...] = ()
    memory: AuditMemory = field(default_factory=AuditMemory)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSummary:
    """What a run did. Paths (domain and account) by their settled state; `queries` counts each question once.

    `overtaken`: domains of which another audit was kept while this one ran, so that this one was not.
    """

    domains: int
    ready: int
    not_ready: int
    undecided: int
    findings: Mapping[Severity, int]
    unanswered: int
    queries: int
    audits: Sequence[SettledAudit] = ()
    overtaken: frozenset[DomainName] = frozenset()


class DnsResolver(Protocol):
    """Whoever asks the DNS."""

    async def resolve(self, queries: Collection[Query]) -> Mapping[Query, Answer]:
        """Answer each query, by `Unknown` where nobody could say; never raises for what the network does."""
        ...


class DnsAuditStore(Protocol):
    """What the audit reads and keeps, for one tenant at a time."""

    def targets(self, tenant: TenantId) -> Sequence[AuditTarget]:
        """The tenant's sending domains with what they should publish."""
        ...

    def last_definite(self, tenant: TenantId) -> Mapping[PathKey, Standing]:
        """The newest standing of each path; absent for a path never audited."""
        ...

    def memories(self, tenant: TenantId) -> Mapping[DomainName, AuditMemory]:
        """What the next audit of each domain compares with; absent for a domain never audited."""
        ...

    def save(
        self, tenant: TenantId, day: date, audits: Sequence[SettledAudit], *, now: datetime
    ) -> frozenset[DomainName]:
        """Keep a day's audits and their news, in one transaction; a second save of the same day replaces all but the news.

        An audit whose memory is not the newest any more keeps nothing, and its domain is returned: another one, that ran at
        the same time, has told the news already.
        """
        ...


async def audit_domains(resolver: DnsResolver, targets: Sequence[AuditTarget]) -> Sequence[DomainAudit]:
    """Audit domains side by side, in the order given. Answers are shared: an include of many domains is asked once."""
    return [one async for one in stream_audits(resolver, targets)]


async def stream_audits(
    resolver: DnsResolver, targets: Iterable[AuditTarget], *, side_by_side: int = 300
) -> AsyncIterator[DomainAudit]:
    """Audit any number of domains, `side_by_side` at a time, in the order given; what is done is not kept here."""
    upcoming = iter(targets)
    while wave := list(islice(upcoming, side_by_side)):
        for one in await _audit_wave(resolver, wave):
            yield one


@dataclass(slots=True)
class _Underway:
    """An audit that waits for answers to `wanted`; `asked`: all that it has asked so far."""

    target: AuditTarget
    lookup: Lookup[Findings]
    wanted: tuple[Query, ...] = ()
    asked: dict[Query, Answer] = field(default_factory=dict)
    findings: Findings | None = None

    def go_on(self, known: Answers) -> None:
        """Take the audit as far as the answers reach."""
        self.asked.update((query, known[query]) for query in self.wanted)
        try:
            self.wanted = self.lookup.send(self.asked) if self.wanted else next(self.lookup)
        except StopIteration as end:
            self.wanted, self.findings = (), end.value


async def _audit_wave(resolver: DnsResolver, targets: Sequence[AuditTarget]) -> Iterable[DomainAudit]:
    known: dict[Query, Answer] = {}
    wave = [_Underway(target, auditing(target.domain, target.expectations)) for target in targets]
    waiting = wave
    while waiting:
        for one in waiting:
            one.go_on(known)
        waiting = [one for one in waiting if one.findings is None]
        lacking = {query for one in waiting for query in one.wanted} - known.keys()
        known.update(await _answers(resolver, lacking))
    return (DomainAudit(one.target.domain, one.findings, one.asked) for one in wave if one.findings is not None)


async def answered(resolver: DnsResolver, lookup: Lookup[Result]) -> tuple[Result, Answers]:
    """Run one lookup to its end; its result, and all answers that it rests on."""
    known: dict[Query, Answer] = {}
    try:
        wanted = next(lookup)
        while True:
            known.update(await _answers(resolver, [query for query in wanted if query not in known]))
            wanted = lookup.send(known)
    except StopIteration as end:
        return cast("Result", end.value), known


async def audit_tenant(
    resolver: DnsResolver,
    store: DnsAuditStore,
    tenant: TenantId,
    *,
    day: date,
    now: datetime,
    desks: DomainDesks | None = None,
) -> AuditSummary:
    """Audit a tenant's domains and keep what is found and believed. A second run of the same day changes no belief.

    Providers are asked at `desks`; without them the inventory alone says what is expected.
    """
    wanted = {each.domain: each.expectations for each in store.targets(tenant)}
    # In this order: who keeps an audit between the two is found out by its memory.
    memories, before = store.memories(tenant), store.last_definite(tenant)
    words = await ask_providers(partial(desks.of, tenant), wanted) if desks else {}
    cases = {
        domain: _case(expectations, words.get(domain, {}), memories.get(domain), now)
        for domain, expectations in wanted.items()
    }
    audits = await audit_domains(resolver, [AuditTarget(domain, case.expected) for domain, case in cases.items()])
    settled = [_settled(one, cases[one.domain], before, now) for one in audits]
    overtaken = store.save(tenant, day, settled, now=now)
    # Their news is told: by the audit that was first.
    told = [replace(one, news=()) if one.audit.domain in overtaken else one for one in settled]
    return replace(_summary(told), overtaken=overtaken)


@dataclass(frozen=True, slots=True)
class _Case:
    """A domain before its audit: what is expected, what its providers said today, and what is remembered of it."""

    expected: Expectations
    words: Words
    memory: AuditMemory | None


def _case(expectations: Expectations, words: Words, memory: AuditMemory | None, now: datetime) -> _Case:
    kept = memory.words if memory else {}
    return _Case(with_words(expectations, recalled(words, kept, now=now)), words, memory)


def _settled(one: DomainAudit, case: _Case, before: Mapping[PathKey, Standing], now: datetime) -> SettledAudit:
    standings = _standings(one, case.expected, before, now)
    former = {key.account: standing for key, standing in before.items() if key.domain == one.domain}
    seen = Seen(domain=one.domain, findings=one.findings, answers=one.answers, before=former, after=standings)
    news, memory = whats_new(case.memory, seen, now=now)
    return SettledAudit(one, standings, news, replace(memory, words=kept_words(case.words, memory.words, now=now)))


async def _answers(resolver: DnsResolver, wanted: Collection[Query]) -> Answers:
    if not wanted:
        return {}
    answers = await resolver.resolve(wanted)
    return {query: answers.get(query, Unknown(Cause.NOT_ANSWERED)) for query in wanted}


def _standings(
    one: DomainAudit, expected: Expectations, before: Mapping[PathKey, Standing], now: datetime
) -> Mapping[AccountName, Standing]:
    standings: dict[AccountName, Standing] = {}
    for account in expected.accounts:
        former = before.get(PathKey(one.domain, account.name))
        seen = still_refused(former, one.findings.readiness[account.name], account)
        standings[account.name] = settle(former, seen, now=now)
    return standings


def _summary(settled: Sequence[SettledAudit]) -> AuditSummary:
    states = [standing.state for one in settled for standing in one.standings.values()]
    ready = sum(isinstance(state, Ready) for state in states)
    not_ready = sum(isinstance(state, NotReady) for state in states)
    return AuditSummary(
        domains=len(settled),
        ready=ready,
        not_ready=not_ready,
        undecided=len(states) - ready - not_ready,
        findings=Counter(finding.severity for one in settled for finding in one.audit.findings.findings),
        unanswered=sum(len(one.audit.findings.unanswered) for one in settled),
        queries=len({query for one in settled for query in one.audit.answers}),
        audits=settled,
    )

"""The audit of a whole tenant: rounds, shared answers, standings, summary."""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta

from dns_audit_cases import DOMAIN, RELAY, SES, dns, expectations
from memory_audits import MemoryAudits

from outreach_pipelines.application.audit_domains import (
    AuditTarget,
    PathKey,
    audit_domains,
    audit_tenant,
)
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Answer, Cause, Query, RecordType
from outreach_pipelines.domain.dns_audit.audit import audit
from outreach_pipelines.domain.dns_audit.expectations import Expectations
from outreach_pipelines.domain.dns_audit.findings import Severity
from outreach_pipelines.domain.dns_audit.readiness import NotReady, Ready, Undecided
from outreach_pipelines.domain.dns_audit.settling import AwaitingConfirmation
from outreach_pipelines.domain.tenant import TenantId

ACME = TenantId(1)
TODAY = date(2026, 11, 21)
NIGHT = datetime(2026, 11, 21, 2, tzinfo=UTC)


class SilentResolver:
    """Answers nothing at all, not even by Unknown."""

    async def resolve(self, queries: Collection[Query]) -> Mapping[Query, Answer]:
        return {}


def states(store: MemoryAudits) -> list[object]:
    return [store.standings[PathKey(DOMAIN, account)].state for account in (SES, RELAY)]


async def test_an_answer_that_two_domains_need_is_asked_once() -> None:
    resolver = dns()
    targets = [AuditTarget(DOMAIN, expectations()), AuditTarget(DomainName("news.acme.example"), expectations())]

    await audit_domains(resolver, targets)

    assert Counter(resolver.asked)[Query(DomainName("amazonses.com"), RecordType.TXT)] == 1


async def test_stored_answers_give_the_same_findings_again() -> None:
    (one,) = await audit_domains(dns(without=["_dmarc"]), [AuditTarget(DOMAIN, expectations())])

    assert audit(DOMAIN, one.answers, expectations()) == one.findings


async def test_a_resolver_that_leaves_queries_out_makes_nothing_missing() -> None:
    (one,) = await audit_domains(SilentResolver(), [AuditTarget(DOMAIN, expectations())])

    assert one.findings.findings == ()
    assert one.findings.readiness[SES] == Undecided((Cause.NOT_ANSWERED,))


async def test_no_domains_is_no_work() -> None:
    assert await audit_domains(SilentResolver(), []) == []


async def test_a_good_tenant_is_ready_and_counted() -> None:
    store = MemoryAudits()

    summary = await audit_tenant(dns(), store, ACME, day=TODAY, now=NIGHT)

    assert (summary.domains, summary.ready, summary.not_ready, summary.undecided) == (1, 2, 0, 0)
    assert states(store) == [Ready(), Ready()]
    assert summary.queries == len(store.days[TODAY][0].audit.answers) > 20


async def test_a_record_that_vanishes_stops_sending_on_the_second_night() -> None:
    store = MemoryAudits()
    broken = dns(without=["_dmarc"])
    await audit_tenant(dns(), store, ACME, day=TODAY, now=NIGHT)

    first = await audit_tenant(broken, store, ACME, day=TODAY, now=NIGHT + timedelta(days=1))
    believed_after_first = states(store)
    await audit_tenant(broken, store, ACME, day=TODAY, now=NIGHT + timedelta(days=2))

    assert first.findings == {Severity.CRITICAL: 1}
    assert believed_after_first == [Ready(), Ready()]
    assert all(isinstance(state, NotReady) for state in states(store))


async def test_a_second_run_of_the_same_night_changes_no_belief() -> None:
    store = MemoryAudits()
    broken = dns(without=["_dmarc"])
    await audit_tenant(broken, store, ACME, day=TODAY, now=NIGHT)
    before = dict(store.standings)

    await audit_tenant(broken, store, ACME, day=TODAY, now=NIGHT)

    assert store.standings == before
    assert states(store) == [AwaitingConfirmation(), AwaitingConfirmation()]


async def test_a_dead_resolver_changes_no_belief() -> None:
    store = MemoryAudits()
    await audit_tenant(dns(), store, ACME, day=TODAY, now=NIGHT)

    await audit_tenant(SilentResolver(), store, ACME, day=TODAY, now=NIGHT + timedelta(days=1))

    assert states(store) == [Ready(), Ready()]


async def test_a_domain_without_accounts_is_audited_all_the_same() -> None:
    store = MemoryAudits(wanted=(AuditTarget(DOMAIN, Expectations()),))

    summary = await audit_tenant(dns(without=["acme.example MX"]), store, ACME, day=TODAY, now=NIGHT)

    assert (summary.domains, summary.ready, summary.findings) == (1, 0, {Severity.CRITICAL: 1})

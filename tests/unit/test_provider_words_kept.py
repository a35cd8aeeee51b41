"""What a provider last said outlives its silence, for as long as a definite state does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from dns_audit_cases import DOMAIN, SES, FakeDns, dns, good_zone
from memory_audits import MemoryAudits

from outreach_pipelines.application.ask_providers import DomainDesk
from outreach_pipelines.application.audit_domains import AuditSummary, PathKey, SettledAudit, audit_tenant
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Cause
from outreach_pipelines.domain.dns_audit.expectations import DkimExpectation
from outreach_pipelines.domain.dns_audit.findings import Check, Fault, Finding
from outreach_pipelines.domain.dns_audit.news import AuditMemory
from outreach_pipelines.domain.dns_audit.provider_state import DomainState, NotHeard, ProviderState
from outreach_pipelines.domain.dns_audit.provider_word import HeardWord, ProviderWord, Word, kept_words, recalled
from outreach_pipelines.domain.dns_audit.readiness import NotReady, Ready, Undecided
from outreach_pipelines.domain.dns_audit.settling import Standing
from outreach_pipelines.domain.inventory import Selector
from outreach_pipelines.domain.provider_account import AccountName
from outreach_pipelines.domain.tenant import TenantId

ACME = TenantId(1)
NIGHT = datetime(2026, 11, 21, 2, tzinfo=UTC)
VERIFIED, SILENCE = ProviderState.VERIFIED, NotHeard(Cause.TIMEOUT)
NEW = "d" * 32
NEW_KEY = DkimExpectation(Selector(NEW), DomainName(f"{NEW}.dkim.amazonses.com"))


def saying(identity: ProviderState, *keys: DkimExpectation) -> ProviderWord:
    return ProviderWord(state=DomainState(identity=identity, dkim=identity, return_path=VERIFIED), dkim=keys)


def moved_zone() -> FakeDns:
    """A zone with the provider's new key, from which those that the inventory still names are gone."""
    kept = (line for line in good_zone() if not any(letter * 32 in line for letter in "bc"))
    return FakeDns(tuple(line.replace("a" * 32, NEW) for line in kept))


@dataclass
class OneDesk:
    """A desk of the SES account alone."""

    word: Word | None

    def of(self, tenant: TenantId, account: AccountName) -> DomainDesk | None:
        return self if account == SES and self.word is not None else None

    async def ask(self, domain: DomainName) -> Word:
        assert self.word is not None
        return self.word

    async def close(self) -> None:
        pass


async def night(
    store: MemoryAudits, word: Word | None, hours: float, served: FakeDns | None = None
) -> tuple[Standing, AuditSummary]:
    now = NIGHT + timedelta(hours=hours)
    done = await audit_tenant(served or dns(), store, ACME, day=now.date(), now=now, desks=OneDesk(word))
    return store.standings[PathKey(DOMAIN, SES)], done


def findings(done: AuditSummary) -> list[Finding]:
    return [each for one in done.audits for each in one.audit.findings.findings]


def facts(done: AuditSummary) -> str:
    return " ".join(fact.text for one in done.audits for fact in one.audit.findings.facts)


async def test_records_that_the_provider_asked_for_are_not_missed_by_the_inventory_while_it_is_silent() -> None:
    store = MemoryAudits()
    await night(store, saying(VERIFIED, NEW_KEY), 0, moved_zone())

    standings = [await night(store, SILENCE, hours, moved_zone()) for hours in (6, 12, 72)]

    assert [standing.state for standing, _ in standings] == [Ready()] * 3
    assert [findings(done) for _, done in standings] == [[]] * 3
    assert "ses was not heard (timeout); judged by what it said 2026-11-21 02:00 UTC" in facts(standings[0][1])


async def test_after_three_days_of_silence_the_inventory_judges_again_and_somebody_is_warned() -> None:
    store = MemoryAudits()
    await night(store, saying(VERIFIED, NEW_KEY), 0, moved_zone())

    _, done = await night(store, SILENCE, 73, moved_zone())

    missing = [each for each in findings(done) if each.check is Check.DKIM_RECORD]
    (warning,) = (each for each in findings(done) if each.check is Check.PROVIDER_STATE)
    assert len(missing) == 3
    assert (warning.fault, warning.stops) == (Fault.WEAK, frozenset())
    assert "last heard 2026-11-21 02:00 UTC" in warning.evidence


async def test_a_provider_that_was_never_heard_warns_of_nothing_new() -> None:
    _, done = await night(MemoryAudits(), SILENCE, 0)

    assert findings(done) == []


@pytest.mark.parametrize(
    "state", [ProviderState.PENDING, ProviderState.FAILED, ProviderState.SUSPENDED, ProviderState.ABSENT]
)
async def test_what_was_not_finished_is_not_taken_for_finished_in_silence(state: ProviderState) -> None:
    store = MemoryAudits()
    await night(store, saying(state), 0)

    standing, done = await night(store, SILENCE, 6)

    assert not isinstance(standing.state, Ready | NotReady)
    assert done.audits[0].audit.findings.readiness[SES] == Undecided((Cause.TIMEOUT,))


@pytest.mark.parametrize(
    "state",
    [
        DomainState(identity=VERIFIED, return_path=ProviderState.ABSENT),
        DomainState(identity=VERIFIED, return_path=ProviderState.PENDING),
        DomainState(identity=VERIFIED, dkim=ProviderState.UNSURE),
    ],
)
async def test_what_stopped_nobody_when_it_was_said_stops_nobody_in_silence(state: DomainState) -> None:
    store = MemoryAudits()
    await night(store, ProviderWord(state=state), 0)

    _, done = await night(store, SILENCE, 6)

    assert done.audits[0].audit.findings.readiness[SES] == Ready()


async def test_one_refusal_is_not_confirmed_by_remembering_it() -> None:
    store = MemoryAudits()
    await night(store, saying(VERIFIED), 0)
    await night(store, saying(ProviderState.FAILED), 6)

    states = [(await night(store, SILENCE, hours))[0].state for hours in (12, 18, 24)]

    assert states == [Ready()] * 3


async def test_a_provider_that_is_asked_no_more_has_said_nothing() -> None:
    store = MemoryAudits()
    await night(store, saying(VERIFIED, NEW_KEY), 0, moved_zone())
    await night(store, None, 6)

    _, done = await night(store, SILENCE, 12)

    assert (store.kept[DOMAIN].words, findings(done)) == ({}, [])


def test_a_new_word_takes_the_place_of_the_kept_one_and_silence_does_not() -> None:
    other = AccountName("other")
    old, new = saying(VERIFIED, NEW_KEY), saying(VERIFIED)
    kept = {SES: HeardWord(old, NIGHT), other: HeardWord(old, NIGHT)}
    later = NIGHT + timedelta(hours=6)

    assert kept_words({SES: new, other: SILENCE}, kept, now=later) == {SES: HeardWord(new, later), other: kept[other]}
    assert recalled({SES: new}, kept, now=later) == {SES: new}
    assert recalled({AccountName("third"): SILENCE}, kept, now=later) == {AccountName("third"): SILENCE}


async def test_of_two_audits_at_once_only_the_first_to_end_tells_the_news() -> None:
    store = MemoryAudits()
    await night(store, None, 0)
    faulty = dns(without=["_dmarc"])

    @dataclass
    class SlowDesk(OneDesk):
        """While it is asked, the other audit runs from its beginning to its end."""

        async def ask(self, domain: DomainName) -> Word:
            await night(store, None, 7, faulty)
            return NotHeard(Cause.NOT_ASKED)

    await night(store, None, 6, faulty)
    now = NIGHT + timedelta(hours=7)
    done = await audit_tenant(faulty, store, ACME, day=now.date(), now=now, desks=SlowDesk(SILENCE))

    kinds = [(news.kind, news.subject) for news in store.news]
    assert kinds
    assert len(kinds) == len(set(kinds))
    assert done.overtaken == {DOMAIN}
    assert [one.news for one in done.audits] == [()]


@dataclass
class KeptBetween(MemoryAudits):
    """Another audit is kept just after the first thing that this one reads."""

    other: Sequence[SettledAudit] = ()

    def memories(self, tenant: TenantId) -> Mapping[DomainName, AuditMemory]:
        found = super().memories(tenant)
        self._keep_other(tenant)
        return found

    def last_definite(self, tenant: TenantId) -> Mapping[PathKey, Standing]:
        found = super().last_definite(tenant)
        self._keep_other(tenant)
        return found

    def _keep_other(self, tenant: TenantId) -> None:
        other, self.other = self.other, ()
        if other:
            self.save(tenant, NIGHT.date(), other, now=NIGHT)


async def test_an_audit_that_is_kept_between_two_reads_is_found_out() -> None:
    store, faulty = KeptBetween(), dns(without=["_dmarc"])
    await night(store, None, 0)
    await night(store, None, 6, faulty)
    twin = MemoryAudits(standings=dict(store.standings), kept=dict(store.kept))
    store.other = (await night(twin, None, 12, faulty))[1].audits

    _, done = await night(store, None, 12, faulty)

    kinds = [(news.kind, news.subject) for news in store.news]
    assert done.overtaken == {DOMAIN}
    assert len(kinds) == len(set(kinds))

"""What providers say of a domain, held against its DNS: named disagreements, and silence that changes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from dns_audit_cases import DOMAIN, RELAY, SES, FakeDns, audited, dns, expectations, finding_of, rsa_key
from memory_audits import MemoryAudits

from outreach_pipelines.application.ask_providers import DomainDesk
from outreach_pipelines.application.audit_domains import AuditTarget, PathKey, audit_tenant
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Cause, Query, RecordType
from outreach_pipelines.domain.dns_audit.audit import Findings
from outreach_pipelines.domain.dns_audit.expectations import DkimExpectation, Expectations, TrackingHost
from outreach_pipelines.domain.dns_audit.findings import Check, Fault, Severity
from outreach_pipelines.domain.dns_audit.provider_state import DomainState, NotHeard, ProviderState
from outreach_pipelines.domain.dns_audit.provider_word import ProviderWord, Word, with_words
from outreach_pipelines.domain.dns_audit.readiness import NotReady, Ready, Undecided
from outreach_pipelines.domain.inventory import Selector
from outreach_pipelines.domain.provider_account import AccountName
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.errors import Unreadable

ACME = TenantId(1)
NIGHT = datetime(2026, 11, 21, 2, tzinfo=UTC)
HOURS = timedelta(hours=1)
VERIFIED, PENDING, FAILED = ProviderState.VERIFIED, ProviderState.PENDING, ProviderState.FAILED
NO_KEYS = dns(without=[f"{'a' * 32}._domainkey"])
GOOD = ProviderWord(state=DomainState(identity=VERIFIED, dkim=VERIFIED, return_path=VERIFIED))


def saying(
    identity: ProviderState, dkim: ProviderState = VERIFIED, return_path: ProviderState = VERIFIED, reason: str = ""
) -> ProviderWord:
    return ProviderWord(state=DomainState(identity=identity, dkim=dkim, return_path=return_path, reason=reason))


def judged(word: Word, served: FakeDns | None = None) -> Findings:
    return audited(served or dns(), with_words(expectations(), {SES: word}))


def test_a_provider_that_agrees_with_the_dns_adds_nothing() -> None:
    findings = judged(GOOD)

    assert findings.findings == ()
    assert findings.readiness == {SES: Ready(), RELAY: Ready()}


def test_verified_at_the_provider_and_gone_from_the_dns_is_drift() -> None:
    findings = judged(GOOD, NO_KEYS)

    drift = finding_of(findings, Check.PROVIDER_DRIFT)
    assert (drift.severity, drift.name, drift.stops) == (Severity.HIGH, DOMAIN, frozenset())
    assert "publish them" in drift.evidence
    assert isinstance(findings.readiness[SES], NotReady)


@pytest.mark.parametrize("state", [FAILED, ProviderState.SUSPENDED, ProviderState.ABSENT])
def test_a_providers_definite_no_makes_its_account_not_ready_and_no_other(state: ProviderState) -> None:
    findings = judged(saying(state, reason="HOST_NOT_FOUND"))

    refusal = finding_of(findings, Check.PROVIDER_STATE)
    assert (refusal.severity, refusal.stops) == (Severity.CRITICAL, frozenset({SES}))
    assert f"{state} (HOST_NOT_FOUND)" in refusal.evidence
    assert isinstance(findings.readiness[SES], NotReady)
    assert findings.readiness[RELAY] == Ready()


@pytest.mark.parametrize(
    ("served", "says"),
    [
        (dns(), "DNS is ready, the provider is not"),
        (NO_KEYS, "mend the records first"),
        (
            dns(failing=[Query(DomainName(f"{'a' * 32}._domainkey.acme.example"), RecordType.CNAME)]),
            "not all could be read",
        ),
    ],
)
def test_what_mends_a_refusal_depends_on_the_records(served: FakeDns, says: str) -> None:
    findings = judged(saying(FAILED), served)

    assert says in finding_of(findings, Check.PROVIDER_STATE).evidence


def test_dkim_that_is_switched_off_stops_the_account_though_its_keys_are_published() -> None:
    findings = judged(saying(VERIFIED, ProviderState.SUSPENDED))

    assert "switch signing on" in finding_of(findings, Check.PROVIDER_STATE).evidence
    assert isinstance(findings.readiness[SES], NotReady)


def test_a_provider_that_has_not_looked_yet_is_told_and_is_no_fault() -> None:
    findings = judged(saying(PENDING, PENDING))

    assert findings.findings == ()
    assert findings.readiness[SES] == Undecided((Cause.PENDING_AT_PROVIDER,))
    assert any("the records are published and ses has not looked yet" in fact.text for fact in findings.facts)


def test_a_return_path_that_waits_for_the_provider_stops_nobody() -> None:
    findings = judged(saying(VERIFIED, return_path=PENDING))

    assert (findings.findings, findings.unanswered) == ((), ())
    assert findings.readiness[SES] == Ready()


def test_a_return_path_that_the_provider_does_not_use_is_a_weakness() -> None:
    findings = judged(saying(VERIFIED, return_path=ProviderState.ABSENT))

    weakness = finding_of(findings, Check.PROVIDER_STATE)
    assert (weakness.fault, weakness.name) == (Fault.WEAK, "bounce.acme.example")
    assert findings.readiness[SES] == Ready()


@pytest.mark.parametrize("cause", [Cause.TIMEOUT, Cause.REFUSED, Cause.MALFORMED])
@pytest.mark.parametrize("served", [dns(), NO_KEYS], ids=["good", "faulty"])
def test_a_provider_that_is_not_heard_changes_nothing_but_is_told(cause: Cause, served: FakeDns) -> None:
    findings, before = judged(NotHeard(cause), served), audited(served)

    assert (findings.findings, findings.readiness, findings.score) == (
        before.findings,
        before.readiness,
        before.score,
    )
    assert [(gap.check, gap.cause, gap.stops) for gap in findings.unanswered] == [
        (Check.PROVIDER_STATE, cause, frozenset())
    ]


def test_the_providers_records_take_the_place_of_the_inventorys_guess() -> None:
    other = DkimExpectation(Selector("d" * 32), DomainName(f"{'d' * 32}.dkim.eu-west-1.amazonses.com"))
    word = ProviderWord(
        state=GOOD.state, dkim=(other,), return_path=DomainName("mail.acme.example"), return_path_alias=None
    )

    told = with_words(expectations(), {SES: word}).accounts[0]

    assert (told.dkim, told.return_path) == ((other,), "mail.acme.example")
    missing = finding_of(judged(word), Check.DKIM_RECORD)
    assert missing.fix is not None
    assert missing.fix.publish[0].value == f"{'d' * 32}.dkim.eu-west-1.amazonses.com."


def test_a_key_that_does_not_sign_yet_stops_nobody_and_is_asked_for() -> None:
    coming = DkimExpectation(Selector("next"), public_key=rsa_key(1024), spare=True)
    signing = expectations().accounts[0].dkim

    findings = judged(replace(GOOD, dkim=(*signing, coming)))

    missing = finding_of(findings, Check.DKIM_RECORD)
    assert (missing.severity, missing.stops, missing.name) == (
        Severity.MEDIUM, frozenset(), "next._domainkey.acme.example",
    )  # fmt: skip
    assert missing.fix is not None
    assert findings.readiness[SES] == Ready()


def test_a_host_for_links_that_the_provider_would_track_is_told_and_need_not_stand() -> None:
    host = TrackingHost(DomainName("email.acme.example"), DomainName("eu.mailgun.org"))

    findings = judged(replace(GOOD, link_host=host))

    assert findings.findings == ()
    assert any("email.acme.example, which leads to eu.mailgun.org; not needed" in f.text for f in findings.facts)


def test_our_links_on_a_host_that_the_provider_keeps_for_its_own_are_a_weakness() -> None:
    findings = judged(replace(GOOD, link_host=TrackingHost(DomainName("links.acme.example"))))

    weakness = finding_of(findings, Check.TRACKING_HOST)
    assert (weakness.fault, weakness.name) == (Fault.WEAK, "links.acme.example")
    assert "name another tracking host" in weakness.evidence


def test_an_account_without_a_word_stays_as_the_inventory_has_it() -> None:
    assert with_words(expectations(), {}) == expectations()


@dataclass
class Desks:
    """Desks that say what they are told to; `asked` in order."""

    words: Mapping[AccountName, Word]
    asked: list[PathKey] = field(default_factory=list)
    closed: int = 0

    def of(self, tenant: TenantId, account: AccountName) -> DomainDesk | None:
        if account not in self.words:
            return None
        return Desk(self, account)


@dataclass
class Desk:
    desks: Desks
    account: AccountName

    async def ask(self, domain: DomainName) -> Word:
        self.desks.asked.append(PathKey(domain, self.account))
        return self.desks.words[self.account]

    async def close(self) -> None:
        self.desks.closed += 1


class LockedDesks:
    """Every secret leads nowhere."""

    def of(self, tenant: TenantId, account: AccountName) -> DomainDesk | None:
        message = "env:KEY is not set"
        raise Unreadable(message)


async def night(store: MemoryAudits, word: Word, after: timedelta, served: FakeDns | None = None) -> object:
    now = NIGHT + after
    await audit_tenant(served or dns(), store, ACME, day=now.date(), now=now, desks=Desks({SES: word}))
    return store.standings[PathKey(DOMAIN, SES)].state


async def test_a_refusal_is_believed_the_second_time_and_taken_back_by_the_provider_alone() -> None:
    store = MemoryAudits()

    states = [
        await night(store, GOOD, 0 * HOURS),
        await night(store, saying(FAILED), 6 * HOURS),
        await night(store, saying(FAILED), 12 * HOURS),
        await night(store, NotHeard(Cause.TIMEOUT), 18 * HOURS),
        await night(store, GOOD, 24 * HOURS),
    ]

    assert [type(state) for state in states] == [Ready, Ready, NotReady, NotReady, Ready]


async def test_a_silent_provider_does_not_clear_a_refusal_seen_once() -> None:
    store = MemoryAudits()
    await night(store, saying(FAILED), 0 * HOURS)

    await night(store, NotHeard(Cause.TIMEOUT), 6 * HOURS)

    assert isinstance(await night(store, saying(FAILED), 12 * HOURS), NotReady)


async def test_a_provider_that_is_never_heard_leaves_a_domain_as_dns_shows_it() -> None:
    store = MemoryAudits()

    states = [await night(store, NotHeard(Cause.TIMEOUT), days * 24 * HOURS) for days in range(6)]

    assert states == [Ready()] * 6


async def test_secrets_that_lead_nowhere_are_a_provider_not_heard() -> None:
    store = MemoryAudits()

    summary = await audit_tenant(dns(), store, ACME, day=NIGHT.date(), now=NIGHT, desks=LockedDesks())

    assert (summary.ready, summary.not_ready) == (2, 0)
    assert [gap.cause for gap in summary.audits[0].audit.findings.unanswered] == [Cause.NOT_ASKED]


@pytest.mark.parametrize(
    ("word", "questions"),
    [(NotHeard(Cause.TIMEOUT), 1), (NotHeard(Cause.REFUSED), 1), (NotHeard(Cause.SERVER_FAILURE), 2), (GOOD, 2)],
)
async def test_who_does_not_answer_us_is_not_asked_about_the_next_domain(word: Word, questions: int) -> None:
    targets = [AuditTarget(DOMAIN, expectations()), AuditTarget(DomainName("other.example"), expectations())]
    desks = Desks({SES: word})

    summary = await audit_tenant(dns(), MemoryAudits(wanted=targets), ACME, day=NIGHT.date(), now=NIGHT, desks=desks)

    assert (len(desks.asked), desks.closed) == (questions, 1)
    silent = [one for one in summary.audits if any("not heard" in f.text for f in one.audit.findings.facts)]
    assert len(silent) == (0 if word is GOOD else 2)


def test_expectations_without_accounts_take_no_words() -> None:
    assert with_words(Expectations(), {SES: GOOD}) == Expectations()

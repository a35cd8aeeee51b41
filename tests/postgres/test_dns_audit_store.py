"""DNS audits in the database: what is asked, what is kept of a day, what is believed over days."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import pytest
from dns_audit_cases import FakeDns
from example_zones import example_zones
from tenant_installation import Installation, example, fresh

from outreach_pipelines.adapters.postgres.dns_audit_store import PostgresDnsAuditStore
from outreach_pipelines.application.audit_domains import (
    AuditSummary,
    DnsResolver,
    DomainAudit,
    PathKey,
    SettledAudit,
    audit_tenant,
)
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Answer, Cause, Query, Unknown
from outreach_pipelines.domain.dns_audit.audit import Findings
from outreach_pipelines.domain.dns_audit.expectations import DkimExpectation, KeyAlgorithm, TrackingHost
from outreach_pipelines.domain.dns_audit.from_inventory import expectations_of
from outreach_pipelines.domain.dns_audit.news import AuditMemory
from outreach_pipelines.domain.dns_audit.provider_state import DomainState, ProviderState
from outreach_pipelines.domain.dns_audit.provider_word import HeardWord, ProviderWord
from outreach_pipelines.domain.dns_audit.readiness import NotReady, Ready, Undecided
from outreach_pipelines.domain.dns_audit.score import Score
from outreach_pipelines.domain.dns_audit.settling import AwaitingConfirmation, Standing
from outreach_pipelines.domain.inventory import Selector
from outreach_pipelines.domain.provider_account import AccountName
from outreach_pipelines.domain.tenant import TenantRef

pytest_plugins = ("tenant_fixtures",)

MONDAY = date(2026, 11, 16)
NIGHT = datetime(2026, 11, 16, 2, tzinfo=UTC)
DAY = timedelta(days=1)
DESK = PathKey(DomainName("acme-desk.example"), AccountName("ses-main"))
NO_KEY = ("s2026._domainkey.acme-desk.example",)


@dataclass(frozen=True, slots=True)
class SilentDns:
    """Nobody answers."""

    async def resolve(self, queries: Collection[Query]) -> Mapping[Query, Answer]:
        return dict.fromkeys(queries, Unknown(Cause.TIMEOUT))


@pytest.fixture
def tenant(installation: Installation) -> TenantRef:
    return installation.apply(fresh(example("acme")))[0]


@pytest.fixture
def store(installation: Installation) -> PostgresDnsAuditStore:
    return PostgresDnsAuditStore(installation.app)


async def audit(store: PostgresDnsAuditStore, tenant: TenantRef, resolver: DnsResolver, days: int = 0) -> AuditSummary:
    return await audit_tenant(resolver, store, tenant.id, day=MONDAY + days * DAY, now=NIGHT + days * DAY)


def way(installation: Installation, tenant: TenantRef, key: PathKey = DESK) -> dict[str, object]:
    (row,) = installation.sql(
        "select r.state, r.definite_state, r.definite_at, r.reason from app.domain_account r join app.sending_domain d using (tenant_id, domain_id)"
        " join app.provider_account a using (account_id) where tenant_id = %(t)s and d.name = %(d)s and a.name = %(a)s",
        t=tenant.id,
        d=key.domain,
        a=key.account,
    )
    return row


def test_targets_are_what_the_inventory_says_a_domain_should_publish(
    installation: Installation, store: PostgresDnsAuditStore
) -> None:
    inventory = fresh(example("nordwind"))
    tenant, _ = installation.apply(inventory)

    targets = store.targets(tenant.id)

    uses = {use.account.name: use for use in inventory.accounts}
    wanted = {domain.name: expectations_of(domain, uses, policy=inventory.audit) for domain in inventory.domains}
    assert {target.domain: target.expectations for target in targets} == wanted


def test_a_retired_domain_is_not_asked_about(installation: Installation, store: PostgresDnsAuditStore) -> None:
    inventory = fresh(example("acme"))
    tenant, _ = installation.apply(inventory)
    kept = tuple(each for each in inventory.mailboxes if each.domain != DESK.domain)
    installation.apply(
        replace(inventory, mailboxes=kept, domains=tuple(d for d in inventory.domains if d.name != DESK.domain))
    )

    targets = store.targets(tenant.id)

    assert len(targets) == len(inventory.domains) - 1
    assert DESK.domain not in {target.domain for target in targets}


async def test_published_domains_are_ready_and_the_one_without_a_key_is_not(
    installation: Installation, tenant: TenantRef, store: PostgresDnsAuditStore
) -> None:
    summary = await audit(store, tenant, example_zones())

    letters = PathKey(DomainName("acme-letters.example"), DESK.account)
    assert (summary.domains, summary.ready, summary.not_ready) == (5, 4, 0)
    assert way(installation, tenant)["definite_state"] == "ready"
    seen_once = way(installation, tenant, letters)
    assert (seen_once["state"], seen_once["definite_state"], seen_once["definite_at"]) == ("not_ready", None, None)
    assert "dkim_record" in str(seen_once["reason"])


async def test_a_fault_is_believed_when_the_next_night_shows_it_again(
    installation: Installation, tenant: TenantRef, store: PostgresDnsAuditStore
) -> None:
    await audit(store, tenant, example_zones())
    await audit(store, tenant, example_zones(without=NO_KEY), 1)
    after_one = way(installation, tenant)

    await audit(store, tenant, example_zones(without=NO_KEY), 2)

    after_two = way(installation, tenant)
    assert (after_one["state"], after_one["definite_state"]) == ("not_ready", "ready")
    assert "to be confirmed" in str(after_one["reason"])
    assert (after_two["state"], after_two["definite_state"], after_two["definite_at"]) == (
        "not_ready",
        "not_ready",
        NIGHT + 2 * DAY,
    )
    assert "dkim_record of s2026._domainkey.acme-desk.example" in str(after_two["reason"])


async def test_silence_keeps_what_was_known_for_certain_for_a_while_and_then_forgets_it(
    installation: Installation, tenant: TenantRef, store: PostgresDnsAuditStore
) -> None:
    await audit(store, tenant, example_zones())
    await audit(store, tenant, SilentDns(), 2)
    soon = way(installation, tenant)

    await audit(store, tenant, SilentDns(), 4)

    late = way(installation, tenant)
    assert (soon["state"], soon["definite_state"], soon["definite_at"]) == ("unknown", "ready", NIGHT)
    assert "timeout" in str(soon["reason"])
    assert (late["state"], late["definite_state"], late["definite_at"]) == ("unknown", None, None)


async def test_a_second_audit_of_a_day_takes_the_place_of_the_first(
    installation: Installation, tenant: TenantRef, store: PostgresDnsAuditStore
) -> None:
    findings = "select name from app.dns_finding where tenant_id = %(t)s and check_name = 'dkim_record' order by 1"
    await audit(store, tenant, example_zones(without=NO_KEY))
    before = installation.values(findings, t=tenant.id)

    await audit(store, tenant, example_zones())

    days = installation.values("select day from app.dns_audit where tenant_id = %(t)s", t=tenant.id)
    letters = "s2026._domainkey.acme-letters.example"
    assert (before, installation.values(findings, t=tenant.id)) == ([*NO_KEY, letters], [letters])
    assert days == [MONDAY] * 5


async def test_an_audit_without_answers_keeps_the_questions_and_no_score(
    installation: Installation, tenant: TenantRef, store: PostgresDnsAuditStore
) -> None:
    await audit(store, tenant, SilentDns())

    rows = installation.sql("select score, unanswered from app.dns_audit where tenant_id = %(t)s", t=tenant.id)
    assert {row["score"] for row in rows} == {None}
    assert all("mail_exchanger of acme-" in str(row["unanswered"]) for row in rows)
    assert installation.values("select 1 from app.dns_finding where tenant_id = %(t)s", t=tenant.id) == []


async def test_a_finding_carries_the_records_that_mend_it(
    installation: Installation, tenant: TenantRef, store: PostgresDnsAuditStore
) -> None:
    await audit(store, tenant, example_zones())

    rows = installation.sql(
        "select publish, severity, stops from app.dns_finding where tenant_id = %(t)s and name = '_dmarc.acme-letters.example'",
        t=tenant.id,
    )
    assert len(rows) == 1
    assert str(rows[0]["publish"]).startswith("['_dmarc.acme-letters.example. 3600 IN TXT \"v=DMARC1;")
    assert rows[0]["severity"] in {"low", "medium", "high", "critical"}


@pytest.mark.parametrize("nights", [1, 2], ids=["a first suspicion", "a confirmed fault"])
async def test_a_belief_is_read_back_as_it_was_settled(
    tenant: TenantRef, store: PostgresDnsAuditStore, nights: int
) -> None:
    kept: dict[PathKey, Standing] = {}

    class Watched(PostgresDnsAuditStore):
        def save(self, tenant: object, day: object, audits: object, *, now: datetime) -> frozenset[DomainName]:
            for one in audits:  # type: ignore[attr-defined]  # settled audits
                kept.update({PathKey(one.audit.domain, name): standing for name, standing in one.standings.items()})
            return super().save(tenant, day, audits, now=now)  # type: ignore[arg-type]  # as given

    for night in range(nights):
        await audit(Watched(store.engine), tenant, example_zones(), night)

    assert store.last_definite(tenant.id) == kept
    kinds = {type(standing.state) for standing in kept.values()}
    assert kinds == {Ready, AwaitingConfirmation if nights == 1 else NotReady}


async def test_an_undecided_belief_is_read_back_with_its_causes(
    tenant: TenantRef, store: PostgresDnsAuditStore
) -> None:
    await audit(store, tenant, SilentDns())

    assert store.last_definite(tenant.id)[DESK].state == Undecided((Cause.TIMEOUT,))


async def test_one_tenants_audit_leaves_another_ones_beliefs_alone(
    installation: Installation, tenant: TenantRef, store: PostgresDnsAuditStore
) -> None:
    other, _ = installation.apply(fresh(example("acme")))

    await audit(store, tenant, example_zones())

    assert store.last_definite(other.id) == {}
    assert way(installation, other)["reason"] == "not audited yet"


WORD = ProviderWord(
    state=DomainState(identity=ProviderState.VERIFIED, dkim=ProviderState.PENDING, reason="soon"),
    dkim=(
        DkimExpectation(Selector("one"), DomainName("one.keys.example")),
        DkimExpectation(Selector("two"), public_key="AAAA", algorithm=KeyAlgorithm.ED25519, spare=True),
    ),
    return_path=DomainName("bounce.acme-desk.example"),
    return_path_alias=DomainName("returns.provider.example"),
    spf_includes=(DomainName("spf.provider.example"),),
    link_host=TrackingHost(DomainName("email.acme-desk.example"), DomainName("links.provider.example")),
)


@pytest.mark.parametrize("word", [WORD, ProviderWord(state=DomainState(identity=ProviderState.ABSENT))])
def test_what_a_provider_said_is_kept_whole_and_for_its_account(
    installation: Installation, store: PostgresDnsAuditStore, tenant: TenantRef, word: ProviderWord
) -> None:
    first = AuditMemory(words={DESK.account: HeardWord(WORD, NIGHT - DAY)})
    kept = AuditMemory(words={DESK.account: HeardWord(word, NIGHT)}, audits=1)
    nothing = DomainAudit(DESK.domain, Findings((), (), {}, Score(())), {})

    overtaken = [
        store.save(tenant.id, MONDAY, [SettledAudit(nothing, {}, memory=memory)], now=NIGHT) for memory in (first, kept)
    ]

    assert overtaken == [frozenset()] * 2
    assert store.memories(tenant.id)[DESK.domain] == replace(kept, audits=2)


@dataclass(slots=True)
class Meanwhile:
    """Before its first answer, another audit of the tenant runs from its beginning to its end."""

    served: FakeDns
    other: Callable[[], Awaitable[AuditSummary]]
    summary: AuditSummary | None = None

    async def resolve(self, queries: Collection[Query]) -> Mapping[Query, Answer]:
        if self.summary is None:
            self.summary = await self.other()
        return await self.served.resolve(queries)


async def test_of_two_audits_at_once_the_one_that_ends_later_keeps_nothing_and_tells_no_news_again(
    installation: Installation, store: PostgresDnsAuditStore, tenant: TenantRef
) -> None:
    await audit(store, tenant, example_zones())
    faulty = example_zones(without=NO_KEY)
    await audit(store, tenant, faulty, days=1)
    both = Meanwhile(faulty, lambda: audit(store, tenant, faulty, days=2))

    later = await audit(store, tenant, both, days=2)

    told = installation.sql(
        "select domain_id, kind, subject, count(*) as times from app.dns_news where tenant_id = %(t)s group by 1, 2, 3",
        t=tenant.id,
    )
    assert both.summary is not None
    assert (both.summary.overtaken, len(later.overtaken)) == (frozenset(), later.domains)
    assert "not_ready" in {row["kind"] for row in told}
    assert {row["times"] for row in told} == {1}
    assert [one.news for one in later.audits if one.news] == []

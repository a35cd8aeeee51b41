"""What audits remember and bring, in the database: from one audit to the next, and to people once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from dns_audit_cases import FakeDns
from example_zones import example_zones
from tenant_installation import Installation, example, fresh

from outreach_pipelines.adapters.postgres.dns_audit_store import PostgresDnsAuditStore
from outreach_pipelines.adapters.postgres.dns_news_book import PostgresDnsNews
from outreach_pipelines.application.audit_domains import AuditSummary, audit_tenant
from outreach_pipelines.application.judge_domains import out_of_sight, stopped
from outreach_pipelines.application.notify_dns import notify_dns
from outreach_pipelines.application.notify_replies import Notice, NotTold, Told
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.audit_policy import AuditPolicy, Blocklist, DedicatedAddress, Extra, ReportsAddress
from outreach_pipelines.domain.dns_audit.news import NewsKind
from outreach_pipelines.domain.reference import SecretRef, SecretScheme
from outreach_pipelines.domain.tenant import TenantRef

pytest_plugins = ("tenant_fixtures",)

NOW = datetime.now(UTC)
HOURS = timedelta(hours=6)
DESK = DomainName("acme-desk.example")
NO_KEY = ("s2026._domainkey.acme-desk.example",)
OPERATORS = SecretRef(SecretScheme.ENVIRONMENT, "OPERATORS")
OTHERS = SecretRef(SecretScheme.ENVIRONMENT, "OTHERS")


class People:
    """A `Notifier` that gives these answers in turn, and then takes everything."""

    def __init__(self, *answers: Told | NotTold) -> None:
        self.answers = list(answers)
        self.told: list[Notice] = []

    def tell(self, target: SecretRef, notice: Notice) -> Told | NotTold:
        self.told.append(notice)
        return self.answers.pop(0) if self.answers else Told()


@pytest.fixture
def tenant(installation: Installation) -> TenantRef:
    return installation.apply(fresh(example("acme")))[0]


@pytest.fixture
def book(installation: Installation) -> PostgresDnsNews:
    return PostgresDnsNews(installation.app)


async def audit(
    installation: Installation, tenant: TenantRef, zones: FakeDns, hours: timedelta = timedelta()
) -> AuditSummary:
    store = PostgresDnsAuditStore(installation.app)
    return await audit_tenant(zones, store, tenant.id, day=NOW.date(), now=NOW - 4 * HOURS + hours)


async def stopped_desk(installation: Installation, tenant: TenantRef) -> None:
    """A sound audit, and two that miss a key: the domain is not ready any more."""
    for number, without in enumerate([(), NO_KEY, NO_KEY]):
        await audit(installation, tenant, example_zones(without=without), number * HOURS)


def kinds(book: PostgresDnsNews, tenant: TenantRef) -> list[tuple[str, NewsKind]]:
    return [(each.news.domain, each.news.kind) for each in book.news(tenant.id, since=NOW - timedelta(days=9))]


async def test_each_change_is_written_once(
    installation: Installation, tenant: TenantRef, book: PostgresDnsNews
) -> None:
    await stopped_desk(installation, tenant)
    before = kinds(book, tenant)

    await audit(installation, tenant, example_zones(without=NO_KEY), 3 * HOURS)

    desk = [kind for domain, kind in before if domain == DESK]
    assert desk == [NewsKind.RECORDS, NewsKind.NOT_READY]
    assert kinds(book, tenant) == before


async def test_a_changed_record_is_kept_with_what_went_and_what_came(
    installation: Installation, tenant: TenantRef, book: PostgresDnsNews
) -> None:
    await stopped_desk(installation, tenant)

    (changed,) = [
        each.news
        for each in book.news(tenant.id, since=NOW - timedelta(days=9))
        if each.news.kind is NewsKind.RECORDS and each.news.domain == DESK
    ]
    assert changed.subject == "TXT of s2026._domainkey.acme-desk.example"
    assert changed.gone[0].startswith('TXT "v=DKIM1;')
    assert changed.come == ("(the name did not exist)",)


async def test_an_audit_is_told_once_to_each_and_not_every_night(
    installation: Installation, tenant: TenantRef, book: PostgresDnsNews
) -> None:
    await stopped_desk(installation, tenant)
    people = People()

    first = notify_dns(book, people, [OPERATORS, OTHERS], tenant=tenant)
    await audit(installation, tenant, example_zones(without=NO_KEY), 3 * HOURS)
    second = notify_dns(book, people, [OPERATORS, OTHERS], tenant=tenant)

    # acme-letters has never been ready: two audits have shown it, one before the key of acme-desk was gone twice.
    titles = [notice.title for notice in people.told]
    assert titles.count(f"{tenant.slug}: 1 not ready to send") == len(titles) == 4
    assert (first.told, second.told) == (4, 0)
    stored = installation.sql(
        "select distinct state, last_error from app.dns_notice where tenant_id = %(t)s", t=tenant.id
    )
    assert stored == [{"state": "sent", "last_error": None}]
    assert any("acme-desk.example: not ready to send through ses-main: dkim_record" in n.body for n in people.told)


async def test_what_the_service_did_not_take_waits_and_is_not_told_at_once_again(
    installation: Installation, tenant: TenantRef, book: PostgresDnsNews
) -> None:
    await stopped_desk(installation, tenant)
    people = People(NotTold("the service answered 503"), NotTold("the service answered 503"))

    first = notify_dns(book, people, [OPERATORS], tenant=tenant)
    at_once = notify_dns(book, people, [OPERATORS], tenant=tenant)
    installation.sql("update app.dns_notice set next_try_at = now() where tenant_id = %(t)s", t=tenant.id)
    later = notify_dns(book, people, [OPERATORS], tenant=tenant)

    assert (first.not_told, at_once.told, later.told) == (2, 0, 2)


async def test_news_of_last_week_are_not_told_to_someone_new(
    installation: Installation, tenant: TenantRef, book: PostgresDnsNews
) -> None:
    await stopped_desk(installation, tenant)
    installation.sql(
        "update app.dns_news set seen_at = seen_at - interval '3 days' where tenant_id = %(t)s", t=tenant.id
    )

    assert notify_dns(book, People(), [OPERATORS], tenant=tenant).told == 0


async def test_one_tenants_news_are_told_of_that_tenant_alone(
    installation: Installation, tenant: TenantRef, book: PostgresDnsNews
) -> None:
    other, _ = installation.apply(fresh(example("acme")))

    await stopped_desk(installation, tenant)

    assert notify_dns(book, People(), [OPERATORS], tenant=other).told == 0
    assert kinds(book, other) == []


async def test_a_stopped_domain_is_told_by_what_is_believed_and_not_by_one_audit(
    installation: Installation, tenant: TenantRef, book: PostgresDnsNews
) -> None:
    await audit(installation, tenant, example_zones())
    await audit(installation, tenant, example_zones(without=NO_KEY), HOURS)
    after_one = [each.domain for each in stopped(book.ways(tenant.id))]

    await audit(installation, tenant, example_zones(without=NO_KEY), 2 * HOURS)

    after_two = {each.domain: each.wholly for each in stopped(book.ways(tenant.id))}
    assert DESK not in after_one
    assert after_two[DESK] is True


async def test_ways_are_known_after_an_audit_and_never_audited_before(
    installation: Installation, tenant: TenantRef, book: PostgresDnsNews
) -> None:
    before = out_of_sight(book.ways(tenant.id), now=NOW)

    await audit(installation, tenant, example_zones())

    assert len(before) == 5
    assert all(each.endswith("never audited") for each in before)
    assert out_of_sight(book.ways(tenant.id), now=NOW) == []


def test_wishes_of_the_files_reach_the_audit(installation: Installation) -> None:
    inventory = fresh(example("kiwi"))
    relay = replace(
        inventory.accounts[0],
        addresses=(DedicatedAddress(ip_address("203.0.113.25"), DomainName("mail.kiwi.example")),),
    )
    policy = AuditPolicy(
        reports_to=ReportsAddress("dmarc", "*"),
        blocklists=(Blocklist(DomainName("names.lists.example"), lists_domains=True),),
        also=(Extra.GREETING, Extra.SECONDARIES),
        cloudflare_token=SecretRef(SecretScheme.SSM, "/dns/token"),
        probe_recipients=True,
    )
    tenant, _ = installation.apply(replace(inventory, accounts=(relay,), audit=policy))
    store = PostgresDnsAuditStore(installation.app)

    expected = store.targets(tenant.id)[0]

    assert store.policy(tenant.id) == policy
    assert expected.expectations.reports_to == f"dmarc@{expected.domain}"
    assert expected.expectations.dedicated == relay.addresses
    assert expected.expectations.blocklists == policy.blocklists
    assert expected.expectations.extras == policy.extras
    assert [str(each) for each in expected.expectations.accounts[0].spf_networks] == ["203.0.113.25/32"]


def test_a_wish_taken_out_of_the_files_is_taken_out_of_the_audit(installation: Installation) -> None:
    inventory = fresh(example("kiwi"))
    tenant, _ = installation.apply(replace(inventory, audit=AuditPolicy(also=(Extra.BRAND,))))

    _, changes = installation.apply(replace(inventory, audit=AuditPolicy()))

    assert [(change.item.kind.value, change.kind.value) for change in changes] == [("audit", "changed")]
    assert PostgresDnsAuditStore(installation.app).policy(tenant.id) == AuditPolicy()

"""What seeds refute of a way to send makes it not ready, beside and against its DNS, until a seed shows it mended."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest
from example_zones import example_zones
from seed_desk import Outbox, SilentDns, lay_in, send, signed
from sqlalchemy import Engine
from tenant_installation import Installation, example, fresh

from outreach_pipelines.adapters.postgres.dns_audit_store import PostgresDnsAuditStore
from outreach_pipelines.adapters.postgres.dns_news_book import PostgresDnsNews
from outreach_pipelines.adapters.postgres.seed_store import PostgresSeedStore
from outreach_pipelines.adapters.postgres.tenant_directory import PostgresTenantDirectory
from outreach_pipelines.application.audit_domains import PathKey, audit_tenant
from outreach_pipelines.application.notify_dns import notify_dns
from outreach_pipelines.application.notify_replies import Notice, Told
from outreach_pipelines.application.prove_domains import SeedSummary, judge_seeds, settle_seeds
from outreach_pipelines.application.seeds import AuthenticationCount, SettledSeeds
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.provider_account import AccountName
from outreach_pipelines.domain.reference import SecretRef, SecretScheme
from outreach_pipelines.domain.tenant import TenantRef

pytest_plugins = ("tenant_fixtures",)

NIGHT = datetime(2026, 11, 25, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def tenant(installation: Installation) -> TenantRef:
    return installation.apply(fresh(example("acme")))[0]


@pytest.fixture
def store(installation: Installation) -> PostgresSeedStore:
    return PostgresSeedStore(installation.app, installation.objects)


@dataclass
class Listener:
    """A `Notifier` that takes everything."""

    told: list[Notice] = field(default_factory=list)

    def tell(self, target: SecretRef, notice: Notice) -> Told:
        self.told.append(notice)
        return Told()


@dataclass
class Way:
    """The first way that seeds go, with what is believed of it."""

    installation: Installation
    tenant: TenantRef
    store: PostgresSeedStore

    async def seed(
        self, result: str | None, *, covers: str = "from:list-unsubscribe:list-unsubscribe-post", folder: str = "INBOX"
    ) -> SeedSummary:
        """Send what is due, and let the first way's seed arrive as the inbox's server says; None: not at all."""
        outbox = Outbox()
        await send(self.store, self.tenant, outbox)
        if result is not None:
            lay_in(self.installation, self.tenant, signed(outbox.sent[0], result, covers=covers), folder)
        return await judge_seeds(SilentDns(), self.store, tenant=self.tenant.id)

    def days_pass(self, days: float = 1) -> None:
        self.installation.sql(
            "update app.seed_attempt set begun_at = begun_at - %(d)s where tenant_id = %(t)s",
            d=timedelta(days=days),
            t=self.tenant.id,
        )

    async def audit(self, *without: str, hours: int = 0) -> None:
        audits, now = PostgresDnsAuditStore(self.installation.app), NIGHT + hours * HOUR
        await audit_tenant(example_zones(without=without), audits, self.tenant.id, day=now.date(), now=now)

    @property
    def believed(self) -> tuple[object, ...]:
        """State, and what is believed of it, in the database's words."""
        return tuple(self._row().values())[:2]

    @property
    def news(self) -> list[object]:
        """What became known of the way's readiness, in order."""
        return self.installation.values(
            """select n.kind from app.dns_news n join app.sending_domain d using (tenant_id, domain_id)
                where tenant_id = %(t)s and d.name = %(d)s and n.subject = %(a)s order by n.news_id""",
            t=self.tenant.id,
            d=DESK.domain,
            a=DESK.account,
        )

    @property
    def fault(self) -> str:
        return str(self._row()["seed_fault"] or "")

    @property
    def attempts(self) -> list[object]:
        """Numbers of the seeds that went this way."""
        return self.installation.values(
            "select attempt from app.seed_attempt join app.sending_domain d using (tenant_id, domain_id) where tenant_id = %(t)s and d.name = %(d)s order by 1",
            t=self.tenant.id,
            d=DESK.domain,
        )

    def _row(self) -> dict[str, object]:
        (row,) = self.installation.sql(
            """select coalesce(r.definite_state, r.state) as readiness, r.definite_at, r.seed_fault from app.domain_account r
                 join app.sending_domain d using (tenant_id, domain_id) join app.provider_account a using (account_id)
                where tenant_id = %(t)s and d.name = %(d)s and a.name = %(a)s""",
            t=self.tenant.id,
            d=DESK.domain,
            a=DESK.account,
        )
        return row


DESK = PathKey(DomainName("acme-desk.example"), AccountName("ses-main"))


@pytest.fixture
async def way(installation: Installation, tenant: TenantRef, store: PostgresSeedStore) -> Way:
    """Ready by its DNS."""
    way = Way(installation, tenant, store)
    assert store.due(tenant.id, date(2026, 11, 23))[0].domain == DESK.domain
    await way.audit()
    assert way.believed == ("ready", NIGHT)
    return way


async def test_a_seed_refused_for_certain_makes_the_account_not_ready_at_once(way: Way) -> None:
    judged = await way.seed("fail")

    assert judged.settled == SettledSeeds(refuted=1, lifted=0)
    assert way.believed[0] == "not_ready"
    assert "without a DKIM signature that passes" in way.fault
    assert "dkim=fail" in way.fault


async def test_unsigned_unsubscribe_fields_do_too(way: Way) -> None:
    await way.seed("pass", covers="from:to")

    assert way.believed[0] == "not_ready"
    assert "one-click" in way.fault


@pytest.mark.parametrize("result", ["temperror", "pass", None])
async def test_a_seed_that_passes_is_unknown_or_does_not_arrive_changes_nothing(way: Way, result: str | None) -> None:
    judged = await way.seed(result)

    assert judged.settled == SettledSeeds()
    assert (way.believed, way.fault) == (("ready", NIGHT), "")


async def test_results_by_a_server_that_is_not_the_inboxs_own_stop_nothing(way: Way) -> None:
    way.installation.sql(
        "update app.inbox set authserv_ids = '{mx.ours.example}' where tenant_id = %(t)s", t=way.tenant.id
    )

    await way.seed("fail")

    assert way.believed == ("ready", NIGHT)


@pytest.mark.parametrize("result", ["temperror", None])
async def test_what_is_unknown_lifts_nothing(way: Way, result: str | None) -> None:
    await way.seed("fail")
    way.days_pass()

    await way.seed(result)

    assert (way.attempts, way.believed[0]) == ([1, 2], "not_ready")
    assert "dkim=fail" in way.fault


async def test_a_seed_that_leaves_open_what_an_earlier_one_refuted_is_followed_by_another(way: Way) -> None:
    for result in ("fail", "temperror"):
        await way.seed(result)
        way.days_pass()

    assert [path.attempt for path in way.store.due(way.tenant.id, date(2026, 11, 23))] == [3]


async def test_a_later_good_seed_gives_back_what_the_dns_says(way: Way) -> None:
    await way.seed("fail")
    way.days_pass()

    judged = await way.seed("pass")

    assert judged.settled == SettledSeeds(refuted=0, lifted=1)
    assert (way.believed, way.fault) == (("ready", NIGHT), "")


async def test_an_audit_that_finds_nothing_wrong_does_not_lift_what_a_seed_refuted(way: Way) -> None:
    await way.seed("fail")

    await way.audit(hours=24)

    assert way.believed[0] == "not_ready"
    assert "dkim=fail" in way.fault


async def test_a_good_seed_does_not_lift_what_dns_has_shown_wrong_meanwhile(way: Way) -> None:
    await way.seed("fail")
    for hours in (1, 2):
        await way.audit("s2026._domainkey.acme-desk.example", hours=hours)

    way.days_pass()
    await way.seed("pass")

    assert (way.believed, way.fault) == (("not_ready", NIGHT + 2 * HOUR), "")


async def test_a_seed_is_believed_for_two_weeks_and_then_the_audit_forgets_it(way: Way) -> None:
    await way.seed("fail")
    way.days_pass(13.9)
    settle_seeds(way.store, tenant=way.tenant.id)
    await way.audit(hours=24)
    kept = way.believed[0]
    way.installation.sql(
        "update app.domain_account set seed_fault_until = seed_fault_until - interval '2 days' where tenant_id = %(t)s",
        t=way.tenant.id,
    )

    await way.audit(hours=48)

    assert kept == "not_ready"
    assert (way.believed, way.fault) == (("ready", NIGHT + 48 * HOUR), "")


async def test_a_failed_seed_goes_again_the_next_day_and_not_before(way: Way) -> None:
    await way.seed("fail")
    await way.seed(None)
    same_day = way.attempts
    way.days_pass()

    await way.seed(None)

    assert (same_day, way.attempts) == ([1], [1, 2])


async def test_a_failed_seed_goes_again_at_once_when_the_domains_findings_are_others(way: Way) -> None:
    await way.seed("fail")
    await way.audit(hours=1)
    as_before = way.store.due(way.tenant.id, date(2026, 11, 23))

    await way.audit("_dmarc.acme-desk.example", hours=2)

    (again,) = way.store.due(way.tenant.id, date(2026, 11, 23))
    assert as_before == []
    assert (again.domain, again.attempt) == (DESK.domain, 2)


async def test_a_seed_that_passed_or_is_under_way_waits_for_the_next_week(way: Way) -> None:
    await way.seed("pass")
    way.days_pass(6)

    due = way.store.due(way.tenant.id, date(2026, 11, 23))

    assert due == []
    assert len(way.store.due(way.tenant.id, date(2026, 11, 30))) == 5


async def test_a_seed_that_only_warns_goes_again_for_other_findings_and_not_each_day(way: Way) -> None:
    await way.seed("pass", folder="Junk")
    way.days_pass()
    each_day = way.store.due(way.tenant.id, date(2026, 11, 23))

    await way.audit("_dmarc.acme-desk.example", hours=2)

    assert (each_day, way.believed[0]) == ([], "ready")
    assert [path.attempt for path in way.store.due(way.tenant.id, date(2026, 11, 23))] == [2]


async def test_seven_seeds_of_a_way_are_the_most_in_a_week(way: Way) -> None:
    for _ in range(9):
        await way.seed("fail" if way.store.due(way.tenant.id, date(2026, 11, 23)) else None)
        way.days_pass()

    assert way.attempts == [1, 2, 3, 4, 5, 6, 7]


async def test_an_attempt_is_begun_once_by_whoever_comes_first(way: Way) -> None:
    await way.seed("fail")
    way.days_pass()
    due = way.store.due(way.tenant.id, date(2026, 11, 23))
    one, other = Outbox(), Outbox()
    await send(way.store, way.tenant, one)

    class Late(PostgresSeedStore):
        def due(self, tenant: object, week: object) -> object:  # type: ignore[override]  # what it saw before the other sent
            return due

    await send(Late(way.store.engine, way.store.objects), way.tenant, other)

    assert (len(one.sent), len(other.sent)) == (1, 0)


async def test_the_hourly_run_is_for_tenants_with_seeds_under_way(way: Way, ops: Engine) -> None:
    directory = PostgresTenantDirectory(ops)

    def waits() -> bool:
        return way.tenant in [row.ref for row in directory.with_seeds_under_way()]

    before = waits()
    await way.seed(None)
    under_way = waits()
    way.days_pass(3)

    assert (before, under_way, waits()) == (False, True, False)


async def test_the_hourly_run_is_for_tenants_whose_stopped_domain_was_audited_of_late(way: Way, ops: Engine) -> None:
    await way.seed("fail")
    way.days_pass(3)
    listed = []
    for moment in ("2 hours", "2 minutes"):
        way.installation.sql(
            "update app.dns_audit set audited_at = clock_timestamp() - cast(%(m)s as interval) where tenant_id = %(t)s",
            m=moment,
            t=way.tenant.id,
        )
        listed.append(way.tenant in [row.ref for row in PostgresTenantDirectory(ops).with_seeds_under_way()])

    assert listed == [False, True]


async def test_results_are_counted_by_domain_account_and_result(way: Way) -> None:
    await way.seed("fail")
    way.days_pass()
    await way.seed("pass")

    found = way.store.counts(way.tenant.id, since=date(2026, 1, 1), until=date(2027, 1, 1))

    assert {(each.domain, each.account, each.source.value) for each in found} == {(*_key(DESK), "seed")}
    assert [(each.mechanism.value, each.result.value, each.messages) for each in found] == [
        ("dkim", "fail", 1),
        ("dkim", "pass", 1),
        ("dkim_aligned", "pass", 1),
        ("dkim_aligned", "unknown", 1),
        ("spf_aligned", "pass", 2),
    ]


def _key(way: PathKey) -> tuple[DomainName, AccountName]:
    return way.domain, way.account


async def test_reports_of_receivers_are_counted_beside_seeds(way: Way) -> None:
    way.installation.sql(
        """with report as (
               insert into app.mail_report (tenant_id, domain_id, kind, day, policy_domain, reporter, report_ref, begins_at, ends_at)
               select tenant_id, domain_id, 'dmarc', '2026-11-20', name, 'r', '1', '2026-11-20', '2026-11-21'
                 from app.sending_domain where tenant_id = %(t)s and name = %(d)s returning *)
           insert into app.mail_report_row (tenant_id, mail_report_id, position, domain_id, day, messages, disposition, dkim_aligned, spf_aligned,
                                            header_from, stream, account)
           select tenant_id, mail_report_id, n, domain_id, day, 10 * n, 'none', n = 1, true, policy_domain, s, 'ses-main'
             from report, unnest(array['own', 'own_broken', 'stranger']) with ordinality as row (s, n)""",
        t=way.tenant.id,
        d=DESK.domain,
    )

    found = way.store.counts(way.tenant.id, since=date(2026, 11, 20), until=date(2026, 11, 20))

    assert [_told(each) for each in found] == [
        ("report", "dkim_aligned", "fail", 20),
        ("report", "dkim_aligned", "pass", 10),
        ("report", "spf_aligned", "pass", 30),
    ]


def _told(count: AuthenticationCount) -> tuple[str, str, str, int]:
    return count.source.value, count.mechanism.value, count.result.value, count.messages


async def test_what_seeds_stop_and_give_back_is_news_once_each(way: Way) -> None:
    await way.seed("fail")
    settle_seeds(way.store, tenant=way.tenant.id)
    stopped = way.news
    way.days_pass()
    await way.seed("pass")
    settle_seeds(way.store, tenant=way.tenant.id)

    assert stopped == ["not_ready"]
    assert way.news == ["not_ready", "ready_again"]


async def test_people_are_told_of_what_a_seed_stops_once(way: Way) -> None:
    book, people = PostgresDnsNews(way.installation.app), Listener()
    desk = SecretRef(SecretScheme.ENVIRONMENT, "DESK")

    await way.seed("fail")
    for _ in range(2):
        settle_seeds(way.store, tenant=way.tenant.id)
        notify_dns(book, people, [desk], tenant=way.tenant)

    (notice,) = people.told
    assert notice.title == f"{way.tenant.slug}: 1 not ready to send"
    assert "acme-desk.example: not ready to send through ses-main: Its mail arrives without a DKIM" in notice.body


async def test_records_mended_while_a_seed_still_stops_the_account_are_not_told_as_ready_again(way: Way) -> None:
    await way.seed("fail")
    for hours in (1, 2):
        await way.audit("s2026._domainkey.acme-desk.example", hours=hours)
    await way.audit(hours=3)
    mended = way.news
    way.days_pass()

    await way.seed("pass")

    assert mended == ["not_ready", "not_ready"]
    assert way.news == ["not_ready", "not_ready", "ready_again"]


async def test_a_seed_that_passes_is_no_news_where_the_records_are_wrong(way: Way) -> None:
    for hours in (1, 2):
        await way.audit("s2026._domainkey.acme-desk.example", hours=hours)
    await way.seed("fail")
    way.days_pass()

    await way.seed("pass")

    assert way.news == ["not_ready"]


async def test_a_seed_that_is_believed_no_more_is_news_of_the_audit_that_forgets_it(way: Way) -> None:
    await way.seed("fail")
    way.installation.sql(
        "update app.domain_account set seed_fault_until = clock_timestamp() - interval '1 day' where tenant_id = %(t)s and seed_fault is not null",
        t=way.tenant.id,
    )

    for hours in (1, 2):
        await way.audit(hours=hours)

    assert (way.news, way.believed[0]) == (["not_ready", "ready_again"], "ready")

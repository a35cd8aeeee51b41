"""The asset of DNS audits, its checks and the sensor of its news, over plain stores."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dns_audit_cases import DOMAIN, FakeDns, dns, full, full_expectations
from fakes import Standing, Tenants
from memory_audits import MemoryAudits

from assets.dns_audit import dns_audit
from assets.dns_checks import sending_domains_are_known, sending_domains_are_ready
from assets.partitions import day_key
from outreach_pipelines.application.audit_domains import AuditTarget, DnsResolver
from outreach_pipelines.application.judge_domains import DatedNews, WayState
from outreach_pipelines.application.notify_dns import WaitingNews
from outreach_pipelines.application.notify_replies import Notice, NotTold, Told
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.news import News, NewsKind
from outreach_pipelines.domain.provider_account import AccountName
from outreach_pipelines.domain.reference import SecretRef, SecretScheme
from outreach_pipelines.domain.send_plan.senders import ReadinessState
from outreach_pipelines.domain.tenant import TenantId, TenantSlug
from outreach_pipelines.errors import Unreadable
from resources.dns_news import NewsDesk
from sensors.dns_news import dns_news

ACME = TenantSlug("acme")
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
READY, NOT_READY, UNKNOWN = ReadinessState.READY, ReadinessState.NOT_READY, ReadinessState.UNKNOWN
OPERATORS = SecretRef(SecretScheme.ENVIRONMENT, "OPERATORS")


@dataclass(frozen=True)
class Ways:
    """`DomainStates` of one domain with these accounts."""

    every: tuple[WayState, ...]

    def ways(self, tenant: TenantId) -> Sequence[WayState]:
        return self.every

    def news(self, tenant: TenantId, *, since: datetime) -> Sequence[DatedNews]:
        return ()


class NobodyAsked:
    """`DomainDesks` where no provider can be asked."""

    def of(self, tenant: TenantId, account: AccountName) -> None:
        """Find nobody."""


def way(
    definite: ReadinessState | None,
    newest: ReadinessState = UNKNOWN,
    *,
    account: str = "ses-main",
    confirmed: timedelta = HOUR,
    audited: timedelta | None = HOUR,
) -> WayState:
    return WayState(
        domain=DomainName("desk.example"),
        account=AccountName(account),
        definite=definite,
        definite_at=None if definite is None else NOW - confirmed,
        newest=newest,
        reason="the reason",
        audited_at=None if audited is None else NOW - audited,
    )


def materialized(store: MemoryAudits, zone: FakeDns) -> dg.AssetMaterialization:
    """What a run of today's partition writes down."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[DnsResolver]:
        yield zone

    resources = {
        "tenants": Tenants.named(ACME),
        "open_auditor": lambda: opened(),
        "audits": store,
        "domain_desks": NobodyAsked(),
        "clock": Standing(NOW),
    }
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("tenants", [ACME])
        key = day_key(datetime.now(UTC).date(), ACME)
        done = dg.materialize(
            [dns_audit], partition_key=key, instance=instance, resources=resources, selection=[dns_audit]
        )
        (made,) = done.asset_materializations_for_node("dns_audit")
    return made


def rows(made: dg.AssetMaterialization, name: str) -> list[dict[str, object]]:
    table = made.metadata[name]
    assert isinstance(table, dg.TableMetadataValue)
    return [dict(record.data) for record in table.records]


def test_a_run_shows_score_and_findings_with_the_record_to_publish() -> None:
    made = materialized(MemoryAudits(), dns(without=["_dmarc"]))

    (finding,) = rows(made, "findings")
    assert (finding["severity"], finding["domain"], finding["check"]) == ("critical", DOMAIN, "dmarc_record (missing)")
    assert str(finding["publish"]).startswith('_dmarc.acme.example. 3600 IN TXT "v=DMARC1; p=none')
    assert finding["stops"] == "own-relay, ses-eu"
    assert made.metadata["lowest score"].value == made.metadata["mean score"].value
    assert rows(made, "findings by severity") == [{"severity": "critical", "findings": 1}]


def test_the_gravest_finding_stands_first() -> None:
    made = materialized(MemoryAudits(), dns(without=["_dmarc", "acme.example NS ns2"]))

    assert [row["check"] for row in rows(made, "findings")][:2] == ["dmarc_record (missing)", "name_servers (weak)"]


def test_a_run_asks_all_that_is_expected_web_and_mail_servers_too() -> None:
    zone = full()

    made = materialized(MemoryAudits(wanted=(AuditTarget(DOMAIN, full_expectations()),)), zone)

    assert {"POLICY", "SMTP", "PTR", "SOA"} <= {query.type.value for query in zone.asked}
    assert made.metadata["unanswered queries"].value == 0
    assert made.metadata["mean score"].value == 100.0


def test_a_run_shows_what_changed_since_the_last_one() -> None:
    store = MemoryAudits()
    materialized(store, dns())

    made = materialized(store, dns("_dmarc.acme.example TXT v=DMARC1; p=none", without=["_dmarc"]))

    (changed,) = rows(made, "what changed")
    assert (changed["what"], changed["subject"]) == ("records", "TXT of _dmarc.acme.example")
    assert '+ TXT "v=DMARC1; p=none"' in str(changed["sentence"])


@pytest.mark.parametrize(
    ("ways", "passed", "severity"),
    [
        ([way(READY)], True, None),
        ([way(NOT_READY)], False, dg.AssetCheckSeverity.ERROR),
        ([way(NOT_READY), way(READY, account="relay")], False, dg.AssetCheckSeverity.WARN),
        # Seen once, to be confirmed; and nobody could say: neither is a fault.
        ([way(None, NOT_READY)], True, None),
        ([way(READY, NOT_READY)], True, None),
        ([way(None, UNKNOWN)], True, None),
    ],
    ids=["ready", "wholly stopped", "another account left", "seen once", "seen once after ready", "unknown"],
)
def test_only_a_fault_that_is_believed_turns_the_check_red(
    ways: list[WayState], passed: bool, severity: dg.AssetCheckSeverity | None
) -> None:
    result = sending_domains_are_ready(tenants=Tenants.named(ACME), domain_states=Ways(tuple(ways)))

    assert isinstance(result, dg.AssetCheckResult)
    assert result.passed is passed
    assert severity is None or result.severity is severity


@pytest.mark.parametrize(
    ("one", "says"),
    [
        (way(READY, confirmed=72 * HOUR), None),
        (way(READY, confirmed=73 * HOUR), "last known for certain 2026-11-18 11:00 UTC"),
        (way(NOT_READY, confirmed=73 * HOUR), "last known for certain"),
        (way(None, UNKNOWN), "the reason"),
        (way(None, NOT_READY), None),
        (way(READY, audited=25 * HOUR), "last audited 2026-11-20 11:00 UTC"),
        (way(None, audited=None), "never audited"),
    ],
)
def test_what_nobody_knows_for_so_long_is_a_warning(one: WayState, says: str | None) -> None:
    result = sending_domains_are_known(tenants=Tenants.named(ACME), domain_states=Ways((one,)), clock=Standing(NOW))

    assert isinstance(result, dg.AssetCheckResult)
    assert result.passed is (says is None)
    assert result.severity is dg.AssetCheckSeverity.WARN
    assert says is None or says in str(result.description)


@dataclass
class Desk:
    """A book with one audit's news for each tenant, and the people who are told."""

    told: list[Notice] = field(default_factory=list)
    waiting: dict[TenantId, bool] = field(default_factory=dict)
    broken: TenantId | None = None

    def queue(self, tenant: TenantId, targets: Sequence[str]) -> int:
        if tenant == self.broken:
            raise Unreadable("the database is away")
        return self.waiting.setdefault(tenant, True)

    def claim(self, tenant: TenantId, targets: Sequence[str]) -> WaitingNews | None:
        one = News(kind=NewsKind.NOT_READY, domain=DOMAIN, subject="ses-main", sentence="why")
        waits, self.waiting[tenant] = self.waiting[tenant], False
        return WaitingNews(NOW, targets[0], 1, (one,)) if waits else None

    def settle(self, tenant: TenantId, waiting: WaitingNews, outcome: Told | NotTold, retry: int | None) -> None:
        """It was told."""

    def tell(self, target: SecretRef, notice: Notice) -> Told | NotTold:
        self.told.append(notice)
        return Told()


def tick(desk: Desk) -> dg.SkipReason:
    made = NewsDesk(desk, desk, lambda slug: (OPERATORS,) if slug != "quiet" else ())
    resources = {"tenants": Tenants.named("acme", "quiet", "zulu"), "news_desk": made}
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_sensor_context(instance, resources=resources) as context,
    ):
        result = dns_news(context)
    assert isinstance(result, dg.SkipReason)
    return result


def test_the_sensor_tells_each_tenants_news_once_and_nobody_of_a_tenant_without_people() -> None:
    desk = Desk()

    first, second = tick(desk), tick(desk)

    assert [notice.title.partition(":")[0] for notice in desk.told] == ["acme", "zulu"]
    assert first.skip_message == "2 notices were told"
    assert second.skip_message == "no audit brought news that are not told"


def test_one_tenant_that_cannot_be_read_hinders_no_other() -> None:
    desk = Desk(broken=TenantId(1))

    tick(desk)

    assert [notice.title.partition(":")[0] for notice in desk.told] == ["zulu"]

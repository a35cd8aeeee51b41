"""The asset of seeds and its check, over plain stores; and when its schedule asks for a run."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

import dagster as dg
import pytest
from fakes import Standing, Tenants

from assets.partitions import day_key
from assets.seed_proof import our_mail_arrives_as_ours, seed_proof
from outreach_pipelines.application.audit_domains import PathKey
from outreach_pipelines.application.prove_domains import SeedDesk
from outreach_pipelines.application.seeds import (
    AuthenticationCount,
    AuthenticationResult,
    CountSource,
    OwnMail,
    SeedMark,
    SeedPath,
    SeedStanding,
    SeedState,
    SettledSeeds,
    WaitingSeed,
)
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Answer, Query
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.letter import Letter
from outreach_pipelines.domain.message_tag import MessageTag, WireTag
from outreach_pipelines.domain.provider_account import AccountName
from outreach_pipelines.domain.seed_belief import Refuted, ShownSeed
from outreach_pipelines.domain.seed_proof import Passed, SeedCheck, SeedFinding, SeedJudgement, SeedVerdict
from outreach_pipelines.domain.send_answer import Accepted, SendAnswer
from outreach_pipelines.domain.tenant import TenantId, TenantSlug
from outreach_pipelines.domain.wire_message import WireMessage
from schedules.mail_proofs import prove_domains_every_hour

ACME = TenantSlug("acme")
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
WAY = SeedPath(
    domain=DomainName("desk.example"),
    account=AccountId(1),
    account_name=AccountName("ses-main"),
    sender="ann@desk.example",
    sender_name="Ann",
    recipient="bea@other.example",
    unsubscribe_host="u.desk.example",
)


BROKEN = SeedFinding(SeedCheck.DKIM, Passed.NO, "the signature does not fit header and key")


@dataclass
class Plain:
    """Store, transports, transport, tagger, fence and resolver in one."""

    sent: list[WireMessage] = field(default_factory=list)
    ended: list[SeedState] = field(default_factory=list)

    def due(self, tenant: TenantId, week: date) -> Sequence[SeedPath]:
        return [] if self.sent else [WAY]

    def begin(self, tenant: TenantId, path: SeedPath, week: date, mark: SeedMark, *, epoch: int) -> bool:
        return True

    def end(self, tenant: TenantId, mark: SeedMark, state: SeedState, answer: str) -> None:
        self.ended.append(state)

    def waiting(self, tenant: TenantId) -> Sequence[WaitingSeed]:
        return ()

    def own_mail(self, tenant: TenantId) -> Sequence[OwnMail]:
        return ()

    def judge(
        self, tenant: TenantId, mark: SeedMark, verdict: SeedVerdict, folder: str, judgement: SeedJudgement
    ) -> None:
        raise AssertionError

    def shown(self, tenant: TenantId) -> Mapping[PathKey, Sequence[ShownSeed]]:
        return {PathKey(WAY.domain, WAY.account_name): [ShownSeed(NOW, SeedJudgement((BROKEN,)))]}

    def settle(self, tenant: TenantId, found: Mapping[PathKey, Refuted]) -> SettledSeeds:
        return SettledSeeds(refuted=len(found), lifted=2)

    def of(self, tenant: TenantId, account: AccountId) -> "Plain":
        return self

    def kind(self, tenant: TenantId, account: AccountId) -> str:
        return "ses"

    async def send(self, message: WireMessage, *, deadline: float) -> SendAnswer:
        self.sent.append(message)
        return Accepted("p1", message.message_id)

    async def close(self) -> None:
        """Nothing is open."""

    def tag(self, tag: MessageTag) -> WireTag:
        return WireTag("t" * 39)

    def unsubscribe_url(self, letter: Letter, tag: WireTag) -> str:
        raise AssertionError

    def may_begin(self) -> str | None:
        return None

    def first_byte_by(self) -> float:
        return float("inf")

    @contextmanager
    def watching(self) -> Iterator[None]:
        yield

    async def resolve(self, queries: Collection[Query]) -> Mapping[Query, Answer]:
        return {}

    async def __aenter__(self) -> "Plain":
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is open."""


@dataclass(frozen=True)
class Known:
    verdict: SeedVerdict

    def standings(self, tenant: TenantId, *, since: date) -> Sequence[SeedStanding]:
        return [SeedStanding(domain=WAY.domain, account=WAY.account_name, week=since, verdict=self.verdict)]

    def counts(self, tenant: TenantId, *, since: date, until: date) -> Sequence[AuthenticationCount]:
        assert (since, until) == (date(2026, 11, 11), NOW.date())
        return [
            count(CountSource.SEED, SeedCheck.DKIM, AuthenticationResult.FAIL, 1),
            count(CountSource.SEED, SeedCheck.DKIM_ALIGNED, AuthenticationResult.FAIL, 1),
            count(CountSource.REPORT, SeedCheck.DKIM_ALIGNED, AuthenticationResult.FAIL, 40),
            count(CountSource.REPORT, SeedCheck.DKIM_ALIGNED, AuthenticationResult.PASS, 900),
            count(CountSource.REPORT, SeedCheck.SPF_ALIGNED, AuthenticationResult.UNKNOWN, 7),
        ]


def count(
    source: CountSource, mechanism: SeedCheck, result: AuthenticationResult, messages: int
) -> AuthenticationCount:
    return AuthenticationCount(
        domain=WAY.domain,
        account=WAY.account_name,
        source=source,
        mechanism=mechanism,
        result=result,
        messages=messages,
    )


@pytest.fixture
def plain() -> Plain:
    return Plain()


@pytest.fixture
def made(plain: Plain) -> dg.AssetMaterialization:
    """What a run of today's partition writes down."""
    desk = SeedDesk(plain, plain, plain, plain, 1, lambda: SeedMark("0" * 32))
    resources = {
        "tenants": Tenants.named(ACME),
        "seed_desk": desk,
        "seed_standings": Known(SeedVerdict.PASSED),
        "open_resolver": lambda: plain,
        "clock": Standing(NOW),
    }
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("tenants", [ACME])
        key = day_key(datetime.now(UTC).date(), ACME)
        done = dg.materialize(
            [seed_proof], partition_key=key, instance=instance, resources=resources, selection=[seed_proof]
        )
        (made,) = done.asset_materializations_for_node("seed_proof")
    return made


def test_a_run_sends_what_is_due_and_says_so(plain: Plain, made: dg.AssetMaterialization) -> None:
    assert (made.metadata["seeds sent"].value, made.metadata["seeds accepted"].value) == (1, 1)
    assert [message.recipient for message in plain.sent] == ["bea@other.example"]
    assert plain.ended == [SeedState.ACCEPTED]


def test_a_run_settles_which_accounts_are_ready_by_what_seeds_showed(made: dg.AssetMaterialization) -> None:
    settled = [made.metadata[f"accounts {what}"].value for what in ("not ready by seeds", "ready again")]

    assert settled == [1, 2]


def test_a_run_counts_what_failed_dkim_and_spf_by_domain_account_and_result(made: dg.AssetMaterialization) -> None:
    failed = [made.metadata[f"messages that failed {what}"].value for what in ("DKIM", "SPF")]

    table = made.metadata["DKIM and SPF by account"]
    assert isinstance(table, dg.TableMetadataValue)
    assert failed == [41, 0]
    assert table.records[2].data == {
        "domain": "desk.example",
        "account": "ses-main",
        "seen by": "report",
        "check": "dkim_aligned",
        "result": "fail",
        "messages": 40,
    }


@pytest.mark.parametrize("verdict", list(SeedVerdict))
def test_the_check_is_red_for_a_seed_that_failed_or_did_not_arrive(verdict: SeedVerdict) -> None:
    result = our_mail_arrives_as_ours(tenants=Tenants.named(ACME), seed_standings=Known(verdict), clock=Standing(NOW))

    assert isinstance(result, dg.AssetCheckResult)
    assert result.passed is (verdict is SeedVerdict.PASSED)


@pytest.mark.parametrize(("under_way", "runs_of_a_day"), [((), 1), ((ACME,), 24)])
def test_the_schedule_asks_once_a_day_and_every_hour_while_seeds_are_under_way(
    under_way: tuple[TenantSlug, ...], runs_of_a_day: int
) -> None:
    asked = []
    for hour in range(24):
        at = datetime(2026, 11, 24, hour, 35, tzinfo=UTC)
        tenants = replace(Tenants.named(ACME, TenantSlug("zulu")), seeds=under_way)
        with dg.build_schedule_context(scheduled_execution_time=at, resources={"tenants": tenants}) as context:
            runs = prove_domains_every_hour(context)
        asked += [] if isinstance(runs, dg.SkipReason) else list(runs)

    of_acme = [request for request in asked if request.tags["outreach/tenant"] == ACME]
    assert (len(of_acme), len(asked) - len(of_acme)) == (runs_of_a_day, 1)
    assert len({request.run_key for request in asked}) == len(asked)

"""The asset of seeds and its check, over plain stores; and when its schedule asks for a run."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import dagster as dg
import pytest
from fakes import Standing, Tenants

from assets.partitions import day_key
from assets.seed_proof import our_mail_arrives_as_ours, seed_proof
from outreach_pipelines.application.prove_domains import (
    OwnMail,
    SeedDesk,
    SeedMark,
    SeedPath,
    SeedStanding,
    SeedState,
    WaitingSeed,
)
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Answer, Query
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.letter import Letter
from outreach_pipelines.domain.message_tag import MessageTag, WireTag
from outreach_pipelines.domain.provider_account import AccountName
from outreach_pipelines.domain.seed_proof import SeedJudgement, SeedVerdict
from outreach_pipelines.domain.send_answer import Accepted, SendAnswer
from outreach_pipelines.domain.tenant import TenantId, TenantSlug
from outreach_pipelines.domain.wire_message import WireMessage
from schedules.mail_proofs import prove_domains_every_morning

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


def test_a_run_sends_what_is_due_and_says_so() -> None:
    plain = Plain()
    desk = SeedDesk(plain, plain, plain, plain, 1, lambda: SeedMark("0" * 32))
    resources = {
        "tenants": Tenants.named(ACME),
        "seed_desk": desk,
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

    assert (made.metadata["seeds sent"].value, made.metadata["seeds accepted"].value) == (1, 1)
    assert [message.recipient for message in plain.sent] == ["bea@other.example"]
    assert plain.ended == [SeedState.ACCEPTED]


@pytest.mark.parametrize("verdict", list(SeedVerdict))
def test_the_check_is_red_for_a_seed_that_failed_or_did_not_arrive(verdict: SeedVerdict) -> None:
    result = our_mail_arrives_as_ours(tenants=Tenants.named(ACME), seed_standings=Known(verdict), clock=Standing(NOW))

    assert isinstance(result, dg.AssetCheckResult)
    assert result.passed is (verdict is SeedVerdict.PASSED)


def test_the_schedule_asks_once_a_day_and_tenant() -> None:
    asked = []
    for hour in range(24):
        at = datetime(2026, 11, 24, hour, 35, tzinfo=UTC)
        with dg.build_schedule_context(
            scheduled_execution_time=at, resources={"tenants": Tenants.named(ACME)}
        ) as context:
            runs = prove_domains_every_morning(context)
        asked += [] if isinstance(runs, dg.SkipReason) else list(runs)

    assert len(asked) == 1

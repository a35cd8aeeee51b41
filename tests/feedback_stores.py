"""Stores in memory behind the sensors of events, inboxes and holds: as little as the use cases ask of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from event_feed import Inbox, Tags

from outreach_pipelines.application.apply_back_off import BackOffRules, ChangeKind, EvidenceAsked, HoldChange
from outreach_pipelines.application.inbox_mail import (
    FetchedMail,
    InboxId,
    InboxLogin,
    InboxNews,
    InboxToRead,
    JudgedMail,
    UntiedMail,
)
from outreach_pipelines.application.ingest_events import InboxRow
from outreach_pipelines.application.ports import Swept
from outreach_pipelines.application.read_standings import StandingDue
from outreach_pipelines.application.record_events import AppliedEvent, RecordedEvents, WaitingEvent
from outreach_pipelines.domain.back_off import Evidence, HoldDecision, Scope
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.inbound.message import WireMessageId
from outreach_pipelines.domain.inbound.ties import Tie
from outreach_pipelines.domain.inbox_route import TiedSend
from outreach_pipelines.domain.inventory import InboxName
from outreach_pipelines.domain.message_tag import MessageTag, WireTag
from outreach_pipelines.domain.place import ZoneName
from outreach_pipelines.domain.provider_standing import AccountStanding, Enforcement, SendQuota, TenantStatus
from outreach_pipelines.domain.reference import Fixed, SecretRef, SecretScheme
from outreach_pipelines.domain.sending_policy import BackOffThresholds
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.errors import Unreadable

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)


@dataclass
class Events(Inbox):
    """`EventInbox` and `EventStore` in one: each dedupe key is applied once."""

    known: set[str] = field(default_factory=set)

    def apply_next(
        self, tenant: TenantId, decide: Callable[[Sequence[WaitingEvent]], Sequence[AppliedEvent]], *, most: int
    ) -> RecordedEvents | None:
        mine = [row for row in self.rows if row.owner is not None and row.owner.tenant == tenant]
        self.rows = [row for row in self.rows if row not in mine]
        done = RecordedEvents()
        for each in decide([_waiting(number, row) for number, row in enumerate(mine)]):
            if each.waiting.event.dedupe_key in self.known:
                done.repeated += 1
            else:
                self.known.add(each.waiting.event.dedupe_key)
                done.applied[each.waiting.event.kind] += 1
        return done if mine else None


@dataclass
class Replies:
    """`ReplyStore` of tenants with an inbox each, named like the tenant's number; no mail is tied to any send."""

    owners: Sequence[TenantId]
    complete: list[TenantId] = field(default_factory=list)
    failed: dict[TenantId, str] = field(default_factory=dict)
    tags: Tags = field(default_factory=Tags)

    def inboxes(self, tenant: TenantId) -> Sequence[InboxToRead]:
        login = InboxLogin(Fixed("h"), Fixed("1"), False, Fixed("u"), SecretRef(SecretScheme.ENVIRONMENT, "X"))
        made = InboxToRead(InboxId(tenant), InboxName(f"inbox-{tenant}"), login, (), NOON)
        return [made] if tenant in self.owners else []

    def own_addresses(self, tenant: TenantId) -> AbstractSet[str]:
        return frozenset()

    def sends_of(
        self, tenant: TenantId, *, tags: Mapping[WireTag, MessageTag], wire_ids: AbstractSet[WireMessageId]
    ) -> Mapping[Tie, TiedSend]:
        return {}

    def keep_raw(self, tenant: TenantId, mails: Sequence[FetchedMail]) -> None:
        return None

    def keep(self, tenant: TenantId, news: InboxNews) -> Sequence[JudgedMail]:
        self.complete += [tenant for _ in news.read_to_end]
        for failed in news.failed:
            self.failed[tenant] = failed.reason
        return [each for batch in news.batches for each in batch.mails]

    def untied_with_thread(self, tenant: TenantId) -> Sequence[UntiedMail]:
        return []

    def unpark(self, tenant: TenantId, untied: UntiedMail, judged: JudgedMail) -> bool:
        return False


@dataclass
class Case:
    """`BackOffCase` that remembers the holds written to it."""

    known: Mapping[Scope, Evidence] = field(default_factory=dict)
    holds: dict[Scope, HoldDecision] = field(default_factory=dict)

    def rules(self) -> BackOffRules:
        return BackOffRules(ZoneName("Etc/UTC"), BackOffThresholds())

    def standing(self) -> Sequence[HoldDecision]:
        return list(self.holds.values())

    def evidence(self, asked: EvidenceAsked) -> Mapping[Scope, Evidence]:
        return self.known

    def write(self, changes: Sequence[HoldChange], at: datetime) -> None:
        for change in changes:
            if change.kind is ChangeKind.ENDED:
                del self.holds[change.hold.scope]
            else:
                self.holds[change.hold.scope] = change.hold


@dataclass(frozen=True)
class Cases:
    """`BackOffStore` of a case a tenant."""

    by_tenant: Mapping[TenantId, Case]

    @contextmanager
    def judging(self, tenant: TenantId) -> Iterator[Case]:
        yield self.by_tenant[tenant]


@dataclass(frozen=True)
class Upkeep:
    """`Maintenance` with a clock guard that is content, or not."""

    clock_ok: bool = True

    def heartbeat(self) -> bool:
        return self.clock_ok

    def ensure_partitions(self, days: int) -> int:
        return 0


@dataclass
class Sweeps:
    """The sweeping of `MessageStore`: moves the same of every tenant, and remembers what it was asked."""

    asked: list[tuple[TenantId, float]] = field(default_factory=list)

    def sweep(self, tenant: TenantId, *, horizon_seconds: float) -> Swept:
        self.asked.append((tenant, horizon_seconds))
        return Swept(claims_released=2, put_in_doubt=1, expired=1, suppressed=0, cancelled=0, given_up=0)


def _waiting(number: int, row: InboxRow) -> WaitingEvent:
    assert row.owner is not None
    assert row.item.event is not None
    return WaitingEvent(number, row.item.source, row.owner, row.item.event)


@dataclass
class Asked:
    """`StandingStore`: each tenant has one account, and its standing is due."""

    accounts: Mapping[TenantId, AccountId]
    recorded: list[AccountId] = field(default_factory=list)

    def due(self, tenant: TenantId, *, older_than_seconds: float) -> Sequence[StandingDue]:
        return [StandingDue(self.accounts[tenant], account_due=True, ses_tenant=None)]

    def record_account(self, tenant: TenantId, account: AccountId, standing: AccountStanding) -> None:
        self.recorded.append(account)

    def record_tenant(self, tenant: TenantId, account: AccountId, name: str, status: TenantStatus) -> None:
        raise AssertionError(name)


@dataclass(frozen=True)
class Shut:
    """A provider that has shut an account down, or says nothing at all."""

    silent: bool

    def standing(self) -> AccountStanding:
        if self.silent:
            message = "no answer"
            raise Unreadable(message)
        return AccountStanding(SendQuota(200, 1.0, 0), sending_enabled=False, enforcement=Enforcement.SHUTDOWN)

    def tenant_status(self, name: str) -> TenantStatus:
        raise AssertionError(name)


@dataclass(frozen=True)
class Controls:
    """`AccountControls`."""

    silent: AccountId

    def of(self, tenant: TenantId, account: AccountId) -> Shut:
        return Shut(account == self.silent)

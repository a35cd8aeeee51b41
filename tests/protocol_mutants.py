"""The send protocol with one rule taken out, each time another: the judge must see every one of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from outreach_pipelines.application.ingest_events import FeedItem
from outreach_pipelines.application.ports import Begun, NotBegun, Transports
from outreach_pipelines.application.record_events import AppliedEvent
from outreach_pipelines.application.resolve_doubt import CountedFeed, DoubtDesk
from outreach_pipelines.application.send_batch import SendDesk
from outreach_pipelines.domain.doubt import DoubtPolicy, Held
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.letter import ClaimedMessage, ClaimToken, Letter
from outreach_pipelines.domain.message import MessageId, MessageState
from outreach_pipelines.domain.send_answer import Accepted
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.proof import intent_rules
from outreach_pipelines.proof.intent_rules import RULES, Closed, Intent, Released, Rule
from outreach_pipelines.proof.memory_doubt import MemoryDoubt
from outreach_pipelines.proof.memory_events import MemoryEvents
from outreach_pipelines.proof.memory_store import MemoryStore
from outreach_pipelines.proof.providers import SimulatedTransport, SimulatedTransports
from outreach_pipelines.proof.rows import AttemptOutcome, AttemptRow, ProbeRow


def without(*gone: Rule) -> Sequence[Rule]:
    return [rule for rule in RULES if rule not in gone]


class RequeuesSending(MemoryStore):
    """The sweeper takes a sending message whose lease is over for a claim."""

    def sweep_sending(self) -> int:
        over = [
            row
            for row in self.tables.messages.values()
            if row.state is MessageState.SENDING and self._lease_is_over(row)
        ]
        for row in over:
            row.state, row.token, row.lease_until = MessageState.PLANNED, None, None
        return len(over)


class RetriesOnTimeOut(MemoryStore):
    """A lost reply is taken for a refusal."""

    def record_doubt(self, claim: ClaimedMessage, reason: str) -> None:
        self.record_not_sent(claim, reason, retry_seconds=60)


@dataclass(slots=True)
class CommitsIntentWithOutcome(MemoryStore):
    """One transaction around the call: what dies in between leaves no trace."""

    uncommitted: dict[MessageId, Intent] = field(default_factory=dict)

    def write_intent(self, it: Intent) -> AccountId:
        assert it.account is not None
        self.uncommitted[it.message.id] = replace(it)
        it.mailbox.next_at = it.now + it.mailbox.gap / it.factor
        return it.account

    def _commit(self, claim: ClaimedMessage) -> None:
        it = self.uncommitted.pop(claim.message_id, None)
        if it is not None and self.holds_claim(it.message, claim):
            MemoryStore.write_intent(self, it)

    def record_accepted(self, claim: ClaimedMessage, answer: Accepted, **rest: object) -> str:  # type: ignore[override]
        self._commit(claim)
        return MemoryStore.record_accepted(self, claim, answer, **rest)  # type: ignore[arg-type]

    def settle(self, claim: ClaimedMessage, *rest: object) -> bool:  # type: ignore[override]
        self._commit(claim)
        return (claim.message_id, claim.attempt) in self.tables.attempts and MemoryStore.settle(self, claim, *rest)  # type: ignore[arg-type]

    def record_doubt(self, claim: ClaimedMessage, reason: str) -> None:
        self._commit(claim)
        if (claim.message_id, claim.attempt) in self.tables.attempts:
            MemoryStore.record_doubt(self, claim, reason)


class BeginsWithoutItsClaim(MemoryStore):
    """T2 does not compare state and token."""

    def begin(self, claim: ClaimedMessage, **asked: object) -> Begun | NotBegun:  # type: ignore[override]
        row = self.tables.messages[claim.message_id]
        if row.state is not MessageState.CLAIMED or row.token != claim.token:
            row.state, row.token, row.attempt = MessageState.CLAIMED, claim.token, max(row.attempt, claim.attempt)
        return MemoryStore.begin(self, claim, **asked)  # type: ignore[arg-type]

    def write_intent(self, it: Intent) -> AccountId:
        # The number of the attempt is the claim's, so that its outcome finds it.
        account = MemoryStore.write_intent(self, it)
        for number in range(1, it.message.attempt):
            missing = AttemptRow(it.message.id, number, account, it.mailbox.id, self.tables.clocks.machine(), it.now)
            self.tables.attempts.setdefault((it.message.id, number), missing)
        return account


class SettlesAnyAttempt(MemoryStore):
    """T3 does not ask which attempt is open."""

    def settle(
        self, claim: ClaimedMessage, outcome: AttemptOutcome, event: object, retry_seconds: int, reason: str
    ) -> bool:  # type: ignore[override]
        row = self.tables.messages[claim.message_id]
        self.tables.attempts[claim.message_id, claim.attempt].outcome = outcome
        row.state, row.reason = MessageState.RETRY_WAIT, reason
        row.retry_at = self.tables.clocks.machine() + timedelta(seconds=retry_seconds)
        self.tables.enrollments[row.enrollment].step = row.step
        return True


@dataclass(slots=True)
class SuppressesAtClaim(MemoryStore):
    """What was suppressed after the claim is not seen."""

    rules: Sequence[Rule] = tuple(without(intent_rules.not_suppressed, intent_rules.sequence_goes_on))

    def claim(
        self, tenant: TenantId, *, hour: datetime, token: ClaimToken, most: int, ahead_seconds: float
    ) -> Sequence[Letter]:
        self._sweep_suppressed()
        self._sweep_stopped()
        return MemoryStore.claim(self, tenant, hour=hour, token=token, most=most, ahead_seconds=ahead_seconds)


@dataclass(slots=True)
class ReadsSuppressionsBeforeTheLock(MemoryStore):
    """The list is the one that the transaction before this one saw."""

    silent_before: set[int] = field(default_factory=set)

    def begin(self, claim: ClaimedMessage, **asked: object) -> Begun | NotBegun:  # type: ignore[override]
        known = self.silent_before

        def not_suppressed(it: Intent) -> Closed | None:
            found = intent_rules.not_suppressed(it) or intent_rules.sequence_goes_on(it)
            return found if it.enrollment.id in known else None

        gone = without(intent_rules.not_suppressed, intent_rules.sequence_goes_on)
        self.rules = [*gone[:4], not_suppressed, *gone[4:]]
        outcome = MemoryStore.begin(self, claim, **asked)  # type: ignore[arg-type]
        self._look()
        return outcome

    def claim(
        self, tenant: TenantId, *, hour: datetime, token: ClaimToken, most: int, ahead_seconds: float
    ) -> Sequence[Letter]:
        self._look()
        return MemoryStore.claim(self, tenant, hour=hour, token=token, most=most, ahead_seconds=ahead_seconds)

    def _look(self) -> None:
        self.silent_before = {each.id for each in self.tables.enrollments.values() if each.state != "active"}


class PacesNothing(MemoryStore):
    """The gap of a mailbox is not asked for."""

    def __init__(self, tables: object) -> None:
        super().__init__(tables, without(intent_rules.pace_is_kept))  # type: ignore[arg-type]


class CapsNothing(MemoryStore):
    """Caps are planned and not enforced."""

    def __init__(self, tables: object) -> None:
        super().__init__(tables, without(intent_rules.caps_are_kept))  # type: ignore[arg-type]


class HoldsNothing(MemoryStore):
    """A hold is seen by the planner only."""

    def __init__(self, tables: object) -> None:
        super().__init__(tables, without(intent_rules.nothing_held))  # type: ignore[arg-type]


class IgnoresWindows(MemoryStore):
    """The window is checked at the claim only."""

    def __init__(self, tables: object) -> None:
        super().__init__(tables, without(intent_rules.within_window_and_hour))  # type: ignore[arg-type]


class IgnoresTheEpoch(MemoryStore):
    """A process that began before a restore goes on."""

    def __init__(self, tables: object) -> None:
        super().__init__(tables, without(intent_rules.epoch_is_current))  # type: ignore[arg-type]


class SendsBlind(MemoryStore):
    """Freshness of inboxes and accounts is not asked for."""

    def __init__(self, tables: object) -> None:
        def any_account(it: Intent) -> Released | None:
            it.account = it.message.accounts[0]
            return None

        kept = without(intent_rules.inbox_is_read)
        super().__init__(tables, [any_account if rule is intent_rules.account_is_usable else rule for rule in kept])  # type: ignore[arg-type]


class CountsRepeatedEvents(MemoryEvents):
    """An event counts as often as it comes."""

    def is_new(self, event: AppliedEvent) -> bool:
        return True


def with_a_short_horizon(desk: DoubtDesk) -> DoubtDesk:
    """Evidence is waited for no longer than the call took."""
    return replace(desk, policy=DoubtPolicy(horizon=timedelta(0)))


class BelievesTheReturn(MemoryDoubt):
    """A probe speaks up to its return, so that one that was sent before the intent counts too."""

    def watermark(self, probes: Sequence[ProbeRow]) -> datetime | None:
        return max((each.home_at for each in probes if each.believed and each.home_at), default=None)


@dataclass(frozen=True, slots=True)
class SeeminglyClean:
    """A feed of which nobody asks what hangs in its queue."""

    feed: CountedFeed

    def receive(self, *, most: int, wait_seconds: int) -> Sequence[FeedItem]:
        return self.feed.receive(most=most, wait_seconds=wait_seconds)

    def acknowledge(self, items: Sequence[FeedItem]) -> None:
        self.feed.acknowledge(items)

    def held(self) -> Held:
        return Held(0, 0, 0, 0)


def without_the_queue(desk: DoubtDesk) -> DoubtDesk:
    return replace(desk, feed=SeeminglyClean(desk.feed))


@dataclass(frozen=True, slots=True)
class LateTransport(SimulatedTransport):
    """The deadline is not asked for."""

    def is_late(self, deadline: float) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class LateTransports(SimulatedTransports):
    def of(self, tenant: TenantId, account: AccountId) -> LateTransport:
        return LateTransport(self.process, self.providers, account)


def without_deadline(desk: SendDesk) -> SendDesk:
    assert isinstance(desk.transports, SimulatedTransports)
    late: Transports = LateTransports(desk.transports.process, desk.transports.providers)
    return replace(desk, transports=late)

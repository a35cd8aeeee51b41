"""The send protocol's transactions on rows in memory: `MessageStore` and `ProofStore`.

Belongs here: what each transaction writes, with every move of a message through `domain.message.advance`. Does not: what an
intent is refused for (`intent_rules`), events (`memory_events`), doubt (`memory_doubt`). Each method acts in one piece, as a
transaction under its locks does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from outreach_pipelines.application.ports import Begun, NextDue, NotBegun, Swept
from outreach_pipelines.application.prove_accounts import AccountToProve
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.letter import ClaimedMessage, ClaimToken, Letter
from outreach_pipelines.domain.message import OPEN_STATES, MessageEvent, MessageId, MessageState
from outreach_pipelines.domain.message_tag import WireTag
from outreach_pipelines.domain.send_answer import Accepted, RefusalAction, RefusalVerdict, Refused
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.proof.intent_rules import (
    HOUR,
    RULES,
    Closed,
    Intent,
    Released,
    Rule,
    first_refusal,
)
from outreach_pipelines.proof.memory_evidence import record_acceptance
from outreach_pipelines.proof.memory_letter import letter_of
from outreach_pipelines.proof.rows import (
    AttemptOutcome,
    AttemptRow,
    HoldRow,
    MessageRow,
    PlanStatus,
    Tables,
)

LEASE = timedelta(seconds=90)
_WAITING = (MessageState.PLANNED, MessageState.RETRY_WAIT)
_SETTLED = frozenset(MessageState) - OPEN_STATES
_UNSETTLED = (AttemptOutcome.OPEN, AttemptOutcome.IN_DOUBT)


@dataclass(slots=True)
class MemoryStore:
    """`MessageStore` and `ProofStore` over `tables`."""

    tables: Tables
    rules: Sequence[Rule] = RULES
    calls: list[tuple[AccountId, str, int]] = field(default_factory=list)

    def epoch(self) -> int:
        """See `MessageStore.epoch`."""
        return self.tables.epoch

    def claim(
        self, tenant: TenantId, *, hour: datetime, token: ClaimToken, most: int, ahead_seconds: float
    ) -> Sequence[Letter]:
        """See `MessageStore.claim`."""
        now = self.tables.clocks.policy()
        if not hour <= now < hour + HOUR:
            return ()
        ahead = now + timedelta(seconds=ahead_seconds)
        due = [row for row in self.tables.messages.values() if self._claimable(row, now, ahead, hour)]
        due.sort(key=lambda row: (row.due_at, row.id))
        return [self._claimed(row, tenant, token) for row in due[:most]]

    def _claimable(self, row: MessageRow, now: datetime, ahead: datetime, hour: datetime) -> bool:
        return (
            row.state in _WAITING
            and row.due_at <= ahead
            and row.due_at < hour + HOUR
            and row.not_before <= now < row.window_end
            and (row.retry_at is None or row.retry_at <= self.tables.clocks.machine())
            and self.tables.plans[row.plan] is PlanStatus.RELEASED
        )

    def _claimed(self, row: MessageRow, tenant: TenantId, token: ClaimToken) -> Letter:
        at = self.tables.clocks.machine()
        row.happens(MessageEvent.CLAIM, at, row.reason)
        row.token, row.lease_until = token, at + LEASE
        row.attempt += 1
        return letter_of(self.tables, row, ClaimedMessage(tenant, self.tables.day, row.id, row.attempt, token))

    def begin(
        self, claim: ClaimedMessage, *, hour: datetime, epoch: int, tag: WireTag, subject: str | None = None
    ) -> Begun | NotBegun:
        """See `MessageStore.begin`."""
        del tag, subject
        row = self.tables.messages[claim.message_id]
        if not self.holds_claim(row, claim):
            return NotBegun("lost", "claim_lost", None)
        it = Intent(self.tables, row, hour, epoch, self.tables.clocks.policy())
        refusal = first_refusal(it, self.rules)
        match refusal:
            case Released(reason, not_before):
                self._hand_back(row, reason)
                row.not_before = max(row.not_before, not_before)
                return NotBegun("released", reason, row.not_before)
            case Closed(event, reason):
                row.happens(event, self.tables.clocks.machine(), reason)
                row.attempt -= 1
                return NotBegun("closed", reason, None)
            case None:
                return Begun(self.write_intent(it))

    def holds_claim(self, row: MessageRow, claim: ClaimedMessage) -> bool:
        """The compare-and-set of T2: this claim and no later one."""
        return row.state is MessageState.CLAIMED and row.token == claim.token

    def write_intent(self, it: Intent) -> AccountId:
        """From here on the message may have been sent."""
        assert it.account is not None  # noqa: S101 - the rules have chosen one
        row, box, at = it.message, it.mailbox, self.tables.clocks.machine()
        row.happens(MessageEvent.INTENT, at)
        self.tables.attempts[row.id, row.attempt] = AttemptRow(row.id, row.attempt, it.account, box.id, at, it.now)
        box.next_at = it.now + box.gap / it.factor
        box.sent[it.now.date()] += 1
        self.tables.day_taken[it.now.date()] += 1
        self.tables.minute_taken[it.now.replace(second=0, microsecond=0)] += 1
        return it.account

    def record_accepted(
        self, claim: ClaimedMessage, answer: Accepted, *, subject: str, next_due_day: date | None
    ) -> str:
        """See `MessageStore.record_accepted`."""
        del answer, subject, next_due_day
        return record_acceptance(self.tables, claim.message_id, claim.attempt, MessageEvent.PROVIDER_ACCEPTED)

    def record_refused(self, claim: ClaimedMessage, refused: Refused, verdict: RefusalVerdict) -> bool:
        """See `MessageStore.record_refused`."""
        event = MessageEvent.REFUSED_FOR_GOOD if verdict.action is RefusalAction.FAIL else MessageEvent.REFUSED_FOR_NOW
        settled = self.settle(claim, AttemptOutcome.REFUSED, event, verdict.retry_seconds, refused.code)
        if settled and verdict.action in (RefusalAction.STOP_PATH, RefusalAction.STOP_TENANT):
            attempt = self.tables.attempts[claim.message_id, claim.attempt]
            path = f"path:{attempt.mailbox}:{attempt.account}"
            scope = path if verdict.action is RefusalAction.STOP_PATH else f"account:{attempt.account}"
            until = self.tables.clocks.policy() + timedelta(hours=2)
            self.tables.holds.append(HoldRow(scope, "provider_refused", until))
        return settled

    def record_not_sent(self, claim: ClaimedMessage, reason: str, *, retry_seconds: int | None) -> bool:
        """See `MessageStore.record_not_sent`."""
        event = MessageEvent.REFUSED_FOR_GOOD if retry_seconds is None else MessageEvent.REFUSED_FOR_NOW
        return self.settle(claim, AttemptOutcome.NOT_SENT, event, retry_seconds or 0, reason)

    def settle(
        self, claim: ClaimedMessage, outcome: AttemptOutcome, event: MessageEvent, retry_seconds: int, reason: str
    ) -> bool:
        """A definite non-send, told of an attempt that is still open and the message's last."""
        row, attempt = self.tables.messages[claim.message_id], self.tables.attempts[claim.message_id, claim.attempt]
        if attempt.outcome not in _UNSETTLED:
            return False
        attempt.outcome = outcome
        at = self.tables.clocks.machine()
        if row.attempt != claim.attempt or not row.happens(event, at, reason):
            return False
        if row.state is MessageState.RETRY_WAIT:
            row.retry_at = at + timedelta(seconds=retry_seconds)
        else:
            self._end_sequence(row)
        give_back(self.tables, attempt)
        return True

    def record_doubt(self, claim: ClaimedMessage, reason: str) -> None:
        """See `MessageStore.record_doubt`."""
        row, attempt = self.tables.messages[claim.message_id], self.tables.attempts[claim.message_id, claim.attempt]
        if row.attempt == claim.attempt:
            row.happens(MessageEvent.REPLY_LOST, self.tables.clocks.machine(), f"reply_lost: {reason}")
        if attempt.outcome is AttemptOutcome.OPEN:
            attempt.outcome = AttemptOutcome.IN_DOUBT

    def fail_claim(self, claim: ClaimedMessage, reason: str) -> None:
        """See `MessageStore.fail_claim`."""
        row = self.tables.messages[claim.message_id]
        if self.holds_claim(row, claim):
            row.happens(MessageEvent.CANNOT_BE_WRITTEN, self.tables.clocks.machine(), reason)
            row.attempt -= 1
            self._end_sequence(row)

    def release(self, tenant: TenantId, token: ClaimToken) -> int:
        """See `MessageStore.release`."""
        del tenant
        held = [row for row in self.tables.messages.values() if row.token == token and _is_claimed(row)]
        for row in held:
            self._hand_back(row, "run_stopped")
        return len(held)

    def _hand_back(self, row: MessageRow, reason: str) -> None:
        # The attempt was never begun, so its number is free again.
        row.happens(MessageEvent.CLAIM_ENDS, self.tables.clocks.machine(), reason)
        row.attempt -= 1

    def _end_sequence(self, row: MessageRow) -> None:
        enrollment = self.tables.enrollments[row.enrollment]
        if enrollment.state == "active":
            enrollment.state = "finished"

    def next_due(self, tenant: TenantId, *, hour: datetime) -> NextDue:
        """See `MessageStore.next_due`."""
        del tenant
        policy, machine = self.tables.clocks.policy(), self.tables.clocks.machine()
        slots: list[datetime] = []
        retries: list[float] = []
        for row in self.tables.messages.values():
            if row.state not in _WAITING:
                continue
            slot = max(row.due_at, row.not_before)
            if slot >= hour + HOUR or row.window_end <= max(slot, policy):
                continue
            if self.tables.plans[row.plan] is not PlanStatus.RELEASED:
                continue
            if row.retry_at is None or row.retry_at <= machine:
                slots.append(slot)
            else:
                retries.append((row.retry_at - machine).total_seconds())
        return NextDue(min(slots, default=None), min(retries, default=None))

    def sweep(self, tenant: TenantId, *, horizon_seconds: float) -> Swept:
        """See `MessageStore.sweep`."""
        del tenant
        if all(row.state in _SETTLED for row in self.tables.messages.values()):
            return Swept(0, 0, 0, 0, 0, 0)
        return Swept(
            claims_released=self.sweep_claims(),
            put_in_doubt=self.sweep_sending(),
            expired=self._sweep_expired(),
            suppressed=self._sweep_suppressed(),
            cancelled=self._sweep_stopped(),
            given_up=self._give_up(timedelta(seconds=horizon_seconds)),
        )

    def sweep_claims(self) -> int:
        """A claim whose lease is over made no call: it is planned again."""
        over = [row for row in self.tables.messages.values() if _is_claimed(row) and self._lease_is_over(row)]
        for row in over:
            self._hand_back(row, "lease_over")
        return len(over)

    def sweep_sending(self) -> int:
        """A sending message whose lease is over may have been sent: it is in doubt, and never planned by a clock."""
        over = [row for row in self.tables.messages.values() if _is_sending(row) and self._lease_is_over(row)]
        for row in over:
            row.happens(MessageEvent.REPLY_LOST, self.tables.clocks.machine(), "lease_over")
            attempt = self.tables.attempts[row.id, row.attempt]
            if attempt.outcome is AttemptOutcome.OPEN:
                attempt.outcome = AttemptOutcome.IN_DOUBT
        return len(over)

    def _lease_is_over(self, row: MessageRow) -> bool:
        return row.lease_until is not None and row.lease_until < self.tables.clocks.machine()

    def _sweep_expired(self) -> int:
        now = self.tables.clocks.policy()
        return self._swept(MessageEvent.EXPIRE, lambda row: "window_passed" if row.window_end <= now else None)

    def _sweep_suppressed(self) -> int:
        people, kinds = self.tables.enrollments, self.tables.suppressed
        return self._swept(MessageEvent.SUPPRESS, lambda row: kinds.get(people[row.enrollment].hmac))

    def _sweep_stopped(self) -> int:
        return self._swept(MessageEvent.CANCEL, self._why_stopped)

    def _why_stopped(self, row: MessageRow) -> str | None:
        state = self.tables.enrollments[row.enrollment].state
        if state != "active":
            return f"enrollment_{state}"
        return "plan_revoked" if self.tables.plans[row.plan] is PlanStatus.REVOKED else None

    def _swept(self, event: MessageEvent, why: Callable[[MessageRow], str | None]) -> int:
        found = [(row, why(row)) for row in self.tables.messages.values() if row.state in _WAITING]
        told = [(row, reason) for row, reason in found if reason is not None]
        for row, reason in told:
            row.happens(event, self.tables.clocks.machine(), reason)
        return len(told)

    def _give_up(self, horizon: timedelta) -> int:
        since = self.tables.clocks.machine() - horizon
        hopeless = [row for row in self.tables.messages.values() if self._will_never_be_told(row, since)]
        for row in hopeless:
            row.happens(MessageEvent.NO_EVIDENCE, self.tables.clocks.machine(), row.reason or "reply_lost")
            self.tables.attempts[row.id, row.attempt].outcome = AttemptOutcome.UNKNOWN
        return len(hopeless)

    def _will_never_be_told(self, row: MessageRow, since: datetime) -> bool:
        if row.state is not MessageState.IN_DOUBT or row.state_at is None or row.state_at >= since:
            return False
        return self.tables.accounts[self.tables.attempts[row.id, row.attempt].account].kind == "smtp"

    def record_call(self, account: AccountId, outcome: str, milliseconds: int) -> None:
        """See `MessageStore.record_call`."""
        self.calls.append((account, outcome, milliseconds))

    def to_prove(self, tenant: TenantId, *, proven_for_minutes: int) -> Sequence[AccountToProve]:
        """See `ProofStore.to_prove`."""
        del tenant
        since = self.tables.clocks.machine() - timedelta(minutes=proven_for_minutes)
        soon = self.tables.clocks.policy() + HOUR
        wanted = {
            account
            for row in self.tables.messages.values()
            if row.state in _WAITING and row.due_at < soon and row.window_end > soon - HOUR
            for account in row.accounts
        }
        sender = next(iter(self.tables.mailboxes.values())).address
        stale = [
            each
            for each in self.tables.accounts.values()
            if each.id in wanted and each.kind == "ses" and (each.proven_at is None or each.proven_at < since)
        ]
        return [AccountToProve(each.id, sender, MessageId(self.tables.note_probe(each.id).id)) for each in stale]


def give_back(tables: Tables, attempt: AttemptRow) -> None:
    """What a definite non-send had taken of the day's limits. Its minute and its pace stay taken."""
    day = attempt.begun_policy_at.date()
    sent = tables.mailboxes[attempt.mailbox].sent
    sent[day] = max(sent[day] - 1, 0)
    tables.day_taken[day] = max(tables.day_taken[day] - 1, 0)


def _is_claimed(row: MessageRow) -> bool:
    return row.state is MessageState.CLAIMED


def _is_sending(row: MessageRow) -> bool:
    return row.state is MessageState.SENDING

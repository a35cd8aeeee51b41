"""One tenant's hour: claim what is due, commit each intent, make the call, record what came of it.

Belongs here: the order of the four steps, and that it is kept under failure and hand-over. Does not: whether a message may
go (`begin_send`), what a refusal means (`domain.send_answer`), bytes (`domain.wire_message`).
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import assert_never
from uuid import uuid4

from outreach_pipelines.application.boot_clock import boot_seconds
from outreach_pipelines.application.live_lease import OpenFence
from outreach_pipelines.application.ports import (
    Begun,
    Clock,
    LetterRenderer,
    LetterWriter,
    MessageStore,
    NextStepDay,
    NotBegun,
    SendingFence,
    Tagger,
    Transports,
)
from outreach_pipelines.application.prove_accounts import (
    PROVEN_FOR_MINUTES,
    ProofStore,
    RecordDesk,
    prove_accounts,
    prove_by_records,
)
from outreach_pipelines.application.under_way import Lanes, UnderWay
from outreach_pipelines.application.watch_accounts import CallLog, UnwatchedCalls
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.letter import ClaimToken, Letter
from outreach_pipelines.domain.message_tag import MessageTag, WireTag
from outreach_pipelines.domain.provider_call import call_code, call_outcome
from outreach_pipelines.domain.send_answer import Accepted, NotSent, Refused, ReplyLost, SendAnswer, judge_refusal
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.domain.wire_message import CannotBeWritten, WireMessage, write_letter
from outreach_pipelines.errors import OutreachError, TemplateFault

HOUR = timedelta(hours=1)
LONGEST_HEAD_START = timedelta(minutes=10)
# Every other message of this process would be handed back as well, for ever.
_ENDS_THE_PROCESS = frozenset({"epoch_raised", "clock_guard"})


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """Machine seconds, and how many messages one process may have between intent and outcome."""

    under_way: int = 32
    ahead_seconds: float = 30.0
    call_seconds: float = 30.0
    retry_not_sent_seconds: int = 60
    look_again_seconds: float = 5.0
    claim_again_seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class SendDesk:
    """All that a batch needs, made once a process. `boot` is the machine's clock since its start, in seconds.

    Without `records` no account is proven by its provider's records.
    """

    messages: MessageStore
    proofs: ProofStore
    transports: Transports
    renderer: LetterRenderer
    tagger: Tagger
    next_step_day: NextStepDay
    clock: Clock
    epoch: int
    limits: BatchLimits = field(default_factory=BatchLimits)
    boot: Callable[[], float] = boot_seconds
    write: LetterWriter = write_letter
    calls: CallLog = field(default_factory=UnwatchedCalls)
    fence: SendingFence = field(default_factory=OpenFence)
    records: RecordDesk | None = None
    lanes: Lanes = field(default_factory=Lanes)


@dataclass(slots=True)
class HourSummary:
    """What one run did in one tenant's hour. `in_hour` is False when policy time lay outside, so nothing could be sent."""

    tenant: TenantId
    hour: datetime
    in_hour: bool
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    def count(self, outcome: str, reason: str = "") -> None:
        """One message ended this run's care as `outcome`."""
        self.outcomes[outcome] += 1
        if reason:
            self.reasons[reason] += 1


async def send_hours(
    desk: SendDesk, hours: Sequence[tuple[TenantId, datetime]], stop: asyncio.Event
) -> list[HourSummary]:
    """Several tenants' hours side by side; see `send_hour`. Connections are ended with them."""
    try:
        with desk.fence.watching():
            return list(await asyncio.gather(*(send_hour(desk, tenant, hour, stop) for tenant, hour in hours)))
    finally:
        await desk.transports.close()
        if desk.records is not None:
            await desk.records.lookups.close()


async def send_hour(desk: SendDesk, tenant: TenantId, hour: datetime, stop: asyncio.Event) -> HourSummary:
    """Send what is due in the UTC hour that begins at `hour`, while policy time lies in it; report only, otherwise.

    Returns when the hour is over, nothing is left for it, or `stop` is set: then calls under way finish, and claims not
    begun are handed back. A past or future hour sends nothing. It sets `stop` itself when an intent shows that this
    process may not send any more (its epoch is over, or the machine's clock has jumped).
    """
    await _wait_for_hour(desk, hour, stop)
    summary = HourSummary(tenant, hour, in_hour=hour <= desk.clock.now() < hour + HOUR)
    token = ClaimToken(uuid4())
    under_way = UnderWay(desk.limits.under_way)
    prove_next = desk.boot()
    try:
        while not stop.is_set() and hour <= desk.clock.now() < hour + HOUR:
            if (closed := desk.fence.may_begin()) is not None:
                summary.reasons.setdefault(f"fence: {closed}", 1)
                await _wait_at_most(desk, desk.limits.look_again_seconds, hour + HOUR, stop)
                continue
            if desk.boot() >= prove_next:
                await _prove(desk, tenant)
                prove_next = desk.boot() + PROVEN_FOR_MINUTES * 60
            await desk.lanes.do(desk.calls.flush_if_due)
            # From before the claim on, so that the lease (90 s) always outlives deadline and call.
            deadline = desk.boot() + desk.limits.ahead_seconds + desk.limits.call_seconds / 2
            wanted = under_way.free
            claimed = await desk.lanes.do(_claim_and_write, desk, tenant, hour, token, wanted)
            for each in claimed:
                match each:
                    case Unwritten(outcome, reason):
                        summary.count(outcome, reason)
                    case Written():
                        under_way.add(_send(desk, each, hour, deadline, summary, stop))
            if under_way.nothing and not await _wait_for_work(desk, tenant, hour, stop):
                break
            # A claim costs much the same for one message as for many: by the half, or once more may have become due.
            fewer = desk.limits.under_way // 2 if len(claimed) == wanted else 0
            await under_way.settle(fewer, desk.limits.claim_again_seconds)
    finally:
        # One that failed must keep no other from being finished and recorded, nor claims from being handed back.
        await under_way.finish()
        await desk.lanes.do(desk.messages.release, tenant, token)
        await desk.lanes.do(desk.calls.flush)
    under_way.raise_failure()
    return summary


async def _prove(desk: SendDesk, tenant: TenantId) -> None:
    deadline = desk.boot() + desk.limits.call_seconds
    now = desk.clock.now()
    await prove_accounts(desk.proofs, desk.transports, desk.tagger, tenant=tenant, now=now, deadline=deadline)
    if desk.records is not None:
        await prove_by_records(desk.records, tenant=tenant)


async def _wait_for_hour(desk: SendDesk, hour: datetime, stop: asyncio.Event) -> None:
    """A run launched some minutes ahead waits for its hour; one that is asked for a later hour does not."""
    while not stop.is_set() and hour - LONGEST_HEAD_START <= desk.clock.now() < hour:
        await desk.clock.wait_until(hour, stop)


@dataclass(frozen=True, slots=True)
class Written:
    """A claimed message with its bytes."""

    letter: Letter
    tag: WireTag
    wire: WireMessage


@dataclass(frozen=True, slots=True)
class Unwritten:
    """A claimed message that no bytes could be made of: it has failed, or its claim is handed back."""

    outcome: str
    reason: str


def _claim_and_write(
    desk: SendDesk, tenant: TenantId, hour: datetime, token: ClaimToken, most: int
) -> Sequence[Written | Unwritten]:
    """T1, and the letters of what was claimed."""
    if most <= 0:
        return ()
    # Under a stepped clock a claim made ahead would wait for a step that waits for the claim.
    ahead = 0.0 if desk.clock.stepped else desk.limits.ahead_seconds
    letters = desk.messages.claim(tenant, hour=hour, token=token, most=most, ahead_seconds=ahead)
    return [_write(desk, letter) for letter in letters]


def _write(desk: SendDesk, letter: Letter) -> Written | Unwritten:
    claim = letter.claim
    tag = desk.tagger.tag(MessageTag(claim.tenant, claim.plan_day, claim.message_id, claim.named))
    try:
        url = desk.tagger.unsubscribe_url(letter, tag)
        rendered = desk.renderer.render_letter(letter, url)
        wire = desk.write(letter, rendered, tag=tag, unsubscribe_url=url, now=desk.clock.now())
    except TemplateFault as fault:
        wire = CannotBeWritten(f"template: {fault}")
    except OutreachError as fault:
        # Still only claimed: its lease ends, or send_hour hands it back.
        return Unwritten("released", f"not rendered: {type(fault).__name__}")
    if isinstance(wire, CannotBeWritten):
        desk.messages.fail_claim(claim, wire.reason)
        return Unwritten("failed", wire.reason.partition(":")[0])
    return Written(letter, tag, wire)


async def _wait_for_work(desk: SendDesk, tenant: TenantId, hour: datetime, stop: asyncio.Event) -> bool:
    """Wait until a message may be due; False when none can become due in this hour any more."""
    due = await desk.lanes.do(desk.messages.next_due, tenant, hour=hour)
    if due.due_at is None and due.retry_seconds is None:
        return False
    # Not beyond some seconds at a time: a re-plan may bring messages that are due sooner.
    seconds = desk.limits.look_again_seconds
    if due.retry_seconds is not None:
        seconds = min(seconds, max(due.retry_seconds, 0.05))
    await _wait_at_most(desk, seconds, due.due_at or hour + HOUR, stop)
    return True


async def _wait_at_most(desk: SendDesk, seconds: float, moment: datetime, stop: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await desk.clock.wait_until(moment, stop)


async def _send(
    desk: SendDesk, written: Written, hour: datetime, deadline: float, summary: HourSummary, stop: asyncio.Event
) -> None:
    letter, wire = written.letter, written.wire
    await desk.clock.wait_until(letter.due_at, stop)
    if stop.is_set():
        return  # still only claimed: send_hour hands it back
    if (closed := desk.fence.may_begin()) is not None:
        summary.count("released", f"fence: {closed}")
        return  # still only claimed: its lease ends, or send_hour hands it back
    deadline = min(deadline, desk.fence.first_byte_by())
    match await desk.lanes.do(
        desk.messages.begin, letter.claim, hour=hour, epoch=desk.epoch, tag=written.tag, subject=wire.subject
    ):
        case NotBegun(verdict, reason):
            summary.count(verdict, reason)
            if reason in _ENDS_THE_PROCESS:
                stop.set()
        case Begun(account):
            await _call(desk, letter, wire, account, deadline, summary)


async def _call(
    desk: SendDesk, letter: Letter, wire: WireMessage, account: AccountId, deadline: float, summary: HourSummary
) -> None:
    started = desk.boot()
    try:
        transport = desk.transports.of(letter.claim.tenant, account)
    except OutreachError as fault:
        answer: SendAnswer = NotSent(f"no transport: {fault}")
    else:
        answer = await transport.send(wire, deadline=deadline)
    milliseconds = int((desk.boot() - started) * 1000)
    outcome = await desk.lanes.do(_record, desk, letter, wire, account, answer)
    desk.calls.note(account, call_outcome(answer), milliseconds, call_code(answer))
    summary.count(outcome)


def _record(desk: SendDesk, letter: Letter, wire: WireMessage, account: AccountId, answer: SendAnswer) -> str:
    match answer:
        case Accepted():
            next_day = desk.next_step_day(letter, desk.clock.now())
            found = desk.messages.record_accepted(letter.claim, answer, subject=wire.subject, next_due_day=next_day)
            return "accepted_twice" if found == "accepted_twice" else "accepted"
        case Refused():
            desk.messages.record_refused(
                letter.claim, answer, judge_refusal(desk.transports.kind(letter.claim.tenant, account), answer)
            )
            return "refused"
        case NotSent(cause):
            desk.messages.record_not_sent(letter.claim, cause, retry_seconds=desk.limits.retry_not_sent_seconds)
            return "not_sent"
        case ReplyLost(cause):
            desk.messages.record_doubt(letter.claim, cause)
            return "in_doubt"
    assert_never(answer)

"""The send protocol on real PostgreSQL under acts in any order, each followed by a look at what was promised.

Belongs here: which acts there are, and when each may come. What they do is in `send_day`, what is right in `send_witness`.
OUTREACH_MACHINE_EXAMPLES and OUTREACH_MACHINE_STEPS make it longer.
"""

import os
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from enum import Enum, auto
from functools import partial
from typing import TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from send_day import MINUTE, SendDay, Slot
from send_witness import GAP, Witness
from small_world import HOUR, NOON, build_world
from sqlalchemy import Engine

from outreach_pipelines.domain.delivery_event import EventKind
from outreach_pipelines.domain.send_answer import RefusalAction

EXAMPLES = int(os.environ.get("OUTREACH_MACHINE_EXAMPLES", "40"))
STEPS = int(os.environ.get("OUTREACH_MACHINE_STEPS", "30"))
#: To shrink a failure takes minutes: only where somebody looks for it.
PHASES = (Phase.explicit, Phase.generate, *((Phase.shrink,) if "OUTREACH_MACHINE_SHRINK" in os.environ else ()))
PEOPLE, MAILBOXES = 8, 2
LAST_WINDOW = NOON + 6 * HOUR

Each = TypeVar("Each")
chance = st.integers(0, 10**6)
mailboxes = st.integers(0, MAILBOXES - 1)


def slots_of(person: st.SearchStrategy[int]) -> st.SearchStrategy[Slot]:
    due = st.sampled_from([0, 0, 0, 1, 4, 40, 65]).map(lambda minutes: minutes * MINUTE)
    window = st.sampled_from([3, 30, 180, 180]).map(lambda minutes: minutes * MINUTE)
    return st.builds(Slot, person=person, mailbox=mailboxes, due=due, window=window)


slots = slots_of(st.integers(0, PEOPLE - 1))
first_plans = st.tuples(*(slots_of(st.just(person)) for person in range(PEOPLE)))
plans = st.lists(slots, min_size=1, max_size=PEOPLE, unique_by=lambda slot: slot.person)
scopes = st.sampled_from(["mailbox", "mailbox", "campaign", "tenant"])
holds = st.sampled_from([MINUTE, 3 * MINUTE, 30 * MINUTE])
people = st.integers(0, PEOPLE - 1)
NEWS = (
    EventKind.SENT, EventKind.SENT, EventKind.DELIVERED, EventKind.BOUNCED, EventKind.COMPLAINED, EventKind.REPLIED,
    EventKind.REJECTED,
)  # fmt: skip


class WorkerEnd(Enum):
    STOPPED = auto()  # it hands back what it has only claimed
    KILLED = auto()
    PAUSED = auto()  # for longer than its lease: it goes on afterwards


class Between(Enum):
    WINDOW_ENDS = auto()
    UNSUBSCRIBED = auto()
    HELD = auto()
    CAP_LOWERED = auto()
    LEASE_ENDS = auto()


class AnswerKind(Enum):
    WHOLE = auto()
    NOT_SENT = auto()
    LOST = auto()


class DoubtEnd(Enum):
    PROVEN_ABSENT = auto()
    RULED_NOT_SENT = auto()  # by a person, rightly or not
    GIVEN_UP = auto()


class OperatorAct(Enum):
    RESUMES = auto()
    LOWERS_A_CAP = auto()
    HOLDS_A_MAILBOX = auto()
    HOLDS_ALL = auto()
    PAUSES_THE_TENANT = auto()
    RETIRES_A_MAILBOX = auto()


def one_of(those: Sequence[Each], which: int) -> Each:
    return those[which % len(those)]


def day_of(admin_url: str, app: Engine, ingest: Engine, *, cap: int) -> SendDay:
    world = build_world(admin_url, mailboxes=MAILBOXES, daily_cap=cap)
    people = tuple(world.enroll(number) for number in range(PEOPLE))
    return SendDay(world, app, ingest, people, Witness(dict.fromkeys(world.mailboxes, cap)))


class SendMachine(RuleBasedStateMachine):
    """`begun` counts intents over all its lives."""

    def __init__(self, admin_url: str, app: Engine, ingest: Engine, begun: list[int]) -> None:
        super().__init__()
        self.found = partial(day_of, admin_url, app, ingest)
        self.begun = begun

    @initialize(cap=st.integers(2, 5), plan=first_plans)
    def morning(self, cap: int, plan: tuple[Slot, ...]) -> None:
        self.day = self.found(cap=cap)
        self.day.plan(plan)
        self.day.release_plan()

    @rule(plan=plans, released=st.booleans())
    def a_plan_is_made(self, plan: list[Slot], released: bool) -> None:
        self.day.plan(plan)
        if released:
            self.an_older_draft_is_released()

    @precondition(lambda self: self.day.draft is not None)
    @rule()
    def an_older_draft_is_released(self) -> None:
        if self.day.now.date() == NOON.date():
            self.day.release_plan()
            assert self.day.unbalanced() == []

    @rule(most=st.integers(1, 3))
    def a_run_claims(self, most: int) -> None:
        self.day.claim(most)

    @precondition(lambda self: self.day.claimed)
    @rule(which=chance, taken=st.booleans())
    def a_worker_begins(self, which: int, taken: bool) -> None:
        self.day.begin(one_of(self.day.claimed, which), taken=taken)

    @rule(fates=st.lists(st.booleans(), min_size=2, max_size=5), answered=st.booleans())
    def a_run_sends_at_the_next_slots(self, fates: list[bool], answered: bool) -> None:
        for taken in fates:
            self._step_to_next_slot()
            before = len(self.day.unanswered)
            for claimed in self.day.claim(2):
                self.day.begin(claimed, taken=taken)
            for call in self.day.unanswered[before:] if answered and taken else ():
                self.day.accept(call)

    def _step_to_next_slot(self) -> None:
        slot = self.day.next_slot()
        if slot is not None and slot < LAST_WINDOW:
            self.day.step_to(slot)

    @rule(what=st.sampled_from(Between), scope=scopes, lasts=holds)
    def something_comes_between_claim_and_intent(self, what: Between, scope: str, lasts: timedelta) -> None:
        self._step_to_next_slot()
        for claimed in self.day.claim(1):
            letter = claimed.letter
            mailbox = self.day.world.mailboxes.index(letter.sender.mailbox_id)
            match what:
                case Between.WINDOW_ENDS if letter.window_end < LAST_WINDOW:
                    self.day.step_to(letter.window_end)
                case Between.UNSUBSCRIBED:
                    self.day.unsubscribe(self.day.people.index(letter.enrollment_id), scope, mailbox)
                case Between.HELD:
                    self.day.hold(mailbox, lasts)
                case Between.CAP_LOWERED:
                    self.day.lower_cap(mailbox)
                case Between.LEASE_ENDS:
                    self.day.end_leases()
                    self.day.sweep()
            self.day.begin(claimed, taken=True)

    @precondition(lambda self: self.day.claimed or self.day.unanswered)
    @rule(which=chance, how=st.sampled_from(WorkerEnd))
    def a_worker_ends(self, which: int, how: WorkerEnd) -> None:
        match how:
            case WorkerEnd.STOPPED if self.day.claimed:
                self.day.hand_back(one_of(self.day.claimed, which))
            case WorkerEnd.STOPPED:
                pass
            case WorkerEnd.KILLED:
                self.day.kill()
            case WorkerEnd.PAUSED:
                self.day.end_leases()
                self.day.sweep()

    @precondition(lambda self: self.day.unanswered)
    @rule(which=chance, action=st.sampled_from(RefusalAction), how=st.sampled_from(AnswerKind))
    def an_answer_comes(self, which: int, action: RefusalAction, how: AnswerKind) -> None:
        call = one_of(self.day.unanswered, which)
        match how:
            case AnswerKind.LOST:
                self.day.lose_answer(call)
            case _ if call.taken:
                self.day.accept(call)
            case AnswerKind.NOT_SENT:
                self.day.not_sent(call, retry=action is RefusalAction.RETRY)
            case AnswerKind.WHOLE:
                self.day.refuse(call, action)

    @precondition(lambda self: self.day.taken())
    @rule(which=chance, kind=st.sampled_from(NEWS), times=st.integers(1, 2))
    def news_comes(self, which: int, kind: EventKind, times: int) -> None:
        self.day.tell(one_of(self.day.taken(), which), kind, times=times)

    @precondition(lambda self: self.day.witness.calls)
    @rule(which=chance, how=st.sampled_from(DoubtEnd))
    def doubt_is_settled(self, which: int, how: DoubtEnd) -> None:
        doubts = self.day.in_doubt()
        if not doubts:
            return
        call = one_of(doubts, which)
        match how:
            case DoubtEnd.GIVEN_UP:
                self.day.give_up(call)
            case DoubtEnd.RULED_NOT_SENT:
                self.day.rule_not_sent(call)
            case DoubtEnd.PROVEN_ABSENT if not call.taken:
                self.day.release_absent(call)

    @rule(person=people, scope=scopes, mailbox=mailboxes)
    def somebody_unsubscribes(self, person: int, scope: str, mailbox: int) -> None:
        self.day.unsubscribe(person, scope, mailbox)

    @rule(how=st.sampled_from(OperatorAct), mailbox=mailboxes, lasts=holds)
    def an_operator_acts(self, how: OperatorAct, mailbox: int, lasts: timedelta) -> None:
        if any(each.until is None for each in self.day.witness.stops):
            self.day.resume()
        match how:
            case OperatorAct.LOWERS_A_CAP:
                self.day.lower_cap(mailbox)
            case OperatorAct.HOLDS_A_MAILBOX:
                self.day.hold(mailbox, lasts)
            case OperatorAct.HOLDS_ALL:
                self.day.hold(None, lasts)
            case OperatorAct.PAUSES_THE_TENANT:
                self.day.pause()
            case OperatorAct.RETIRES_A_MAILBOX:
                self.day.retire(mailbox)
            case OperatorAct.RESUMES:
                pass

    @rule(by=st.sampled_from([timedelta(seconds=20), 2 * MINUTE, 2 * MINUTE, 5 * MINUTE, 20 * MINUTE, -MINUTE, -GAP]))
    def time_passes_or_the_clock_is_set_back(self, by: timedelta) -> None:
        if NOON <= self.day.now + by < LAST_WINDOW:
            self.day.step_to(self.day.now + by)

    # What is promised.

    @invariant()
    def all_promises_are_kept(self) -> None:
        assert self.day.faults() == []

    def teardown(self) -> None:
        if not hasattr(self, "day"):
            return
        with closing(self.day.world.admin):
            self.begun[0] += self.day.begun
            self._evening()
            assert self.day.faults() == []
            assert self.day.unbalanced() == []
            assert self.day.open() == 0
            assert self._taken_and_not_known() == []

    def _evening(self) -> None:
        """All news comes home, all doubt is settled rightly, and the day's last window passes."""
        self.day.kill()
        self.day.end_leases()
        self.day.sweep()
        for call in self.day.witness.calls.values():
            if call.taken:
                self.day.tell(call, EventKind.SENT, times=2)
        for call in self.day.in_doubt():
            self.day.give_up(call)
        self.day.step_to(LAST_WINDOW + 3 * HOUR)
        self.day.sweep()

    def _taken_and_not_known(self) -> list[object]:
        rows = self.day.world.sql(
            """select m.enrollment_id, m.step from app.message m join app.send_attempt a using (tenant_id, plan_day, message_id)
                where m.tenant_id = %(t)s and a.outcome = 'accepted'""",
            t=self.day.world.tenant,
        )  # fmt: skip
        known = {(row["enrollment_id"], row["step"]) for row in rows}
        return [key for key in self.day.witness.ledger() if key not in known]


def test_acts_in_any_order_send_nothing_twice_lose_nothing_and_pass_no_limit(
    outreach_admin_url: str, engine: Engine, ingest: Engine
) -> None:
    begun = [0]

    run_state_machine_as_test(
        lambda: SendMachine(outreach_admin_url, engine, ingest, begun),  # type: ignore[arg-type]  # any factory will do
        settings=settings(
            max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, database=None,
            suppress_health_check=list(HealthCheck), phases=PHASES,
        ),
    )  # fmt: skip

    assert begun[0] >= EXAMPLES // 2

"""A day of one tenant, lived act by act on real PostgreSQL through the stores of production, beside a witness.

Belongs here: acts, and what the witness is told of them. Does not: which act comes next, nor what is right.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

from send_witness import Call, Stop, Witness, send_key
from small_world import HOUR, NOON, SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.doubt_store import PostgresDoubtStore
from outreach_pipelines.adapters.postgres.event_store import PostgresEventInbox, PostgresEventStore
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.plan_store import PostgresPlanStore
from outreach_pipelines.adapters.postgres.reconciliation_store import PostgresReconciliationStore
from outreach_pipelines.application.ingest_events import FeedItem, InboxRow
from outreach_pipelines.application.ports import Begun
from outreach_pipelines.application.record_events import record_events
from outreach_pipelines.application.resolve_doubt import Release
from outreach_pipelines.application.rule_on_doubt import Ruling
from outreach_pipelines.domain.delivery_event import BounceFacts, DeliveryEvent, EventKind
from outreach_pipelines.domain.doubt import GiveUpReason
from outreach_pipelines.domain.inbound.verdict import BounceClass, HardCause
from outreach_pipelines.domain.letter import ClaimToken, Letter
from outreach_pipelines.domain.message import PlanId
from outreach_pipelines.domain.message_tag import MessageTag, WireTag
from outreach_pipelines.domain.send_answer import Accepted, RefusalAction, RefusalVerdict, Refused

MINUTE = timedelta(minutes=1)
GONE = BounceFacts(BounceClass.HARD, HardCause.UNKNOWN_USER, "5.1.1", "550 5.1.1 no such user", "rule")
STOPS_A_SEQUENCE = frozenset({EventKind.BOUNCED, EventKind.COMPLAINED, EventKind.REPLIED, EventKind.REJECTED})
#: All that news of a send may change.
CHANGED_BY_NEWS = (
    "message", "send_attempt", "send_key", "enrollment", "suppression", "mailbox_day", "rate_bucket", "message_event",
    "thread_root", "event_inbox",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Slot:
    """A placement: `mailbox` counts from 0; due so long after noon, in a window that ends so long after that."""

    person: int
    mailbox: int
    due: timedelta
    window: timedelta


@dataclass(frozen=True, slots=True)
class Claimed:
    """A letter in a worker's memory, and the hour of its run."""

    letter: Letter
    hour: datetime


@dataclass(slots=True)
class SendDay:
    """`claimed` and `unanswered` are the memory of the workers: a kill forgets them."""

    world: SmallWorld
    app: Engine
    ingest: Engine
    people: tuple[int, ...]
    witness: Witness
    claimed: list[Claimed] = field(default_factory=list)
    unanswered: list[Call] = field(default_factory=list)
    draft: PlanId | None = None
    now: datetime = NOON
    begun: int = 0

    @property
    def messages(self) -> PostgresMessageStore:
        return PostgresMessageStore(self.app)

    @property
    def doubts(self) -> PostgresDoubtStore:
        return PostgresDoubtStore(self.app)

    # Plans.

    def plan(self, slots: Sequence[Slot]) -> None:
        """A draft of the day as facts have it now; what it does not place is not placed."""
        world = self.world
        row = world.one(
            """insert into app.plan (tenant_id, day, version, planner_version, snapshot_hash, plan_hash, snapshot_key, plan_key, placed, not_placed)
               select %(t)s, %(day)s, coalesce(max(version), 0) + 1, '1', 's', 'p', 'k', 'k', 0, 0 from app.plan where tenant_id = %(t)s and day = %(day)s
               returning plan_id""",
            t=world.tenant, day=NOON.date(),
        )  # fmt: skip
        self.draft = PlanId(int(str(row["plan_id"])))
        for slot in slots:
            self._place(self.draft, slot)

    def _place(self, plan: PlanId, slot: Slot) -> None:
        enrollment, due = self.people[slot.person], NOON + slot.due
        found = self.world.sql(
            "select step from app.enrollment where enrollment_id = %(e)s and state = 'active'", e=enrollment
        )
        for row in found:
            self.world.sql(
                """insert into app.decision (tenant_id, plan_id, enrollment_id, step, placed, found, looked_through, detail, send_key, mailbox_id, due_at,
                                             window_start, window_end, variant, content_hash, account_ids)
                   values (%(t)s, %(p)s, %(e)s, %(step)s, true, '{}', 'spacing', 'placed', %(key)s, %(m)s, %(due)s, %(start)s, %(end)s, 'A', 'content', array[%(a)s::int])""",
                t=self.world.tenant, p=plan, e=enrollment, step=row["step"], m=self.world.mailboxes[slot.mailbox], due=due, start=due - HOUR,
                key=hashlib.blake2b(f"{enrollment}|{row['step']}".encode(), digest_size=16).digest(), end=due + slot.window, a=self.world.account,
            )  # fmt: skip

    def release_plan(self) -> None:
        """The draft becomes the plan of the day. Twice is once."""
        assert self.draft is not None
        store = PostgresPlanStore(self.app)
        store.release(self.world.tenant, self.draft, "test")
        assert store.release(self.world.tenant, self.draft, "test").already
        self.draft = None

    # A worker.

    def claim(self, most: int) -> list[Claimed]:
        """T1 of a run of its own."""
        hour, token = self.now.replace(minute=0, second=0), ClaimToken(uuid4())
        letters = self.messages.claim(self.world.tenant, hour=hour, token=token, most=most, ahead_seconds=30.0)
        found = [Claimed(letter, hour) for letter in letters]
        self.claimed += found
        return found

    def begin(self, claimed: Claimed, *, taken: bool) -> None:
        """T2, and the call if it may be made. The claim stays in memory: a worker that is confused asks again."""
        letter, hour = claimed.letter, claimed.hour
        tag = WireTag(f"tag{letter.claim.message_id}x{letter.claim.attempt}")
        store = self.messages
        outcome = store.begin(letter.claim, hour=hour, epoch=store.epoch(), tag=tag, subject="Hello")
        if not isinstance(outcome, Begun):
            return
        objections = list(self.witness.objections(letter, hour=hour, now=self.now, window_end=letter.window_end))
        assert objections == []
        call = Call(letter, self.now, taken)
        self.witness.note(call)
        self.unanswered.append(call)
        self.begun += 1

    def hand_back(self, claimed: Claimed) -> None:
        """Its run stops."""
        self.messages.release(self.world.tenant, claimed.letter.claim.token)

    def kill(self) -> None:
        """The workers end; nobody answers for their calls."""
        self.claimed.clear()
        self.unanswered.clear()

    def end_leases(self) -> None:
        """More than 90 s pass on the machine."""
        self.world.sql(
            "update app.message set lease_until = clock_timestamp() - interval '1 second' where tenant_id = %(t)s and lease_until is not null",
            t=self.world.tenant,
        )  # fmt: skip

    def sweep(self) -> None:
        self.messages.sweep(self.world.tenant, horizon_seconds=3600)

    # Answers and evidence.

    def accept(self, call: Call) -> None:
        """The provider's answer, told twice."""
        message, attempt = call.attempt
        answer = Accepted(f"id-{message}-{attempt}", f"<m{message}x{attempt}@box.example>")
        following = date(2026, 11, 23) if call.letter.step == 1 else None
        told = [
            self.messages.record_accepted(call.letter.claim, answer, subject="Hello", next_due_day=following)
            for _ in range(2)
        ]
        assert told[0] in ("accepted", "known", "accepted_twice")
        assert told[1] == "known"

    def refuse(self, call: Call, action: RefusalAction) -> None:
        """An answer read in full: nothing was taken."""
        verdict = RefusalVerdict(action, 0, "rule")
        settled = self.messages.record_refused(call.letter.claim, Refused("451", "4.3.0", "busy"), verdict)
        assert not self.messages.record_refused(call.letter.claim, Refused("451", "4.3.0", "busy"), verdict)
        call.non_send = True
        if settled and action in (RefusalAction.STOP_PATH, RefusalAction.STOP_TENANT):
            whole = action is RefusalAction.STOP_TENANT
            self.witness.stops.append(Stop(None if whole else call.letter.sender.mailbox_id, self.now + 2 * HOUR))

    def not_sent(self, call: Call, *, retry: bool) -> None:
        """The call ended before its first byte."""
        self.messages.record_not_sent(call.letter.claim, "no connection", retry_seconds=0 if retry else None)
        call.non_send = True

    def lose_answer(self, call: Call) -> None:
        self.messages.record_doubt(call.letter.claim, "timeout")

    def tell(self, call: Call, kind: EventKind, *, times: int) -> None:
        """News of a call that was taken, however often and late; all but the first change nothing."""
        key = f"{kind}:{call.attempt}"
        self._apply(call, kind, key)
        self.witness.told.add(key)
        if kind in STOPS_A_SEQUENCE:
            self.witness.silent.add((call.letter.enrollment_id, None))
        after = self._rows() if times > 1 else None
        for _ in range(1, times):
            self._apply(call, kind, key)
        assert after is None or self._rows() == after

    def _apply(self, call: Call, kind: EventKind, key: str) -> None:
        claim = call.letter.claim
        tag = MessageTag(claim.tenant, claim.plan_day, claim.message_id, claim.attempt)
        event = DeliveryEvent(key, kind, call.at + MINUTE, GONE if kind is EventKind.BOUNCED else None)
        PostgresEventInbox(self.ingest, self.app).add([InboxRow(FeedItem("r", "test", "", event, None), tag)])
        record_events(PostgresEventStore(self.app), tenant=self.world.tenant)

    def _rows(self) -> dict[str, list[object]]:
        return {
            table: [row["t"] for row in self.world.sql(f"select t::text as t from app.{table} t where tenant_id = %(t)s order by 1", t=self.world.tenant)]
            for table in CHANGED_BY_NEWS
        }  # fmt: skip

    def taken(self) -> list[Call]:
        """What the provider has, answered or not."""
        return [call for call in self.witness.calls.values() if call.taken]

    # Doubt.

    def in_doubt(self) -> list[Call]:
        found = self.doubts.open_doubts(self.world.tenant).attempts
        return [self.witness.calls[int(each.about.message), each.about.attempt] for each in found]

    def release_absent(self, call: Call) -> None:
        """Evidence proved, rightly, that nothing was taken."""
        assert not call.taken
        claim = call.letter.claim
        tag = MessageTag(claim.tenant, claim.plan_day, claim.message_id, claim.attempt)
        done = self.doubts.release(tag, "looked for twice", most_releases=2)
        call.non_send = call.non_send or done in (
            Release.RELEASED, Release.ATTEMPT_SETTLED, Release.ACCEPTED_BEFORE,
        )  # fmt: skip

    def rule_not_sent(self, call: Call) -> None:
        """A person says that nothing was taken, rightly or not."""
        claim = call.letter.claim
        found = self.doubts.attempt_to_rule(self.world.tenant, claim.plan_day, claim.message_id)
        if found is None or found.about.attempt != claim.attempt:
            return
        if self.doubts.rule(found, Ruling.NOT_SENT, reason="none left", by="ada") in ("released", "attempt_settled"):
            call.non_send = True
            self.witness.wrong_rulings[send_key(call.letter)] += call.taken

    def give_up(self, call: Call) -> None:
        claim = call.letter.claim
        tag = MessageTag(claim.tenant, claim.plan_day, claim.message_id, claim.attempt)
        self.doubts.give_up(tag, GiveUpReason.NOTHING_WILL_TELL)

    # People and operators.

    def unsubscribe(self, person: int, scope: str, mailbox: int) -> None:
        """From all mail of the tenant, of the campaign, or from one mailbox."""
        world, enrollment = self.world, self.people[person]
        scope_id = {"tenant": 0, "campaign": world.campaign, "mailbox": world.mailboxes[mailbox]}[scope]
        world.sql(
            """select app.unsubscribe(%(t)s, l.address_hmac, %(scope)s, %(id)s, 'test')
                 from app.enrollment e join app.lead l using (tenant_id, lead_id) where e.enrollment_id = %(e)s""",
            t=world.tenant, scope=scope, id=scope_id, e=enrollment,
        )  # fmt: skip
        self.witness.silent.add((enrollment, world.mailboxes[mailbox] if scope == "mailbox" else None))

    def lower_cap(self, mailbox: int) -> None:
        box = self.world.mailboxes[mailbox]
        self.witness.caps[box] = max(self.witness.caps[box] - 1, 0)
        self.world.sql(
            "update app.mailbox set daily_cap = %(c)s where mailbox_id = %(m)s", c=self.witness.caps[box], m=box
        )

    def hold(self, mailbox: int | None, lasts: timedelta) -> None:
        """A stop by hand, of one mailbox or of all."""
        box = None if mailbox is None else self.world.mailboxes[mailbox]
        self.world.sql(
            """insert into app.hold (tenant_id, scope_key, factor, level, reason, since, until)
               values (%(t)s, %(k)s, 0, 'stop', 'test', %(now)s, %(until)s)""",
            t=self.world.tenant, k="tenant" if box is None else f"mailbox:{box}", now=self.now, until=self.now + lasts,
        )  # fmt: skip
        self.witness.stops.append(Stop(box, self.now + lasts))

    def pause(self) -> None:
        self.world.sql(
            "update app.tenant set state = 'paused', pause_reason = 'test' where tenant_id = %(t)s", t=self.world.tenant
        )
        self.witness.stops.append(Stop(None, None))

    def retire(self, mailbox: int) -> None:
        """As an inventory that no longer names it does."""
        box = self.world.mailboxes[mailbox]
        self.world.sql("update app.mailbox set state = 'retired' where mailbox_id = %(m)s", m=box)
        self.witness.stops.append(Stop(box, None))

    def resume(self) -> None:
        """All that only an act ends, and the mailboxes too."""
        self.world.sql(
            "update app.tenant set state = 'active', pause_reason = null where tenant_id = %(t)s", t=self.world.tenant
        )
        self.world.sql("update app.mailbox set state = 'active' where tenant_id = %(t)s", t=self.world.tenant)
        self.witness.stops = [each for each in self.witness.stops if each.until is not None]

    def next_slot(self) -> datetime | None:
        """When something may be claimed next, at the earliest now."""
        row = self.world.one(
            "select min(greatest(due_at, not_before)) as at from app.message where tenant_id = %(t)s and state in ('planned', 'retry_wait')",
            t=self.world.tenant,
        )  # fmt: skip
        return max(row["at"].astimezone(UTC), self.now) if isinstance(row["at"], datetime) else None

    def step_to(self, moment: datetime) -> None:
        """Policy time, forwards or backwards."""
        self.now = moment
        self.world.at(moment)

    # What rows say.

    def faults(self) -> list[str]:
        """Promises broken by rows: the witness's, and those of counts."""
        tenant = self.world.tenant
        attempts = self.world.sql(
            "select message_id, attempt, outcome, mailbox_id, mailbox_day from app.send_attempt where tenant_id = %(t)s", t=tenant
        )  # fmt: skip
        messages = self.world.sql(
            "select message_id, enrollment_id, step, state from app.message where tenant_id = %(t)s", t=tenant
        )
        return [*self.witness.faults(messages, attempts), *self._counts()]

    def unbalanced(self) -> list[str]:
        """What does not add up: a second acceptance does not where a person ruled wrongly."""
        books = PostgresReconciliationStore(self.app).faults(self.world.tenant)
        return [each for each in books if not (self.witness.wrong_rulings and "second acceptance" in each)]

    def _counts(self) -> list[str]:
        found = self.world.sql(
            """select d.sent, d.mailbox_id, count(a.*) as begun
                 from app.mailbox_day d
                 left join app.send_attempt a on a.tenant_id = d.tenant_id and a.mailbox_id = d.mailbox_id and a.mailbox_day = d.day
                  and a.outcome not in ('refused', 'not_sent', 'absent')
                where d.tenant_id = %(t)s group by d.tenant_id, d.mailbox_id, d.day, d.sent having count(a.*) > d.sent""",
            t=self.world.tenant,
        )  # fmt: skip
        too_few = [f"mailbox {row['mailbox_id']} counts {row['sent']} of {row['begun']} sends" for row in found]
        events = self.world.one(
            "select count(*) as n from app.message_event where tenant_id = %(t)s and kind <> 'refused'",
            t=self.world.tenant,
        )["n"]
        told = len(self.witness.told)
        return too_few + ([] if events == told else [f"{events} events are counted of {told} that were told"])

    def open(self) -> int:
        row = self.world.one(
            """select count(*) as n from app.message
                where tenant_id = %(t)s and state in ('planned', 'claimed', 'sending', 'retry_wait', 'in_doubt')""",
            t=self.world.tenant,
        )  # fmt: skip
        return int(str(row["n"]))

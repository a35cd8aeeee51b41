"""The system under proof on real PostgreSQL: the production stores, driven through the same schedules as those in memory.

Belongs here: founding a tenant from a schedule, and the hands of people and operators, in SQL. Does not: the send protocol,
which is the production code, nor the clocks (`virtual_database`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from outreach_pipelines.adapters.postgres.doubt_store import PostgresDoubtStore
from outreach_pipelines.adapters.postgres.event_store import PostgresEventInbox, PostgresEventStore
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.application.ingest_events import EventInbox
from outreach_pipelines.application.ports import MessageStore
from outreach_pipelines.application.prove_accounts import ProofStore
from outreach_pipelines.application.record_events import EventStore
from outreach_pipelines.application.resolve_doubt import DoubtStore
from outreach_pipelines.domain.message import OPEN_STATES, MessageId
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.proof.journal import CountedEvent, FinalMessage, MessageFacts
from outreach_pipelines.proof.rows import Clocks
from outreach_pipelines.proof.schedule import Placement, Schedule
from outreach_pipelines.proof.small_world import SmallWorld, build_world
from outreach_pipelines.proof.system import LAST_PROVEN
from outreach_pipelines.proof.virtual_database import VirtualDatabase


@dataclass(slots=True)
class DatabaseClocks:
    """Brings the database to the world's moment before each call."""

    database: VirtualDatabase
    world: SmallWorld
    clocks: Clocks
    stands_at: tuple[datetime, datetime] | None = None

    def bring(self) -> None:
        """Nothing happens while the world's moment is the same."""
        now = self.clocks.machine(), self.clocks.policy()
        if now != self.stands_at:
            self.database.put(self.world.admin, machine=now[0], policy=now[1])
            self.stands_at = now


@dataclass(frozen=True, slots=True)
class _AtItsMoment:
    store: object
    clocks: DatabaseClocks

    def __getattr__(self, name: str) -> Callable[..., object]:
        method = getattr(self.store, name)

        def call(*args: object, **named: object) -> object:
            self.clocks.bring()
            return method(*args, **named)

        return call


@dataclass(slots=True)
class PostgresSystem:
    """`System` of one tenant of a virtual database."""

    world: SmallWorld
    clocks: DatabaseClocks
    messages: MessageStore
    proofs: ProofStore
    inbox: EventInbox
    events: EventStore
    doubts: DoubtStore
    people: tuple[int, ...]
    known: dict[MessageId, MessageFacts] = field(default_factory=dict)
    patience: float = 2.5

    @property
    def tenant(self) -> TenantId:
        """See `System.tenant`."""
        return self.world.tenant

    def _do(self, statement: str, **values: object) -> list[dict[str, Any]]:
        self.clocks.bring()
        return cast("list[dict[str, Any]]", self.world.sql(statement, t=self.world.tenant, **values))

    def address(self, person: int) -> str:
        """See `System.address`."""
        return f"person{person}@example.test"

    def facts(self, message: MessageId) -> MessageFacts:
        """See `System.facts`."""
        if message not in self.known:
            (row,) = self._do(
                "select l.address, m.mailbox_id, m.step, m.due_at, m.window_end from app.message m "
                "join app.lead l using (tenant_id, lead_id) where m.tenant_id = %(t)s and m.message_id = %(m)s",
                m=message,
            )
            mailbox = self.world.mailboxes.index(row["mailbox_id"])
            self.known[message] = MessageFacts(
                row["address"], mailbox, row["step"] > 1, row["due_at"], row["window_end"]
            )
        return self.known[message]

    def unsubscribe(self, person: int) -> None:
        """See `System.unsubscribe`."""
        self._do(
            "with as_tenant as (select set_config('app.tenant', %(t)s::text, false)) "
            "select app.suppress(%(t)s, 'address', l.address_hmac, 'tenant', 0, 'unsubscribe', 'proof') "
            "from app.lead l, as_tenant where l.tenant_id = %(t)s and l.address = %(a)s",
            a=self.address(person),
        )

    def reply(self, person: int) -> None:
        """See `System.reply`."""
        self._do(
            "update app.enrollment set state = 'replied', reason = 'replied', state_at = proof.clock_timestamp() "
            "where tenant_id = %(t)s and enrollment_id = %(e)s and state in ('active', 'finished')",
            e=self.people[person],
        )

    def lower_cap(self, mailbox: int, cap: int) -> None:
        """See `System.lower_cap`."""
        self._do(
            "update app.mailbox set daily_cap = least(daily_cap, %(c)s) where tenant_id = %(t)s and mailbox_id = %(m)s",
            c=cap, m=self.world.mailboxes[mailbox],
        )  # fmt: skip

    def hold(self, until: datetime) -> None:
        """See `System.hold`."""
        self._do(
            "insert into app.hold (tenant_id, scope_key, factor, level, reason, since, until) "
            "values (%(t)s, 'tenant', 0, 'manual', 'operator', app.now(), %(u)s)",
            u=until,
        )

    def raise_epoch(self) -> None:
        """See `System.raise_epoch`."""
        self._do("update app.epoch set number = number + 1")

    def read_inbox(self) -> None:
        """See `System.read_inbox`."""
        self._do("update app.inbox set last_complete_read = proof.clock_timestamp() where tenant_id = %(t)s")
        self._do(
            "update app.provider_account set proven_at = proof.clock_timestamp() where account_id = %(a)s and kind = 'smtp'",
            a=self.world.account,
        )

    def replan(self, *, moved: int, dropped: int, later: timedelta) -> None:
        """See `System.replan`: the production function over decisions made from the rows as they stand."""
        moved_one, dropped_one = self.people[moved], self.people[dropped]
        shift = later if moved != dropped else timedelta(0)
        (plan,) = self._do(_NEXT_PLAN, moved=moved_one, dropped=dropped_one, later=shift)
        self._do(
            "select set_config('app.tenant', %(t)s::text, false), app.release_plan(%(p)s, 'proof')", p=plan["plan_id"]
        )

    def is_quiet(self) -> bool:
        """See `System.is_quiet`."""
        (row,) = self._do(
            "select exists (select from app.message where tenant_id = %(t)s and state = any (%(open)s)) "
            "or exists (select from app.event_inbox where tenant_id = %(t)s) as busy",
            open=sorted(OPEN_STATES),
        )
        return not row["busy"]

    def final_messages(self) -> Sequence[FinalMessage]:
        """See `System.final_messages`."""
        return [FinalMessage(**row) for row in self._do(_FINAL_MESSAGES)]

    def counted_events(self) -> Sequence[CountedEvent]:
        """See `System.counted_events`."""
        rows = self._do(
            "select message_id as message, kind, count(*)::int as times from app.message_event "
            "where tenant_id = %(t)s group by message_id, kind"
        )
        return [CountedEvent(**row) for row in rows]

    def close(self) -> None:
        """See `System.close`."""
        self.world.admin.close()


_FINAL_MESSAGES = """
    select m.message_id as message, l.address as recipient, m.state, (k.message_id = m.message_id) as current,
           count(a.attempt)::int as attempts,
           count(*) filter (where a.outcome in ('accepted', 'accepted_twice'))::int as accepted,
           count(*) filter (where a.outcome = 'accepted_twice')::int as twice, m.released_on_absence
      from app.message m
      join app.lead l using (tenant_id, lead_id)
      join app.send_key k using (tenant_id, send_key)
      left join app.send_attempt a on a.tenant_id = m.tenant_id and a.plan_day = m.plan_day and a.message_id = m.message_id
     where m.tenant_id = %(t)s
     group by m.message_id, l.address, m.state, k.message_id, m.released_on_absence
     order by m.message_id
"""

_NEXT_PLAN = """
    with old as (select * from app.plan where tenant_id = %(t)s order by version desc limit 1),
    made as (
        insert into app.plan (tenant_id, day, version, planner_version, snapshot_hash, plan_hash, snapshot_key, plan_key, placed, not_placed)
        select tenant_id, day, version + 1, '1', 's', 'p' || version, 'k', 'k', 0, 0 from old returning plan_id
    ),
    placed as (
        insert into app.decision (tenant_id, plan_id, enrollment_id, step, placed, found, looked_through, detail, send_key, mailbox_id, due_at,
                                  window_start, window_end, variant, content_hash, account_ids)
        select m.tenant_id, made.plan_id, m.enrollment_id, m.step, true, '{}', 'all', 'proof', m.send_key, m.mailbox_id,
               m.due_at + case m.enrollment_id when %(moved)s then %(later)s else interval '0' end, m.window_start,
               m.window_end + case m.enrollment_id when %(moved)s then %(later)s else interval '0' end, m.variant, m.content_hash, m.account_ids
          from made, app.message m join app.send_key k using (tenant_id, send_key, message_id)
         where m.tenant_id = %(t)s and m.enrollment_id <> %(dropped)s
    )
    select plan_id from made
"""


def found_in_postgres(database: VirtualDatabase, schedule: Schedule, clocks: Clocks) -> PostgresSystem:
    """A tenant of its own as the schedule plans it, at the moment at which its world begins."""
    start = clocks.policy()
    world = build_world(
        database.admin, mailboxes=schedule.mailboxes, kind=schedule.kind, daily_cap=schedule.cap, day=start.date()
    )
    at = DatabaseClocks(database, world, clocks)
    at.bring()
    world.sql(
        _AS_THE_SCHEDULE_SAYS,
        t=world.tenant,
        a=world.account,
        gap=int(schedule.gap),
        proven=start - LAST_PROVEN,
        now=start,
    )
    people = tuple(_place(world, number, each, start) for number, each in enumerate(schedule.placements))
    store = cast("Any", _AtItsMoment(PostgresMessageStore(database.app), at))
    return PostgresSystem(
        world, at, store, store, cast("EventInbox", _AtItsMoment(PostgresEventInbox(database.ingest, database.app), at)),
        cast("EventStore", _AtItsMoment(PostgresEventStore(database.app), at)),
        cast("DoubtStore", _AtItsMoment(PostgresDoubtStore(database.app), at)), people,
    )  # fmt: skip


_AS_THE_SCHEDULE_SAYS = """
    with environment as (update app.environment set heartbeat_at = %(now)s),
    account as (update app.provider_account set proven_at = %(proven)s where account_id = %(a)s),
    share as (update app.provider_account_share set configuration_set = 'proof' where account_id = %(a)s),
    inbox as (update app.inbox set last_complete_read = %(now)s where tenant_id = %(t)s),
    policy as (update app.sending_policy set daily_cap = null, minute_cap = null, company_daily_cap = null, recipient_domain_daily_cap = null
                where tenant_id = %(t)s)
    update app.mailbox set min_gap_seconds = %(gap)s, max_gap_seconds = greatest(%(gap)s, max_gap_seconds) where tenant_id = %(t)s
"""


def _place(world: SmallWorld, number: int, placement: Placement, start: datetime) -> int:
    due = start + timedelta(seconds=placement.due)
    step = 2 if placement.follow_up else 1
    message = world.message(number, due_at=due, mailbox=world.mailboxes[placement.mailbox], step=step)
    (row,) = world.sql(
        "update app.message set window_end = %(end)s where tenant_id = %(t)s and message_id = %(m)s returning enrollment_id",
        t=world.tenant, m=message, end=start + timedelta(seconds=placement.window),
    )  # fmt: skip
    enrollment = int(str(row["enrollment_id"]))
    if placement.follow_up:
        world.sql(
            "insert into app.thread_root (tenant_id, enrollment_id, step, wire_message_id, tag, subject, plan_day, message_id, accepted_at) "
            "values (%(t)s, %(e)s, 1, %(w)s, %(w)s, 'Hello', %(day)s, %(m)s, %(now)s)",
            t=world.tenant, e=enrollment, w=f"<first-{world.tenant}-{number}@sender.example>", day=start.date(), m=message, now=start,
        )  # fmt: skip
    return enrollment

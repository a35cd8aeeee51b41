"""Plans of a small world, released as the real release does, and their messages sent over the real send protocol."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from small_world import HOUR, NOON, SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.event_store import PostgresEventInbox, PostgresEventStore
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.plan_store import PostgresPlanStore
from outreach_pipelines.application.ingest_events import FeedItem, InboxRow
from outreach_pipelines.application.ports import Begun
from outreach_pipelines.application.record_events import record_events
from outreach_pipelines.domain.delivery_event import BounceFacts, DeliveryEvent, EventKind
from outreach_pipelines.domain.letter import ClaimToken, Letter
from outreach_pipelines.domain.message import MessageId, PlanId
from outreach_pipelines.domain.message_tag import MessageTag, WireTag
from outreach_pipelines.domain.send_answer import Accepted


@dataclass(frozen=True, slots=True)
class PlannedWorld:
    """`ingest` belongs to outreach_ingest, `engine` to outreach_app."""

    world: SmallWorld
    engine: Engine
    ingest: Engine

    def enrolled(self, number: int) -> int:
        """A lead of its own in the campaign; its enrollment."""
        _, enrollment = self.world._enrolled(number, 1)
        return int(str(enrollment))

    def release(self, enrollments: Sequence[int], *, due_at: datetime = NOON, refused: Sequence[int] = ()) -> PlanId:
        """A new version of the day that places these at `due_at` and refuses those, released."""
        plan = PlanId(self._draft(due_at))
        for enrollment in enrollments:
            self._decision(plan, enrollment, due_at)
        for enrollment in refused:
            self.world.sql(
                """insert into app.decision (tenant_id, plan_id, enrollment_id, step, placed, binding_constraint, found, looked_through, detail)
                   values (%(t)s, %(p)s, %(e)s, 1, false, 'mailbox_cap', '{mailbox_cap}', 'spacing', 'mailboxes: 3 mailbox_cap')""",
                t=self.world.tenant, p=plan, e=enrollment,
            )  # fmt: skip
        PostgresPlanStore(self.engine).release(self.world.tenant, plan, "test")
        return plan

    def message_of(self, enrollment: int) -> MessageId:
        """The newest message of an enrollment."""
        row = self.world.one("select max(message_id) as id from app.message where enrollment_id = %(e)s", e=enrollment)
        return MessageId(int(str(row["id"])))

    def claim(self) -> list[Letter]:
        """All that is due at policy time's hour; each from a mailbox whose pace lets it go."""
        hour = self._now().replace(minute=0, second=0)
        self.world.sql(
            "update app.mailbox set next_at = '-infinity', min_gap_seconds = 0 where tenant_id = %(t)s",
            t=self.world.tenant,
        )
        return list(
            PostgresMessageStore(self.engine).claim(
                self.world.tenant, hour=hour, token=ClaimToken(uuid4()), most=100, ahead_seconds=0
            )
        )

    def begin(self, letter: Letter) -> Begun:
        store = PostgresMessageStore(self.engine)
        hour = self._now().replace(minute=0, second=0)
        begun = store.begin(
            letter.claim,
            hour=hour,
            epoch=store.epoch(),
            tag=WireTag(f"tag{letter.claim.message_id}x{letter.claim.attempt}"),
        )
        assert isinstance(begun, Begun), begun
        return begun

    def send(self) -> list[Letter]:
        """Claims all that is due and has a provider accept it."""
        letters = self.claim()
        for letter in letters:
            self.begin(letter)
            answer = Accepted(f"id-{letter.claim.message_id}", f"<m{letter.claim.message_id}@box.example>")
            PostgresMessageStore(self.engine).record_accepted(
                letter.claim, answer, subject="Hello", next_due_day=NOON.date()
            )
        return letters

    def tell(self, letter: Letter, kind: EventKind, bounce: BounceFacts | None = None) -> None:
        """News of an attempt, over the inbox."""
        tag = MessageTag(self.world.tenant, letter.claim.plan_day, letter.claim.message_id, letter.claim.attempt)
        event = DeliveryEvent(f"{kind}-{letter.claim.message_id}", kind, NOON + HOUR, bounce)
        PostgresEventInbox(self.ingest, self.engine).add([InboxRow(FeedItem("r", "test", "", event, None), tag)])
        record_events(PostgresEventStore(self.engine), tenant=self.world.tenant)

    def _now(self) -> datetime:
        now = self.world.one("select app.now() as now")["now"]
        assert isinstance(now, datetime)
        return now.astimezone(UTC)

    def _draft(self, due_at: datetime) -> int:
        row = self.world.one(
            """insert into app.plan (tenant_id, day, version, planner_version, snapshot_hash, plan_hash, snapshot_key, plan_key, placed, not_placed)
               select %(t)s, %(day)s, coalesce(max(version), 0) + 1, '1', 's', 'p', 'k', 'k', 0, 0 from app.plan where tenant_id = %(t)s and day = %(day)s
               returning plan_id""",
            t=self.world.tenant, day=due_at.date(),
        )  # fmt: skip
        return int(str(row["plan_id"]))

    def _decision(self, plan: PlanId, enrollment: int, due_at: datetime) -> None:
        self.world.sql(
            """insert into app.decision (tenant_id, plan_id, enrollment_id, step, placed, found, looked_through, detail, send_key, mailbox_id, due_at,
                                         window_start, window_end, variant, content_hash, account_ids)
               values (%(t)s, %(p)s, %(e)s, 1, true, '{}', 'spacing', 'placed', %(key)s, %(m)s, %(due)s, %(start)s, %(end)s, 'A', 'content', array[%(a)s::int])""",
            t=self.world.tenant, p=plan, e=enrollment, key=hashlib.blake2b(str(enrollment).encode(), digest_size=16).digest(),
            m=self.world.mailboxes[0], due=due_at, start=due_at - 3 * HOUR, end=due_at + 3 * HOUR, a=self.world.account,
        )  # fmt: skip

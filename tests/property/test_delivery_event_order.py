"""Any order and repetition of what comes back about a message ends in the same rows, on real PostgreSQL."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count, pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_world import NOON, SmallWorld, build_world
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.bootstrap import DatabaseUrls, Role
from outreach_pipelines.adapters.postgres.event_store import PostgresEventInbox, PostgresEventStore
from outreach_pipelines.adapters.postgres.tenant_session import connect
from outreach_pipelines.application.ingest_events import FeedItem, InboxRow
from outreach_pipelines.application.record_events import record_events
from outreach_pipelines.domain.delivery_event import BounceFacts, DeliveryEvent, EventKind
from outreach_pipelines.domain.inbound.verdict import BlockCause, BounceClass, HardCause, SoftCause
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.message_tag import MessageTag

BOUNCES = [
    BounceFacts(BounceClass.HARD, HardCause.UNKNOWN_USER, "5.1.1", "550 5.1.1 user unknown", "rule"),
    BounceFacts(BounceClass.BLOCK, BlockCause.IP_REPUTATION, "5.7.1", "550 5.7.1 S3140", "rule"),
    BounceFacts(BounceClass.SOFT, SoftCause.NETWORK, "4.4.1", "421 4.4.1 no route", "rule"),
]
NUMBERS = count(1)


@dataclass(frozen=True)
class Bench:
    world: SmallWorld
    inbox: PostgresEventInbox

    def message(self) -> int:
        """A message in doubt, of a person of its own."""
        message = self.world.message(next(NUMBERS), state="in_doubt")
        self.world.sql("update app.message set attempt = 1 where message_id = %(m)s", m=message)
        self.world.sql(
            """insert into app.send_attempt (tenant_id, plan_day, message_id, attempt, account_id, mailbox_id, domain_id, tag, begun_policy_at, mailbox_day, outcome, ended_at)
               values (%(t)s, %(day)s, %(m)s, 1, %(a)s, %(b)s, %(d)s, 'tag' || %(m)s, %(now)s, %(day)s, 'in_doubt', now())""",
            t=self.world.tenant, day=NOON.date(), m=message, a=self.world.account, b=self.world.mailboxes[0], d=self.world.domain, now=NOON,
        )  # fmt: skip
        return message

    def end_of(self, batches: Sequence[Sequence[DeliveryEvent]]) -> dict[str, object]:
        """What stands in the rows after a message of its own has met these batches, one run each."""
        message = self.message()
        tag = MessageTag(self.world.tenant, NOON.date(), MessageId(message), 1)
        for batch in batches:
            self.inbox.add([InboxRow(FeedItem("r", "ses", "", own(event, message), None), tag) for event in batch])
            record_events(PostgresEventStore(self.inbox.app), tenant=self.world.tenant)
        return self.rows(message)

    def rows(self, message: int) -> dict[str, object]:
        return self.world.one(
            """select m.state, m.outcome, m.outcome_rank, m.accepted_at, m.delivered_at, m.bounced_at, m.complained_at, m.replied_at, m.unsubscribed_at,
                      replace(m.wire_message_id, m.message_id::text, '') as wire, e.state as enrollment, e.step, e.mailbox_id,
                      case when e.state = 'active' then e.due_day end as due_day, case when e.state = 'active' then e.soft_bounces end as soft_bounces,
                      (select array_agg(s.kind) from app.suppression s where s.tenant_id = m.tenant_id and s.subject_hmac = m.recipient_hmac) as suppressed,
                      (select count(*) from app.message_event v where v.tenant_id = m.tenant_id and v.message_id = m.message_id) as events,
                      (select count(*) from app.thread_root r where r.tenant_id = m.tenant_id and r.message_id = m.message_id) as roots
                 from app.message m join app.enrollment e using (tenant_id, enrollment_id) where m.message_id = %(m)s""",
            m=message,
        )


def own(event: DeliveryEvent, message: int) -> DeliveryEvent:
    return DeliveryEvent(
        f"{message}:{event.dedupe_key}", event.kind, event.occurred_at, event.bounce, f"id{message}", event.away_until
    )


@pytest.fixture(scope="module")
def bench(outreach_admin_url: str, outreach_database: DatabaseUrls) -> Iterator[Bench]:
    world = build_world(outreach_admin_url, kind="ses")
    app, ingest = (connect(outreach_database[role], pool_size=2) for role in (Role.APP, Role.INGEST))
    yield Bench(world, PostgresEventInbox(ingest, app))
    dispose(app, ingest)
    world.admin.close()


def dispose(*engines: Engine) -> None:
    for engine in engines:
        engine.dispose()


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[DeliveryEvent], list[list[DeliveryEvent]]]:
    """Some events, and the same ones shuffled, repeated and cut into batches."""
    # A refusal of an attempt and evidence that it was taken contradict each other; everything else may come together.
    kinds = draw(
        st.lists(st.sampled_from([kind for kind in EventKind if kind is not EventKind.REFUSED]), min_size=1, max_size=6)
    )
    events = [_event(draw, kind, number) for number, kind in enumerate(kinds)]
    stream = draw(st.permutations(events + draw(st.lists(st.sampled_from(events), max_size=4))))
    cuts = sorted(draw(st.sets(st.integers(1, len(stream)), max_size=4)) | {0, len(stream)})
    return events, [list(stream[start:end]) for start, end in pairwise(cuts)]


def _event(draw: st.DrawFn, kind: EventKind, number: int) -> DeliveryEvent:
    at = NOON + timedelta(minutes=draw(st.integers(0, 300)))
    bounce = draw(st.sampled_from(BOUNCES)) if kind is EventKind.BOUNCED else None
    away = (
        draw(st.sampled_from([None, date(2026, 11, 30), date(2026, 12, 24)]))
        if kind is EventKind.OUT_OF_OFFICE
        else None
    )
    return DeliveryEvent(f"{number}", kind, at, bounce, None, away)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(histories())
def test_any_order_and_repetition_of_events_gives_the_same_rows(
    bench: Bench, history: tuple[list[DeliveryEvent], list[list[DeliveryEvent]]]
) -> None:
    in_order, shuffled = history

    assert bench.end_of(shuffled) == bench.end_of([[event] for event in in_order])

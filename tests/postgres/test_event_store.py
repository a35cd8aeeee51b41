"""What comes back about messages, on real PostgreSQL: each event once, in any order, tied to the attempt its tag names."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from uuid import uuid4

import pytest
from small_world import NOON, SmallWorld, build_world
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.bootstrap import DatabaseUrls, Role
from outreach_pipelines.adapters.postgres.event_store import PostgresEventInbox, PostgresEventStore
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.tenant_session import connect, tenant_session
from outreach_pipelines.application.ingest_events import FeedItem, InboxRow
from outreach_pipelines.application.ports import Begun
from outreach_pipelines.application.record_events import AppliedEvent, RecordedEvents, WaitingEvent, record_events
from outreach_pipelines.domain.delivery_event import BounceFacts, DeliveryEvent, EventKind
from outreach_pipelines.domain.inbound.verdict import BlockCause, BounceClass, HardCause, SoftCause
from outreach_pipelines.domain.letter import ClaimToken, Letter
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.message_tag import MessageTag, WireTag
from outreach_pipelines.domain.send_answer import Accepted, Refused, judge_refusal

HARD = BounceFacts(BounceClass.HARD, HardCause.UNKNOWN_USER, "5.1.1", "550 5.1.1 user unknown", "rule")
BLOCK = BounceFacts(BounceClass.BLOCK, BlockCause.IP_REPUTATION, "5.7.1", "550 5.7.1 S3140", "rule")
SOFT = BounceFacts(BounceClass.SOFT, SoftCause.NETWORK, "4.4.1", "421 4.4.1 no route", "rule")


@pytest.fixture(scope="module")
def engine(outreach_database: DatabaseUrls) -> Iterator[Engine]:
    engine = connect(outreach_database[Role.APP])
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def inbox(outreach_database: DatabaseUrls, engine: Engine) -> Iterator[PostgresEventInbox]:
    ingest = connect(outreach_database[Role.INGEST], pool_size=2)
    yield PostgresEventInbox(ingest, engine)
    ingest.dispose()


@pytest.fixture
def world(outreach_admin_url: str, outreach_database: DatabaseUrls) -> Iterator[SmallWorld]:
    world = build_world(outreach_admin_url, kind="ses")
    yield world
    world.admin.close()


@pytest.fixture
def messages(engine: Engine) -> PostgresMessageStore:
    return PostgresMessageStore(engine)


def claimed(messages: PostgresMessageStore, world: SmallWorld) -> Letter:
    (letter,) = messages.claim(world.tenant, hour=NOON, token=ClaimToken(uuid4()), most=10, ahead_seconds=0)
    return letter


def begun(messages: PostgresMessageStore, world: SmallWorld, *, subject: str = "Hello Ada") -> Letter:
    """A message of its own whose intent is committed."""
    letter = claimed(messages, world)
    tag = WireTag(f"tag{letter.claim.message_id}x{letter.claim.attempt}")
    outcome = messages.begin(letter.claim, hour=NOON, epoch=messages.epoch(), tag=tag, subject=subject)
    assert isinstance(outcome, Begun), outcome
    return letter


def sent(messages: PostgresMessageStore, world: SmallWorld, *, next_day: date | None = date(2026, 11, 23)) -> Letter:
    letter = begun(messages, world)
    taken = Accepted("ses-1", f"<{letter.claim.message_id}@email.amazonses.com>")
    messages.record_accepted(letter.claim, taken, subject="Hello Ada", next_due_day=next_day)
    return letter


def item(
    kind: EventKind, bounce: BounceFacts | None = None, *, key: str = "", at: datetime = NOON, away: date | None = None
) -> FeedItem:
    event = DeliveryEvent(key or f"{kind}:{uuid4()}", kind, at, bounce, "ses-1", away)
    return FeedItem("receipt", "ses", "{}", event, None)


def about(letter: Letter, *, attempt: int | None = None) -> MessageTag:
    claim = letter.claim
    return MessageTag(claim.tenant, claim.plan_day, claim.message_id, attempt or claim.attempt)


def apply(inbox: PostgresEventInbox, letter: Letter, *items: FeedItem, attempt: int | None = None) -> RecordedEvents:
    inbox.add([InboxRow(each, about(letter, attempt=attempt)) for each in items])
    return record_events(PostgresEventStore(inbox.app), tenant=letter.claim.tenant)


def row(world: SmallWorld, letter: Letter) -> dict[str, object]:
    return world.state(letter.claim.message_id)


def enrollment(world: SmallWorld, letter: Letter) -> dict[str, object]:
    return world.one("select * from app.enrollment where enrollment_id = %(e)s", e=letter.enrollment_id)


def suppressions(world: SmallWorld) -> list[object]:
    found = world.sql("select kind from app.suppression where tenant_id = %(t)s and lifted_at is null", t=world.tenant)
    return [each["kind"] for each in found]


def test_an_event_applied_twice_counts_once(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1)
    letter = sent(messages, world)
    delivered = item(EventKind.DELIVERED, key="same")

    first, second = apply(inbox, letter, delivered), apply(inbox, letter, delivered, delivered)

    assert (first.applied, first.repeated) == ({"delivered": 1}, 0)
    assert (second.applied, second.repeated) == ({}, 2)
    assert row(world, letter)["outcome"] == "delivered"
    assert world.sql("select * from app.event_inbox where tenant_id = %(t)s", t=world.tenant) == []


def test_two_appliers_at_once_apply_every_event_once(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1)
    letter = sent(messages, world)
    inbox.add([InboxRow(item(EventKind.OPENED, key=f"open {number % 40}"), about(letter)) for number in range(80)])
    store = PostgresEventStore(inbox.app)

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: record_events(store, tenant=world.tenant, most=5), range(4)))

    assert sum(each.applied["opened"] for each in done) == 40
    assert sum(each.repeated for each in done) == 40


def test_a_message_in_doubt_is_accepted_by_its_send_event_and_its_sequence_goes_on(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1)
    letter = begun(messages, world, subject="Hello Ada")
    messages.record_doubt(letter.claim, "timeout")

    apply(inbox, letter, item(EventKind.SENT))

    message = row(world, letter)
    assert (message["state"], message["accepted_at"], message["provider_message_id"]) == ("accepted", NOON, "ses-1")
    root = world.one(
        "select step, wire_message_id, subject from app.thread_root where enrollment_id = %(e)s", e=letter.enrollment_id
    )
    assert root == {"step": 1, "wire_message_id": "<ses-1@email.amazonses.com>", "subject": "Hello Ada"}
    after = enrollment(world, letter)
    # Three business days after Wednesday the 18th.
    assert (after["step"], after["state"], after["due_day"]) == (2, "active", date(2026, 11, 23))


def test_evidence_that_does_not_know_the_wire_name_leaves_the_thread_to_the_send_event(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1)
    letter = begun(messages, world)
    nameless = DeliveryEvent("auto", EventKind.AUTO_REPLIED, NOON)
    apply(inbox, letter, FeedItem("r", "imap", "", nameless, None))
    roots = "select wire_message_id from app.thread_root where enrollment_id = %(e)s"
    before = world.sql(roots, e=letter.enrollment_id)

    apply(inbox, letter, item(EventKind.SENT))

    assert before == []
    assert world.one(roots, e=letter.enrollment_id) == {"wire_message_id": "<ses-1@email.amazonses.com>"}


def test_the_answer_of_a_call_that_evidence_overtook_changes_nothing(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1)
    letter = begun(messages, world)
    apply(inbox, letter, item(EventKind.SENT), item(EventKind.BOUNCED, SOFT))
    before = enrollment(world, letter)

    found = messages.record_accepted(
        letter.claim, Accepted("ses-1", "<ses-1@email.amazonses.com>"), subject="Hello", next_due_day=NOON.date()
    )

    assert found == "known"
    assert enrollment(world, letter) == before


def test_a_message_taken_twice_after_a_wrong_release_is_counted(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    message = world.message(1)
    first = begun(messages, world)
    messages.record_doubt(first.claim, "timeout")
    world.sql("update app.message set state = 'planned', released_on_absence = 1 where message_id = %(m)s", m=message)
    world.sql("update app.send_attempt set outcome = 'absent' where message_id = %(m)s", m=message)
    world.sql("update app.mailbox set next_at = default where tenant_id = %(t)s", t=world.tenant)
    second = sent(messages, world)

    apply(inbox, first, item(EventKind.SENT), attempt=1)

    outcomes = world.sql(
        "select attempt, outcome from app.send_attempt where message_id = %(m)s order by attempt", m=message
    )
    assert second.claim.attempt == 2
    assert [each["outcome"] for each in outcomes] == ["accepted_twice", "accepted"]
    assert row(world, first)["state"] == "accepted"


def test_a_lost_reply_of_an_attempt_overtaken_by_evidence_of_an_earlier_one_is_settled_as_doubt(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    message = world.message(1)
    first = begun(messages, world)
    messages.record_doubt(first.claim, "timeout")
    world.sql("update app.message set state = 'planned' where message_id = %(m)s", m=message)
    world.sql("update app.send_attempt set outcome = 'absent' where message_id = %(m)s", m=message)
    world.sql("update app.mailbox set next_at = default where tenant_id = %(t)s", t=world.tenant)
    second = begun(messages, world)
    apply(inbox, first, item(EventKind.SENT), attempt=1)

    messages.record_doubt(second.claim, "timeout")

    outcomes = world.sql("select outcome from app.send_attempt where message_id = %(m)s order by attempt", m=message)
    assert [each["outcome"] for each in outcomes] == ["accepted", "in_doubt"]
    assert row(world, first)["state"] == "accepted"


def test_a_complaint_suppresses_and_stops_the_sequence(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1)
    letter = sent(messages, world)

    done = apply(inbox, letter, item(EventKind.COMPLAINED))

    assert done.suppressed == 1
    assert suppressions(world) == ["complaint"]
    assert enrollment(world, letter)["state"] == "complained"
    assert row(world, letter)["complained_at"] == NOON


def test_a_complaint_stops_a_message_of_the_same_person_that_is_claimed_already(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1)
    letter = sent(messages, world)
    follow_up = world.message(2)
    world.sql(
        "update app.message f set recipient_hmac = m.recipient_hmac from app.message m where f.message_id = %(f)s and m.message_id = %(m)s",
        f=follow_up, m=letter.claim.message_id,
    )  # fmt: skip
    later = claimed(messages, world)

    apply(inbox, letter, item(EventKind.COMPLAINED))
    messages.begin(later.claim, hour=NOON, epoch=messages.epoch(), tag=WireTag("later"))

    assert (world.state(follow_up)["state"], world.state(follow_up)["reason"]) == ("suppressed", "complaint")


def test_a_hard_bounce_suppresses_and_a_block_for_reputation_does_not(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1, mailbox=world.mailboxes[0])
    hard = sent(messages, world)
    world.message(2, mailbox=world.mailboxes[1])
    blocked = sent(messages, world)

    apply(inbox, blocked, item(EventKind.BOUNCED, BLOCK))
    after_block = suppressions(world)
    apply(inbox, hard, item(EventKind.BOUNCED, HARD))

    assert (after_block, suppressions(world)) == ([], ["hard_bounce"])
    assert (row(world, hard)["outcome"], row(world, blocked)["outcome"]) == ("hard_bounced", "blocked")
    assert (enrollment(world, hard)["state"], enrollment(world, blocked)["state"]) == ("bounced", "active")


def test_a_soft_bounce_delays_the_next_step_and_never_hastens_it(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1, mailbox=world.mailboxes[0])
    soon = sent(messages, world, next_day=date(2026, 11, 19))
    world.message(2, mailbox=world.mailboxes[1])
    far = sent(messages, world, next_day=date(2026, 12, 15))

    apply(inbox, soon, item(EventKind.BOUNCED, SOFT))
    apply(inbox, far, item(EventKind.BOUNCED, SOFT))

    # Two business days after Wednesday.
    assert enrollment(world, soon)["due_day"] == date(2026, 11, 20)
    assert enrollment(world, far)["due_day"] == date(2026, 12, 15)


def test_an_absence_is_waited_for(inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld) -> None:
    world.message(1)
    letter = sent(messages, world)

    apply(inbox, letter, item(EventKind.OUT_OF_OFFICE, away=date(2026, 12, 4)))

    after = enrollment(world, letter)
    # One business day after the last day of absence, a Friday.
    assert (after["out_of_office_until"], after["due_day"], after["soft_bounces"]) == (
        date(2026, 12, 4),
        date(2026, 12, 7),
        0,
    )


def test_a_reply_stops_the_sequence_and_marks_the_person_as_engaged(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1)
    letter = sent(messages, world)

    apply(inbox, letter, item(EventKind.REPLIED))

    assert enrollment(world, letter)["state"] == "replied"
    assert world.one("select engaged from app.lead where tenant_id = %(t)s", t=world.tenant) == {"engaged": True}


def test_a_message_rejected_after_acceptance_fails_and_a_late_send_event_does_not_revive_it(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1)
    letter = begun(messages, world)

    apply(inbox, letter, item(EventKind.REJECTED))
    apply(inbox, letter, item(EventKind.SENT))

    assert (row(world, letter)["state"], row(world, letter)["outcome"]) == ("failed", "rejected")
    assert enrollment(world, letter)["state"] == "finished"


def test_a_refusal_that_was_not_the_last_word_is_not_the_messages_fate(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1)
    letter = begun(messages, world)
    busy = Refused("421", "4.7.28", "Our system has detected an unusual rate of unsolicited mail")
    messages.record_refused(letter.claim, busy, judge_refusal("smtp", busy))

    done = record_events(PostgresEventStore(inbox.app), tenant=world.tenant)

    assert sum(done.applied.values()) == 1
    after = row(world, letter)
    assert (after["state"], after["outcome"], after["bounced_at"]) == ("retry_wait", None, None)
    assert (enrollment(world, letter)["due_day"], enrollment(world, letter)["soft_bounces"]) == (None, 0)


def test_a_refusal_for_good_of_an_unknown_user_suppresses(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1)
    letter = begun(messages, world)
    unknown = Refused("550", "5.1.1", "User unknown")
    messages.record_refused(letter.claim, unknown, judge_refusal("smtp", unknown))

    record_events(PostgresEventStore(inbox.app), tenant=world.tenant)

    assert (row(world, letter)["state"], row(world, letter)["outcome"]) == ("failed", "hard_bounced")
    assert suppressions(world) == ["hard_bounce"]
    assert enrollment(world, letter)["state"] == "bounced"


def test_refused_credentials_end_nobodys_sequence(messages: PostgresMessageStore, world: SmallWorld) -> None:
    world.message(1)
    letter = begun(messages, world)
    bad = Refused("535", "5.7.8", "Authentication credentials invalid")

    messages.record_refused(letter.claim, bad, judge_refusal("smtp", bad))

    assert row(world, letter)["state"] == "retry_wait"
    assert enrollment(world, letter)["state"] == "active"


def test_a_definite_refusal_gives_back_every_limit_of_the_day(
    messages: PostgresMessageStore, world: SmallWorld
) -> None:
    world.sql(
        "update app.sending_policy set daily_cap = 5, recipient_domain_daily_cap = 1 where tenant_id = %(t)s",
        t=world.tenant,
    )
    world.sql("update app.sending_domain set daily_cap = 5 where tenant_id = %(t)s", t=world.tenant)
    world.message(1)
    letter = begun(messages, world)
    buckets = "select bucket, taken from app.rate_bucket where tenant_id = %(t)s"
    taken = {str(each["bucket"]).partition(":")[0]: each["taken"] for each in world.sql(buckets, t=world.tenant)}

    grey = Refused("451", "4.7.1", "Greylisted, please try again later")
    messages.record_refused(letter.claim, grey, judge_refusal("smtp", grey))

    assert taken == {"domain": 1, "recipient": 1, "day": 1}
    assert {each["taken"] for each in world.sql(buckets, t=world.tenant)} == {0}


def test_an_event_without_an_owner_is_parked_and_suppresses_nobody(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1)
    letter = sent(messages, world)
    complained = item(EventKind.COMPLAINED, key=f"forged {world.tenant}")
    inbox.add([InboxRow(complained, None)])

    record_events(PostgresEventStore(inbox.app), tenant=letter.claim.tenant)

    assert suppressions(world) == []
    parked = world.one(
        "select tenant_id, kind from app.event_inbox where dedupe_key = %(k)s", k=f"forged {world.tenant}"
    )
    assert parked == {"tenant_id": 0, "kind": "complained"}


def test_the_tag_of_another_tenants_message_moves_nothing_here(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld, outreach_admin_url: str
) -> None:
    world.message(1)
    letter = sent(messages, world)
    stranger = build_world(outreach_admin_url)
    foreign = MessageTag(stranger.tenant, letter.claim.plan_day, letter.claim.message_id, 1)
    inbox.add([InboxRow(item(EventKind.COMPLAINED), foreign)])

    done = record_events(PostgresEventStore(inbox.app), tenant=stranger.tenant)

    stranger.admin.close()
    assert done.unmatched == 1
    assert suppressions(world) == []


def test_garbage_is_parked_as_it_came_as_far_as_a_database_keeps_it(
    inbox: PostgresEventInbox, world: SmallWorld
) -> None:
    raw = "\0 garbage \ud800 " + "x" * 200_000
    inbox.add([InboxRow(FeedItem(f"receipt {world.tenant}", "ses", raw, None, None, "not JSON"), None)])

    kept = world.one(
        "select tenant_id, kind, body from app.event_inbox where dedupe_key = %(k)s", k=f"receipt {world.tenant}"
    )

    assert (kept["tenant_id"], kept["kind"]) == (0, "unreadable")
    assert isinstance(kept["body"], dict)
    assert kept["body"]["fault"] == "not JSON"
    assert kept["body"]["raw"].startswith(" garbage ? xxx")


def test_words_of_a_server_that_no_database_keeps_do_not_stop_the_feed(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1)
    letter = sent(messages, world)
    odd = BounceFacts(BounceClass.SOFT, SoftCause.NETWORK, "4.4.1", "no \0 route \udfff", "rule")

    done = apply(inbox, letter, item(EventKind.BOUNCED, odd))

    assert done.applied == {"bounced:soft": 1}


def test_an_event_about_a_message_that_is_not_there_waits_and_holds_no_other_up(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1)
    letter = sent(messages, world)
    nowhere = MessageTag(world.tenant, NOON.date(), MessageId(10**12), 1)
    inbox.add([InboxRow(item(EventKind.DELIVERED), nowhere)])

    first = apply(inbox, letter, item(EventKind.DELIVERED))
    again = apply(inbox, letter, item(EventKind.OPENED))

    assert (first.unmatched, first.applied) == (1, {"delivered": 1})
    assert (again.unmatched, again.applied) == (0, {"opened": 1})


def test_what_finds_no_message_for_years_is_tried_ever_more_rarely_and_never_overflows(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    nowhere = MessageTag(world.tenant, NOON.date(), MessageId(10**12), 1)
    inbox.add([InboxRow(item(EventKind.DELIVERED), nowhere)])
    world.sql(
        "update app.event_inbox set received_at = received_at - interval '3 years' where tenant_id = %(t)s",
        t=world.tenant,
    )

    done = record_events(PostgresEventStore(inbox.app), tenant=world.tenant, batches=100)

    # 2 ** 21 minutes are four years.
    assert done.unmatched == 21


def test_the_tag_of_an_attempt_that_never_began_accepts_nothing(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1)
    letter = claimed(messages, world)

    apply(inbox, letter, item(EventKind.SENT), item(EventKind.REJECTED))

    assert (row(world, letter)["state"], row(world, letter)["reason"]) == ("claimed", None)


@pytest.mark.parametrize(
    ("before", "then", "kind"),
    [
        ("hard_bounce", "complaint", "complaint"),
        ("complaint", "hard_bounce", "complaint"),
        ("imported", "unsubscribe", "unsubscribe"),
    ],
)
def test_the_stronger_reason_for_silence_is_the_one_that_must_be_lifted(
    engine: Engine, world: SmallWorld, before: str, then: str, kind: str
) -> None:
    world.message(1)

    new = [suppress(engine, world, before), suppress(engine, world, then)]

    assert new == [True, False]
    assert suppressions(world) == [kind]


def test_a_suppression_that_has_run_out_does_not_swallow_an_unsubscribe(engine: Engine, world: SmallWorld) -> None:
    world.message(1)
    suppress(engine, world, "unsubscribe")
    world.sql(
        "update app.suppression set expires_at = %(at)s where tenant_id = %(t)s",
        at=NOON - timedelta(days=1),
        t=world.tenant,
    )

    suppress(engine, world, "unsubscribe")

    assert world.one("select expires_at from app.suppression where tenant_id = %(t)s", t=world.tenant) == {
        "expires_at": None
    }


def suppress(engine: Engine, world: SmallWorld, kind: str) -> object:
    hmac = world.one("select address_hmac from app.lead where tenant_id = %(t)s", t=world.tenant)["address_hmac"]
    with tenant_session(engine, world.tenant) as connection:
        statement = "select app.suppress(%s, 'address', %s, 'tenant', 0, %s, 'test')"
        return connection.exec_driver_sql(statement, (world.tenant, hmac, kind)).scalar_one()


def test_a_crash_while_applying_leaves_the_event_to_the_next_run(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1)
    letter = sent(messages, world)
    inbox.add([InboxRow(item(EventKind.DELIVERED), about(letter))])
    store = PostgresEventStore(inbox.app)

    def fails(_: Sequence[WaitingEvent]) -> Sequence[AppliedEvent]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.apply_next(world.tenant, fails, most=10)
    done = record_events(store, tenant=world.tenant)

    assert done.applied == {"delivered": 1}


def test_a_probe_that_came_back_proves_its_account(inbox: PostgresEventInbox, world: SmallWorld) -> None:
    world.sql("update app.provider_account set proven_at = null where account_id = %(a)s", a=world.account)

    inbox.prove(MessageTag(world.tenant, date(1970, 1, 1), MessageId(world.account), 0))

    proven = world.one(
        "select proven_at is not null as proven from app.provider_account where account_id = %(a)s", a=world.account
    )
    assert proven == {"proven": True}

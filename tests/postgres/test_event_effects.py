"""What an event does to person, sequence and limits, on real PostgreSQL."""

from datetime import date, timedelta

import pytest
from news_of_sends import SOFT, apply, begun, claimed, enrollment, item, row, sent, suppressions
from small_world import NOON, SmallWorld
from sqlalchemy import Engine
from world_fixtures import NewWorld

from outreach_pipelines.adapters.postgres.event_store import PostgresEventInbox, PostgresEventStore
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.record_events import record_events
from outreach_pipelines.domain.delivery_event import BounceFacts, EventKind
from outreach_pipelines.domain.free_mail import free_mail_domains
from outreach_pipelines.domain.inbound.verdict import BlockCause, BounceClass, HardCause, Stage
from outreach_pipelines.domain.message_tag import WireTag
from outreach_pipelines.domain.send_answer import Refused, judge_refusal

HARD = BounceFacts(BounceClass.HARD, HardCause.UNKNOWN_USER, "5.1.1", "550 5.1.1 user unknown", "rule")
BLOCK = BounceFacts(BounceClass.BLOCK, BlockCause.IP_REPUTATION, "5.7.1", "550 5.7.1 S3140", "rule")


@pytest.fixture
def world(new_world: NewWorld) -> SmallWorld:
    return new_world(kind="ses")


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
    # The last day of absence is a Friday: back on Monday, written to on Tuesday.
    assert (after["out_of_office_until"], after["due_day"], after["soft_bounces"]) == (
        date(2026, 12, 4),
        date(2026, 12, 8),
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


@pytest.mark.parametrize(("domain", "colleague"), [("works.example", "finished"), (min(free_mail_domains()), "active")])
def test_a_reply_ends_the_sequences_to_the_company_and_not_to_everybody_of_a_free_mail_domain(
    inbox: PostgresEventInbox, messages: PostgresMessageStore, world: SmallWorld, domain: str, colleague: str
) -> None:
    world.message(1)
    letter = sent(messages, world)
    other = world.enroll(2)
    world.sql("update app.sending_policy set stop_whole_company = true where tenant_id = %(t)s", t=world.tenant)
    world.sql(
        """update app.lead set address = split_part(address, '@', 1) || '@' || %(d)s, domain_hmac = sha256(convert_to(%(d)s, 'UTF8'))
            where tenant_id = %(t)s""",
        d=domain,
        t=world.tenant,
    )

    apply(inbox, letter, item(EventKind.REPLIED))

    state = world.one("select state from app.enrollment where enrollment_id = %(e)s", e=other)["state"]
    assert (enrollment(world, letter)["state"], state) == ("replied", colleague)


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
    busy = Refused("421", "4.7.28", "Our system has detected an unusual rate of unsolicited mail", Stage.DATA)
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
    unknown = Refused("550", "5.1.1", "User unknown", Stage.RCPT_TO)
    messages.record_refused(letter.claim, unknown, judge_refusal("smtp", unknown))

    record_events(PostgresEventStore(inbox.app), tenant=world.tenant)

    assert (row(world, letter)["state"], row(world, letter)["outcome"]) == ("failed", "hard_bounced")
    assert suppressions(world) == ["hard_bounce"]
    assert enrollment(world, letter)["state"] == "bounced"


@pytest.mark.parametrize(
    ("stage", "suppressed"), [(Stage.RCPT_TO, ["hard_bounce"]), (Stage.DATA, []), (Stage.UNKNOWN, []), (None, [])]
)
def test_words_without_a_code_condemn_only_as_the_answer_to_a_recipient(
    inbox: PostgresEventInbox,
    messages: PostgresMessageStore,
    world: SmallWorld,
    stage: Stage | None,
    suppressed: list[str],
) -> None:
    world.message(1)
    letter = begun(messages, world)
    refused = Refused("550", "", "No such user here", stage)
    messages.record_refused(letter.claim, refused, judge_refusal("smtp", refused))

    record_events(PostgresEventStore(inbox.app), tenant=world.tenant)

    assert suppressions(world) == suppressed


def test_refused_credentials_end_nobodys_sequence(messages: PostgresMessageStore, world: SmallWorld) -> None:
    world.message(1)
    letter = begun(messages, world)
    bad = Refused("535", "5.7.8", "Authentication credentials invalid", Stage.UNKNOWN)

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

    grey = Refused("451", "4.7.1", "Greylisted, please try again later", Stage.RCPT_TO)
    messages.record_refused(letter.claim, grey, judge_refusal("smtp", grey))

    assert taken == {"domain": 1, "recipient": 1, "day": 1}
    assert {each["taken"] for each in world.sql(buckets, t=world.tenant)} == {0}


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

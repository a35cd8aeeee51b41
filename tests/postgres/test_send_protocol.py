"""The send protocol's transactions in a row, and what stops a message between its claim and its intent."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from send_steps import begin, claim
from small_world import HOUR, NOON, SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.bootstrap import DatabaseUrls, Role
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.tenant_session import connect, tenant_session
from outreach_pipelines.application.ports import Begun, NotBegun
from outreach_pipelines.domain.send_answer import Accepted

TAKEN = Accepted("queue-1", "<first@box.example>")


@pytest.fixture
def store(engine: Engine) -> PostgresMessageStore:
    return PostgresMessageStore(engine)


def test_a_message_goes_from_planned_over_intent_to_accepted(store: PostgresMessageStore, world: SmallWorld) -> None:
    message = world.message(1)

    (letter,) = claim(store, world)
    begun = begin(store, letter)
    state_at_call = world.state(message)["state"]
    found = store.record_accepted(letter.claim, TAKEN, subject="Hello", next_due_day=NOON.date() + timedelta(days=5))

    assert begun == Begun(world.account)
    assert (state_at_call, found) == ("sending", "accepted")
    row = world.state(message)
    assert (row["state"], row["wire_message_id"], row["token"]) == ("accepted", "<first@box.example>", None)
    enrollment = world.one(
        "select step, mailbox_id, due_day from app.enrollment where enrollment_id = %(e)s", e=row["enrollment_id"]
    )
    assert enrollment == {"step": 2, "mailbox_id": world.mailboxes[0], "due_day": NOON.date() + timedelta(days=5)}


def test_an_intent_outside_its_runs_hour_is_handed_back(store: PostgresMessageStore, world: SmallWorld) -> None:
    message = world.message(1)
    (letter,) = claim(store, world)
    world.at(NOON + HOUR)

    outcome = begin(store, letter)

    assert isinstance(outcome, NotBegun)
    assert (outcome.verdict, outcome.reason) == ("released", "outside_run_hour")
    assert world.state(message)["state"] == "planned"


def test_a_plan_revoked_after_the_claim_stops_the_message(store: PostgresMessageStore, world: SmallWorld) -> None:
    message = world.message(1)
    (letter,) = claim(store, world)
    world.sql("update app.plan set status = 'revoked' where plan_id = %(p)s", p=world.plan)

    outcome = begin(store, letter)

    assert isinstance(outcome, NotBegun)
    assert (world.state(message)["state"], world.state(message)["reason"]) == ("cancelled", "plan_revoked")


def test_a_suppression_committed_after_the_claim_stops_the_message(
    store: PostgresMessageStore, world: SmallWorld, engine: Engine
) -> None:
    message = world.message(1)
    (letter,) = claim(store, world)
    with tenant_session(engine, world.tenant) as connection:
        connection.exec_driver_sql(
            "select app.suppress(%s, 'address', %s, 'tenant', 0, 'unsubscribe', 'test')",
            (world.tenant, letter.recipient.hmac),
        )

    begin(store, letter)

    assert (world.state(message)["state"], world.state(message)["reason"]) == ("suppressed", "unsubscribe")
    assert world.one("select count(*) as n from app.send_attempt where message_id = %(m)s", m=message)["n"] == 0


def test_the_unsubscribe_role_stops_a_claimed_message_and_sees_no_table(
    store: PostgresMessageStore, world: SmallWorld, outreach_database: DatabaseUrls
) -> None:
    message = world.message(1)
    (letter,) = claim(store, world)
    web = connect(outreach_database[Role.WEB])
    with web.begin() as connection:
        connection.exec_driver_sql(
            "select app.unsubscribe(%s, %s, 'tenant', 0, 'test')", (world.tenant, letter.recipient.hmac)
        )
    web.dispose()

    begin(store, letter)

    assert world.state(message)["state"] == "suppressed"


def test_the_pace_of_a_mailbox_is_kept_at_the_intent(store: PostgresMessageStore, world: SmallWorld) -> None:
    world.message(1)
    second = world.message(2)
    letters = claim(store, world)

    outcomes = [begin(store, letter) for letter in letters]

    assert outcomes[0] == Begun(world.account)
    assert outcomes[1] == NotBegun("released", "pace", NOON + timedelta(seconds=120))
    assert world.state(second)["not_before"] == NOON + timedelta(seconds=120)


def test_a_cap_lowered_during_the_day_acts_at_the_next_intent(store: PostgresMessageStore, world: SmallWorld) -> None:
    first, second = world.message(1), world.message(2, due_at=NOON + timedelta(minutes=10))
    (letter,) = claim(store, world)
    begin(store, letter)
    world.sql("update app.mailbox set daily_cap = 1 where mailbox_id = %(m)s", m=world.mailboxes[0])
    world.at(NOON + timedelta(minutes=10))

    (later,) = claim(store, world)
    outcome = begin(store, later)

    assert isinstance(outcome, NotBegun)
    assert outcome.reason == "mailbox_daily_cap"
    assert [world.state(each)["state"] for each in (first, second)] == ["sending", "planned"]


def test_a_cap_of_zero_lets_nothing_go(store: PostgresMessageStore, world: SmallWorld) -> None:
    world.message(1)
    world.sql("update app.mailbox set daily_cap = 0 where mailbox_id = %(m)s", m=world.mailboxes[0])
    (letter,) = claim(store, world)

    outcome = begin(store, letter)

    assert isinstance(outcome, NotBegun)
    assert outcome.reason == "mailbox_daily_cap"


def test_what_a_full_limit_had_taken_before_is_given_back(store: PostgresMessageStore, world: SmallWorld) -> None:
    world.message(1)
    world.sql("update app.sending_policy set minute_cap = 0 where tenant_id = %(t)s", t=world.tenant)
    (letter,) = claim(store, world)

    outcome = begin(store, letter)

    assert isinstance(outcome, NotBegun)
    assert outcome.reason == "tenant_minute_cap"
    assert world.sql("select * from app.mailbox_day where tenant_id = %(t)s", t=world.tenant) == []


def test_a_raised_epoch_stops_a_process_that_began_before_it(store: PostgresMessageStore, world: SmallWorld) -> None:
    world.message(1)
    (letter,) = claim(store, world)

    outcome = begin(store, letter, epoch=store.epoch() + 1)

    assert isinstance(outcome, NotBegun)
    assert outcome.reason == "epoch_raised"


def test_a_jump_of_the_machines_clock_stops_sending(store: PostgresMessageStore, world: SmallWorld) -> None:
    world.message(1)
    (letter,) = claim(store, world)
    world.sql("update app.environment set heartbeat_at = clock_timestamp() - interval '80 hours'")

    outcome = begin(store, letter)

    world.sql("update app.environment set heartbeat_at = clock_timestamp()")
    assert isinstance(outcome, NotBegun)
    assert outcome.reason == "clock_guard"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            "update app.domain_account set state = 'not_ready', definite_state = 'not_ready' where tenant_id = %(t)s",
            "no_usable_account: account {a}: not ready",
        ),
        (
            "update app.provider_account set allowed_basis = '{contract}' where account_id = %(a)s",
            "no_usable_account: account {a}: basis not allowed",
        ),
        (
            "update app.provider_account set proven_at = clock_timestamp() - interval '2 hours' where account_id = %(a)s",
            "no_usable_account: account {a}: not proven",
        ),
        (
            "update app.provider_account set breaker = 'open', breaker_until = clock_timestamp() + interval '1 minute' where account_id = %(a)s",
            "no_usable_account: account {a}: breaker open",
        ),
        ("update app.tenant set state = 'paused', pause_reason = 'test' where tenant_id = %(t)s", "tenant_paused"),
        ("update app.campaign set state = 'paused' where tenant_id = %(t)s", "campaign_not_active"),
        (
            "insert into app.hold (tenant_id, scope_key, factor, level, reason, since) values (%(t)s, 'tenant', 0, 'stop', 'complaints', now())",
            "held: complaints",
        ),
        ("update app.enrollment set state = 'replied' where tenant_id = %(t)s", "enrollment_replied"),
        ("update app.mailbox set state = 'resting' where tenant_id = %(t)s", "mailbox_resting"),
    ],
)
def test_what_changes_after_the_claim_acts_at_the_intent(
    store: PostgresMessageStore, world: SmallWorld, change: str, reason: str
) -> None:
    world.message(1)
    (letter,) = claim(store, world)
    world.sql(change, t=world.tenant, a=world.account)

    outcome = begin(store, letter)

    assert isinstance(outcome, NotBegun)
    assert outcome.reason == reason.format(a=world.account)


def test_a_follow_up_needs_its_inbox_read_lately(store: PostgresMessageStore, world: SmallWorld) -> None:
    world.message(1, step=2)
    world.sql(
        "update app.inbox set last_complete_read = clock_timestamp() - interval '31 minutes' where tenant_id = %(t)s",
        t=world.tenant,
    )
    (letter,) = claim(store, world)

    outcome = begin(store, letter)

    assert isinstance(outcome, NotBegun)
    assert outcome.reason == "inbox_not_read"


def test_eight_intents_of_one_claim_at_once_begin_it_once(store: PostgresMessageStore, world: SmallWorld) -> None:
    message = world.message(1)
    # Else the pace would stop the seven others, whatever became of their claim.
    world.sql("update app.mailbox set min_gap_seconds = 0 where tenant_id = %(t)s", t=world.tenant)
    (letter,) = claim(store, world)

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda _: begin(store, letter), range(8)))

    assert outcomes.count(Begun(world.account)) == 1
    assert outcomes.count(NotBegun("lost", "claim_lost", None)) == 7
    assert world.state(message)["state"] == "sending"
    assert world.one("select count(*) as n from app.send_attempt where message_id = %(m)s", m=message)["n"] == 1


def test_the_ramp_of_the_last_score_is_enforced_at_the_intent(store: PostgresMessageStore, world: SmallWorld) -> None:
    world.message(1)
    world.sql(
        """insert into app.health_score (tenant_id, mailbox_id, day, version, total, parts, cap_today, ramp_stage)
           values (%(t)s, %(m)s, %(d)s, '1', 100, '{}', 0, 'ramping')""",
        t=world.tenant, m=world.mailboxes[0], d=NOON.date(),
    )  # fmt: skip
    (letter,) = claim(store, world)

    outcome = begin(store, letter)

    assert isinstance(outcome, NotBegun)
    assert outcome.reason == "mailbox_daily_cap"

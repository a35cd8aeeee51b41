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
from outreach_pipelines.domain.send_answer import Accepted, RefusalAction, RefusalVerdict, Refused

TAKEN = Accepted("queue-1", "<first@box.example>")
BUSY, RETRY_NOW = Refused("451", "4.3.0", "busy"), RefusalVerdict(RefusalAction.RETRY, 0, "smtp_for_now")


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


def test_a_second_claim_finds_nothing_to_claim(store: PostgresMessageStore, world: SmallWorld) -> None:
    world.message(1)
    claim(store, world)

    assert claim(store, world) == []


def test_eight_claimers_at_once_share_messages_without_overlap(store: PostgresMessageStore, world: SmallWorld) -> None:
    messages = {world.message(number) for number in range(40)}

    with ThreadPoolExecutor(8) as pool:
        claimed = [
            letter.claim.message_id
            for letters in pool.map(lambda _: claim(store, world, most=5), range(8))
            for letter in letters
        ]

    assert sorted(claimed) == sorted(messages)


def test_a_claim_takes_the_oldest_slots_first_and_no_more_than_asked_for(
    store: PostgresMessageStore, world: SmallWorld
) -> None:
    late, early, middle = (world.message(n, due_at=NOON - n * timedelta(minutes=1)) for n in (1, 3, 2))

    claimed = [letter.claim.message_id for letter in claim(store, world, most=2)]

    assert claimed == [early, middle]
    assert world.state(late)["state"] == "planned"


@pytest.mark.parametrize(
    "change",
    [
        "update app.message set not_before = %(soon)s where tenant_id = %(t)s",
        "update app.message set state = 'retry_wait', retry_at = clock_timestamp() + interval '1 minute' where tenant_id = %(t)s",
        "update app.message set window_end = %(now)s, due_at = %(before)s where tenant_id = %(t)s",
        "update app.message set due_at = %(soon)s where tenant_id = %(t)s",
    ],
)
def test_what_must_wait_or_has_missed_its_window_is_not_claimed(
    store: PostgresMessageStore, world: SmallWorld, change: str
) -> None:
    world.message(1)
    minute = timedelta(minutes=1)
    world.sql(change, t=world.tenant, soon=NOON + minute, now=NOON, before=NOON - minute)

    assert claim(store, world) == []


def test_a_slot_of_the_next_hour_is_not_claimed_ahead_by_this_hours_run(
    store: PostgresMessageStore, world: SmallWorld
) -> None:
    message = world.message(1, due_at=NOON + HOUR)
    world.sql("update app.message set not_before = %(n)s where message_id = %(m)s", n=NOON, m=message)
    world.at(NOON + HOUR - timedelta(seconds=10))

    assert claim(store, world, ahead_seconds=30) == []


def test_a_run_whose_hour_is_over_claims_nothing_of_what_it_has_left(
    store: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1, due_at=NOON - timedelta(minutes=30))

    assert claim(store, world, hour=-HOUR) == []


@pytest.mark.parametrize("hours", [-1, 1, 24])
def test_a_run_of_another_hour_claims_nothing(store: PostgresMessageStore, world: SmallWorld, hours: int) -> None:
    world.message(1)

    assert claim(store, world, hour=hours * HOUR) == []


def test_an_intent_outside_its_runs_hour_is_handed_back(store: PostgresMessageStore, world: SmallWorld) -> None:
    message = world.message(1)
    (letter,) = claim(store, world)
    world.at(NOON + HOUR)

    outcome = begin(store, letter)

    assert isinstance(outcome, NotBegun)
    assert (outcome.verdict, outcome.reason) == ("released", "outside_run_hour")
    assert world.state(message)["state"] == "planned"


def test_a_draft_plan_sends_nothing(store: PostgresMessageStore, world: SmallWorld) -> None:
    world.message(1)
    world.sql("update app.plan set status = 'draft', released_at = null where plan_id = %(p)s", p=world.plan)

    assert claim(store, world) == []


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


def test_a_definite_refusal_gives_the_cap_back_and_keeps_the_pace(
    store: PostgresMessageStore, world: SmallWorld
) -> None:
    message = world.message(1)
    (letter,) = claim(store, world)
    begin(store, letter)

    store.record_refused(
        letter.claim, Refused("451", "4.3.0", "busy"), RefusalVerdict(RefusalAction.RETRY, 60, "smtp_for_now")
    )

    assert world.state(message)["state"] == "retry_wait"
    assert world.one("select sent from app.mailbox_day where tenant_id = %(t)s", t=world.tenant)["sent"] == 0
    assert world.one("select next_at from app.mailbox where mailbox_id = %(m)s", m=world.mailboxes[0])[
        "next_at"
    ] == NOON + timedelta(seconds=120)


def test_a_lost_reply_is_doubt_that_no_run_claims_again(store: PostgresMessageStore, world: SmallWorld) -> None:
    message = world.message(1)
    (letter,) = claim(store, world)
    begin(store, letter)

    store.record_doubt(letter.claim, "timeout")

    assert world.state(message)["state"] == "in_doubt"
    assert claim(store, world) == []


def test_the_sweeper_plans_claims_again_and_never_a_sending_message(
    store: PostgresMessageStore, world: SmallWorld
) -> None:
    claimed, sending = world.message(1, mailbox=world.mailboxes[0]), world.message(2, mailbox=world.mailboxes[1])
    letters = claim(store, world)
    begin(store, letters[1])
    world.sql(
        "update app.message set lease_until = clock_timestamp() - interval '1 second' where tenant_id = %(t)s",
        t=world.tenant,
    )

    swept = store.sweep(world.tenant, horizon_seconds=3600)

    assert (swept.claims_released, swept.put_in_doubt) == (1, 1)
    assert [world.state(each)["state"] for each in (claimed, sending)] == ["planned", "in_doubt"]


def test_the_sweeper_leaves_those_alone_whose_lease_is_not_over(store: PostgresMessageStore, world: SmallWorld) -> None:
    claimed, sending = world.message(1, mailbox=world.mailboxes[0]), world.message(2, mailbox=world.mailboxes[1])
    letters = claim(store, world)
    begin(store, letters[1])

    swept = store.sweep(world.tenant, horizon_seconds=3600)

    assert (swept.claims_released, swept.put_in_doubt) == (0, 0)
    assert [world.state(each)["state"] for each in (claimed, sending)] == ["claimed", "sending"]


def test_an_answer_of_an_earlier_attempt_says_nothing_of_the_call_under_way(
    store: PostgresMessageStore, world: SmallWorld
) -> None:
    message = world.message(1)
    (first,) = claim(store, world)
    begin(store, first)
    store.record_refused(first.claim, BUSY, RETRY_NOW)
    world.at(NOON + timedelta(minutes=2))
    (second,) = claim(store, world)
    begin(store, second)

    settled = store.record_refused(first.claim, BUSY, RETRY_NOW)
    store.record_doubt(first.claim, "timeout")

    assert settled is False
    row = world.state(message)
    assert (row["state"], row["token"]) == ("sending", second.claim.token)
    attempts = world.sql("select outcome from app.send_attempt where message_id = %(m)s order by attempt", m=message)
    assert [each["outcome"] for each in attempts] == ["refused", "open"]


def test_a_refusal_or_a_lost_reply_after_evidence_of_acceptance_changes_nothing(
    store: PostgresMessageStore, world: SmallWorld
) -> None:
    message = world.message(1)
    (letter,) = claim(store, world)
    begin(store, letter)
    store.record_accepted(letter.claim, TAKEN, subject="Hello", next_due_day=None)

    settled = store.record_refused(letter.claim, BUSY, RETRY_NOW)
    store.record_doubt(letter.claim, "timeout")

    assert settled is False
    assert world.state(message)["state"] == "accepted"
    attempt = world.one("select outcome from app.send_attempt where message_id = %(m)s", m=message)
    assert attempt["outcome"] == "accepted"


def test_a_refused_second_attempt_does_not_undo_the_acceptance_of_the_first(
    store: PostgresMessageStore, world: SmallWorld
) -> None:
    message = world.message(1)
    (first,) = claim(store, world)
    begin(store, first)
    store.record_doubt(first.claim, "timeout")
    # Wrongly taken for absent.
    world.sql("update app.send_attempt set outcome = 'absent' where message_id = %(m)s", m=message)
    world.sql("update app.message set state = 'planned' where message_id = %(m)s", m=message)
    world.at(NOON + timedelta(minutes=2))
    (second,) = claim(store, world)
    begin(store, second)
    store.record_accepted(first.claim, TAKEN, subject="Hello", next_due_day=None)

    settled = store.record_refused(second.claim, BUSY, RETRY_NOW)

    assert settled is False
    assert world.state(message)["state"] == "accepted"


def test_a_run_that_stops_takes_back_no_call_under_way(store: PostgresMessageStore, world: SmallWorld) -> None:
    message = world.message(1)
    (letter,) = claim(store, world)
    begin(store, letter)

    released = store.release(world.tenant, letter.claim.token)

    assert released == 0
    assert world.state(message)["state"] == "sending"


def test_a_letter_that_cannot_be_written_is_told_under_its_own_claim_only(
    store: PostgresMessageStore, world: SmallWorld
) -> None:
    message = world.message(1)
    (letter,) = claim(store, world)
    store.release(world.tenant, letter.claim.token)
    claim(store, world)

    store.fail_claim(letter.claim, "template: field_missing")

    assert world.state(message)["state"] == "claimed"


def test_a_late_answer_settles_what_the_sweeper_had_put_in_doubt(
    store: PostgresMessageStore, world: SmallWorld
) -> None:
    message = world.message(1)
    (letter,) = claim(store, world)
    begin(store, letter)
    world.sql(
        "update app.message set lease_until = clock_timestamp() - interval '1 second' where tenant_id = %(t)s",
        t=world.tenant,
    )
    store.sweep(world.tenant, horizon_seconds=3600)

    found = store.record_accepted(letter.claim, TAKEN, subject="Hello", next_due_day=None)

    assert (found, world.state(message)["state"]) == ("accepted", "accepted")


def test_acceptance_is_recorded_once_however_often_it_is_seen(store: PostgresMessageStore, world: SmallWorld) -> None:
    world.message(1)
    (letter,) = claim(store, world)
    begin(store, letter)

    found = [store.record_accepted(letter.claim, TAKEN, subject="Hello", next_due_day=None) for _ in range(3)]

    assert found == ["accepted", "known", "known"]


def test_a_window_that_has_passed_expires_and_is_not_made_up_for(
    store: PostgresMessageStore, world: SmallWorld
) -> None:
    message = world.message(1)
    world.at(NOON + 4 * HOUR)

    claimed = claim(store, world, hour=4 * HOUR)
    store.sweep(world.tenant, horizon_seconds=3600)

    assert claimed == []
    assert (world.state(message)["state"], world.state(message)["reason"]) == ("expired", "window_passed")


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


def test_a_run_that_stops_hands_its_claims_back(store: PostgresMessageStore, world: SmallWorld) -> None:
    message = world.message(1)
    (letter,) = claim(store, world)

    released = store.release(world.tenant, letter.claim.token)

    assert released == 1
    assert (world.state(message)["state"], world.state(message)["attempt"]) == ("planned", 0)


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


@pytest.mark.parametrize(
    ("action", "scope"), [(RefusalAction.STOP_PATH, "path"), (RefusalAction.STOP_TENANT, "account")]
)
def test_a_provider_that_stops_us_is_obeyed_at_the_next_intent_and_never_gone_round(
    store: PostgresMessageStore, world: SmallWorld, action: RefusalAction, scope: str
) -> None:
    first, second = world.message(1), world.message(2, due_at=NOON + timedelta(minutes=10))
    (letter,) = claim(store, world)
    begin(store, letter)

    store.record_refused(
        letter.claim, Refused("SendingPausedException", "", "paused"), RefusalVerdict(action, 900, "rule")
    )

    world.at(NOON + timedelta(minutes=10))
    outcome = begin(store, claim(store, world)[-1])
    assert isinstance(outcome, NotBegun)
    assert outcome.reason == "path_held"
    holds = world.sql("select scope_key from app.hold where tenant_id = %(t)s", t=world.tenant)
    assert [str(hold["scope_key"]).partition(":")[0] for hold in holds] == [scope]
    assert [world.state(each)["state"] for each in (first, second)] == ["retry_wait", "planned"]


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

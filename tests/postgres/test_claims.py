"""T1 and its end: what a run claims, hands back, and what the sweeper frees."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from send_steps import begin, claim
from small_world import HOUR, NOON, SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore


@pytest.fixture
def store(engine: Engine) -> PostgresMessageStore:
    return PostgresMessageStore(engine)


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


def test_a_draft_plan_sends_nothing(store: PostgresMessageStore, world: SmallWorld) -> None:
    world.message(1)
    world.sql("update app.plan set status = 'draft', released_at = null where plan_id = %(p)s", p=world.plan)

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


def test_a_window_that_has_passed_expires_and_is_not_made_up_for(
    store: PostgresMessageStore, world: SmallWorld
) -> None:
    message = world.message(1)
    world.at(NOON + 4 * HOUR)

    claimed = claim(store, world, hour=4 * HOUR)
    store.sweep(world.tenant, horizon_seconds=3600)

    assert claimed == []
    assert (world.state(message)["state"], world.state(message)["reason"]) == ("expired", "window_passed")


def test_a_run_that_stops_hands_its_claims_back(store: PostgresMessageStore, world: SmallWorld) -> None:
    message = world.message(1)
    (letter,) = claim(store, world)

    released = store.release(world.tenant, letter.claim.token)

    assert released == 1
    assert (world.state(message)["state"], world.state(message)["attempt"]) == ("planned", 0)

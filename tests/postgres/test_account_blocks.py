"""An account's quota and rate, leased to workers in blocks: nothing beyond them is given, nothing unused is lost for long."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from account_world import share_account
from send_steps import begin, claim
from small_world import NOON, SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.account_blocks import BLOCK_SENDS, AccountBlocks
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.application.ports import Begun, NotBegun
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.letter import ClaimToken, Letter

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def store(engine: Engine) -> PostgresMessageStore:
    return PostgresMessageStore(engine)


@pytest.fixture
def blocks(engine: Engine) -> AccountBlocks:
    return AccountBlocks(engine)


def limit(world: SmallWorld, *, quota: int | None = None, rate: float | None = None) -> AccountId:
    world.sql(
        "update app.provider_account set daily_quota = %(q)s, rate_per_second = %(r)s where account_id = %(a)s",
        q=quota, r=rate, a=world.account,
    )  # fmt: skip
    return AccountId(world.account)


def given(world: SmallWorld) -> int:
    """What counts of the quota."""
    row = world.one(
        "select coalesce(sum(taken), 0) as taken from app.account_bucket where account_id = %(a)s", a=world.account
    )
    return int(str(row["taken"]))


def block(world: SmallWorld, worker: str) -> dict[str, object]:
    return world.one(
        "select granted, taken, refusal, expires_at - clock_timestamp() as left from app.account_block where account_id = %(a)s and worker = %(w)s",
        a=world.account, w=worker,
    )  # fmt: skip


def expire(world: SmallWorld) -> None:
    world.sql("update app.account_block set expires_at = clock_timestamp() where account_id = %(a)s", a=world.account)


def letters_of(store: PostgresMessageStore, world: SmallWorld, number: int) -> list[Letter]:
    """Claimed messages, of a mailbox each."""
    for each in range(number):
        world.message(each, mailbox=world.mailboxes[each])
    return claim(store, world)


def test_an_account_without_quota_and_rate_is_not_leased(store: PostgresMessageStore, world: SmallWorld) -> None:
    (letter,) = letters_of(store, world, 1)

    begin(store, letter)

    assert world.sql("select 1 from app.account_block where account_id = %(a)s", a=world.account) == []


def test_many_intents_of_a_worker_take_from_one_block(store: PostgresMessageStore, world: SmallWorld) -> None:
    limit(world, quota=10_000)

    for letter in letters_of(store, world, 3):
        begin(store, letter)

    lease = block(world, store.worker)
    assert (lease["granted"], lease["taken"]) == (BLOCK_SENDS, 3)
    assert given(world) == BLOCK_SENDS


def test_the_ends_of_two_runs_give_their_leases_back(
    store: PostgresMessageStore, world: SmallWorld, engine: Engine
) -> None:
    limit(world, quota=10_000)
    other = PostgresMessageStore(engine)
    first, second, _ = letters_of(store, world, 3)
    begin(store, first)
    begin(other, second)
    while_sending = given(world)

    for ended in (store, other):
        ended.release(world.tenant, ClaimToken(first.claim.token))

    assert while_sending == 2 * BLOCK_SENDS
    assert given(world) == 2


def test_a_lease_is_over_after_a_minute_and_goes_back_when_anyone_asks(
    blocks: AccountBlocks, world: SmallWorld, engine: Engine
) -> None:
    account = limit(world, quota=10_000)
    blocks.lease(account)
    lease = block(world, blocks.worker)
    expire(world)

    granted = AccountBlocks(engine).lease(account)

    assert timedelta(seconds=50) < lease["left"] <= MINUTE  # type: ignore[operator]  # an interval
    assert granted == BLOCK_SENDS
    assert given(world) == BLOCK_SENDS


def test_nothing_is_taken_from_a_lease_that_is_over(store: PostgresMessageStore, world: SmallWorld) -> None:
    limit(world, quota=1)
    first, second = letters_of(store, world, 2)
    AccountBlocks(store.engine, store.worker).lease(AccountId(world.account))
    expire(world)

    found = [begin(store, letter) for letter in (first, second)]

    assert found == [Begun(AccountId(world.account)), NotBegun("released", "account_quota", NOON + 15 * MINUTE)]
    assert given(world) == 1


def test_the_last_places_of_a_quota_are_given_one_by_one(blocks: AccountBlocks, world: SmallWorld) -> None:
    account = limit(world, quota=60)

    granted = []
    while (grant := blocks.lease(account)) and len(granted) < 100:
        granted.append(grant)
        world.sql("update app.account_block set taken = granted where account_id = %(a)s", a=account)

    assert granted[0] == 3
    assert granted[-19:] == [1] * 19
    assert sum(granted) == 60


def test_who_finds_the_quota_given_away_waits_a_minute_while_others_may_give_back(
    store: PostgresMessageStore, world: SmallWorld, engine: Engine
) -> None:
    account = limit(world, quota=1)
    (letter,) = letters_of(store, world, 1)
    AccountBlocks(engine).lease(account)

    assert begin(store, letter) == NotBegun("released", "account_quota", NOON + MINUTE)


def test_two_workers_that_race_for_the_last_place_get_one(
    store: PostgresMessageStore, world: SmallWorld, engine: Engine
) -> None:
    limit(world, quota=1)
    racers = [store, PostgresMessageStore(engine)]
    letters = letters_of(store, world, 2)

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(begin, racers, letters))

    assert [outcome for outcome in found if isinstance(outcome, Begun)] == [Begun(AccountId(world.account))]
    assert given(world) == 1


def test_tenants_that_share_an_account_share_its_quota(
    store: PostgresMessageStore, world: SmallWorld, new_world: Callable[[], SmallWorld]
) -> None:
    limit(world, quota=1)
    neighbour = new_world()
    share_account(neighbour, world.account)
    neighbour.sql(
        "update app.domain_account set account_id = %(a)s where tenant_id = %(t)s", a=world.account, t=neighbour.tenant
    )
    (own,) = letters_of(store, world, 1)
    neighbour.message(1)
    neighbour.sql(
        "update app.message set account_ids = array[%(a)s::int] where tenant_id = %(t)s",
        a=world.account,
        t=neighbour.tenant,
    )
    (theirs,) = claim(store, neighbour)

    found = [begin(store, own), begin(store, theirs)]

    assert found == [Begun(AccountId(world.account)), NotBegun("released", "account_quota", NOON + 15 * MINUTE)]


@pytest.mark.parametrize(("passed", "granted"), [(24 * HOUR + 4 * MINUTE, 0), (24 * HOUR + 5 * MINUTE, 1)])
def test_a_send_counts_until_every_one_of_its_five_minutes_is_a_day_old(
    blocks: AccountBlocks, world: SmallWorld, passed: timedelta, granted: int
) -> None:
    account = limit(world, quota=1)
    blocks.lease(account)
    world.sql("update app.account_block set taken = granted where account_id = %(a)s", a=account)

    world.at(NOON + passed)

    assert blocks.lease(account) == granted


def test_a_rate_is_given_a_second_at_a_time(blocks: AccountBlocks, world: SmallWorld, engine: Engine) -> None:
    account = limit(world, rate=14)

    granted = [blocks.lease(account), AccountBlocks(engine).lease(account)]

    row = world.one(
        "select paid_until - expires_at as ahead from app.account_pace join app.account_block using (account_id) where worker = %(w)s",
        w=blocks.worker,
    )
    assert granted == [14, 0]
    # What was granted is over when its second is.
    assert row["ahead"] == timedelta(0)


def test_idle_seconds_are_not_saved_up(blocks: AccountBlocks, world: SmallWorld) -> None:
    account = limit(world, rate=5)
    world.sql(
        "insert into app.account_pace values (%(a)s, clock_timestamp() - interval '1 hour')", a=account,
    )  # fmt: skip

    assert blocks.lease(account) == 5


def test_a_rate_below_one_a_second_gives_one_at_a_time(
    blocks: AccountBlocks, world: SmallWorld, engine: Engine
) -> None:
    account = limit(world, rate=0.2)

    granted = [blocks.lease(account), AccountBlocks(engine).lease(account)]

    assert granted == [1, 0]


def test_an_intent_that_a_limit_of_the_tenant_stops_takes_nothing_from_the_lease(
    store: PostgresMessageStore, world: SmallWorld
) -> None:
    limit(world, quota=10_000)
    world.sql("update app.sending_policy set daily_cap = 0 where tenant_id = %(t)s", t=world.tenant)
    (letter,) = letters_of(store, world, 1)

    begin(store, letter)

    assert block(world, store.worker)["taken"] == 0

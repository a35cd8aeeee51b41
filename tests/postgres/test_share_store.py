"""Unused shares of an account, given out between real tenants, and felt at their next intents."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from account_world import share_account
from send_steps import begin, claim
from small_world import NOON, SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.share_store import PostgresShareStore
from outreach_pipelines.application.give_out_shares import give_out_shares
from outreach_pipelines.application.ports import Begun, NotBegun
from outreach_pipelines.domain.ids import AccountId

DAY = timedelta(days=1)


@pytest.fixture
def shares(ops: Engine) -> PostgresShareStore:
    return PostgresShareStore(ops)


@pytest.fixture
def neighbour(world: SmallWorld, new_world: Callable[[], SmallWorld]) -> SmallWorld:
    """A tenant that shares the first one's account, three sends a day each, and plans nothing today."""
    other = new_world()
    share_account(other, world.account)
    world.sql("update app.provider_account_share set daily_share = 3 where account_id = %(a)s", a=world.account)
    return other


def limit_to(world: SmallWorld, share: int) -> None:
    world.sql(
        "update app.provider_account_share set daily_share = %(s)s where tenant_id = %(t)s and account_id = %(a)s",
        s=share, t=world.tenant, a=world.account,
    )  # fmt: skip


def grants(world: SmallWorld) -> dict[object, object]:
    rows = world.sql("select tenant_id, extra from app.share_grant where account_id = %(a)s", a=world.account)
    return {row["tenant_id"]: row["extra"] for row in rows}


def test_what_one_tenant_leaves_lets_the_others_next_intents_begin(
    shares: PostgresShareStore, engine: Engine, world: SmallWorld, neighbour: SmallWorld
) -> None:
    limit_to(world, 1)
    store = PostgresMessageStore(engine)
    for number in range(3):
        world.message(number, mailbox=world.mailboxes[number])
    first, second, third = claim(store, world)
    before = [begin(store, first), begin(store, second)]

    told = give_out_shares(shares)

    assert before == [
        Begun(AccountId(world.account)),
        NotBegun("released", "account_share", NOON.replace(hour=0) + DAY),
    ]
    assert grants(world) == {world.tenant: 2, neighbour.tenant: -2}
    assert begin(store, third) == Begun(AccountId(world.account))
    assert (
        f"account {world.account}, tenant {neighbour.tenant}: -2 today; 3 of 3 were not wanted today, and 2 went to others"
        in told
    )


def test_giving_out_twice_gives_once(shares: PostgresShareStore, world: SmallWorld, neighbour: SmallWorld) -> None:
    limit_to(world, 1)
    for number in range(3):
        world.message(number)
    give_out_shares(shares)
    once = grants(world)

    again = give_out_shares(shares)

    assert again == []
    assert grants(world) == once == {world.tenant: 2, neighbour.tenant: -2}


def test_a_grant_is_of_its_day(
    shares: PostgresShareStore, engine: Engine, world: SmallWorld, neighbour: SmallWorld
) -> None:
    limit_to(world, 0)
    world.message(1)
    give_out_shares(shares)
    tomorrow = NOON + DAY
    world.at(tomorrow)
    late = world.message(2, due_at=tomorrow)
    store = PostgresMessageStore(engine)

    letter = next(each for each in claim(store, world, hour=DAY) if each.claim.message_id == late)

    assert grants(world)[neighbour.tenant] == -1
    assert isinstance(begin(store, letter, hour=DAY), NotBegun)


def test_a_tenant_without_a_limit_neither_gives_nor_gets(
    shares: PostgresShareStore, world: SmallWorld, neighbour: SmallWorld
) -> None:
    world.sql("update app.provider_account_share set daily_share = null where tenant_id = %(t)s", t=neighbour.tenant)
    limit_to(world, 0)
    world.message(1)

    give_out_shares(shares)

    assert grants(world) == {}

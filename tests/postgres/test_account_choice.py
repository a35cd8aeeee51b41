"""By which account a message goes at its intent: order, what each one lacked, breakers and their one probe, stops that are not gone round."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from account_world import add_account, open_breaker
from send_steps import begin, claim
from small_world import NOON, SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.call_log import PostgresCallLog
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.application.ports import Begun, NotBegun
from outreach_pipelines.application.watch_accounts import AccountWatch
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.letter import Letter
from outreach_pipelines.domain.provider_call import CallOutcome

MINUTE = timedelta(minutes=1)
HOLD = "insert into app.hold (tenant_id, scope_key, factor, level, reason, since) values (%(t)s, %(k)s, 0, 'stop', 'reputation', app.now())"


@pytest.fixture
def store(engine: Engine) -> PostgresMessageStore:
    return PostgresMessageStore(engine)


@pytest.fixture
def watch(engine: Engine) -> AccountWatch:
    return AccountWatch(PostgresCallLog(engine))


def letters_of(
    store: PostgresMessageStore, world: SmallWorld, number: int, *, first: int | None = None
) -> list[Letter]:
    """Claimed messages of a mailbox each; `first` is an account that each prefers to the world's own."""
    for each in range(number):
        world.message(each, mailbox=world.mailboxes[each])
    if first is not None:
        world.sql(
            "update app.message set account_ids = array[%(a)s::int] || account_ids where tenant_id = %(t)s",
            t=world.tenant, a=first,
        )  # fmt: skip
    return claim(store, world)


def noted(watch: AccountWatch, account: int, *outcomes: CallOutcome) -> None:
    for outcome in outcomes:
        watch.note(AccountId(account), outcome, 50, "")
    watch.flush()


def breaker(world: SmallWorld, account: int) -> object:
    return world.one("select breaker from app.provider_account where account_id = %(a)s", a=account)["breaker"]


def test_no_account_means_that_each_ones_lack_is_told_in_the_order_of_the_list(
    store: PostgresMessageStore, world: SmallWorld
) -> None:
    first = add_account(world)
    open_breaker(world, first)
    world.sql("update app.domain_account set definite_state = 'not_ready' where account_id = %(a)s", a=world.account)
    (letter,) = letters_of(store, world, 1, first=first)

    outcome = begin(store, letter)

    assert outcome == NotBegun(
        "released",
        f"no_usable_account: account {first}: breaker open; account {world.account}: not ready",
        NOON + 2 * MINUTE,
    )


def test_an_account_that_the_tenant_has_no_share_of_is_not_used(store: PostgresMessageStore, world: SmallWorld) -> None:
    first = add_account(world)
    world.sql("delete from app.provider_account_share where account_id = %(a)s", a=first)
    (letter,) = letters_of(store, world, 1, first=first)

    assert begin(store, letter) == Begun(AccountId(world.account))


def test_a_used_up_quota_is_failed_over(store: PostgresMessageStore, world: SmallWorld) -> None:
    first = add_account(world)
    world.sql("update app.provider_account set daily_quota = 1 where account_id = %(a)s", a=first)

    found = [begin(store, letter) for letter in letters_of(store, world, 2, first=first)]

    assert found == [Begun(AccountId(first)), Begun(AccountId(world.account))]


def test_a_momentary_rate_is_waited_for_and_not_failed_over(store: PostgresMessageStore, world: SmallWorld) -> None:
    first = add_account(world)
    world.sql("update app.provider_account set rate_per_second = 0.01 where account_id = %(a)s", a=first)

    _, second = [begin(store, letter) for letter in letters_of(store, world, 2, first=first)]

    assert isinstance(second, NotBegun)
    assert second.reason == "account_rate"
    assert second.not_before is not None
    assert NOON < second.not_before <= NOON + timedelta(seconds=100)


@pytest.mark.parametrize(
    "also",
    [
        "update app.provider_account set breaker = 'open', breaker_until = clock_timestamp() + interval '1 minute' where account_id = %(a)s",
        "update app.provider_account set daily_quota = 0 where account_id = %(a)s",
        "update app.provider_account set proven_at = null where account_id = %(a)s",
        "update app.domain_account set definite_state = 'not_ready' where account_id = %(a)s",
    ],
)
def test_whatever_else_a_stopped_path_lacks_it_is_not_gone_round(
    store: PostgresMessageStore, world: SmallWorld, also: str
) -> None:
    first = add_account(world)
    world.sql(HOLD, t=world.tenant, k=f"path:{world.mailboxes[0]}:{first}")
    world.sql(also, a=first)
    (letter,) = letters_of(store, world, 1, first=first)

    assert begin(store, letter) == NotBegun("released", "path_held", NOON + 15 * MINUTE)


def test_a_stop_of_an_account_that_the_basis_forbids_anyway_stops_nothing_else(
    store: PostgresMessageStore, world: SmallWorld
) -> None:
    first = add_account(world)
    world.sql(HOLD, t=world.tenant, k=f"account:{first}")
    world.sql("update app.provider_account set allowed_basis = '{contract}' where account_id = %(a)s", a=first)
    (letter,) = letters_of(store, world, 1, first=first)

    assert begin(store, letter) == Begun(AccountId(world.account))


def test_a_stop_of_the_second_choice_is_no_matter_of_the_first(store: PostgresMessageStore, world: SmallWorld) -> None:
    first = add_account(world)
    world.sql(HOLD, t=world.tenant, k=f"account:{world.account}")
    (letter,) = letters_of(store, world, 1, first=first)

    assert begin(store, letter) == Begun(AccountId(first))


def test_six_faults_open_the_breaker_and_the_next_intent_fails_over(
    store: PostgresMessageStore, world: SmallWorld, watch: AccountWatch
) -> None:
    first = add_account(world)
    (letter,) = letters_of(store, world, 1, first=first)

    noted(watch, first, *[CallOutcome.UNREACHABLE] * 6)

    assert breaker(world, first) == "open"
    assert begin(store, letter) == Begun(AccountId(world.account))


def test_refusals_of_recipients_leave_the_breaker_closed(world: SmallWorld, watch: AccountWatch) -> None:
    noted(watch, world.account, *[CallOutcome.REFUSED] * 20)

    assert breaker(world, world.account) == "closed"


def test_once_its_wait_is_over_one_message_tries_the_account_and_the_others_go_round(
    store: PostgresMessageStore, world: SmallWorld
) -> None:
    first = add_account(world)
    letters = letters_of(store, world, 3, first=first)
    open_breaker(world, first, over=True)

    found = [begin(store, letter) for letter in letters]

    assert found == [Begun(AccountId(first)), *[Begun(AccountId(world.account))] * 2]
    assert breaker(world, first) == "half_open"


def test_of_two_that_would_try_at_the_same_moment_one_goes(store: PostgresMessageStore, world: SmallWorld) -> None:
    letters = letters_of(store, world, 2)
    open_breaker(world, world.account, over=True)

    with ThreadPoolExecutor(2) as pool:
        world.sql("begin")
        world.sql("select from app.provider_account where account_id = %(a)s for no key update", a=world.account)
        intents = [pool.submit(begin, store, letter) for letter in letters]
        waiting = "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        while len(world.sql(waiting)) < 2:
            world.sql("select pg_stat_clear_snapshot()")
        world.sql("commit")
        found = [intent.result(30) for intent in intents]

    late = NotBegun("released", "probe_under_way", NOON + timedelta(seconds=5))
    assert sorted(found, key=lambda each: isinstance(each, NotBegun)) == [Begun(AccountId(world.account)), late]


def test_what_its_day_has_no_room_for_takes_no_probe(store: PostgresMessageStore, world: SmallWorld) -> None:
    (letter,) = letters_of(store, world, 1)
    open_breaker(world, world.account, over=True)
    world.sql("update app.sending_policy set daily_cap = 0 where tenant_id = %(t)s", t=world.tenant)

    begin(store, letter)

    assert breaker(world, world.account) == "open"


@pytest.mark.parametrize(("outcome", "state"), [(CallOutcome.ACCEPTED, "closed"), (CallOutcome.UNANSWERED, "open")])
def test_the_probes_answer_closes_the_breaker_or_opens_it_for_twice_as_long(
    store: PostgresMessageStore, world: SmallWorld, watch: AccountWatch, outcome: CallOutcome, state: str
) -> None:
    (letter,) = letters_of(store, world, 1)
    noted(watch, world.account, *[CallOutcome.UNANSWERED] * 6)
    world.sql(
        "update app.provider_account set breaker_until = clock_timestamp() where account_id = %(a)s", a=world.account
    )
    world.sql("update app.account_call set started_at = started_at - interval '1 minute' where account_id = %(a)s", a=world.account)  # fmt: skip
    begin(store, letter)

    noted(watch, world.account, outcome)

    row = world.one("select breaker, breaker_wait from app.provider_account where account_id = %(a)s", a=world.account)
    assert row == {"breaker": state, "breaker_wait": 2 * MINUTE if state == "open" else None}


def test_a_probe_whose_process_died_makes_room_for_another(store: PostgresMessageStore, world: SmallWorld) -> None:
    letters = letters_of(store, world, 2)
    open_breaker(world, world.account, over=True)
    begin(store, letters[0])
    world.sql(
        "update app.provider_account set breaker_probe_at = breaker_probe_at - interval '91 seconds' where account_id = %(a)s",
        a=world.account,
    )

    assert begin(store, letters[1]) == Begun(AccountId(world.account))

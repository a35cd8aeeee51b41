"""Calls of accounts in the database: counted by the minute, the last twenty kept, one judgement after another."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from small_world import SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.call_log import PostgresCallLog
from outreach_pipelines.application.watch_accounts import EndedCall
from outreach_pipelines.domain.breaker import Breaker, BreakerState, after_calls
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.provider_call import CallOutcome


@pytest.fixture
def log(engine: Engine) -> PostgresCallLog:
    return PostgresCallLog(engine)


def call(outcome: CallOutcome = CallOutcome.ACCEPTED, milliseconds: int = 80, code: str = "") -> EndedCall:
    return EndedCall(milliseconds / 1000, outcome, milliseconds, code)


def record(log: PostgresCallLog, world: SmallWorld, *calls: EndedCall) -> Breaker:
    return log.record(AccountId(world.account), calls, after_calls)


def health(world: SmallWorld) -> dict[str, object]:
    return world.one(
        """select sum(calls) as calls, sum(accepted) as accepted, sum(refused) as refused, sum(server_errors) as server_errors,
                  sum(unanswered) as unanswered, sum(milliseconds) as milliseconds
             from app.provider_health where account_id = %(a)s""",
        a=world.account,
    )


def test_each_kind_of_answer_is_counted_apart(log: PostgresCallLog, world: SmallWorld) -> None:
    told = [CallOutcome.ACCEPTED] * 2 + list(CallOutcome)

    record(log, world, *[call(outcome) for outcome in told])

    # What was never called is no call.
    assert health(world) == {
        "calls": 7, "accepted": 3, "refused": 1, "server_errors": 1, "unanswered": 2, "milliseconds": 560,
    }  # fmt: skip


def test_two_writings_of_one_minute_add_up(log: PostgresCallLog, world: SmallWorld) -> None:
    ago = EndedCall(0.0, CallOutcome.REFUSED, 0, "550 5.1.1")
    calls = [ago, EndedCall(0.0, CallOutcome.REFUSED, 0, "451 4.3.0")]
    world.sql(
        """insert into app.provider_health (account_id, minute, calls, refused, milliseconds, codes, latency)
           select %(a)s, date_trunc('minute', clock_timestamp()) + each * interval '1 minute', 1, 1, 40, '{"550 5.1.1": 1}', '{1,0,0,0,0,0,0,0,0}'
             from generate_series(0, 1) each""",
        a=world.account,
    )

    record(log, world, *calls)

    row = world.one(
        """select sum((codes ->> '550 5.1.1')::int) as hard, sum((codes ->> '451 4.3.0')::int) as soft, sum(latency[1]) as quick, sum(calls) as calls
             from app.provider_health where account_id = %(a)s""",
        a=world.account,
    )
    assert row == {"hard": 3, "soft": 1, "quick": 4, "calls": 4}


@pytest.mark.parametrize(
    ("milliseconds", "place"),
    [(0, 1), (100, 1), (101, 2), (250, 2), (1000, 4), (10_000, 7), (10_001, 8), (30_000, 8), (30_001, 9)],
)
def test_latency_is_counted_in_nine_classes(
    log: PostgresCallLog, world: SmallWorld, milliseconds: int, place: int
) -> None:
    record(log, world, call(milliseconds=milliseconds))

    row = world.one("select latency from app.provider_health where account_id = %(a)s", a=world.account)
    assert row["latency"] == [int(each == place) for each in range(1, 10)]


def test_the_last_twenty_calls_are_kept_and_no_more(log: PostgresCallLog, world: SmallWorld) -> None:
    for _ in range(3):
        record(log, world, *[call() for _ in range(10)])

    row = world.one("select count(*) as kept from app.account_call where account_id = %(a)s", a=world.account)
    assert row == {"kept": 20}


def test_faults_told_by_several_processes_add_up_to_an_open_breaker(log: PostgresCallLog, world: SmallWorld) -> None:
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: record(log, world, call(CallOutcome.UNREACHABLE)), range(6)))

    assert [breaker.state for breaker in found].count(BreakerState.OPEN) == 1
    row = world.one(
        "select breaker, breaker_wait, breaker_until - breaker_since as span from app.provider_account where account_id = %(a)s",
        a=world.account,
    )
    assert row == {"breaker": "open", "breaker_wait": timedelta(minutes=1), "span": timedelta(minutes=1)}


def test_a_breaker_is_read_back_as_it_was_set(log: PostgresCallLog, world: SmallWorld) -> None:
    opened = record(log, world, *[call(CallOutcome.UNANSWERED)] * 6)
    world.sql(
        "update app.provider_account set breaker = 'half_open', breaker_until = null, breaker_probe_at = clock_timestamp() where account_id = %(a)s",
        a=world.account,
    )

    again = record(log, world, EndedCall(0.0, CallOutcome.UNANSWERED, 0, ""))

    assert opened.state is BreakerState.OPEN
    assert again.state is BreakerState.OPEN
    assert again.wait == timedelta(minutes=2)

"""What a plan is told of the sending side: caps, sends that stand, shares, readiness."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from send_steps import begin, claim
from small_world import NOON, SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.plan_store import PostgresPlanStore
from outreach_pipelines.domain.send_plan.snapshot import (
    AccountId,
    AccountReadiness,
    DaySends,
    DomainUse,
    Mailbox,
    ProviderUse,
    ReadinessState,
    RecipientDomainKey,
    RecipientProvider,
    Snapshot,
)

TODAY = NOON.date()
TOMORROW = TODAY + timedelta(days=1)
MIDNIGHT = NOON - timedelta(hours=12)


@pytest.fixture
def store(engine: Engine) -> PostgresPlanStore:
    return PostgresPlanStore(engine)


def first(snapshot: Snapshot) -> Mailbox:
    return snapshot.mailboxes[0]


def score(world: SmallWorld, day: date, total: int, cap: int) -> None:
    world.sql(
        """insert into app.health_score (tenant_id, mailbox_id, day, version, total, parts, cap_today, ramp_stage)
           values (%(t)s, %(m)s, %(d)s, '1', %(n)s, '{}', %(c)s, 'ramping')""",
        t=world.tenant, m=world.mailboxes[0], d=day, n=total, c=cap,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("scores", "health", "cap"),
    [
        ([], 100, 40),
        ([(TODAY, 80, 12)], 80, 12),
        ([(TODAY, 80, 90)], 80, 40),
        ([(TODAY - timedelta(days=1), 60, 9), (TODAY, 80, 12)], 80, 12),
        ([(TODAY, 80, 12), (TOMORROW, 30, 2)], 80, 12),
    ],
)
def test_a_mailbox_sends_by_the_newest_score_of_the_day_and_never_more_than_its_own_cap(
    store: PostgresPlanStore, world: SmallWorld, scores: Sequence[tuple[date, int, int]], health: int, cap: int
) -> None:
    for day, total, ramped in scores:
        score(world, day, total, ramped)

    found = first(store.snapshot(world.tenant, TODAY))

    assert (found.health, found.daily_cap) == (health, cap)


@pytest.mark.parametrize(
    ("change", "readable"),
    [
        ("last_complete_read = '2026-11-18 11:00Z', last_error_at = '2026-11-18 10:00Z'", True),
        ("last_complete_read = '2026-11-18 10:00Z', last_error_at = '2026-11-18 11:00Z'", False),
        ("last_complete_read = null, last_error_at = '2026-11-18 11:00Z'", False),
        ("last_complete_read = null, last_error_at = null", True),
    ],
)
def test_an_inbox_is_readable_unless_its_last_attempt_failed(
    store: PostgresPlanStore, world: SmallWorld, change: str, *, readable: bool
) -> None:
    world.sql(f"update app.inbox set {change} where tenant_id = %(t)s", t=world.tenant)

    assert first(store.snapshot(world.tenant, TODAY)).inbox_readable is readable


def test_a_mailbox_without_an_inbox_is_not_readable(store: PostgresPlanStore, world: SmallWorld) -> None:
    world.sql("update app.mailbox set inbox_id = null where mailbox_id = %(m)s", m=world.mailboxes[0])

    assert first(store.snapshot(world.tenant, TODAY)).inbox_readable is False


def test_sends_of_the_neighbouring_dates_are_told_and_those_of_others_are_not(
    store: PostgresPlanStore, world: SmallWorld
) -> None:
    for days in range(-3, 4):
        world.sql(
            "insert into app.mailbox_day (tenant_id, mailbox_id, day, sent) values (%(t)s, %(m)s, %(d)s, %(n)s)",
            t=world.tenant, m=world.mailboxes[0], d=TODAY + timedelta(days=days), n=10 + days,
        )  # fmt: skip

    snapshot = store.snapshot(world.tenant, TODAY)

    assert first(snapshot).sends_by_day == tuple(DaySends(TODAY + timedelta(days=n), 10 + n) for n in range(-2, 3))
    assert [domain.sent_today for domain in snapshot.domains] == [10]


def attempt(world: SmallWorld, number: int, outcome: str, at: datetime) -> None:
    message = world.message(number, due_at=NOON, state="expired")
    world.sql(
        """insert into app.send_attempt (tenant_id, plan_day, message_id, attempt, account_id, mailbox_id, domain_id, tag, begun_policy_at, mailbox_day, outcome, ended_at)
           select tenant_id, plan_day, message_id, 1, %(a)s, mailbox_id, %(d)s, 'tag' || message_id, %(at)s, %(day)s, %(o)s,
                  case when %(o)s <> 'open' then %(at)s::timestamptz end from app.message where message_id = %(m)s""",
        a=world.account, d=world.domain, at=at, day=at.date(), o=outcome, m=message,
    )  # fmt: skip


def test_attempts_that_may_have_left_stand_in_the_24_hours_and_refused_ones_do_not(
    store: PostgresPlanStore, world: SmallWorld
) -> None:
    outcomes = ("open", "accepted", "in_doubt", "unknown", "accepted_twice", "refused", "not_sent", "absent")
    for number, outcome in enumerate(outcomes):
        attempt(world, number, outcome, NOON - timedelta(minutes=number))
    attempt(world, 99, "accepted", MIDNIGHT - timedelta(hours=26))

    found = first(store.snapshot(world.tenant, TODAY)).other_sends

    assert found == tuple(NOON - timedelta(minutes=number) for number in (4, 3, 2, 1, 0))


def test_claimed_messages_and_those_of_other_days_stand_and_this_days_planned_ones_do_not(
    store: PostgresPlanStore, world: SmallWorld
) -> None:
    world.message(1, due_at=NOON + timedelta(hours=2))
    claimed = world.message(2, due_at=NOON)
    other_day = NOON + timedelta(hours=20)
    world.message(3, due_at=other_day)
    world.message(4, due_at=NOON + timedelta(hours=40))
    world.sql(
        "update app.message set state = 'claimed', token = gen_random_uuid(), lease_until = %(at)s where message_id = %(m)s",
        at=NOON, m=claimed,
    )  # fmt: skip

    found = first(store.snapshot(world.tenant, TODAY))

    assert found.other_sends == (NOON, other_day)
    assert found.sends_by_day == (DaySends(TODAY, 1), DaySends(TOMORROW, 1))


def test_what_a_run_has_begun_is_counted_in_every_limit_of_its_day(
    engine: Engine, store: PostgresPlanStore, world: SmallWorld
) -> None:
    world.sql("update app.provider_account_share set daily_share = 5 where tenant_id = %(t)s", t=world.tenant)
    world.sql("update app.sending_policy set recipient_domain_daily_cap = 9, recipient_provider_caps = '{\"other\": 9}' where tenant_id = %(t)s", t=world.tenant)  # fmt: skip
    world.message(1)
    (letter,) = claim(PostgresMessageStore(engine), world)
    begin(PostgresMessageStore(engine), letter)
    key = world.one("select encode(domain_hmac, 'hex') as key from app.lead where tenant_id = %(t)s", t=world.tenant)

    today, tomorrow = (store.snapshot(world.tenant, day) for day in (TODAY, TOMORROW))

    assert [account.share_left for account in today.accounts] == [4]
    assert [account.share_left for account in tomorrow.accounts] == [5]
    assert today.used_today.recipient_domains == (DomainUse(RecipientDomainKey(str(key["key"])), 1),)
    assert today.used_today.providers == (ProviderUse(RecipientProvider.OTHER, 1),)
    assert tomorrow.used_today == replace(today.used_today, recipient_domains=(), companies=(), providers=())
    assert ([d.sent_today for d in today.domains], [d.sent_today for d in tomorrow.domains]) == ([1], [0])


def test_a_share_that_is_overdrawn_leaves_nothing(store: PostgresPlanStore, world: SmallWorld) -> None:
    world.sql("update app.provider_account_share set daily_share = 2 where tenant_id = %(t)s", t=world.tenant)
    world.sql(
        "insert into app.rate_bucket (tenant_id, bucket, window_start, taken) values (%(t)s, 'account:' || %(a)s, %(at)s, 3)",
        t=world.tenant, a=world.account, at=MIDNIGHT,
    )  # fmt: skip

    (account,) = store.snapshot(world.tenant, TODAY).accounts

    assert account.share_left == 0


@pytest.mark.parametrize(
    ("change", "state", "reason"),
    [
        ("state = 'ready', definite_state = 'ready'", ReadinessState.READY, ""),
        ("state = 'unknown', definite_state = 'ready'", ReadinessState.READY, ""),
        ("state = 'unknown', definite_state = null, reason = 'no answer'", ReadinessState.UNKNOWN, "no answer"),
        ("state = 'unknown', definite_state = 'not_ready', reason = 'no SPF'", ReadinessState.NOT_READY, "no SPF"),
        ("definite_state = 'not_ready', seed_fault = 'The seed failed.', seed_fault_until = now(), reason = 'no SPF'", ReadinessState.NOT_READY, "The seed failed. no SPF"),
    ],
)  # fmt: skip
def test_what_is_definitely_known_of_a_domain_decides_its_readiness(
    store: PostgresPlanStore, world: SmallWorld, change: str, state: ReadinessState, reason: str
) -> None:
    world.sql(f"update app.domain_account set {change} where tenant_id = %(t)s", t=world.tenant)

    (domain,) = store.snapshot(world.tenant, TODAY).domains

    assert domain.readiness == (AccountReadiness(AccountId(world.account), state, reason),)


def test_a_domain_that_rests_is_ready_for_nothing_and_a_retired_one_is_not_there(
    store: PostgresPlanStore, world: SmallWorld
) -> None:
    world.sql("update app.sending_domain set state = 'resting' where tenant_id = %(t)s", t=world.tenant)

    (domain,) = store.snapshot(world.tenant, TODAY).domains

    assert domain.readiness == (
        AccountReadiness(AccountId(world.account), ReadinessState.NOT_READY, "the domain is resting"),
    )


def test_a_retired_mailbox_is_not_there_and_a_resting_one_is(store: PostgresPlanStore, world: SmallWorld) -> None:
    retired, resting, active = world.mailboxes
    world.sql("update app.mailbox set state = 'retired' where mailbox_id = %(m)s", m=retired)
    world.sql("update app.mailbox set state = 'resting' where mailbox_id = %(m)s", m=resting)

    found = store.snapshot(world.tenant, TODAY).mailboxes

    assert [(row.id, row.state.value) for row in found] == [(resting, "resting"), (active, "active")]


def test_of_holds_on_tenant_domain_and_mailbox_the_one_that_leaves_least_is_told_and_a_released_one_is_none(
    store: PostgresPlanStore, world: SmallWorld
) -> None:
    for scope, factor, released in (
        ("tenant", "0.75", None),
        (f"domain:{world.domain}", "0.5", None),
        (f"mailbox:{world.mailboxes[1]}", "0.25", None),
        (f"mailbox:{world.mailboxes[2]}", "0", NOON),
    ):
        world.sql(
            """insert into app.hold (tenant_id, scope_key, factor, level, reason, since, released_at, released_reason)
               values (%(t)s, %(k)s, %(f)s, 'slow', 'complaint_rate', app.now(), %(r)s, case when %(r)s::timestamptz is not null then 'over' end)""",
            t=world.tenant, k=scope, f=factor, r=released,
        )  # fmt: skip

    found = [row.hold for row in store.snapshot(world.tenant, TODAY).mailboxes]

    assert [hold and (str(hold.factor), hold.reason) for hold in found] == [
        ("1/2", "too many people complain"),
        ("1/4", "too many people complain"),
        ("1/2", "too many people complain"),
    ]

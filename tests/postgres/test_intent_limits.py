"""Pace, caps and rates, as the intent counts them: each limit holds by itself, and gives back what another one refused."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta

import psycopg
import pytest
from send_steps import begin, claim
from small_world import HOUR, NOON, SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.application.ports import Begun, NotBegun
from outreach_pipelines.domain.send_answer import RefusalAction, RefusalVerdict, Refused

MINUTE = timedelta(minutes=1)
MIDNIGHT = datetime(2026, 11, 19, tzinfo=NOON.tzinfo)
SLOW = """insert into app.hold (tenant_id, scope_key, factor, level, reason, since, until, probation_factor)
          values (%(t)s, 'tenant', %(f)s, 'slow', 'complaints', app.now(), %(u)s, %(p)s)"""


@pytest.fixture
def store(engine: Engine) -> PostgresMessageStore:
    return PostgresMessageStore(engine)


def outcomes(store: PostgresMessageStore, world: SmallWorld, *mailboxes: int) -> list[Begun | NotBegun]:
    """The intents of one message from each of these mailboxes, in their order."""
    for number, mailbox in enumerate(mailboxes):
        world.message(number, mailbox=world.mailboxes[mailbox])
    return [begin(store, letter) for letter in claim(store, world)]


def sent_before(world: SmallWorld, number: int, *, at: datetime, outcome: str) -> None:
    """A send of the first mailbox that has ended."""
    message = world.message(number, due_at=at, state="failed")
    world.sql(
        """insert into app.send_attempt (tenant_id, plan_day, message_id, attempt, account_id, mailbox_id, domain_id, tag, begun_policy_at, mailbox_day, outcome, ended_at)
           values (%(t)s, %(d)s, %(m)s, 1, %(a)s, %(b)s, %(s)s, 'tag', %(at)s, %(d)s, %(o)s, clock_timestamp())""",
        t=world.tenant, d=at.date(), m=message, a=world.account, b=world.mailboxes[0], s=world.domain, at=at, o=outcome,
    )  # fmt: skip


def taken(world: SmallWorld) -> dict[str, int]:
    """What is counted of the tenant's limits, by the first part of their names."""
    rows = world.sql("select bucket, taken from app.rate_bucket where tenant_id = %(t)s", t=world.tenant)
    return {str(row["bucket"]).partition(":")[0]: int(str(row["taken"])) for row in rows}


@pytest.mark.parametrize("limit", [0, 1])
@pytest.mark.parametrize(
    ("change", "reason", "opens"),
    [
        ("update app.sending_domain set daily_cap = %(n)s where tenant_id = %(t)s", "domain_daily_cap", MIDNIGHT),
        ("update app.sending_policy set recipient_domain_daily_cap = %(n)s where tenant_id = %(t)s", "recipient_domain_daily_cap", MIDNIGHT),
        ("update app.sending_policy set company_daily_cap = %(n)s where tenant_id = %(t)s", "company_daily_cap", MIDNIGHT),
        ("update app.sending_policy set recipient_provider_caps = jsonb_build_object('other', %(n)s::int) where tenant_id = %(t)s", "recipient_provider_cap", MIDNIGHT),
        ("update app.provider_account_share set daily_share = %(n)s where tenant_id = %(t)s", "account_share", MIDNIGHT),
        ("update app.sending_policy set daily_cap = %(n)s where tenant_id = %(t)s", "tenant_daily_cap", MIDNIGHT),
        ("update app.sending_policy set minute_cap = %(n)s where tenant_id = %(t)s", "tenant_minute_cap", NOON + MINUTE),
        ("update app.provider_account set daily_quota = %(n)s where account_id = %(a)s", "account_quota", NOON + 15 * MINUTE),
    ],
)  # fmt: skip
def test_as_many_as_a_limit_says_may_begin_and_the_next_waits_until_it_opens(
    store: PostgresMessageStore, world: SmallWorld, change: str, reason: str, opens: datetime, limit: int
) -> None:
    world.sql(change, n=limit, t=world.tenant, a=world.account)

    found = outcomes(store, world, *range(limit + 1))

    assert found == [*[Begun(world.account)] * limit, NotBegun("released", reason, opens)]


def test_an_accounts_quota_is_of_the_last_24_hours_and_of_all_its_tenants(
    store: PostgresMessageStore, world: SmallWorld
) -> None:
    world.sql("update app.provider_account set daily_quota = 2 where account_id = %(a)s", a=world.account)
    world.sql(
        "insert into app.account_bucket (account_id, window_start, taken) values (%(a)s, %(old)s, 5), (%(a)s, %(new)s, 1)",
        a=world.account, old=NOON - 24 * HOUR - 5 * MINUTE, new=NOON - 24 * HOUR,
    )  # fmt: skip

    found = outcomes(store, world, 0, 1)

    assert found == [Begun(world.account), NotBegun("released", "account_quota", NOON + 15 * MINUTE)]


def test_the_last_of_a_mailboxs_cap_may_begin_and_not_one_more(store: PostgresMessageStore, world: SmallWorld) -> None:
    world.sql("update app.mailbox set daily_cap = 2, min_gap_seconds = 0 where tenant_id = %(t)s", t=world.tenant)

    found = outcomes(store, world, 0, 0, 0)

    assert found == [*[Begun(world.account)] * 2, NotBegun("released", "mailbox_daily_cap", MIDNIGHT)]


def test_a_mailboxs_cap_is_of_its_own_day(store: PostgresMessageStore, world: SmallWorld) -> None:
    # In Auckland it is one o'clock of the 19th, and that day ends at 11:00 UTC.
    world.sql("update app.mailbox set daily_cap = 1, zone = 'Pacific/Auckland' where tenant_id = %(t)s", t=world.tenant)
    world.sql(
        "insert into app.mailbox_day (tenant_id, mailbox_id, day, sent) values (%(t)s, %(b)s, %(full)s, 1), (%(t)s, %(c)s, %(past)s, 1)",
        t=world.tenant, b=world.mailboxes[0], c=world.mailboxes[1], full=date(2026, 11, 19), past=date(2026, 11, 18),
    )  # fmt: skip

    found = outcomes(store, world, 0, 1)

    assert found == [NotBegun("released", "mailbox_daily_cap", NOON + 23 * HOUR), Begun(world.account)]


def test_a_day_that_turns_does_not_bring_two_caps_within_24_hours(
    store: PostgresMessageStore, world: SmallWorld
) -> None:
    world.sql("update app.mailbox set daily_cap = 2 where tenant_id = %(t)s", t=world.tenant)
    # One and a quarter times two, rounded up.
    for number, outcome in enumerate(["accepted", "in_doubt", "unknown"], start=10):
        sent_before(world, number, at=NOON - 20 * HOUR, outcome=outcome)

    found = outcomes(store, world, 0)

    assert found == [NotBegun("released", "mailbox_rolling_day", NOON + 15 * MINUTE)]


def test_what_was_certainly_not_sent_or_is_older_than_24_hours_is_not_counted(
    store: PostgresMessageStore, world: SmallWorld
) -> None:
    world.sql("update app.mailbox set daily_cap = 2 where tenant_id = %(t)s", t=world.tenant)
    for number, outcome in enumerate(["refused", "not_sent", "absent"], start=10):
        sent_before(world, number, at=NOON - 20 * HOUR, outcome=outcome)
    for number in (20, 21, 22):
        sent_before(world, number, at=NOON - 24 * HOUR, outcome="accepted")

    assert outcomes(store, world, 0) == [Begun(world.account)]


@pytest.mark.parametrize(("factor", "until", "probation"), [(0.5, None, 1), (0, NOON, 0.5)])
def test_a_hold_that_slows_halves_the_cap_and_doubles_the_gap(
    store: PostgresMessageStore, world: SmallWorld, factor: float, until: datetime | None, probation: float
) -> None:
    world.sql("update app.mailbox set daily_cap = 4 where tenant_id = %(t)s", t=world.tenant)
    world.sql(SLOW, t=world.tenant, f=factor, u=until, p=probation)

    paced = outcomes(store, world, 0, 0)[1]

    assert paced == NotBegun("released", "pace", NOON + 4 * MINUTE)
    world.sql("update app.mailbox_day set sent = 2 where tenant_id = %(t)s", t=world.tenant)
    world.at(NOON + 4 * MINUTE)
    assert begin(store, claim(store, world)[0]) == NotBegun("released", "mailbox_daily_cap", MIDNIGHT)


def test_the_ramp_in_force_is_that_of_the_last_score_up_to_today(
    store: PostgresMessageStore, world: SmallWorld
) -> None:
    for day, cap in ((16, 0), (17, 1), (19, 0)):
        world.sql(
            """insert into app.health_score (tenant_id, mailbox_id, day, version, total, parts, cap_today, ramp_stage)
               values (%(t)s, %(m)s, %(d)s, '1', 100, '{}', %(c)s, 'ramping')""",
            t=world.tenant, m=world.mailboxes[0], d=date(2026, 11, day), c=cap,
        )  # fmt: skip
    world.sql("update app.mailbox set min_gap_seconds = 0 where tenant_id = %(t)s", t=world.tenant)

    found = outcomes(store, world, 0, 0)

    assert found == [Begun(world.account), NotBegun("released", "mailbox_daily_cap", MIDNIGHT)]


def test_two_intents_of_one_mailbox_at_the_same_moment_keep_its_pace(
    store: PostgresMessageStore, world: SmallWorld, outreach_admin_url: str
) -> None:
    for number in (1, 2):
        world.message(number)
    letters = claim(store, world)
    waiting = "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"

    with ThreadPoolExecutor(2) as pool, psycopg.connect(outreach_admin_url) as holder:
        holder.execute("select from app.mailbox where mailbox_id = %s for update", [world.mailboxes[0]])
        intents = [pool.submit(begin, store, letter) for letter in letters]
        while len(world.sql(waiting)) < 2:
            pass
        holder.commit()
        found = [intent.result(30) for intent in intents]

    assert sorted(found, key=lambda each: isinstance(each, NotBegun)) == [
        Begun(world.account),
        NotBegun("released", "pace", NOON + 2 * MINUTE),
    ]


def test_a_definite_refusal_gives_the_days_limits_back_and_keeps_the_minutes(
    store: PostgresMessageStore, world: SmallWorld
) -> None:
    _limit_everything(world)
    world.message(1)
    (letter,) = claim(store, world)
    begin(store, letter)
    while_sending = taken(world)

    store.record_refused(
        letter.claim, Refused("451", "4.3.0", "busy"), RefusalVerdict(RefusalAction.RETRY, 60, "smtp_for_now")
    )

    assert while_sending == dict.fromkeys(("domain", "recipient", "provider", "account", "day", "minute"), 1)
    assert taken(world) == dict.fromkeys(("domain", "recipient", "provider", "account", "day"), 0) | {"minute": 1}


def test_doubt_keeps_what_it_has_taken(store: PostgresMessageStore, world: SmallWorld) -> None:
    _limit_everything(world)
    world.message(1)
    (letter,) = claim(store, world)
    begin(store, letter)

    store.record_doubt(letter.claim, "timeout")

    assert set(taken(world).values()) == {1}
    assert world.one("select sent from app.mailbox_day where tenant_id = %(t)s", t=world.tenant)["sent"] == 1


def _limit_everything(world: SmallWorld) -> None:
    for change in (
        "update app.sending_domain set daily_cap = 9 where tenant_id = %(t)s",
        "update app.provider_account_share set daily_share = 9 where tenant_id = %(t)s",
        """update app.sending_policy set company_daily_cap = 9, daily_cap = 9, minute_cap = 9, recipient_provider_caps = '{"other": 9}'
            where tenant_id = %(t)s""",
    ):
        world.sql(change, t=world.tenant)

"""Limits over the course of days: where a day turns, how the last 24 hours empty, what changes under way, and what cannot be read."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest
from send_steps import begin, claim
from small_world import HOUR, NOON, SmallWorld
from sqlalchemy import Engine, event
from sqlalchemy.exc import DBAPIError

from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.tenant_session import connect
from outreach_pipelines.application.ports import Begun, NotBegun
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.letter import Letter
from outreach_pipelines.domain.send_answer import Accepted, RefusalAction, RefusalVerdict, Refused

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
# Of New York the night of 25 hours and that of 23, Beirut's midnight that does not exist, and the ends of the world.
NIGHTS = [
    ("America/New_York", date(2026, 11, 1)),
    ("America/New_York", date(2026, 11, 2)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 3, 9)),
    ("Asia/Beirut", date(2026, 3, 29)),
    ("Asia/Kathmandu", date(2026, 11, 18)),
    ("Pacific/Chatham", date(2026, 11, 18)),
    ("Pacific/Tongatapu", date(2026, 11, 18)),
    ("Pacific/Pago_Pago", date(2026, 11, 18)),
]
NewWorld = Callable[..., SmallWorld]


@pytest.fixture
def store(engine: Engine) -> PostgresMessageStore:
    return PostgresMessageStore(engine)


def midnight_of(zone: str, day: date) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


class Sender:
    """Sends one message after another, each at its moment and from one mailbox."""

    def __init__(self, store: PostgresMessageStore, world: SmallWorld) -> None:
        self.store, self.world, self.numbers = store, world, count(1)
        world.sql("update app.mailbox set min_gap_seconds = 0 where tenant_id = %(t)s", t=world.tenant)

    def claimed(self, moment: datetime, *, mailbox: int = 0) -> tuple[Letter, timedelta]:
        self.world.at(moment)
        message = self.world.message(next(self.numbers), due_at=moment, mailbox=self.world.mailboxes[mailbox])
        hour = moment.replace(minute=0, second=0, microsecond=0) - NOON
        letters = claim(self.store, self.world, hour=hour)
        return next(letter for letter in letters if letter.claim.message_id == message), hour

    def at(self, moment: datetime, *, mailbox: int = 0) -> Begun | NotBegun:
        letter, hour = self.claimed(moment, mailbox=mailbox)
        return begin(self.store, letter, hour=hour)

    @property
    def begun(self) -> Begun:
        return Begun(AccountId(self.world.account))


@pytest.mark.parametrize(("zone", "day"), NIGHTS)
def test_the_cap_of_a_mailbox_turns_at_its_own_midnight(
    new_world: NewWorld, store: PostgresMessageStore, zone: str, day: date
) -> None:
    midnight = midnight_of(zone, day)
    world = new_world(day=midnight.date(), daily_cap=1)
    world.sql("update app.mailbox set zone = %(z)s where tenant_id = %(t)s", z=zone, t=world.tenant)
    send = Sender(store, world)

    found = [send.at(midnight + minutes * MINUTE) for minutes in (-2, -1, 1)]

    assert found == [send.begun, NotBegun("released", "mailbox_daily_cap", midnight), send.begun]


@pytest.mark.parametrize(("zone", "day"), NIGHTS)
@pytest.mark.parametrize(
    ("cap", "whose", "reason"),
    [
        ("update app.sending_domain set daily_cap = 1 where tenant_id = %(t)s", "mailbox", "domain_daily_cap"),
        ("update app.sending_policy set company_daily_cap = 1 where tenant_id = %(t)s", "tenant", "company_daily_cap"),
        ("update app.sending_policy set daily_cap = 1 where tenant_id = %(t)s", "tenant", "tenant_daily_cap"),
    ],
)  # fmt: skip
def test_other_days_turn_at_the_midnight_of_the_mailbox_or_the_tenant(
    new_world: NewWorld, store: PostgresMessageStore, zone: str, day: date, cap: str, whose: str, reason: str
) -> None:
    midnight = midnight_of(zone, day)
    world = new_world(day=midnight.date())
    world.sql(f"update app.{whose} set zone = %(z)s where tenant_id = %(t)s", z=zone, t=world.tenant)
    world.sql(cap, t=world.tenant)
    send = Sender(store, world)

    found = [send.at(midnight + minutes * MINUTE, mailbox=abs(minutes)) for minutes in (-2, -1, 1)]

    assert found == [send.begun, NotBegun("released", reason, midnight), send.begun]


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 11, 1), 25), (date(2026, 3, 8), 23)])
def test_a_change_over_day_is_one_day_from_its_first_minute_to_its_last(
    new_world: NewWorld, store: PostgresMessageStore, day: date, hours: int
) -> None:
    midnight = midnight_of("America/New_York", day)
    world = new_world(day=midnight.date())
    world.sql("update app.mailbox set zone = 'America/New_York' where tenant_id = %(t)s", t=world.tenant)
    world.sql("update app.sending_domain set daily_cap = 1 where tenant_id = %(t)s", t=world.tenant)
    send = Sender(store, world)
    end = midnight + hours * HOUR

    found = [send.at(midnight), send.at(end - MINUTE, mailbox=1), send.at(end, mailbox=2)]

    assert found == [send.begun, NotBegun("released", "domain_daily_cap", end), send.begun]


def test_the_last_24_hours_empty_send_by_send_whatever_midnights_lie_between(
    new_world: NewWorld, store: PostgresMessageStore
) -> None:
    world = new_world(daily_cap=2)
    send = Sender(store, world)
    evening, morning = NOON + 8 * HOUR, NOON + 14 * HOUR

    # One and a quarter times two is three, rounded up.
    found = [send.at(evening), send.at(evening + MINUTE), send.at(morning), send.at(morning + MINUTE)]
    later = [send.at(evening + DAY - MINUTE), send.at(evening + DAY)]

    full = "mailbox_rolling_day"
    assert found == [*[send.begun] * 3, NotBegun("released", full, morning + MINUTE + 15 * MINUTE)]
    assert later == [NotBegun("released", full, evening + DAY + 14 * MINUTE), send.begun]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("update app.mailbox set daily_cap = 1 where tenant_id = %(t)s", "mailbox_daily_cap"),
        ("update app.sending_domain set daily_cap = 1 where tenant_id = %(t)s", "domain_daily_cap"),
        ("update app.sending_policy set company_daily_cap = 1 where tenant_id = %(t)s", "company_daily_cap"),
        ("""update app.sending_policy set recipient_provider_caps = '{"other": 1}' where tenant_id = %(t)s""", "recipient_provider_cap"),
        ("update app.provider_account_share set daily_share = 1 where tenant_id = %(t)s", "account_share"),
        ("update app.sending_policy set daily_cap = 1 where tenant_id = %(t)s", "tenant_daily_cap"),
        ("update app.sending_policy set minute_cap = 1 where tenant_id = %(t)s", "tenant_minute_cap"),
    ],
)  # fmt: skip
def test_a_cap_lowered_below_what_has_left_stops_the_next_intent_though_it_was_claimed_before(
    new_world: NewWorld, store: PostgresMessageStore, change: str, reason: str
) -> None:
    world = new_world()
    raised = change.replace("= 1 ", "= 9 ").replace(": 1}", ": 9}")
    world.sql(raised, t=world.tenant)
    send = Sender(store, world)
    send.at(NOON)
    send.at(NOON)
    letter, hour = send.claimed(NOON)
    world.sql(change, t=world.tenant)

    outcome = begin(store, letter, hour=hour)

    assert isinstance(outcome, NotBegun)
    assert outcome.reason == reason


def test_a_cap_raised_during_the_day_opens_the_rest_of_it(new_world: NewWorld, store: PostgresMessageStore) -> None:
    world = new_world(daily_cap=1)
    send = Sender(store, world)
    refused = [send.at(NOON), send.at(NOON)][1]
    world.sql("update app.mailbox set daily_cap = 3 where tenant_id = %(t)s", t=world.tenant)

    assert isinstance(refused, NotBegun)
    assert send.at(NOON + MINUTE) == send.begun


@pytest.mark.parametrize(
    ("happening", "outcome"),
    [
        ("select app.suppress(%(t)s, 'address', m.recipient_hmac, 'tenant', 0, 'unsubscribe', 'test') from app.message m where m.message_id = %(m)s", ("closed", "suppressed", "unsubscribe")),
        ("select app.suppress(%(t)s, 'domain', m.domain_hmac, 'tenant', 0, 'manual', 'test') from app.message m where m.message_id = %(m)s", ("closed", "suppressed", "domain_manual")),
        ("update app.enrollment e set state = 'replied' from app.message m where m.message_id = %(m)s and e.tenant_id = m.tenant_id and e.enrollment_id = m.enrollment_id", ("closed", "cancelled", "enrollment_replied")),
        ("insert into app.hold (tenant_id, scope_key, factor, level, reason, since) select %(t)s, 'mailbox:' || mailbox_id, 0, 'stop', 'complaints', app.now() from app.message where message_id = %(m)s", ("released", "planned", "held: complaints")),
    ],
)  # fmt: skip
def test_what_happens_to_a_person_or_a_mailbox_during_the_day_acts_at_the_next_intent(
    new_world: NewWorld, store: PostgresMessageStore, happening: str, outcome: tuple[str, str, str]
) -> None:
    world = new_world()
    send = Sender(store, world)
    send.at(NOON)
    letter, hour = send.claimed(NOON + MINUTE)
    world.sql(happening, t=world.tenant, m=letter.claim.message_id)

    found = begin(store, letter, hour=hour)

    assert isinstance(found, NotBegun)
    assert (found.verdict, world.state(letter.claim.message_id)["state"], found.reason) == outcome


@pytest.mark.parametrize(
    "damage",
    [
        """update app.sending_policy set recipient_provider_caps = '{"other": "many"}' where tenant_id = %(t)s""",
        "delete from app.sending_policy where tenant_id = %(t)s",
    ],
)
def test_a_limit_that_cannot_be_read_stops_the_send_and_says_so(
    new_world: NewWorld, store: PostgresMessageStore, damage: str
) -> None:
    world = new_world()
    world.sql(damage, t=world.tenant)

    outcome = Sender(store, world).at(NOON)

    assert isinstance(outcome, NotBegun)
    assert (outcome.verdict, outcome.not_before) == ("released", NOON + 5 * MINUTE)
    assert outcome.reason.startswith("limit_unreadable: ")


def test_a_count_that_another_one_keeps_locked_stops_the_send(new_world: NewWorld, store: PostgresMessageStore) -> None:
    world = new_world()
    world.sql("update app.sending_policy set daily_cap = 9 where tenant_id = %(t)s", t=world.tenant)
    letter, hour = Sender(store, world).claimed(NOON)

    hurried = connect(store.engine.url.render_as_string(hide_password=False))
    event.listen(hurried, "connect", lambda line, _: line.execute("set lock_timeout = '20ms'") and line.commit())

    world.sql("begin")
    world.sql("lock table app.rate_bucket in access exclusive mode")
    try:
        with pytest.raises(DBAPIError):
            begin(PostgresMessageStore(hurried), letter, hour=hour)
    finally:
        world.sql("rollback")
        hurried.dispose()

    assert world.state(letter.claim.message_id)["state"] == "claimed"
    assert world.sql("select 1 from app.send_attempt where tenant_id = %(t)s", t=world.tenant) == []


def refuse(store: PostgresMessageStore, letter: Letter) -> None:
    verdict = RefusalVerdict(RefusalAction.RETRY, 60, "smtp_for_now")
    store.record_refused(letter.claim, Refused("451", "4.3.0", "busy"), verdict)


def failing_sender(store: PostgresMessageStore, world: SmallWorld, times: int) -> Sender:
    """So many of its intents, a minute apart from noon on, were refused."""
    send = Sender(store, world)
    for each in range(times):
        letter, hour = send.claimed(NOON + each * MINUTE)
        begin(store, letter, hour=hour)
        refuse(store, letter)
    return send


def test_five_errors_in_a_row_rest_a_mailbox_at_once_for_an_hour_from_the_last(
    new_world: NewWorld, store: PostgresMessageStore
) -> None:
    send = failing_sender(store, new_world(), 5)

    found = [send.at(NOON + 5 * MINUTE), send.at(NOON + HOUR + 3 * MINUTE), send.at(NOON + HOUR + 4 * MINUTE)]

    resting = NotBegun("released", "errors_in_row", NOON + HOUR + 4 * MINUTE)
    assert found == [resting, resting, send.begun]
    assert send.at(NOON + 6 * MINUTE, mailbox=1) == send.begun


def test_an_acceptance_between_the_errors_breaks_the_row(new_world: NewWorld, store: PostgresMessageStore) -> None:
    send = failing_sender(store, new_world(), 4)
    letter, hour = send.claimed(NOON + 4 * MINUTE)
    begin(store, letter, hour=hour)
    store.record_accepted(letter.claim, Accepted("id", "<id@box.example>"), subject="Hello", next_due_day=None)

    again = failing_sender(store, send.world, 0)
    letter, hour = send.claimed(NOON + 5 * MINUTE)
    begin(store, letter, hour=hour)
    refuse(store, letter)

    assert again.begun == send.at(NOON + 6 * MINUTE)


def test_a_person_who_releases_the_mailbox_ends_its_rest(new_world: NewWorld, store: PostgresMessageStore) -> None:
    send = failing_sender(store, new_world(), 5)
    send.world.sql(
        """insert into app.hold (tenant_id, scope_key, signal, factor, level, reason, since, released_at, released_reason)
           values (%(t)s, 'mailbox:' || %(m)s, 'errors', 0, 'stop', 'errors_in_a_row', %(s)s, %(r)s, 'password was wrong')""",
        t=send.world.tenant, m=send.world.mailboxes[0], s=NOON + 4 * MINUTE, r=NOON + 5 * MINUTE,
    )  # fmt: skip

    assert send.at(NOON + 6 * MINUTE) == send.begun


def test_a_refusal_and_an_intent_that_count_the_same_limits_do_not_wait_for_each_other(
    new_world: NewWorld, store: PostgresMessageStore
) -> None:
    world = new_world()
    world.sql("update app.sending_domain set daily_cap = 9 where tenant_id = %(t)s", t=world.tenant)
    world.sql("update app.provider_account_share set daily_share = 9 where tenant_id = %(t)s", t=world.tenant)
    world.sql(
        "update app.sending_policy set company_daily_cap = 9, daily_cap = 9 where tenant_id = %(t)s", t=world.tenant
    )
    send = Sender(store, world)
    refused, hour = send.claimed(NOON)
    begin(store, refused, hour=hour)
    beginning, _ = send.claimed(NOON, mailbox=1)
    company = "select from app.rate_bucket where tenant_id = %(t)s and bucket like 'recipient:%%' for update"

    with ThreadPoolExecutor(2) as pool:
        world.sql("begin")
        world.sql(company, t=world.tenant)
        intent = pool.submit(begin, store, beginning, hour=hour)
        wait_for_waiting(world, 1)
        outcome = pool.submit(refuse, store, refused)
        wait_for_waiting(world, 2)
        world.sql("commit")

        assert intent.result(30) == send.begun
        outcome.result(30)
    assert world.state(refused.claim.message_id)["state"] == "retry_wait"


def wait_for_waiting(world: SmallWorld, number: int) -> None:
    """Until so many transactions of this database wait for a lock."""
    others = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    while len(world.sql(others)) < number:
        world.sql("select pg_stat_clear_snapshot()")

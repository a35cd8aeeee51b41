"""What stops a message at its intent, after a run has claimed it: who, what and when. Limits are in `test_intent_limits`."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

import psycopg
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

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
HOLD = "insert into app.hold (tenant_id, scope_key, factor, level, reason, since) values (%(t)s, %(k)s, 0, 'stop', 'complaints', app.now())"


@pytest.fixture
def store(engine: Engine) -> PostgresMessageStore:
    return PostgresMessageStore(engine)


@pytest.fixture
def letter(store: PostgresMessageStore, world: SmallWorld) -> Letter:
    """Claimed at noon, and nothing stands in its way."""
    world.message(1)
    (letter,) = claim(store, world)
    return letter


def state_of(world: SmallWorld, letter: Letter) -> tuple[object, object]:
    row = world.state(letter.claim.message_id)
    return row["state"], row["reason"]


def thread(world: SmallWorld) -> None:
    """The first step of every sequence was accepted."""
    world.sql(
        """insert into app.thread_root (tenant_id, enrollment_id, step, wire_message_id, tag, subject, plan_day, message_id, accepted_at)
           select tenant_id, enrollment_id, 1, '<' || enrollment_id || '@box.example>', enrollment_id, 'Hello', '2026-11-13', 1, '2026-11-13 12:00Z'
             from app.enrollment where tenant_id = %(t)s""",
        t=world.tenant,
    )


def another_account(world: SmallWorld) -> AccountId:
    """A second one, as ready as the first; it is every message's first choice."""
    row = world.one(
        """insert into app.provider_account (name, kind, region, secret_ref, allowed_basis, proven_at)
           values (%(n)s, 'smtp', 'us-east-1', 'env:Y', '{consent}', clock_timestamp()) returning account_id""",
        n=f"second-of-{world.tenant}",
    )
    account = AccountId(int(str(row["account_id"])))
    world.sql("insert into app.provider_account_share (tenant_id, account_id) values (%(t)s, %(a)s)", t=world.tenant, a=account)  # fmt: skip
    world.sql(
        """insert into app.domain_account (tenant_id, domain_id, account_id, position, state, definite_state)
           values (%(t)s, %(d)s, %(a)s, 2, 'ready', 'ready')""",
        t=world.tenant, d=world.domain, a=account,
    )  # fmt: skip
    world.sql(
        "update app.message set account_ids = array[%(a)s::int] || account_ids where tenant_id = %(t)s", t=world.tenant, a=account,
    )  # fmt: skip
    return account


def test_an_intent_needs_the_claim_that_is_in_force(
    store: PostgresMessageStore, world: SmallWorld, letter: Letter
) -> None:
    store.release(world.tenant, letter.claim.token)
    (of_another_run,) = claim(store, world)

    outcome = begin(store, letter)

    assert outcome == NotBegun("lost", "claim_lost", None)
    row = world.state(letter.claim.message_id)
    assert (row["state"], row["token"]) == ("claimed", of_another_run.claim.token)


def test_a_message_whose_call_is_under_way_begins_no_second_time(
    store: PostgresMessageStore, world: SmallWorld, letter: Letter
) -> None:
    world.sql("update app.mailbox set min_gap_seconds = 0 where tenant_id = %(t)s", t=world.tenant)
    begin(store, letter)

    outcome = begin(store, letter)

    assert outcome == NotBegun("lost", "claim_lost", None)
    assert state_of(world, letter)[0] == "sending"


def test_an_intent_refuses_a_snapshot_that_is_older_than_its_locks(engine: Engine, letter: Letter) -> None:
    stale = connect(engine.url.render_as_string(hide_password=False))
    isolation = "set default_transaction_isolation = 'repeatable read'"
    event.listen(stale, "connect", lambda line, _: line.execute(isolation) and line.commit())

    with pytest.raises(DBAPIError, match="needs READ COMMITTED"):
        begin(PostgresMessageStore(stale), letter, epoch=1)
    stale.dispose()


def test_a_window_that_closes_after_the_claim_ends_the_message(
    store: PostgresMessageStore, world: SmallWorld, letter: Letter
) -> None:
    world.sql("update app.message set window_end = %(end)s where tenant_id = %(t)s", t=world.tenant, end=NOON + MINUTE)
    world.at(NOON + MINUTE)

    begin(store, letter)

    assert state_of(world, letter) == ("expired", "window_passed")


def test_a_clock_that_is_set_back_before_the_runs_hour_hands_the_claim_back(
    store: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1, due_at=NOON - 30 * MINUTE)
    (letter,) = claim(store, world)
    world.at(NOON - SECOND)

    outcome = begin(store, letter)

    assert outcome == NotBegun("released", "outside_run_hour", NOON - 30 * MINUTE)


def test_a_message_claimed_ahead_waits_for_its_slot(store: PostgresMessageStore, world: SmallWorld) -> None:
    message = world.message(1, due_at=NOON + 20 * SECOND)
    world.sql("update app.message set not_before = %(n)s where message_id = %(m)s", n=NOON, m=message)
    (letter,) = claim(store, world, ahead_seconds=30)

    outcome = begin(store, letter)

    assert outcome == NotBegun("released", "not_due_yet", NOON + 20 * SECOND)
    assert world.state(letter.claim.message_id)["attempt"] == 0


def test_a_clock_that_is_set_back_hastens_no_message_that_was_put_off(
    store: PostgresMessageStore, world: SmallWorld
) -> None:
    message = world.message(1, due_at=NOON + MINUTE)
    world.sql("update app.message set not_before = %(n)s where message_id = %(m)s", n=NOON + 2 * MINUTE, m=message)
    world.at(NOON + 2 * MINUTE)
    (letter,) = claim(store, world)
    world.at(NOON)

    outcome = begin(store, letter)

    assert outcome == NotBegun("released", "not_due_yet", NOON + 2 * MINUTE)
    assert world.state(message)["not_before"] == NOON + 2 * MINUTE


SUPPRESS = "select set_config('app.tenant', %(t)s::text, true), app.suppress(%(t)s, %(subject)s, %(hmac)s, 'tenant', 0, 'objection', 'test')"  # fmt: skip


@pytest.mark.parametrize(
    ("subject", "hmac", "outcome"),
    [("address", "recipient_hmac", "objection"), ("domain", "domain_hmac", "domain_objection")],
)
def test_an_intent_waits_for_a_suppression_that_is_being_written_and_obeys_it(
    store: PostgresMessageStore, world: SmallWorld, letter: Letter, outreach_admin_url: str, subject: str, hmac: str, outcome: str
) -> None:  # fmt: skip
    value = world.state(letter.claim.message_id)[hmac]

    def suppress(writer: psycopg.Connection[tuple[object, ...]]) -> None:
        writer.execute(SUPPRESS, {"t": world.tenant, "subject": subject, "hmac": value})

    _while_writing(world, outreach_admin_url, suppress, lambda: begin(store, letter))

    assert state_of(world, letter) == ("suppressed", outcome)


def test_an_intent_waits_for_the_tenant_to_be_stopped(
    store: PostgresMessageStore, world: SmallWorld, letter: Letter, outreach_admin_url: str
) -> None:
    def pause(writer: psycopg.Connection[tuple[object, ...]]) -> None:
        writer.execute("select pg_advisory_xact_lock(app.lock_key('tenant', %s))", [str(world.tenant)])
        writer.execute(
            "update app.tenant set state = 'paused', pause_reason = 'test' where tenant_id = %s", [world.tenant]
        )

    outcome = _while_writing(world, outreach_admin_url, pause, lambda: begin(store, letter))

    assert outcome == NotBegun("released", "tenant_paused", NOON + 5 * MINUTE)


def test_an_intent_waits_for_the_epoch_to_be_raised(
    store: PostgresMessageStore, world: SmallWorld, letter: Letter, outreach_admin_url: str
) -> None:
    epoch = store.epoch()

    def restore(writer: psycopg.Connection[tuple[object, ...]]) -> None:
        writer.execute("select pg_advisory_xact_lock(app.lock_key('global'))")
        writer.execute("update app.epoch set number = number + 1")

    outcome = _while_writing(world, outreach_admin_url, restore, lambda: begin(store, letter, epoch=epoch))

    assert outcome == NotBegun("released", "epoch_raised", NOON)


def _while_writing(
    world: SmallWorld,
    admin_url: str,
    write: Callable[[psycopg.Connection[tuple[object, ...]]], None],
    intend: Callable[[], Begun | NotBegun],
) -> Begun | NotBegun:
    """Begin while another transaction has written and not committed; it commits once the intent waits, or is over."""
    with ThreadPoolExecutor(1) as pool, psycopg.connect(admin_url) as writer:
        write(writer)
        intent = pool.submit(intend)
        _until_it_waits(world, intent)
        writer.commit()
        return intent.result(30)


def _until_it_waits(world: SmallWorld, intent: "Future[Begun | NotBegun]") -> None:
    waiting = "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    while not intent.done() and not world.sql(waiting):
        pass


def test_a_clock_that_stands_before_the_last_heartbeat_stops_sending(
    store: PostgresMessageStore, world: SmallWorld, letter: Letter
) -> None:
    world.sql("update app.environment set heartbeat_at = clock_timestamp() + interval '1 minute'")

    outcome = begin(store, letter)

    world.sql("update app.environment set heartbeat_at = clock_timestamp()")
    assert outcome == NotBegun("released", "clock_guard", NOON)


SUPPRESSION = """
    insert into app.suppression (tenant_id, subject, subject_hmac, kind, source, created_at, scope, scope_id, expires_at, lifted_at, lifted_reason)
    select m.tenant_id, %(subject)s, case %(subject)s when 'domain' then m.domain_hmac else m.recipient_hmac end, 'manual', 'test', app.now(),
           %(scope)s, case %(scope)s when 'campaign' then m.campaign_id when 'mailbox' then m.mailbox_id else 0 end + %(beside)s,
           %(expires)s::timestamptz, %(lifted)s::timestamptz, case when %(lifted)s::timestamptz is not null then 'test' end
      from app.message m where m.message_id = %(m)s"""


def suppression(subject: str = "address", scope: str = "tenant", beside: int = 0, **times: object) -> dict[str, object]:
    return {"subject": subject, "scope": scope, "beside": beside, "expires": None, "lifted": None} | times


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (suppression(), "manual"),
        (suppression("domain"), "domain_manual"),
        (suppression(scope="campaign"), "manual"),
        (suppression(scope="mailbox"), "manual"),
        (suppression("domain", "campaign"), "domain_manual"),
        (suppression(expires=NOON + SECOND), "manual"),
    ],
)
def test_a_suppression_in_force_for_this_send_closes_it(
    store: PostgresMessageStore, world: SmallWorld, letter: Letter, row: dict[str, object], reason: str
) -> None:
    world.sql(SUPPRESSION, m=letter.claim.message_id, **row)

    begin(store, letter)

    assert state_of(world, letter) == ("suppressed", reason)
    assert world.state(letter.claim.message_id)["attempt"] == 0


@pytest.mark.parametrize(
    "row",
    [
        suppression(scope="campaign", beside=1),
        suppression(scope="mailbox", beside=1),
        suppression(expires=NOON),
        suppression(lifted=NOON),
    ],
)
def test_a_suppression_of_another_scope_or_another_time_closes_nothing(
    store: PostgresMessageStore, world: SmallWorld, letter: Letter, row: dict[str, object]
) -> None:
    world.sql(SUPPRESSION, m=letter.claim.message_id, **row)

    assert begin(store, letter) == Begun(world.account)


def test_somebody_suppressed_for_every_tenant_is_not_written_to(
    store: PostgresMessageStore, world: SmallWorld, letter: Letter
) -> None:
    world.sql(
        "insert into app.global_suppression select global_hmac, 'manual', 'test' from app.lead where tenant_id = %(t)s", t=world.tenant,
    )  # fmt: skip

    begin(store, letter)

    assert state_of(world, letter) == ("suppressed", "global_or_erased")


def test_somebody_erased_after_the_claim_is_not_written_to(
    store: PostgresMessageStore, world: SmallWorld, letter: Letter
) -> None:
    world.sql("update app.lead set address = null, erased_at = app.now() where tenant_id = %(t)s", t=world.tenant)

    begin(store, letter)

    assert state_of(world, letter) == ("suppressed", "global_or_erased")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("update app.enrollment set step = 2, mailbox_id = %(b)s where tenant_id = %(t)s", "step_passed"),
        ("update app.enrollment set out_of_office_until = '2026-11-18' where tenant_id = %(t)s", "out_of_office"),
        ("update app.mailbox set inbox_id = null where tenant_id = %(t)s", "mailbox_has_no_inbox"),
    ],
)
def test_what_ends_a_message_after_its_claim_ends_it_at_the_intent(
    store: PostgresMessageStore, world: SmallWorld, letter: Letter, change: str, reason: str
) -> None:
    world.sql(change, t=world.tenant, b=world.mailboxes[0])

    begin(store, letter)

    assert state_of(world, letter) == ("cancelled", reason)


@pytest.mark.parametrize("state", ["resting", "retired"])
def test_a_domain_that_rests_or_has_retired_after_the_claim_sends_nothing(
    store: PostgresMessageStore, world: SmallWorld, letter: Letter, state: str
) -> None:
    world.sql("update app.sending_domain set state = %(s)s where tenant_id = %(t)s", s=state, t=world.tenant)

    begin(store, letter)

    assert state_of(world, letter) == ("cancelled", f"domain_{state}")


def test_somebody_back_from_leave_is_written_to_on_the_day_after(
    store: PostgresMessageStore, world: SmallWorld, letter: Letter
) -> None:
    world.sql("update app.enrollment set out_of_office_until = '2026-11-17' where tenant_id = %(t)s", t=world.tenant)

    assert begin(store, letter) == Begun(world.account)


def test_the_last_day_of_leave_is_the_tenants_own(
    store: PostgresMessageStore, world: SmallWorld, letter: Letter
) -> None:
    # In Auckland the 19th has begun.
    world.sql("update app.tenant set zone = 'Pacific/Auckland' where tenant_id = %(t)s", t=world.tenant)
    world.sql("update app.enrollment set out_of_office_until = '2026-11-18' where tenant_id = %(t)s", t=world.tenant)

    assert begin(store, letter) == Begun(world.account)


@pytest.mark.parametrize("scope", ["tenant", "mailbox:{b}", "domain:{d}", "campaign:{c}", "provider:{b}:other", "lead_file:{f}"])  # fmt: skip
def test_a_hold_on_anything_that_a_send_touches_stops_it_until_it_is_released(
    store: PostgresMessageStore, world: SmallWorld, letter: Letter, scope: str
) -> None:
    file = _lead_file(world)
    key = scope.format(b=world.mailboxes[0], d=world.domain, c=world.campaign, f=file)
    world.sql(HOLD, t=world.tenant, k=key)

    held = begin(store, letter)

    assert held == NotBegun("released", "held: complaints", NOON + 15 * MINUTE)
    world.sql("update app.hold set released_at = app.now(), released_reason = 'test' where tenant_id = %(t)s", t=world.tenant)  # fmt: skip
    world.at(NOON + 15 * MINUTE)
    (again,) = claim(store, world)
    assert begin(store, again) == Begun(world.account)


def _lead_file(world: SmallWorld) -> object:
    file = world.one(
        """insert into app.lead_file (tenant_id, sha256, object_key, row_count, accepted, already_known, rejected)
           values (%(t)s, %(h)s, 'k', 1, 1, 0, 0) returning lead_file_id""",
        t=world.tenant, h="f" * 64,
    )["lead_file_id"]  # fmt: skip
    world.sql(
        "insert into app.lead_source (tenant_id, lead_file_id, line, lead_id) select tenant_id, %(f)s, 1, lead_id from app.lead where tenant_id = %(t)s",
        t=world.tenant, f=file,
    )  # fmt: skip
    return file


def test_a_hold_on_what_a_send_does_not_touch_stops_nothing(
    store: PostgresMessageStore, world: SmallWorld, letter: Letter
) -> None:
    for key in (f"mailbox:{world.mailboxes[1]}", f"provider:{world.mailboxes[0]}:google", "lead_file:1", f"campaign:{world.campaign + 1}"):  # fmt: skip
        world.sql(HOLD, t=world.tenant, k=key)

    assert begin(store, letter) == Begun(world.account)


def test_a_follow_up_needs_the_first_message_that_it_answers(store: PostgresMessageStore, world: SmallWorld) -> None:
    world.message(1, step=2)
    (letter,) = claim(store, world)

    begin(store, letter)

    assert state_of(world, letter) == ("cancelled", "thread_has_no_first_message")


def test_a_follow_up_goes_while_the_way_back_of_its_account_waits_for_its_next_proof(
    store: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1, step=2)
    thread(world)
    world.sql("update app.provider_account set proven_at = null where account_id = %(a)s", a=world.account)
    (letter,) = claim(store, world)

    assert begin(store, letter) == Begun(world.account)


def test_a_first_message_goes_by_the_first_usable_account_of_its_list(
    store: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1)
    first_choice = another_account(world)
    (letter,) = claim(store, world)

    assert begin(store, letter) == Begun(first_choice)


@pytest.mark.parametrize(
    "change",
    [
        "update app.domain_account set definite_state = 'not_ready' where tenant_id = %(t)s and account_id = %(a)s",
        "update app.domain_account set state = 'unknown', definite_state = null where tenant_id = %(t)s and account_id = %(a)s",
        "update app.provider_account set allowed_basis = '{contract}' where account_id = %(a)s",
        "update app.provider_account set breaker = 'open', breaker_until = clock_timestamp() + interval '1 minute' where account_id = %(a)s",
        "update app.provider_account set proven_at = clock_timestamp() - interval '61 minutes' where account_id = %(a)s",
    ],
)
def test_an_account_that_cannot_be_used_gives_way_to_the_next(
    store: PostgresMessageStore, world: SmallWorld, change: str
) -> None:
    world.message(1)
    world.sql(change, t=world.tenant, a=another_account(world))
    (letter,) = claim(store, world)

    assert begin(store, letter) == Begun(world.account)


@pytest.mark.parametrize(
    "change",
    [
        # A look-up that failed is no news: what was last known for certain holds.
        "update app.domain_account set state = 'unknown' where tenant_id = %(t)s",
        "update app.provider_account set breaker = 'open', breaker_until = clock_timestamp() - interval '1 second' where account_id = %(a)s",
    ],
)
def test_an_account_is_not_given_up_for_silence_or_for_a_breaker_whose_time_is_over(
    store: PostgresMessageStore, world: SmallWorld, letter: Letter, change: str
) -> None:
    world.sql(change, t=world.tenant, a=world.account)

    assert begin(store, letter) == Begun(world.account)


@pytest.mark.parametrize("scope", ["account:{a}", "path:{b}:{a}"])
def test_a_stopped_path_is_waited_for_and_not_gone_round_by_another_account(
    store: PostgresMessageStore, world: SmallWorld, scope: str
) -> None:
    world.message(1)
    first_choice = another_account(world)
    world.sql(HOLD, t=world.tenant, k=scope.format(a=first_choice, b=world.mailboxes[0]))
    (letter,) = claim(store, world)

    assert begin(store, letter) == NotBegun("released", "path_held", NOON + 15 * MINUTE)


def test_an_account_stopped_for_all_its_tenants_sends_for_none(
    store: PostgresMessageStore, world: SmallWorld, letter: Letter
) -> None:
    world.sql(
        "insert into app.account_hold (account_id, factor, reason, since) values (%(a)s, 0, 'complaints', app.now())", a=world.account,
    )  # fmt: skip

    assert begin(store, letter) == NotBegun("released", "path_held", NOON + 15 * MINUTE)


def test_the_last_second_of_the_runs_hour_is_its_own(
    store: PostgresMessageStore, world: SmallWorld, letter: Letter
) -> None:
    world.at(NOON + HOUR - SECOND)

    assert begin(store, letter) == Begun(world.account)

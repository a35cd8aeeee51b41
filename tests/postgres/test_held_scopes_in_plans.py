"""Every hold that stops or slows an intent is told to the plan, which says so and places no more than the intents let go."""

from datetime import timedelta
from fractions import Fraction

import pytest
from send_steps import begin, claim
from small_world import NOON, SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.plan_store import PostgresPlanStore
from outreach_pipelines.application.ports import Begun, NotBegun
from outreach_pipelines.domain.send_plan.plan import Constraint
from outreach_pipelines.domain.send_plan.planner import plan
from outreach_pipelines.domain.send_plan.snapshot import Hold, Snapshot

TODAY = NOON.date()


def hold(world: SmallWorld, scope: str, factor: str = "0") -> None:
    """`scope` names the world's own: {c} campaign, {m} first mailbox, {a} account, {f} lead file."""
    named = scope.format(c=world.campaign, m=world.mailboxes[0], a=world.account, f=_file_of(world))
    world.sql(
        "insert into app.hold (tenant_id, scope_key, factor, level, reason, since) values (%(t)s, %(k)s, %(f)s, 'stop', 'manual', app.now())",
        t=world.tenant, k=named, f=factor,
    )  # fmt: skip


def hold_account_of_all(world: SmallWorld, factor: str = "0") -> None:
    world.sql(
        """insert into app.account_hold (account_id, signal, level, factor, reason, sentence, evidence, since)
           values (%(a)s, 'complaints', 'stop', %(f)s, 'manual', '', '{}', app.now())""",
        a=world.account, f=factor,
    )  # fmt: skip


def _file_of(world: SmallWorld) -> object:
    """The file with which all leads of the world came."""
    rows = world.sql("select lead_file_id from app.lead_file where tenant_id = %(t)s", t=world.tenant)
    if rows:
        return rows[0]["lead_file_id"]
    file = world.one(
        """insert into app.lead_file (tenant_id, sha256, object_key, row_count, accepted, already_known, rejected)
           values (%(t)s, repeat('a', 64), 'leads.csv', 9, 9, 0, 0) returning lead_file_id""",
        t=world.tenant,
    )["lead_file_id"]
    world.sql(
        """insert into app.lead_source (tenant_id, lead_file_id, line, lead_id)
           select tenant_id, %(f)s, row_number() over (order by lead_id), lead_id from app.lead where tenant_id = %(t)s""",
        t=world.tenant, f=file,
    )  # fmt: skip
    return file


def snapshot(engine: Engine, world: SmallWorld) -> Snapshot:
    return PostgresPlanStore(engine).snapshot(world.tenant, TODAY)


def only_one_mailbox(world: SmallWorld) -> None:
    world.sql(
        "update app.mailbox set state = 'retired' where tenant_id = %(t)s and mailbox_id <> %(m)s",
        t=world.tenant,
        m=world.mailboxes[0],
    )


@pytest.mark.parametrize(
    ("scope", "constraint"),
    [
        ("campaign:{c}", Constraint.CAMPAIGN_HELD),
        ("lead_file:{f}", Constraint.LEAD_FILE_HELD),
        ("provider:{m}:other", Constraint.PROVIDER_HELD),
        ("path:{m}:{a}", Constraint.PATH_HELD),
        ("account:{a}", Constraint.PATH_HELD),
    ],
)
def test_what_stops_an_intent_is_the_reason_of_the_plan(
    engine: Engine, world: SmallWorld, scope: str, constraint: Constraint
) -> None:
    only_one_mailbox(world)
    world.message(1)
    world.enroll(2)
    hold(world, scope)

    (letter,) = claim(PostgresMessageStore(engine), world)
    intent = begin(PostgresMessageStore(engine), letter)
    decisions = plan(snapshot(engine, world)).decisions

    assert isinstance(intent, NotBegun)
    assert intent.reason in ("held: manual", "path_held")
    assert {row.bound_by for row in decisions} == {constraint}
    assert all("a person holds it" in row.detail for row in decisions)


def test_a_hold_on_an_account_of_all_tenants_is_told_too(engine: Engine, world: SmallWorld) -> None:
    world.enroll(1)
    hold_account_of_all(world)

    (decision,) = plan(snapshot(engine, world)).decisions

    assert decision.bound_by is Constraint.PATH_HELD


def test_of_the_tenants_hold_on_an_account_and_that_of_all_the_one_that_leaves_less_is_told(
    engine: Engine, world: SmallWorld
) -> None:
    hold_account_of_all(world, "0.25")
    hold(world, "account:{a}", "0.5")

    (account,) = snapshot(engine, world).accounts

    assert account.hold == Hold(Fraction(1, 4), "a person holds it")


def test_a_hold_on_a_lead_file_keeps_nobody_back_who_did_not_come_with_it(engine: Engine, world: SmallWorld) -> None:
    held = world.enroll(1)
    hold(world, "lead_file:{f}")
    free = world.enroll(2)

    bound = {row.enrollment_id: row.bound_by for row in plan(snapshot(engine, world)).decisions}

    assert bound == {held: Constraint.LEAD_FILE_HELD, free: None}


def test_a_hold_that_ends_before_the_day_begins_is_none_of_its_plan(engine: Engine, world: SmallWorld) -> None:
    world.sql(
        """insert into app.hold (tenant_id, scope_key, factor, level, reason, since, until)
           values (%(t)s, 'mailbox:' || %(m)s, 0, 'stop', 'manual', app.now(), app.now() + interval '2 hours')""",
        t=world.tenant, m=world.mailboxes[0],
    )  # fmt: skip
    store = PostgresPlanStore(engine)

    today, tomorrow = (
        store.snapshot(world.tenant, day).mailboxes[0].hold for day in (TODAY, TODAY + timedelta(days=1))
    )

    assert today == Hold(Fraction(0), "a person holds it")
    assert tomorrow is None


def intents(engine: Engine, world: SmallWorld) -> list[Begun | NotBegun]:
    """What becomes of each message that is due, if the pace never speaks against it."""
    store = PostgresMessageStore(engine)
    found = []
    for letter in claim(store, world):
        world.sql("update app.mailbox set next_at = '-infinity' where tenant_id = %(t)s", t=world.tenant)
        found.append(begin(store, letter))
    return found


@pytest.mark.parametrize("scope", ["campaign:{c}", "lead_file:{f}", "provider:{m}:other", "path:{m}:{a}"])
def test_a_slowed_plan_places_as_many_as_the_intents_of_its_day_let_go(
    engine: Engine, world: SmallWorld, scope: str
) -> None:
    only_one_mailbox(world)
    world.sql("update app.mailbox set daily_cap = 6, min_gap_seconds = 1 where tenant_id = %(t)s", t=world.tenant)
    for number in range(1, 7):
        world.message(number)
    hold(world, scope, "0.5")

    placed = plan(snapshot(engine, world)).breakdown.placed
    begun = [outcome for outcome in intents(engine, world) if not isinstance(outcome, NotBegun)]

    assert placed == len(begun) == 3

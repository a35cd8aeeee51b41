"""From facts to released messages on real PostgreSQL: the real snapshot, the real planner, the real release."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from small_world import HOUR, NOON, SmallWorld, build_world
from sqlalchemy import Engine

from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.adapters.postgres.bootstrap import DatabaseUrls, Role
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.plan_store import PostgresPlanStore
from outreach_pipelines.adapters.postgres.tenant_session import connect
from outreach_pipelines.application.plan_sends import PlanFiles, PlannedDay, Release, SavedPlan, plan_sends
from outreach_pipelines.application.stored_objects import ObjectStore, object_key
from outreach_pipelines.domain.letter import ClaimToken
from outreach_pipelines.domain.message import PlanId
from outreach_pipelines.domain.send_plan.codec import decode_plan
from outreach_pipelines.domain.send_plan.plan import PlanHash
from outreach_pipelines.domain.send_plan.planner import plan as plan_day
from outreach_pipelines.errors import NotFound, Refused

DAY = date(2026, 11, 19)  # a Thursday; policy time stands at noon of the Wednesday before
MORNING = NOON + timedelta(hours=21)
FILES = PlanFiles(object_key("plans/t/snapshot.json"), object_key("plans/t/plan.json"))


@pytest.fixture(scope="module")
def engine(outreach_database: DatabaseUrls) -> Iterator[Engine]:
    engine = connect(outreach_database[Role.APP])
    yield engine
    engine.dispose()


@pytest.fixture
def world(outreach_admin_url: str, outreach_database: DatabaseUrls) -> Iterator[SmallWorld]:
    world = build_world(outreach_admin_url)
    yield world
    world.admin.close()


@pytest.fixture
def store(engine: Engine) -> PostgresPlanStore:
    return PostgresPlanStore(engine)


@pytest.fixture
def objects(tmp_path: Path) -> ObjectStore:
    return LocalObjectStore(tmp_path)


def planned(store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld, day: date = DAY) -> PlannedDay:
    return plan_sends(store, objects, tenant=world.tenant, day=day)


def draft(store: PostgresPlanStore, world: SmallWorld) -> SavedPlan:
    snapshot = store.snapshot(world.tenant, DAY)
    return store.save(snapshot, plan_day(snapshot), FILES)


def messages_of(world: SmallWorld, day: date = DAY) -> list[dict[str, object]]:
    return world.sql(
        "select * from app.message where tenant_id = %(t)s and plan_day = %(d)s order by message_id",
        t=world.tenant,
        d=day,
    )


def statuses(store: PostgresPlanStore, world: SmallWorld) -> list[tuple[int, str]]:
    return [(row.version, row.status) for row in store.plans(world.tenant, DAY)]


def states(world: SmallWorld) -> list[object]:
    return [row["state"] for row in messages_of(world)]


def claim_all(engine: Engine, world: SmallWorld) -> list[int]:
    """What a run of nine o'clock takes of the day's first hour."""
    world.at(MORNING + timedelta(minutes=59, seconds=59))
    letters = PostgresMessageStore(engine).claim(
        world.tenant, hour=MORNING, token=ClaimToken(uuid4()), most=1, ahead_seconds=0
    )
    return [letter.claim.message_id for letter in letters]


def test_a_day_is_planned_and_released_as_messages_at_their_slots(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    enrolled = {world.enroll(number) for number in range(5)}

    done = planned(store, objects, world)

    assert done.release == Release(made=5, moved=0, kept=0, superseded=0, already=False)
    rows = messages_of(world)
    assert {row["enrollment_id"] for row in rows} == enrolled
    placements = {(each.enrollment_id, each.mailbox_id, each.due_at, each.window_end) for each in done.plan.placements}
    assert {(row["enrollment_id"], row["mailbox_id"], row["due_at"], row["window_end"]) for row in rows} == placements
    assert set(states(world)) == {"planned"}


def test_the_plan_that_was_stored_is_the_plan_that_was_released(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    world.enroll(1)

    done = planned(store, objects, world)

    assert decode_plan(objects.get(done.files.plan)) == done.plan


def test_a_draft_sends_nothing(store: PostgresPlanStore, engine: Engine, world: SmallWorld) -> None:
    world.enroll(1)

    draft(store, world)

    assert messages_of(world) == []
    assert claim_all(engine, world) == []


def test_releasing_twice_changes_nothing(store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld) -> None:
    world.enroll(1)
    done = planned(store, objects, world)
    before = messages_of(world)

    again = store.release(world.tenant, done.saved.plan_id, "once more")

    assert again.already
    assert messages_of(world) == before


def test_four_releases_at_once_make_each_message_once(store: PostgresPlanStore, world: SmallWorld) -> None:
    for number in range(10):
        world.enroll(number)
    saved = draft(store, world)

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: store.release(world.tenant, saved.plan_id, "test"), range(4)))

    assert sorted(each.made for each in done) == [0, 0, 0, 10]
    assert len(messages_of(world)) == 10


def test_planning_twice_on_the_same_facts_saves_one_plan(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    for number in range(3):
        world.enroll(number)

    first, second = planned(store, objects, world), planned(store, objects, world)

    assert (first.saved.new, second.saved.new) == (True, False)
    assert first.saved.plan_id == second.saved.plan_id
    assert second.release is not None
    assert second.release.already
    assert len(messages_of(world)) == 3


def test_a_re_plan_moves_what_is_the_same_and_adds_what_is_new(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    first = world.enroll(1)
    planned(store, objects, world)
    (before,) = messages_of(world)
    world.enroll(2)

    again = planned(store, objects, world)

    assert again.release is not None
    assert again.release.made + again.release.moved + again.release.superseded >= 2
    live = [row for row in messages_of(world) if row["state"] == "planned"]
    assert len(live) == 2
    assert {row["plan_id"] for row in live} == {again.saved.plan_id}
    (same,) = [row for row in live if row["enrollment_id"] == first]
    unmoved = (same["mailbox_id"], same["due_at"]) == (before["mailbox_id"], before["due_at"])
    assert (same["message_id"] == before["message_id"]) is unmoved


def test_a_plan_with_the_same_slot_keeps_the_message_as_it_is(store: PostgresPlanStore, world: SmallWorld) -> None:
    world.enroll(1)
    snapshot = store.snapshot(world.tenant, DAY)
    plan = plan_day(snapshot)
    first = store.save(snapshot, plan, FILES)
    store.release(world.tenant, first.plan_id, "test")
    (before,) = messages_of(world)
    second = store.save(snapshot, replace(plan, plan_hash=PlanHash("another")), FILES)

    done = store.release(world.tenant, second.plan_id, "test")

    assert done == Release(made=0, moved=1, kept=0, superseded=0, already=False)
    assert messages_of(world) == [before | {"plan_id": second.plan_id}]
    assert statuses(store, world) == [(2, "released"), (1, "revoked")]


def test_a_planned_message_that_the_new_plan_does_not_place_is_superseded_with_its_reason(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    enrollment = world.enroll(1)
    planned(store, objects, world)
    world.sql(
        "update app.enrollment set due_day = %(d)s where enrollment_id = %(e)s", d=DAY + timedelta(days=7), e=enrollment
    )

    again = planned(store, objects, world)

    assert again.release == Release(made=0, moved=0, kept=0, superseded=1, already=False)
    (row,) = messages_of(world)
    assert (row["state"], row["reason"]) == ("superseded", f"plan {again.saved.plan_id} took its place")


def test_another_slot_supersedes_the_old_row_and_points_the_key_to_the_new_one(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    world.enroll(1)
    planned(store, objects, world)
    (old,) = messages_of(world)
    world.sql("update app.mailbox set state = 'resting' where mailbox_id = %(m)s", m=old["mailbox_id"])

    again = planned(store, objects, world)

    assert again.release == Release(made=1, moved=0, kept=0, superseded=1, already=False)
    assert states(world) == ["superseded", "planned"]
    new = messages_of(world)[1]
    assert new["send_key"] == old["send_key"]
    assert (
        world.one("select message_id from app.send_key where tenant_id = %(t)s", t=world.tenant)["message_id"]
        == new["message_id"]
    )


def test_a_message_claimed_before_the_re_plan_is_kept_and_may_go(
    store: PostgresPlanStore, objects: ObjectStore, engine: Engine, world: SmallWorld
) -> None:
    world.enroll(1)
    planned(store, objects, world)
    world.sql(
        "update app.message set due_at = window_start, not_before = window_start where tenant_id = %(t)s",
        t=world.tenant,
    )
    (message,) = claim_all(engine, world)
    world.enroll(2)

    again = planned(store, objects, world)

    assert again.release is not None
    assert (again.release.made, again.release.kept) == (1, 1)
    kept = world.state(message)
    assert (kept["state"], kept["plan_id"]) == ("claimed", again.saved.plan_id)


def test_a_message_claimed_between_plan_and_release_is_kept_with_the_reason(
    store: PostgresPlanStore, objects: ObjectStore, engine: Engine, world: SmallWorld
) -> None:
    world.enroll(1)
    planned(store, objects, world)
    world.sql(
        "update app.mailbox set state = 'resting' where mailbox_id = (select mailbox_id from app.message where tenant_id = %(t)s)",
        t=world.tenant,
    )
    second = draft(store, world)
    world.sql(
        "update app.message set due_at = window_start, not_before = window_start where tenant_id = %(t)s",
        t=world.tenant,
    )
    (message,) = claim_all(engine, world)

    done = store.release(world.tenant, second.plan_id, "test")

    assert (done.made, done.superseded) == (0, 0)
    assert states(world) == ["claimed"]
    decision = world.one("select message_id, kept_reason from app.decision where plan_id = %(p)s", p=second.plan_id)
    assert decision == {"message_id": message, "kept_reason": "claimed by a run"}


@pytest.mark.parametrize("state", ["sending", "in_doubt", "unknown", "accepted"])
def test_what_may_be_with_a_provider_is_never_made_a_second_time(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld, state: str
) -> None:
    world.enroll(1)
    planned(store, objects, world)
    world.sql(
        "update app.mailbox set state = 'resting' where mailbox_id = (select mailbox_id from app.message where tenant_id = %(t)s)",
        t=world.tenant,
    )
    second = draft(store, world)
    world.sql(
        """update app.message set state = %(s)s, reason = 'test', accepted_at = now(),
              token = case %(s)s when 'sending' then gen_random_uuid() end, lease_until = case %(s)s when 'sending' then now() end where tenant_id = %(t)s""",
        s=state, t=world.tenant,
    )  # fmt: skip

    done = store.release(world.tenant, second.plan_id, "test")

    assert done == Release(made=0, moved=0, kept=1, superseded=0, already=False)
    assert states(world) == [state]
    decision = world.one("select kept_reason from app.decision where plan_id = %(p)s", p=second.plan_id)
    assert decision == {"kept_reason": f"not replaced: {state}"}


@pytest.mark.parametrize("outcome", ["open", "accepted", "accepted_twice", "in_doubt", "unknown"])
def test_a_message_whose_attempt_may_stand_is_not_replaced_whatever_its_own_state_says(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld, outcome: str
) -> None:
    world.enroll(1)
    planned(store, objects, world)
    (row,) = messages_of(world)
    world.sql(
        """insert into app.send_attempt (tenant_id, plan_day, message_id, attempt, account_id, mailbox_id, domain_id, tag, begun_policy_at, mailbox_day, outcome, ended_at)
           values (%(t)s, %(day)s, %(m)s, 1, %(a)s, %(b)s, %(d)s, 'tag', %(now)s, %(day)s, %(o)s, case %(o)s when 'open' then null else now() end)""",
        t=world.tenant, day=DAY, m=row["message_id"], a=world.account, b=row["mailbox_id"], d=world.domain, now=NOON, o=outcome,
    )  # fmt: skip
    world.sql("update app.message set state = 'expired', reason = 'test' where tenant_id = %(t)s", t=world.tenant)
    world.sql("update app.mailbox set state = 'resting' where mailbox_id = %(m)s", m=row["mailbox_id"])

    done = planned(store, objects, world)

    assert done.release is not None
    assert (done.release.made, done.release.kept) == (0, 1)


def test_a_past_day_gets_decisions_and_no_messages(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    world.enroll(1)
    world.at(NOON + timedelta(days=2))

    done = planned(store, objects, world)

    assert done.release is None
    assert done.blockers == ("the day is over: this plan is for reading",)
    assert messages_of(world) == []
    (row,) = store.plans(world.tenant, DAY)
    assert (row.status, row.placed, row.not_placed_by) == ("draft", 0, {"past_day": 1})


def test_a_past_day_without_candidates_stays_a_draft_too(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    world.at(NOON + timedelta(days=2))

    assert planned(store, objects, world).blockers == ("the day is over: this plan is for reading",)


def test_the_database_itself_refuses_to_release_a_day_that_is_over(store: PostgresPlanStore, world: SmallWorld) -> None:
    world.enroll(1)
    saved = draft(store, world)
    world.at(NOON + timedelta(days=1, hours=12))

    with pytest.raises(Refused, match="2026-11-19 is over"):
        store.release(world.tenant, saved.plan_id, "test")


def test_a_day_is_over_by_the_tenants_own_calendar(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    world.sql("update app.tenant set zone = 'Pacific/Kiritimati' where tenant_id = %(t)s", t=world.tenant)
    world.at(NOON + timedelta(hours=22))  # ten o'clock of the 19th in London, midnight of the 20th there

    assert planned(store, objects, world).blockers == ("the day is over: this plan is for reading",)


def test_a_plan_of_another_tenant_or_of_nobody_is_not_found(store: PostgresPlanStore, world: SmallWorld) -> None:
    with pytest.raises(NotFound):
        store.release(world.tenant, PlanId(10**9), "test")


def test_only_the_newest_version_of_a_day_may_be_released(store: PostgresPlanStore, world: SmallWorld) -> None:
    world.enroll(1)
    first = draft(store, world)
    world.enroll(2)
    draft(store, world)

    with pytest.raises(Refused, match="newer version"):
        store.release(world.tenant, first.plan_id, "test")


def test_facts_that_change_and_change_back_while_the_plan_is_blocked_give_a_plan_that_may_be_released(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    enrollment = world.enroll(1)
    draft(store, world)
    world.sql(
        "update app.enrollment set due_day = %(d)s where enrollment_id = %(e)s", d=DAY + timedelta(days=7), e=enrollment
    )
    draft(store, world)
    world.sql("update app.enrollment set due_day = null where enrollment_id = %(e)s", e=enrollment)

    done = planned(store, objects, world)

    assert (done.saved.version, done.saved.new) == (3, True)
    assert done.release is not None
    assert done.release.made == 1


@pytest.mark.parametrize(
    ("change", "blocker"),
    [
        ("update app.tenant set state = 'paused', pause_reason = 'test' where tenant_id = %(t)s", "the tenant is paused"),
        ("update app.domain_account set state = 'not_ready', definite_state = 'not_ready' where tenant_id = %(t)s", "no sending domain is ready for any account"),
    ],
)  # fmt: skip
def test_a_blocker_keeps_the_plan_a_draft_and_is_told(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld, change: str, blocker: str
) -> None:
    world.enroll(1)
    world.sql(change, t=world.tenant)

    done = planned(store, objects, world)

    assert (done.release, done.blockers) == (None, (blocker,))
    assert statuses(store, world) == [(1, "draft")]
    assert messages_of(world) == []


def test_a_campaign_paused_after_planning_blocks_the_release(store: PostgresPlanStore, world: SmallWorld) -> None:
    world.enroll(1)
    saved = draft(store, world)
    world.sql("update app.campaign set state = 'paused' where tenant_id = %(t)s", t=world.tenant)

    assert store.blockers(world.tenant, saved.plan_id) == ["the plan places messages of campaign c, which is paused"]


def test_a_plan_can_be_made_after_somebody_complained_about_the_last_step(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    enrollment = world.enroll(1)
    world.sql(
        "update app.enrollment set state = 'complained', reason = 'complaint', step = 3, mailbox_id = %(m)s where enrollment_id = %(e)s",
        m=world.mailboxes[0], e=enrollment,
    )  # fmt: skip

    done = planned(store, objects, world)

    assert done.plan.placements == ()
    assert [str(each.bound_by) for each in done.plan.decisions] == ["unsubscribed"]


def test_a_reply_while_the_day_runs_takes_the_person_out_of_the_next_plan(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    enrollment = world.enroll(1)
    planned(store, objects, world)
    world.sql("update app.enrollment set state = 'replied' where enrollment_id = %(e)s", e=enrollment)

    again = planned(store, objects, world)

    assert [str(each.bound_by) for each in again.plan.decisions] == ["replied"]
    assert states(world) == ["superseded"]


def test_no_tenant_sees_the_plans_of_another(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld, outreach_admin_url: str
) -> None:
    other = build_world(outreach_admin_url)
    world.enroll(1)
    done = planned(store, objects, world)

    assert store.plans(other.tenant, DAY) == []
    with pytest.raises(NotFound):
        store.release(other.tenant, done.saved.plan_id, "test")
    other.admin.close()


def test_each_released_message_lies_within_its_recipients_window(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    for number in range(20):
        world.enroll(number)

    planned(store, objects, world)

    starts = MORNING, MORNING + 8 * HOUR
    assert all(starts[0] <= row["due_at"] < starts[1] for row in messages_of(world))  # type: ignore[operator]  # a moment

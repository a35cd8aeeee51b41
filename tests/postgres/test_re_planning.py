"""A day planned again while it runs, on real PostgreSQL: what moves, what is replaced, and what is never made twice."""

from dataclasses import replace
from datetime import timedelta

import pytest
from day_plans import DAY, FILES, claim_all, draft_elsewhere, messages_of, planned, states, statuses
from small_world import NOON, SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.plan_store import PostgresPlanStore
from outreach_pipelines.application.plan_sends import Release
from outreach_pipelines.application.stored_objects import ObjectStore
from outreach_pipelines.domain.send_plan.plan import PlanHash
from outreach_pipelines.domain.send_plan.planner import plan as plan_day


@pytest.fixture
def store(engine: Engine) -> PostgresPlanStore:
    return PostgresPlanStore(engine)


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


def test_a_wording_that_was_changed_since_supersedes_the_message_at_its_own_slot(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    world.enroll(1)
    planned(store, objects, world)
    world.sql("update app.campaign_variant set subject = 'Another' where tenant_id = %(t)s", t=world.tenant)

    planned(store, objects, world)

    old, new = messages_of(world)
    assert (old["state"], new["state"]) == ("superseded", "planned")
    assert (old["due_at"], old["mailbox_id"]) == (new["due_at"], new["mailbox_id"])
    assert old["content_hash"] != new["content_hash"]


def test_who_was_left_out_of_the_plan_between_gets_a_message_again(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    world.enroll(1)
    planned(store, objects, world)
    world.sql("update app.mailbox set state = 'resting' where tenant_id = %(t)s", t=world.tenant)
    planned(store, objects, world)
    between = states(world)
    world.sql("update app.mailbox set state = 'active' where tenant_id = %(t)s", t=world.tenant)

    again = planned(store, objects, world)

    assert between == ["superseded"]
    assert again.release is not None
    assert again.release.made == 1
    assert states(world) == ["superseded", "planned"]


def test_a_message_that_is_to_be_sent_once_more_keeps_its_place_whatever_the_new_plan_says(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    world.enroll(1)
    planned(store, objects, world)
    (old,) = messages_of(world)
    world.sql("update app.message set repeats = 1 where message_id = %(m)s", m=old["message_id"])
    world.sql("update app.mailbox set state = 'resting' where mailbox_id = %(m)s", m=old["mailbox_id"])

    again = planned(store, objects, world)

    (kept,) = messages_of(world)
    assert (kept["message_id"], kept["state"], kept["mailbox_id"]) == (old["message_id"], "planned", old["mailbox_id"])
    assert kept["plan_id"] == again.saved.plan_id
    decision = world.one("select kept_reason from app.decision where plan_id = %(p)s", p=again.saved.plan_id)
    assert decision["kept_reason"] == "to be sent once more"


def test_a_message_that_waits_to_be_tried_again_gives_way_like_any_other(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    world.enroll(1)
    planned(store, objects, world)
    (old,) = messages_of(world)
    world.sql("update app.message set state = 'retry_wait', retry_at = due_at where message_id = %(m)s", m=old["message_id"])  # fmt: skip
    world.sql("update app.mailbox set state = 'resting' where mailbox_id = %(m)s", m=old["mailbox_id"])

    planned(store, objects, world)

    first, second = messages_of(world)
    assert (first["state"], first["retry_at"], second["state"]) == ("superseded", None, "planned")


def test_a_sequence_that_this_days_plan_has_ended_is_judged_anew_by_the_next_plan_of_the_day(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    late = world.enroll(1)
    world.sql(
        "update app.enrollment set step = 2, mailbox_id = %(m)s, due_day = %(d)s where enrollment_id = %(e)s",
        m=world.mailboxes[0], d=DAY - timedelta(days=60), e=late,
    )  # fmt: skip

    first, again = planned(store, objects, world), planned(store, objects, world)

    ended = world.one("select state, reason from app.enrollment where enrollment_id = %(e)s", e=late)
    assert ended == {"state": "finished", "reason": "waited_too_long"}
    assert again.plan.plan_hash == first.plan.plan_hash
    assert [row.enrollment_id for row in again.plan.decisions] == [late]


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
    second = draft_elsewhere(store, world)
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
    second = draft_elsewhere(store, world)
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


def test_a_reply_while_the_day_runs_takes_the_person_out_of_the_next_plan(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    enrollment = world.enroll(1)
    planned(store, objects, world)
    world.sql("update app.enrollment set state = 'replied' where enrollment_id = %(e)s", e=enrollment)

    again = planned(store, objects, world)

    assert [str(each.bound_by) for each in again.plan.decisions] == ["replied"]
    assert states(world) == ["superseded"]

"""Plans of a small world's next day by the real planner, and what they left in the database."""

from datetime import date, timedelta
from uuid import uuid4

from small_world import NOON, SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.plan_store import PostgresPlanStore
from outreach_pipelines.application.plan_sends import PlanFiles, PlannedDay, SavedPlan, plan_sends
from outreach_pipelines.application.stored_objects import ObjectStore, object_key
from outreach_pipelines.domain.letter import ClaimToken
from outreach_pipelines.domain.send_plan.planner import plan as plan_day

DAY = date(2026, 11, 19)  # a Thursday; policy time stands at noon of the Wednesday before
MORNING = NOON + timedelta(hours=21)
FILES = PlanFiles(object_key("plans/t/snapshot.json"), object_key("plans/t/plan.json"))


def planned(store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld, day: date = DAY) -> PlannedDay:
    done = plan_sends(store, objects, tenant=world.tenant, day=day)
    assert isinstance(done, PlannedDay)
    return done


def draft(store: PostgresPlanStore, world: SmallWorld) -> SavedPlan:
    snapshot = store.snapshot(world.tenant, DAY)
    return store.save(snapshot, plan_day(snapshot), FILES)


def draft_elsewhere(store: PostgresPlanStore, world: SmallWorld) -> SavedPlan:
    """A draft that cannot place the one message where it stands: its mailbox rests by now."""
    world.sql(
        "update app.mailbox set state = 'resting' where mailbox_id = (select mailbox_id from app.message where tenant_id = %(t)s)",
        t=world.tenant,
    )
    return draft(store, world)


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

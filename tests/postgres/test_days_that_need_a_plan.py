"""On which dates of the tenant somebody's window opens, and what is said when such a date has no released plan."""

from datetime import UTC, date, datetime

import pytest
from day_plans import DAY, planned
from small_world import NOON, SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.plan_store import PostgresPlanStore
from outreach_pipelines.application.judge_plans import unreleased
from outreach_pipelines.application.stored_objects import ObjectStore
from outreach_pipelines.application.tenants import TenantRow
from outreach_pipelines.domain.tenant import TenantRef, TenantSlug

FRIDAY, SATURDAY, SUNDAY, MONDAY = date(2026, 11, 20), date(2026, 11, 21), date(2026, 11, 22), date(2026, 11, 23)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
THAT_DAY = datetime(2026, 11, 19, 8, tzinfo=UTC)


@pytest.fixture
def store(engine: Engine) -> PostgresPlanStore:
    return PostgresPlanStore(engine)


def said(
    store: PostgresPlanStore,
    world: SmallWorld,
    now: datetime = THAT_DAY,
    *,
    founded: datetime = LONG_AGO,
    paused: bool = False,
) -> str | None:
    return unreleased(
        store, TenantRow(TenantRef(world.tenant, TenantSlug("acme")), "Etc/UTC", paused, founded), now=now
    )


@pytest.mark.parametrize(
    ("tenant_zone", "lead_zone", "lead_country", "days"),
    [
        ("Etc/UTC", None, "US", {FRIDAY, MONDAY}),
        ("Europe/Berlin", "America/New_York", "US", {FRIDAY, MONDAY}),  # New York's Friday ends at 23:00 in Berlin
        ("Pacific/Auckland", "America/New_York", "US", {FRIDAY, SATURDAY}),  # Monday there begins on Auckland's Tuesday
        ("Pacific/Auckland", None, "FR", {FRIDAY, SATURDAY, SUNDAY, MONDAY}),  # anywhere on earth
    ],
)
def test_a_date_needs_a_plan_when_a_recipients_window_opens_on_it(
    store: PostgresPlanStore,
    world: SmallWorld,
    tenant_zone: str,
    lead_zone: str | None,
    lead_country: str,
    days: set[date],
) -> None:
    world.enroll(1)
    world.sql("update app.tenant set zone = %(z)s where tenant_id = %(t)s", z=tenant_zone, t=world.tenant)
    world.sql(
        "update app.lead set zone = %(z)s, country = %(c)s where tenant_id = %(t)s",
        z=lead_zone,
        c=lead_country,
        t=world.tenant,
    )

    needed = {day for day in (FRIDAY, SATURDAY, SUNDAY, MONDAY) if store.something_may_go(world.tenant, day)}

    assert needed == days


@pytest.mark.parametrize(
    "change",
    [
        "update app.campaign set state = 'paused' where tenant_id = %(t)s",
        "update app.enrollment set state = 'replied' where tenant_id = %(t)s",
        "update app.enrollment set due_day = '2026-12-01' where tenant_id = %(t)s",
    ],
)
def test_where_nobody_is_due_no_date_needs_a_plan(store: PostgresPlanStore, world: SmallWorld, change: str) -> None:
    world.enroll(1)
    world.sql(change, t=world.tenant)

    assert not store.something_may_go(world.tenant, FRIDAY)


def test_a_running_day_without_a_plan_is_named(store: PostgresPlanStore, world: SmallWorld) -> None:
    world.enroll(1)

    assert said(store, world) == f"acme: no plan for {DAY}"


def test_a_running_day_with_a_draft_alone_is_named(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    world.enroll(1)
    world.sql(
        "update app.domain_account set state = 'unknown', definite_state = null where tenant_id = %(t)s", t=world.tenant
    )
    planned(store, objects, world)

    assert said(store, world) == f"acme: version 1 of {DAY} is draft"
    assert said(store, world, paused=True) is None


def test_a_released_plan_a_pause_a_weekend_and_a_tenants_first_day_are_no_faults(
    store: PostgresPlanStore, objects: ObjectStore, world: SmallWorld
) -> None:
    world.enroll(1)

    assert said(store, world, paused=True) is None
    assert said(store, world, founded=THAT_DAY) is None
    assert said(store, world, datetime(2026, 11, 21, 12, tzinfo=UTC)) is None
    planned(store, objects, world)
    assert said(store, world) is None


@pytest.mark.parametrize(
    ("founded", "named"),
    [(NOON, True), (NOON.replace(hour=21, minute=59), True), (NOON.replace(hour=22), False), (THAT_DAY, False)],
)
def test_a_tenant_is_first_planned_in_its_first_evening(
    store: PostgresPlanStore, world: SmallWorld, founded: datetime, *, named: bool
) -> None:
    world.enroll(1)

    assert (said(store, world, founded=founded) is not None) is named

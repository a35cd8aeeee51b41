"""What a plan is told of threads: the reply of a colleague, an absence, what today has taken in and the next days will ask."""

from datetime import date, timedelta

import pytest
from small_world import NOON, SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.plan_store import PostgresPlanStore
from outreach_pipelines.domain.free_mail import free_mail_domains
from outreach_pipelines.domain.send_plan.plan import Constraint
from outreach_pipelines.domain.send_plan.planner import plan
from outreach_pipelines.domain.send_plan.snapshot import Away, Block, CompanyReplied, Mailbox
from outreach_pipelines.domain.sequence import EndReason

TOMORROW = NOON.date() + timedelta(days=1)  # a Thursday


@pytest.fixture
def store(engine: Engine) -> PostgresPlanStore:
    return PostgresPlanStore(engine)


def stop_companies(world: SmallWorld) -> None:
    world.sql("update app.sending_policy set stop_whole_company = true where tenant_id = %(t)s", t=world.tenant)


def reply(world: SmallWorld, enrollment: int) -> None:
    world.sql("update app.enrollment set state = 'replied' where enrollment_id = %(e)s", e=enrollment)


def block_of(store: PostgresPlanStore, world: SmallWorld, enrollment: int) -> Block | None:
    return next(
        row.block for row in store.snapshot(world.tenant, TOMORROW).candidates if row.enrollment_id == enrollment
    )


def first_mailbox(store: PostgresPlanStore, world: SmallWorld, day: date) -> Mailbox:
    return next(row for row in store.snapshot(world.tenant, day).mailboxes if row.id == world.mailboxes[0])


def test_a_lead_that_came_after_a_colleagues_reply_is_not_written_to(
    store: PostgresPlanStore, world: SmallWorld
) -> None:
    stop_companies(world)
    reply(world, world.enroll(1))
    late = world.enroll(2)

    decisions = {row.enrollment_id: row for row in plan(store.snapshot(world.tenant, TOMORROW)).decisions}

    assert isinstance(block_of(store, world, late), CompanyReplied)
    assert (decisions[late].bound_by, decisions[late].ends) == (Constraint.COMPANY_REPLIED, EndReason.COMPANY_REPLIED)


def test_a_colleagues_reply_stops_nobody_where_the_tenant_does_not_ask_for_it(
    store: PostgresPlanStore, world: SmallWorld
) -> None:
    reply(world, world.enroll(1))

    assert block_of(store, world, world.enroll(2)) is None


def test_people_at_a_domain_where_anybody_may_have_an_address_are_no_colleagues(
    store: PostgresPlanStore, world: SmallWorld
) -> None:
    stop_companies(world)
    reply(world, world.enroll(1))
    other = world.enroll(2)
    world.sql(
        "update app.lead set address = split_part(address, '@', 1) || '@' || %(d)s where tenant_id = %(t)s",
        d=min(free_mail_domains()),
        t=world.tenant,
    )

    assert block_of(store, world, other) is None


def test_who_was_away_until_yesterday_is_told_to_the_plan_which_leaves_the_day_of_return_alone(
    store: PostgresPlanStore, world: SmallWorld
) -> None:
    away = world.enroll(1)
    world.sql(
        "update app.enrollment set out_of_office_until = %(d)s where enrollment_id = %(e)s",
        d=TOMORROW - timedelta(days=1),
        e=away,
    )

    (decision,) = plan(store.snapshot(world.tenant, TOMORROW)).decisions

    assert block_of(store, world, away) == Away(TOMORROW - timedelta(days=1))
    assert decision.bound_by is Constraint.OUT_OF_OFFICE


def test_first_messages_of_the_day_are_new_leads_taken_in_and_no_follow_ups_ahead(
    store: PostgresPlanStore, world: SmallWorld
) -> None:
    message = world.message(1)
    world.sql("update app.message set state = 'accepted', accepted_at = due_at where message_id = %(m)s", m=message)
    world.message(2)  # still planned: a plan of this day replaces it
    follow_up = world.message(3, step=2)
    world.sql("update app.message set state = 'accepted', accepted_at = due_at where message_id = %(m)s", m=follow_up)
    world.sql("update app.enrollment set state = 'replied' where step = 2 and tenant_id = %(t)s", t=world.tenant)
    world.sql(
        """update app.enrollment e set step = 2, due_day = %(d)s, mailbox_id = %(m)s from app.message m
            where m.message_id = %(message)s and e.enrollment_id = m.enrollment_id""",
        d=TOMORROW, m=world.mailboxes[0], message=message,
    )  # fmt: skip

    today = first_mailbox(store, world, NOON.date())
    tomorrow = first_mailbox(store, world, TOMORROW + timedelta(days=1))

    assert (today.new_leads_today, sum(today.follow_ups_ahead)) == (1, 0)
    assert tomorrow.new_leads_today == 0


def test_a_running_thread_is_ahead_on_the_business_day_on_which_it_falls_due(
    store: PostgresPlanStore, world: SmallWorld
) -> None:
    thread = world.enroll(1)
    monday = TOMORROW + timedelta(days=4)
    world.sql(
        "update app.enrollment set step = 2, due_day = %(d)s, mailbox_id = %(m)s where enrollment_id = %(e)s",
        d=monday, m=world.mailboxes[0], e=thread,
    )  # fmt: skip

    ahead = first_mailbox(store, world, TOMORROW).follow_ups_ahead

    assert ahead[:3] == (0, 1, 0)

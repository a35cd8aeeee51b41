"""What a plan is told by the database: suppressions in force, who is asked about at all, and what is sent already."""

from collections.abc import Mapping
from datetime import date, timedelta

import pytest
from small_world import NOON, SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.plan_store import PostgresPlanStore
from outreach_pipelines.domain.send_plan.snapshot import Block, Candidate, Replied, Snapshot, Suppressed
from outreach_pipelines.domain.suppression import SuppressionKind

TODAY = NOON.date()
TOMORROW = TODAY + timedelta(days=1)
LONG_AGO = timedelta(days=20)


@pytest.fixture
def store(engine: Engine) -> PostgresPlanStore:
    return PostgresPlanStore(engine)


def suppress(world: SmallWorld, enrollment: int, **row: object) -> None:
    """The person of an enrollment; by default by hand, for the whole tenant, in force."""
    values = {"scope": "tenant", "scope_id": 0, "subject": "address", "kind": "manual", "at": NOON, "until": None, "lifted": None, "because": None}  # fmt: skip
    values |= row | ({"because": "asked"} if row.get("lifted") else {})
    world.sql(
        """insert into app.suppression (tenant_id, scope, scope_id, subject, subject_hmac, kind, source, created_at, expires_at, lifted_at, lifted_reason)
           select l.tenant_id, %(scope)s, %(scope_id)s, %(subject)s, case when %(subject)s = 'domain' then l.domain_hmac else l.address_hmac end,
                  %(kind)s, 'test', %(at)s, %(until)s, %(lifted)s, %(because)s
             from app.enrollment e join app.lead l on l.tenant_id = e.tenant_id and l.lead_id = e.lead_id where e.enrollment_id = %(e)s""",
        e=enrollment, **values,
    )  # fmt: skip


def change(world: SmallWorld, enrollment: int, **columns: object) -> None:
    for name, value in columns.items():
        world.sql(f"update app.enrollment set {name} = %(v)s where enrollment_id = %(e)s", v=value, e=enrollment)


def candidates(snapshot: Snapshot) -> Mapping[int, Candidate]:
    return {row.enrollment_id: row for row in snapshot.candidates}


def blocks(store: PostgresPlanStore, world: SmallWorld) -> Mapping[int, Block | None]:
    return {id_: row.block for id_, row in candidates(store.snapshot(world.tenant, TOMORROW)).items()}


def suppressed(kind: SuppressionKind = SuppressionKind.MANUAL, on: date = TODAY) -> Suppressed:
    return Suppressed(kind, on)


def test_a_suppression_counts_while_it_is_in_force_and_where_it_speaks_of_the_thread(
    store: PostgresPlanStore, world: SmallWorld
) -> None:
    hour, other_campaign, other_mailbox = timedelta(hours=1), world.campaign + 1_000, world.mailboxes[1]
    rows: tuple[tuple[dict[str, object], Block | None], ...] = (
        ({}, suppressed()),
        ({"kind": "complaint", "at": NOON - timedelta(days=2)}, suppressed(SuppressionKind.COMPLAINT, TODAY - timedelta(days=2))),
        ({"kind": "left_company"}, suppressed()),
        ({"until": NOON + hour}, suppressed()),
        ({"until": NOON - hour}, None),
        ({"lifted": NOON}, None),
        ({"scope": "campaign", "scope_id": world.campaign}, suppressed()),
        ({"scope": "campaign", "scope_id": other_campaign}, None),
        ({"scope": "mailbox", "scope_id": world.mailboxes[0]}, suppressed()),
        ({"scope": "mailbox", "scope_id": other_mailbox}, None),
    )  # fmt: skip
    expected = {}
    for number, (row, block) in enumerate(rows):
        enrollment = world.enroll(number)
        change(world, enrollment, mailbox_id=world.mailboxes[0])
        suppress(world, enrollment, **row)
        expected[enrollment] = block

    assert blocks(store, world) == expected


def test_a_domain_that_is_suppressed_blocks_its_people_and_the_first_of_several_suppressions_is_told(
    store: PostgresPlanStore, world: SmallWorld
) -> None:
    first, second = world.enroll(1), world.enroll(2)
    suppress(world, first, at=NOON - timedelta(days=3), kind="unsubscribe")
    suppress(world, second, at=NOON, subject="domain")

    found = blocks(store, world)

    assert found == {
        first: suppressed(SuppressionKind.UNSUBSCRIBE, TODAY - timedelta(days=3)),
        second: suppressed(),
    }


def test_who_is_suppressed_for_all_tenants_is_told_to_the_plan(store: PostgresPlanStore, world: SmallWorld) -> None:
    everywhere, free = world.enroll(1), world.enroll(2)
    world.sql(
        """insert into app.global_suppression (subject_hmac, kind, source, created_at)
           select l.global_hmac, 'complaint', 'test', %(at)s from app.enrollment e
             join app.lead l on l.tenant_id = e.tenant_id and l.lead_id = e.lead_id where e.enrollment_id = %(e)s""",
        e=everywhere, at=NOON,
    )  # fmt: skip

    assert blocks(store, world) == {everywhere: suppressed(), free: None}


def test_only_who_could_be_written_to_or_has_ended_lately_is_asked_about(
    store: PostgresPlanStore, world: SmallWorld
) -> None:
    due, later, fresh = world.enroll(1), world.enroll(2), world.enroll(3)
    change(world, due, due_day=TOMORROW)
    change(world, later, due_day=TOMORROW + timedelta(days=1))
    replied, long_ago = world.enroll(4), world.enroll(5)
    change(world, replied, state="replied")
    change(world, long_ago, state="replied", state_at=NOON - timedelta(days=4_000))
    stopped, completed = world.enroll(6), world.enroll(7)
    change(world, stopped, reason="suppressed", state="finished")
    change(world, completed, reason="completed", state="finished")

    found = candidates(store.snapshot(world.tenant, TOMORROW))

    assert found.keys() == {due, fresh, replied, stopped}
    assert found[fresh].due_day == TOMORROW
    assert isinstance(found[replied].block, Replied)
    assert later not in found


def test_the_people_of_a_finished_campaign_are_no_candidates(store: PostgresPlanStore, world: SmallWorld) -> None:
    world.enroll(1)
    world.sql("update app.campaign set state = 'finished' where campaign_id = %(c)s", c=world.campaign)

    snapshot = store.snapshot(world.tenant, TOMORROW)

    assert (snapshot.candidates, snapshot.campaigns) == ((), ())


@pytest.mark.parametrize(
    ("state", "asked"),
    [("planned", True), ("superseded", True), ("claimed", False), ("unknown", False), ("accepted", False), ("failed", False)],
)  # fmt: skip
def test_a_step_whose_message_may_be_with_a_provider_is_not_planned_again(
    store: PostgresPlanStore, world: SmallWorld, state: str, *, asked: bool
) -> None:
    message = world.message(1)
    world.sql(
        """update app.message set state = %(s)s, reason = case when %(s)s <> 'planned' then 'test' end,
                  token = case when %(s)s = 'claimed' then gen_random_uuid() end,
                  lease_until = case when %(s)s = 'claimed' then %(at)s::timestamptz end,
                  accepted_at = case when %(s)s = 'accepted' then %(at)s::timestamptz end where message_id = %(m)s""",
        s=state, m=message, at=NOON,
    )  # fmt: skip

    assert bool(store.snapshot(world.tenant, TODAY).candidates) is asked


def test_what_a_person_was_sent_lately_counts_as_contact_whoever_of_the_tenant_sent_it(
    store: PostgresPlanStore, world: SmallWorld
) -> None:
    world.sql("update app.sending_policy set contact_messages = 3, contact_days = 7 where tenant_id = %(t)s", t=world.tenant)  # fmt: skip
    person = world.enroll(1)
    for number, (state, accepted_at) in enumerate(
        [("accepted", NOON), ("accepted", NOON - LONG_AGO), ("unknown", None), ("planned", None), ("failed", None)], 2
    ):
        message = world.message(number, state=state if state != "accepted" else "planned")
        world.sql(
            """update app.message m set state = %(s)s, accepted_at = %(at)s, recipient_hmac = l.address_hmac
                 from app.enrollment e join app.lead l on l.tenant_id = e.tenant_id and l.lead_id = e.lead_id
                where m.message_id = %(m)s and e.enrollment_id = %(e)s""",
            s=state, at=accepted_at, m=message, e=person,
        )  # fmt: skip

    found = candidates(store.snapshot(world.tenant, TOMORROW))

    assert found[person].recent_contacts == 2


def test_of_the_fields_that_a_campaign_needs_those_are_missing_of_which_the_lead_has_no_value(
    store: PostgresPlanStore, world: SmallWorld
) -> None:
    needed = ["email", "source", "first_name", "last_name", "title", "webinar"]
    world.sql("update app.campaign set required_fields = %(f)s where campaign_id = %(c)s", f=needed, c=world.campaign)
    person = world.enroll(1)
    world.sql(
        """update app.lead set fields = '{"webinar": "DNS", "title": ""}' where tenant_id = %(t)s""", t=world.tenant
    )

    found = candidates(store.snapshot(world.tenant, TOMORROW))

    assert found[person].missing_fields == {"last_name", "title"}

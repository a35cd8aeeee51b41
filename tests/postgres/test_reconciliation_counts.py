from datetime import timedelta

import pytest
from planned_world import PlannedWorld
from small_world import HOUR, NOON
from sqlalchemy import Engine
from world_fixtures import NewWorld

from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.reconciliation_store import PostgresReconciliationStore
from outreach_pipelines.application.reconcile import ReconciledHour, reconcile
from outreach_pipelines.domain.delivery_event import EventKind

STATES = ("accepted", "failed", "suppressed", "expired", "cancelled", "superseded", "unknown", "open")


@pytest.fixture
def planned(new_world: NewWorld, engine: Engine, ingest: Engine) -> PlannedWorld:
    world = new_world(kind="ses")
    world.sql("update app.provider_account_share set configuration_set = 'set' where tenant_id = %(t)s", t=world.tenant)
    return PlannedWorld(world, engine, ingest)


@pytest.fixture
def store(engine: Engine) -> PostgresReconciliationStore:
    return PostgresReconciliationStore(engine)


def recount(store: PostgresReconciliationStore, planned: PlannedWorld) -> ReconciledHour:
    return reconcile(store, tenant=planned.world.tenant, hour=NOON)


def states(hour: ReconciledHour) -> dict[str, int]:
    return {state: hour.counts[state] for state in STATES if hour.counts[state]}


def test_what_was_placed_and_sent_adds_up_and_every_witness_agrees(
    store: PostgresReconciliationStore, planned: PlannedWorld
) -> None:
    planned.release([planned.enrolled(number) for number in range(3)])
    for letter in planned.send():
        planned.tell(letter, EventKind.SENT)

    hour = recount(store, planned)

    assert (hour.counts["placed"], states(hour), hour.difference, hour.faults) == (3, {"accepted": 3}, 0, ())
    assert (hour.counts["attempts accepted"], hour.counts["provider sends"]) == (3, 3)
    assert store.faults(planned.world.tenant) == []


def test_a_message_replaced_by_a_later_plan_counts_as_superseded_beside_its_successor(
    store: PostgresReconciliationStore, planned: PlannedWorld
) -> None:
    moved, dropped, added = planned.enrolled(1), planned.enrolled(2), planned.enrolled(3)
    planned.release([moved, dropped])
    planned.release([moved, added], due_at=NOON + timedelta(minutes=10))
    planned.release([moved, added], due_at=NOON + timedelta(minutes=10))

    hour = recount(store, planned)

    # Two messages of the first plan gave way, two of the second stand, and the third plan kept those.
    assert (hour.counts["placed"], states(hour), hour.difference, hour.faults) == (
        4,
        {"superseded": 2, "open": 2},
        0,
        (),
    )


def test_a_placement_that_stands_on_a_superseded_message_is_a_fault(
    store: PostgresReconciliationStore, planned: PlannedWorld
) -> None:
    enrollment = planned.enrolled(1)
    planned.release([enrollment])
    planned.release([enrollment])
    planned.world.sql(
        "update app.message set state = 'superseded', reason = 'test' where message_id = %(m)s",
        m=planned.message_of(enrollment),
    )

    hour = recount(store, planned)

    assert (hour.difference, hour.faults) == (
        0,
        ("2026-11-18 12:00 UTC: 1 placements in force stand on a message that is superseded and will not leave",),
    )


def test_a_kept_message_counts_once_in_the_hour_of_its_own_slot(
    store: PostgresReconciliationStore, planned: PlannedWorld
) -> None:
    enrollment = planned.enrolled(1)
    planned.release([enrollment])
    planned.send()
    planned.release([enrollment], due_at=NOON + 2 * HOUR)

    hour = recount(store, planned)
    later = reconcile(store, tenant=planned.world.tenant, hour=NOON + 2 * HOUR)

    assert (hour.counts["placed"], states(hour)) == (1, {"accepted": 1})
    assert (later.counts["placed"], later.difference) == (0, 0)


def test_a_plan_that_was_never_released_places_nothing(
    store: PostgresReconciliationStore, planned: PlannedWorld
) -> None:
    plan = planned._draft(NOON)
    planned._decision(plan, planned.enrolled(1), NOON)  # type: ignore[arg-type]  # an id of the test

    hour = recount(store, planned)

    assert (hour.counts["placed"], hour.difference) == (0, 0)


def test_a_message_row_that_went_missing_is_a_difference_and_a_fault(
    store: PostgresReconciliationStore, planned: PlannedWorld
) -> None:
    lost, kept = planned.enrolled(1), planned.enrolled(2)
    planned.release([lost, kept])
    planned.world.sql("delete from app.message where message_id = %(m)s", m=planned.message_of(lost))

    hour = recount(store, planned)

    assert hour.difference == 1
    assert store.faults(planned.world.tenant) == [
        "1 of 2 messages due in 2026-11-18 12:00 UTC are placed without a state",
        "2026-11-18 12:00 UTC: 1 decisions of released plans have no message",
    ]


def test_a_message_that_no_decision_made_is_a_fault_even_when_another_is_missing(
    store: PostgresReconciliationStore, planned: PlannedWorld
) -> None:
    lost = planned.enrolled(1)
    planned.release([lost])
    planned.world.sql("delete from app.message where message_id = %(m)s", m=planned.message_of(lost))
    planned.world.message(2)

    hour = recount(store, planned)

    assert hour.difference == 0
    assert hour.faults == (
        "2026-11-18 12:00 UTC: 1 decisions of released plans have no message",
        "2026-11-18 12:00 UTC: 1 messages were made by no decision",
    )


def test_a_message_rejected_after_acceptance_counts_as_failed_and_its_attempt_stays_accepted(
    store: PostgresReconciliationStore, planned: PlannedWorld
) -> None:
    planned.release([planned.enrolled(1)])
    (letter,) = planned.send()
    planned.tell(letter, EventKind.SENT)
    planned.tell(letter, EventKind.REJECTED)

    hour = recount(store, planned)

    assert (states(hour), hour.counts["attempts accepted"], hour.faults) == ({"failed": 1}, 1, ())


def test_an_accepted_message_without_an_accepted_attempt_is_a_fault(
    store: PostgresReconciliationStore, planned: PlannedWorld
) -> None:
    planned.release([planned.enrolled(1)])
    (letter,) = planned.send()
    planned.tell(letter, EventKind.SENT)
    planned.world.sql(
        "update app.send_attempt set outcome = 'absent' where message_id = %(m)s", m=letter.claim.message_id
    )

    (first, *_) = recount(store, planned).faults

    assert first == "2026-11-18 12:00 UTC: messages and attempts disagree about what was accepted: 1 and 0"


def test_a_send_event_that_is_missing_is_a_fault_only_after_the_time_it_may_take(
    store: PostgresReconciliationStore, planned: PlannedWorld
) -> None:
    planned.release([planned.enrolled(1)])
    (letter,) = planned.send()

    young = recount(store, planned)
    planned.world.sql(
        "update app.send_attempt set ended_at = ended_at - interval '3 hours' where message_id = %(m)s",
        m=letter.claim.message_id,
    )
    old = recount(store, planned)

    assert (young.counts["provider sends"], young.faults) == (0, ())
    assert old.faults == (
        "2026-11-18 12:00 UTC: attempts and the provider's sends disagree about what was accepted: 1 and 0",
    )


def test_an_account_that_reports_no_sends_is_not_held_against_them(
    store: PostgresReconciliationStore, planned: PlannedWorld
) -> None:
    planned.world.sql("update app.provider_account set kind = 'smtp' where account_id = %(a)s", a=planned.world.account)
    planned.release([planned.enrolled(1)])
    (letter,) = planned.send()
    planned.world.sql(
        "update app.send_attempt set ended_at = ended_at - interval '3 hours' where message_id = %(m)s",
        m=letter.claim.message_id,
    )

    hour = recount(store, planned)

    assert ("provider sends" in hour.counts, hour.faults) == (False, ())


def test_doubt_is_open_and_a_fault_once_it_is_older_than_two_hours(
    store: PostgresReconciliationStore, planned: PlannedWorld
) -> None:
    planned.release([planned.enrolled(1)])
    (letter,) = planned.claim()
    planned.begin(letter)
    PostgresMessageStore(store.engine).record_doubt(letter.claim, "timeout")

    hour, young = recount(store, planned), store.faults(planned.world.tenant)
    planned.world.sql(
        "update app.message set state_at = timestamptz '2026-03-01 10:00+00' where message_id = %(m)s",
        m=letter.claim.message_id,
    )

    assert (states(hour), hour.difference, young) == ({"open": 1}, 0, [])
    assert store.faults(planned.world.tenant) == [
        "1 messages in doubt for more than 2 h, the oldest since 2026-03-01 10:00 UTC"
    ]


def test_counting_an_hour_again_replaces_what_was_saved(
    store: PostgresReconciliationStore, planned: PlannedWorld
) -> None:
    planned.release([planned.enrolled(1)])
    recount(store, planned)
    planned.send()
    recount(store, planned)

    row = planned.world.one(
        "select placed, accepted, open, provider_sends from app.reconciliation where tenant_id = %(t)s",
        t=planned.world.tenant,
    )

    assert row == {"placed": 1, "accepted": 1, "open": 0, "provider_sends": 0}


def test_faults_older_than_72_hours_are_history(store: PostgresReconciliationStore, planned: PlannedWorld) -> None:
    planned.world.message(1)

    before = store.faults(planned.world.tenant)
    planned.world.at(NOON + timedelta(hours=73))

    assert (len(before), store.faults(planned.world.tenant)) == (2, [])

"""Two plans compared: each enrollment that fares otherwise, and nobody else."""

from dataclasses import replace

import plan_factories as make

from outreach_pipelines.domain.plan_diff import Change, diff_plans
from outreach_pipelines.domain.send_plan.plan import Constraint, Plan
from outreach_pipelines.domain.send_plan.planner import plan
from outreach_pipelines.domain.send_plan.snapshot import Replied, Snapshot

THREE = make.snapshot(candidates=tuple(make.candidate(n) for n in (1, 2, 3)))


def changes(before: Snapshot, after: Snapshot) -> dict[int, Change]:
    return {row.lead_id: row.change for row in diff_plans(made(before), made(after)).differences}


def made(snapshot: Snapshot) -> Plan:
    return plan(snapshot)


def test_a_plan_and_itself_differ_in_nothing() -> None:
    found = diff_plans(made(THREE), made(THREE))

    assert (found.differences, found.net_by_constraint) == ((), {})


def test_who_replied_is_dropped_and_the_reason_counted() -> None:
    replied = replace(THREE, candidates=(*THREE.candidates[:2], make.candidate(3, block=Replied(make.DAY))))

    found = diff_plans(made(THREE), made(replied))

    assert {row.lead_id: row.change for row in found.differences}[3] is Change.DROPPED
    assert found.net_by_constraint == {Constraint.REPLIED: 1}
    assert changes(replied, THREE)[3] is Change.NEWLY_PLACED


def test_other_minutes_are_moves() -> None:
    assert set(changes(THREE, replace(THREE, seed=8)).values()) == {Change.MOVED}


def test_who_is_no_candidate_any_more_is_gone_and_who_is_new_appears() -> None:
    fewer = replace(THREE, candidates=THREE.candidates[:2])

    assert changes(THREE, fewer)[3] is Change.GONE
    assert changes(fewer, THREE)[3] is Change.APPEARED


def test_one_reason_in_place_of_another_is_a_difference() -> None:
    held = replace(THREE, candidates=(make.candidate(1, block=Replied(make.DAY)),))
    not_due = replace(THREE, candidates=(make.candidate(1, due_day=make.DAY.replace(day=11)),))

    assert changes(held, not_due) == {1: Change.OTHER_REASON}


def test_another_sentence_for_the_same_reason_is_no_difference() -> None:
    on_two_days = [
        replace(THREE, candidates=(make.candidate(1, block=Replied(make.DAY.replace(day=day))),)) for day in (2, 3)
    ]

    assert changes(*on_two_days) == {}


def test_differences_stand_in_the_order_of_leads_whatever_became_of_them() -> None:
    before = replace(THREE, candidates=(make.candidate(1), make.candidate(2, block=Replied(make.DAY))))
    after = replace(
        THREE, candidates=(make.candidate(2), make.candidate(3), make.candidate(1, block=Replied(make.DAY)))
    )

    found = diff_plans(made(before), made(after)).differences

    assert [(row.lead_id, row.change) for row in found] == [
        (1, Change.DROPPED),
        (2, Change.NEWLY_PLACED),
        (3, Change.APPEARED),
    ]

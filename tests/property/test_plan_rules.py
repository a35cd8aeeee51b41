"""Whatever the snapshot, the plan keeps the rules: judged by code that shares nothing with the planner."""

from dataclasses import replace
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plan_strategies import snapshots

from outreach_pipelines.domain.send_plan.codec import decode_plan, decode_snapshot, encode_plan, encode_snapshot
from outreach_pipelines.domain.send_plan.plan import ORDER_OF_POWER
from outreach_pipelines.domain.send_plan.planner import plan
from outreach_pipelines.domain.send_plan.snapshot import Snapshot
from outreach_pipelines.proof.plan_check.check import violations

unhurried = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@unhurried
@given(snapshots())
def test_no_plan_breaks_a_rule(snapshot: Snapshot) -> None:
    result = plan(snapshot)

    assert violations(encode_snapshot(snapshot), encode_plan(result)) == ()


@unhurried
@given(snapshots(), st.randoms(use_true_random=False))
def test_the_order_in_which_rows_were_read_changes_no_byte(snapshot: Snapshot, shuffler: Random) -> None:
    shuffled = replace(
        snapshot,
        candidates=tuple(shuffler.sample(snapshot.candidates, len(snapshot.candidates))),
        mailboxes=tuple(shuffler.sample(snapshot.mailboxes, len(snapshot.mailboxes))),
        domains=tuple(shuffler.sample(snapshot.domains, len(snapshot.domains))),
        campaigns=tuple(shuffler.sample(snapshot.campaigns, len(snapshot.campaigns))),
        accounts=tuple(shuffler.sample(snapshot.accounts, len(snapshot.accounts))),
    )

    assert encode_plan(plan(shuffled)) == encode_plan(plan(snapshot))
    assert encode_snapshot(shuffled) == encode_snapshot(snapshot)


@unhurried
@given(snapshots())
def test_snapshot_and_plan_come_back_from_json_as_they_were(snapshot: Snapshot) -> None:
    encoded = encode_snapshot(snapshot)
    result = plan(snapshot)

    assert encode_snapshot(decode_snapshot(encoded)) == encoded
    assert plan(decode_snapshot(encoded)) == result
    assert decode_plan(encode_plan(result)) == result


@unhurried
@given(snapshots())
def test_every_decision_names_its_constraints_strongest_first(snapshot: Snapshot) -> None:
    for decision in plan(snapshot).decisions:
        powers = [ORDER_OF_POWER.index(constraint) for constraint in decision.found]

        assert powers == sorted(set(powers))
        assert set(decision.found) <= set(decision.looked_at)
        assert decision.detail


@unhurried
@given(snapshots(), st.data())
def test_what_was_placed_stays_placed_when_the_others_are_gone(snapshot: Snapshot, data: st.DataObject) -> None:
    """Placing fewer is never harder: of those placed, any one alone finds a place too."""
    placed = plan(snapshot).placements
    if not placed:
        return
    chosen = data.draw(st.sampled_from(placed)).enrollment_id

    alone = plan(replace(snapshot, candidates=tuple(c for c in snapshot.candidates if c.enrollment_id == chosen)))

    assert [row.enrollment_id for row in alone.placements] == [chosen]

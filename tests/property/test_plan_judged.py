"""The judge that ships finds nothing in any plan, whatever the snapshot, small and mean or large and busy."""

from dataclasses import asdict

from hypothesis import HealthCheck, given, settings
from plan_crowds import KNOBS, Knobs, crowd
from plan_strategies import snapshots

from outreach_pipelines.domain.send_plan.codec import encode_plan, encode_snapshot
from outreach_pipelines.domain.send_plan.planner import plan
from outreach_pipelines.domain.send_plan.snapshot import Snapshot
from outreach_pipelines.proof.plan_check.check import violations

unhurried = settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
few = settings(unhurried, max_examples=4)


@unhurried
@given(snapshots())
def test_the_judge_finds_nothing_in_any_small_plan(snapshot: Snapshot) -> None:
    assert violations(encode_snapshot(snapshot), encode_plan(plan(snapshot))) == ()


@few
@given(KNOBS)
def test_the_judge_finds_nothing_in_plans_of_a_thousand(knobs: Knobs) -> None:
    snapshot = crowd(**asdict(knobs))

    assert violations(encode_snapshot(snapshot), encode_plan(plan(snapshot))) == ()

"""What the plan's asset shows of how good its plan is, and where its page lies."""

from datetime import date
from pathlib import Path

import dagster as dg
import plan_factories as make

from assets.send_plans import _look_closer, _presented
from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.application.plan_sends import PlanFiles
from outreach_pipelines.application.present_plan import PresentedPlan, present_plan
from outreach_pipelines.application.stored_objects import object_key
from outreach_pipelines.domain.send_plan.codec import encode_plan, encode_snapshot
from outreach_pipelines.domain.send_plan.planner import plan

SNAPSHOT = make.snapshot(
    candidates=tuple(make.candidate(n) for n in range(1, 6)), mailboxes=(make.mailbox(daily_cap=3),)
)


def presented(folder: Path) -> PresentedPlan:
    objects = LocalObjectStore(folder)
    files = PlanFiles(object_key("snapshot-1.json"), object_key("plan-2.json"))
    objects.put(files.snapshot, encode_snapshot(SNAPSHOT))
    objects.put(files.plan, encode_plan(plan(SNAPSHOT)))
    return present_plan(objects, files)


def test_the_metadata_tell_the_share_of_the_possible_the_forecast_and_the_page(tmp_path: Path) -> None:
    shown = _presented(presented(tmp_path))

    assert shown["of what is possible"] == "placed 3 of at most 3: 100 %"
    assert shown["page"] == dg.MetadataValue.path("plan-2.html")
    assert (tmp_path / "plan-2.html").is_file()
    assert "pool 1: capacity suffices" in str(shown["forecast"])


def test_a_bound_that_could_not_be_computed_is_said_so_and_fails_no_plan(tmp_path: Path) -> None:
    made = presented(tmp_path)

    shown = _presented(PresentedPlan(made.page, None, made.forecasts))

    assert shown["of what is possible"] == "how many are possible could not be computed"


def test_the_commands_for_a_closer_look_name_the_day() -> None:
    assert "`outreach plan why ADDRESS 2026-03-10`" in str(_look_closer(date(2026, 3, 10)))

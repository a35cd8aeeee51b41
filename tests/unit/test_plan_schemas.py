"""The documented forms of snapshots and plans: what is published is what is written, field by field."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import plan_factories as make
import pytest
from plan_strategies import Die, roll

from outreach_pipelines.domain.send_plan.codec import encode_plan, encode_snapshot
from outreach_pipelines.domain.send_plan.plan import ORDER_OF_POWER
from outreach_pipelines.domain.send_plan.planner import plan
from outreach_pipelines.proof.plan_check.plan_document import POWER
from outreach_pipelines.proof.plan_check.schemas import schemas

CHECKOUT = Path(__file__).parents[2]


def published(name: str) -> Any:
    return json.loads((CHECKOUT / "docs" / "schemas" / f"{name}.schema.json").read_text())


@pytest.mark.parametrize("name", ["snapshot", "plan"])
def test_the_published_schema_is_the_one_that_the_judge_reads_by(name: str) -> None:
    assert published(name) == schemas()[name], "run: outreach plan schemas"


@pytest.mark.parametrize("seed", range(12))
def test_snapshots_and_plans_of_every_kind_validate(seed: int) -> None:
    snapshot = roll(Die(seed, 15), mailboxes=6, candidates=40)

    jsonschema.Draft202012Validator(published("snapshot")).validate(json.loads(encode_snapshot(snapshot)))
    jsonschema.Draft202012Validator(published("plan")).validate(json.loads(encode_plan(plan(snapshot))))


def test_a_surplus_field_and_a_negative_cap_do_not_validate() -> None:
    body = json.loads(encode_snapshot(make.snapshot()))
    body["surplus"], body["policy"]["daily_cap"] = 1, -1

    errors = list(jsonschema.Draft202012Validator(published("snapshot")).iter_errors(body))

    assert len(errors) == 2


def test_the_judge_knows_the_constraints_in_the_planners_order() -> None:
    assert tuple(POWER) == tuple(str(constraint) for constraint in ORDER_OF_POWER)


def test_every_type_of_the_published_schemas_says_what_it_means() -> None:
    for name in ("snapshot", "plan"):
        for title, form in published(name)["$defs"].items():
            assert re.search(r"\w{3}", form.get("description", "")), f"{name}: {title}"


def test_the_judge_shares_no_code_with_the_planner() -> None:
    loaded = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, outreach_pipelines.proof.plan_check.check; print('\\n'.join(sys.modules))",
        ],
        capture_output=True,
        text=True,
        check=True,
        cwd=CHECKOUT,
    ).stdout.split()

    ours = {name for name in loaded if name.startswith("outreach_pipelines.")}

    assert all(name.startswith("outreach_pipelines.proof") for name in ours), ours

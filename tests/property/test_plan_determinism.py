"""The same facts give the same bytes: in any process, in any order, as often as one asks."""

import ast
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plan_strategies import Die, roll, snapshots

from outreach_pipelines.domain import send_plan
from outreach_pipelines.domain.send_plan.codec import encode_plan, encode_snapshot
from outreach_pipelines.domain.send_plan.planner import plan
from outreach_pipelines.domain.send_plan.snapshot import Snapshot

CHECKOUT = Path(__file__).parents[2]
BUSY = roll(Die(32, 2), mailboxes=20, candidates=400)
SOURCES = sorted(Path(next(iter(send_plan.__path__))).glob("*.py"))
PLANS = (
    "import sys; from pathlib import Path; from outreach_pipelines.domain.send_plan import codec, planner;"
    "print(planner.plan(codec.decode_snapshot(Path(sys.argv[1]).read_bytes())).plan_hash)"
)


def shuffled(snapshot: Snapshot, die: Random) -> Snapshot:
    kinds = ("countries", "domains", "mailboxes", "accounts", "campaigns", "candidates")
    return replace(snapshot, **{kind: tuple(die.sample(rows := getattr(snapshot, kind), len(rows))) for kind in kinds})


def test_a_hundred_runs_of_shuffled_rows_give_one_hash() -> None:
    hashes = {plan(shuffled(BUSY, Random(number))).plan_hash for number in range(100)}  # noqa: S311 - test data

    assert len(plan(BUSY).placements) > 50
    assert hashes == {plan(BUSY).plan_hash}


@pytest.mark.parametrize("hash_seed", ["0", "1", "77", "4294967295"])
def test_a_busy_day_is_planned_alike_whatever_the_seed_of_python_hashes(hash_seed: str, tmp_path: Path) -> None:
    path = tmp_path / "snapshot.json"
    path.write_bytes(encode_snapshot(BUSY))

    other = subprocess.run(
        [sys.executable, "-c", PLANS, str(path)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert other.stdout.strip() == plan(BUSY).plan_hash


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(snapshots(), snapshots(), st.data())
def test_removing_a_lead_never_changes_another_tenants_plan(
    theirs: Snapshot, ours: Snapshot, data: st.DataObject
) -> None:
    before = encode_plan(plan(ours))
    left = [row for row in theirs.candidates if data.draw(st.booleans(), "kept")]

    plan(theirs)
    plan(replace(theirs, candidates=tuple(left)))

    assert encode_plan(plan(ours)) == before


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_the_planner_has_no_float_no_random_and_no_hash_to_depend_on(source: Path) -> None:
    """What cannot be in the code needs no test of its order: sums of floats, numbers by chance, Python's own hash."""
    tree = ast.parse(source.read_text("utf-8"))

    divisions = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)]
    floats = [n.lineno for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, float)]
    called = {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}

    assert (divisions, floats) == ([], [])
    assert called.isdisjoint({"float", "hash", "id"})
    assert "import random" not in source.read_text("utf-8")

"""Whatever is wrong with one value of a snapshot: a plan that explains itself, or one message that names the fault."""

import json
from collections.abc import Iterator
from random import Random

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from plan_strategies import Die, roll

from outreach_pipelines.domain.send_plan.codec import decode_snapshot, encode_plan, encode_snapshot
from outreach_pipelines.domain.send_plan.faults import BadSnapshotError
from outreach_pipelines.domain.send_plan.planner import plan
from outreach_pipelines.proof.plan_check.check import violations

Container = dict[str, object] | list[object]
SNAPSHOT = encode_snapshot(roll(Die(11, 5), mailboxes=6, candidates=20))
STRANGE = (
    None, True, -1, 0, 1, 7, 10**18, 1.5, "", "x", "Mars/Olympus", "Europe/Berlin", "../../etc/passwd", "-1", "1/0", "1e999999999", "1/3",
    "2026-13-01", "0001-01-01", "9999-12-31", "2199-12-31", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "24:00:00",
    "\ud800", "retired", "finished", [], [[]], {}, {"type": "Replied", "on": "2026-03-01"},
)  # fmt: skip


def places(document: object) -> Iterator[tuple[Container, str | int]]:
    """Every value of a document, as its container and its key there."""
    if isinstance(document, dict | list):
        rows = document.items() if isinstance(document, dict) else enumerate(document)
        for key, value in list(rows):
            yield document, key
            yield from places(value)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32), st.sampled_from(STRANGE), st.integers(1, 2))
def test_a_strange_value_gives_a_plan_or_one_message(seed: int, value: object, changes: int) -> None:
    document = json.loads(SNAPSHOT)
    for container, key in Random(seed).sample(list(places(document)), changes):  # noqa: S311 - test data
        container[key] = value  # type: ignore[index,call-overload] # the key came with its container

    try:
        snapshot = decode_snapshot(json.dumps(document).encode())
        result = plan(snapshot)
    except BadSnapshotError as refusal:
        event("refused" if refusal.faults else "refused without a fault")
        return

    event("planned")
    assert len(result.decisions) == len(snapshot.candidates)
    assert violations(encode_snapshot(snapshot), encode_plan(result)) == ()

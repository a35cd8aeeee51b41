"""Whether the plan is of this snapshot, complete, and adds up.

Belongs here: hashes, one decision for each candidate, counts. Does not: whether a decision is right.
"""

import json
from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b

from outreach_pipelines.proof.plan_check.facts import Facts, Violation
from outreach_pipelines.proof.plan_check.reading import canonical, canonical_snapshot


def hashes(snapshot: bytes, plan: bytes) -> Iterator[Violation]:
    """Whether the plan names the snapshot it was made from, and its own content."""
    body = json.loads(plan)
    if body["snapshot_hash"] != _digest(canonical_snapshot(snapshot)):
        yield Violation("snapshot_hash", "plan", "it was made from another snapshot")
    if body["plan_hash"] != _digest(canonical(body | {"plan_hash": ""})):
        yield Violation("plan_hash", "plan", "its content was changed after it was made")


def books(facts: Facts) -> Iterator[Violation]:
    """One decision for each candidate, one placement for each placed decision, and sums that add up."""
    yield from _same_day(facts)
    yield from _one_to_one(facts)
    yield from _references(facts)
    yield from _counts(facts)


def _digest(data: bytes) -> str:
    return blake2b(data, digest_size=32).hexdigest()


def _same_day(facts: Facts) -> Iterator[Violation]:
    snapshot, plan = facts.snapshot, facts.plan
    if (plan.tenant_id, plan.day) != (snapshot.tenant_id, snapshot.day):
        yield Violation("books", "plan", "it is of another tenant or another day than the snapshot")


def _one_to_one(facts: Facts) -> Iterator[Violation]:
    decided = Counter(row.enrollment_id for row in facts.plan.decisions)
    placed = Counter(row.enrollment_id for row in facts.plan.placements)
    for id_ in sorted(facts.candidates.keys() | decided.keys()):
        if decided[id_] != (id_ in facts.candidates):
            yield Violation("books", f"enrollment {id_}", f"{decided[id_]} decisions about it")
    for id_ in sorted(placed.keys() | decided.keys()):
        wanted = id_ in facts.decisions and facts.decisions[id_].bound_by is None
        if placed[id_] != wanted:
            yield Violation("books", f"enrollment {id_}", f"{placed[id_]} placements, its decision says {int(wanted)}")


def _references(facts: Facts) -> Iterator[Violation]:
    for row in facts.plan.placements:
        subject = f"enrollment {row.enrollment_id}"
        candidate = facts.candidates.get(row.enrollment_id)
        if row.mailbox_id not in facts.mailboxes:
            yield Violation("books", subject, f"mailbox {row.mailbox_id} is not in the snapshot")
        if candidate is not None and _key(row) != _key(candidate):
            yield Violation("books", subject, "the placement is of another lead, campaign or step")
    for decision in facts.plan.decisions:
        candidate = facts.candidates.get(decision.enrollment_id)
        if candidate is not None and _key(decision) != _key(candidate):
            yield Violation("books", f"enrollment {decision.enrollment_id}", "the decision is of something else")


def _key(row: object) -> tuple[object, ...]:
    return tuple(getattr(row, name) for name in ("lead_id", "campaign_id", "step"))


def _counts(facts: Facts) -> Iterator[Violation]:
    told = facts.plan.breakdown
    bound = Counter(row.bound_by for row in facts.plan.decisions)
    new = sum(row.step == 1 for row in facts.plan.placements)
    total = (told.candidates, told.placed, told.new_leads_placed, told.follow_ups_placed)
    counted = (len(facts.candidates), len(facts.plan.placements), new, len(facts.plan.placements) - new)
    if total != counted:
        yield Violation("breakdown", "breakdown", f"it counts {total}, there are {counted}")
    reasons = {row.constraint: row.candidates for row in told.not_placed}
    if reasons != {name: count for name, count in bound.items() if name is not None}:
        yield Violation("breakdown", "breakdown", "the reasons it counts are not those of the decisions")
    if told.sequences_ended != sum(row.ends is not None for row in facts.plan.decisions):
        yield Violation("breakdown", "breakdown", "it counts other ends of sequences than the decisions")
    if sum(pool.placed for pool in told.pools) != len(facts.plan.placements):
        yield Violation("breakdown", "breakdown", "its pools placed another number than the plan")

"""What differs between two plans, enrollment by enrollment, with the reasons both plans give.

Belongs here: comparing. Does not: making plans (`send_plan`), nor words for people (the CLI).
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from outreach_pipelines.domain.ids import EnrollmentId, LeadId
from outreach_pipelines.domain.send_plan.plan import Constraint, Decision, Placement, Plan


class Change(StrEnum):
    """What became of an enrollment from one plan to the next."""

    NEWLY_PLACED = "newly placed"
    DROPPED = "dropped"
    MOVED = "moved"
    OTHER_REASON = "other reason"
    APPEARED = "appeared"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Standing:
    """A plan's word on an enrollment; `placement` is None when it has no slot."""

    decision: Decision
    placement: Placement | None


@dataclass(frozen=True, slots=True)
class Difference:
    """`before` is None when the old plan did not know the enrollment, `after` when the new one does not."""

    enrollment_id: EnrollmentId
    lead_id: LeadId
    change: Change
    before: Standing | None
    after: Standing | None


@dataclass(frozen=True, slots=True)
class PlanDiff:
    """All differences, by lead and enrollment. `net_by_constraint`: how many more (or fewer) each constraint keeps back."""

    placed_before: int
    placed_after: int
    differences: tuple[Difference, ...]
    net_by_constraint: Mapping[Constraint, int]

    def counts(self) -> Mapping[Change, int]:
        """How many of each change there are, in the order of `Change`."""
        found = Counter(row.change for row in self.differences)
        return {change: found[change] for change in Change if found[change]}


def diff_plans(before: Plan, after: Plan) -> PlanDiff:
    """Two plans of any two snapshots. Enrollments that both plans treat alike are not listed."""
    old, new = _standings(before), _standings(after)
    rows = (_difference(id_, old.get(id_), new.get(id_)) for id_ in old.keys() | new.keys())
    differences = sorted((row for row in rows if row is not None), key=lambda row: (row.lead_id, row.enrollment_id))
    return PlanDiff(len(before.placements), len(after.placements), tuple(differences), _net(before, after))


def standing_of(plan: Plan, enrollment: EnrollmentId) -> Standing | None:
    """What the plan says of one enrollment; None when it was no candidate."""
    return _standings(plan).get(enrollment)


def _standings(plan: Plan) -> dict[EnrollmentId, Standing]:
    placements = {row.enrollment_id: row for row in plan.placements}
    return {row.enrollment_id: Standing(row, placements.get(row.enrollment_id)) for row in plan.decisions}


def _difference(id_: EnrollmentId, before: Standing | None, after: Standing | None) -> Difference | None:
    known = after or before
    change = _change(before, after)
    if known is None or change is None:
        return None
    return Difference(id_, known.decision.lead_id, change, before, after)


def _change(before: Standing | None, after: Standing | None) -> Change | None:
    if before is None or after is None:
        return Change.APPEARED if before is None else Change.GONE
    old, new = before.placement, after.placement
    if old is None and new is None:
        return Change.OTHER_REASON if before.decision.bound_by is not after.decision.bound_by else None
    if old is None or new is None:
        return Change.NEWLY_PLACED if old is None else Change.DROPPED
    return Change.MOVED if old != new else None


def _net(before: Plan, after: Plan) -> Mapping[Constraint, int]:
    counts = dict.fromkeys(Constraint, 0)
    for constraint, count in _kept_back(after):
        counts[constraint] += count
    for constraint, count in _kept_back(before):
        counts[constraint] -= count
    return {constraint: count for constraint, count in counts.items() if count}


def _kept_back(plan: Plan) -> Iterator[tuple[Constraint, int]]:
    return ((row.constraint, row.candidates) for row in plan.breakdown.not_placed)

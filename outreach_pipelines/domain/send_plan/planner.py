"""The plan of a day, from its snapshot: a pure function, the same bytes for the same facts.

Here belongs the order of the work. Not here: the rules themselves.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache, partial
from hashlib import blake2b
from itertools import accumulate
from operator import attrgetter
from typing import TypeAlias

from outreach_pipelines.domain.calendar import utc_time
from outreach_pipelines.domain.send_plan import explanation
from outreach_pipelines.domain.send_plan.assignment import Placed, Supply
from outreach_pipelines.domain.send_plan.breakdown import breakdown
from outreach_pipelines.domain.send_plan.cap_words import CapWords
from outreach_pipelines.domain.send_plan.capacity import Ledger, MailboxRoom
from outreach_pipelines.domain.send_plan.codec import canonical, encode_canonical, sealed, snapshot_hash
from outreach_pipelines.domain.send_plan.collector import collector_resting
from outreach_pipelines.domain.send_plan.eligibility import Eligible, Examined, Examiner
from outreach_pipelines.domain.send_plan.explanation import Explainer, Reason
from outreach_pipelines.domain.send_plan.faults import require_sound
from outreach_pipelines.domain.send_plan.phases import Phases
from outreach_pipelines.domain.send_plan.plan import Decision, Placement, Plan, PlanHash, PlannerVersion
from outreach_pipelines.domain.send_plan.snapshot import (
    Campaign,
    CampaignId,
    Candidate,
    EnrollmentId,
    Snapshot,
    Variant,
    VariantName,
)
from outreach_pipelines.domain.send_plan.windows import PlanDay

PLANNER_VERSION = PlannerVersion("5")
"""Raised with every change that may give another plan for the same snapshot."""

# Of a large day there are sixty thousand decisions: out of columns, and without a call of Python for each.
_decision: Callable[[Iterable[object]], Decision] = partial(tuple.__new__, Decision)

_Wordings: TypeAlias = Mapping[tuple[CampaignId, int], tuple[Sequence[Variant], Sequence[int]]]
"""Of a step: its variants, and the sums of their weights up to each."""


def plan(snapshot: Snapshot) -> Plan:
    """Who is written to on the snapshot's day, from which mailbox, at what second, and why the others are not.

    Every candidate gets a decision. A past day gets decisions only. Raises `BadSnapshotError` that names every fault.
    """
    require_sound(snapshot)
    with collector_resting():
        return _plan(canonical(snapshot))


def _plan(snapshot: Snapshot) -> Plan:
    day = PlanDay(snapshot)
    examiner = Examiner(snapshot, day)
    examined = [examiner.examine(candidate) for candidate in snapshot.candidates]
    eligible = [row for row in examined if isinstance(row, Eligible)]
    rooms = {mailbox.id: MailboxRoom(mailbox, snapshot, day) for mailbox in snapshot.mailboxes}
    supply = Supply(rooms, Ledger(snapshot, rooms.values()), examiner.routes)
    placed = Phases(snapshot, supply).run(eligible)
    decisions = _decisions(examined, placed, Explainer(supply, CapWords(snapshot)))
    unsealed = Plan(
        tenant_id=snapshot.tenant_id,
        day=snapshot.day,
        planner_version=PLANNER_VERSION,
        snapshot_hash=snapshot_hash(encode_canonical(snapshot)),
        plan_hash=PlanHash(""),
        placements=_placements(snapshot, placed),
        decisions=decisions,
        breakdown=breakdown(snapshot, supply, eligible=eligible, placed=placed.values(), decisions=decisions),
    )
    return sealed(unsealed)


def _decisions(
    examined: Sequence[Examined], placed: Mapping[EnrollmentId, Placed], explainer: Explainer
) -> tuple[Decision, ...]:
    def reason(row: Examined) -> Reason:
        if not isinstance(row, Eligible):
            return explanation.refused(row)
        slot = placed.get(row.candidate.enrollment_id)
        return explainer.not_placed(row) if slot is None else explanation.placed(slot)

    reasons = [reason(row) for row in examined]
    candidates = [row.candidate for row in examined]
    about = (map(attrgetter(name), candidates) for name in ("enrollment_id", "lead_id", "campaign_id", "step"))
    return tuple(map(_decision, zip(*about, *zip(*reasons, strict=True), strict=True)))


def _placements(snapshot: Snapshot, placed: Mapping[EnrollmentId, Placed]) -> tuple[Placement, ...]:
    """In the order of their time."""
    wordings = _wordings(snapshot.campaigns)
    rows = sorted(placed.values(), key=lambda row: (row.due_at, row.eligible.candidate.enrollment_id))
    moment = cache(utc_time)  # the windows of thousands open and close at the same few moments
    return tuple(_placement(row, wordings, moment) for row in rows)


def _wordings(campaigns: Iterable[Campaign]) -> _Wordings:
    return {
        (campaign.id, step.number): (step.variants, tuple(accumulate(variant.weight for variant in step.variants)))
        for campaign in campaigns
        for step in campaign.steps
    }


def _placement(row: Placed, wordings: _Wordings, moment: Callable[[int], datetime]) -> Placement:
    candidate = row.eligible.candidate
    window = row.eligible.recipient_day.permitted_around(row.due_at)
    variant = _variant(candidate, *wordings[candidate.campaign_id, candidate.step])
    about = candidate.enrollment_id, candidate.lead_id, candidate.campaign_id, candidate.step
    times = utc_time(row.due_at), moment(window.start), moment(window.end)
    return Placement(*about, row.mailbox_id, *times, variant, row.account_ids)


def _variant(candidate: Candidate, variants: Sequence[Variant], ends: Sequence[int]) -> VariantName:
    """Chances by weight, fixed by who and which step and not by the day, so that planning again keeps the wording. `ends`
    are the sums of the weights up to each variant."""
    if len(variants) == 1:
        return variants[0].name
    name = f"{candidate.campaign_id}|{candidate.step}|{candidate.lead_id}|{candidate.round}"
    number = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")
    return variants[bisect_right(ends, number % ends[-1])].name

"""The plan of a day, from its snapshot: a pure function, the same bytes for the same facts.

Here belongs the order of the work. Not here: the rules themselves.
"""

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from hashlib import blake2b
from itertools import accumulate

from outreach_pipelines.domain.calendar import utc_time
from outreach_pipelines.domain.send_plan import explanation
from outreach_pipelines.domain.send_plan.assignment import Placed, Supply
from outreach_pipelines.domain.send_plan.breakdown import breakdown
from outreach_pipelines.domain.send_plan.capacity import Ledger, MailboxRoom
from outreach_pipelines.domain.send_plan.codec import canonical, encode_snapshot, sealed, snapshot_hash
from outreach_pipelines.domain.send_plan.eligibility import Eligible, Examined, Examiner
from outreach_pipelines.domain.send_plan.explanation import Explainer
from outreach_pipelines.domain.send_plan.faults import require_sound
from outreach_pipelines.domain.send_plan.phases import Phases
from outreach_pipelines.domain.send_plan.plan import Decision, Placement, Plan, PlanHash, PlannerVersion
from outreach_pipelines.domain.send_plan.snapshot import (
    Campaign,
    CampaignId,
    Candidate,
    EnrollmentId,
    Snapshot,
    VariantName,
)
from outreach_pipelines.domain.send_plan.windows import PlanDay

PLANNER_VERSION = PlannerVersion("4")
"""Raised with every change that may give another plan for the same snapshot."""


def plan(snapshot: Snapshot) -> Plan:
    """Who is written to on the snapshot's day, from which mailbox, at what second, and why the others are not.

    Every candidate gets a decision. A past day gets decisions only. Raises `BadSnapshotError` that names every fault.
    """
    require_sound(snapshot)
    with _collector_resting():
        return _plan(canonical(snapshot))


@contextmanager
def _collector_resting() -> Iterator[None]:
    """A plan has no cycles: looking for them among hundreds of thousands of rows took a third of the planner's time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _plan(snapshot: Snapshot) -> Plan:
    day = PlanDay(snapshot)
    examiner = Examiner(snapshot, day)
    examined = [examiner.examine(candidate) for candidate in snapshot.candidates]
    eligible = [row for row in examined if isinstance(row, Eligible)]
    rooms = {mailbox.id: MailboxRoom(mailbox, snapshot, day) for mailbox in snapshot.mailboxes}
    supply = Supply(rooms, Ledger(snapshot), examiner.routes)
    placed = Phases(snapshot, supply).run(eligible)
    decisions = _decisions(examined, placed, Explainer(supply))
    unsealed = Plan(
        tenant_id=snapshot.tenant_id,
        day=snapshot.day,
        planner_version=PLANNER_VERSION,
        snapshot_hash=snapshot_hash(encode_snapshot(snapshot)),
        plan_hash=PlanHash(""),
        placements=_placements(snapshot, placed),
        decisions=decisions,
        breakdown=breakdown(snapshot, supply, eligible=eligible, placed=placed.values(), decisions=decisions),
    )
    return sealed(unsealed)


def _decisions(
    examined: Sequence[Examined], placed: Mapping[EnrollmentId, Placed], explainer: Explainer
) -> tuple[Decision, ...]:
    def decide(row: Examined) -> Decision:
        if not isinstance(row, Eligible):
            return explanation.refused(row)
        slot = placed.get(row.candidate.enrollment_id)
        return explainer.not_placed(row) if slot is None else explanation.placed(slot)

    return tuple(decide(row) for row in examined)


def _placements(snapshot: Snapshot, placed: Mapping[EnrollmentId, Placed]) -> tuple[Placement, ...]:
    """In the order of their time."""
    campaigns = {campaign.id: campaign for campaign in snapshot.campaigns}
    rows = sorted(placed.values(), key=lambda row: (row.due_at, row.eligible.candidate.enrollment_id))
    moment = cache(utc_time)  # the windows of thousands open and close at the same few moments
    return tuple(_placement(row, campaigns, moment) for row in rows)


def _placement(row: Placed, campaigns: Mapping[CampaignId, Campaign], moment: Callable[[int], datetime]) -> Placement:
    candidate = row.eligible.candidate
    window = row.eligible.recipient_day.permitted_around(row.due_at)
    return Placement(
        enrollment_id=candidate.enrollment_id,
        lead_id=candidate.lead_id,
        campaign_id=candidate.campaign_id,
        step=candidate.step,
        mailbox_id=row.mailbox_id,
        due_at=utc_time(row.due_at),
        window_start=moment(window.start),
        window_end=moment(window.end),
        variant=_variant(candidate, campaigns[candidate.campaign_id]),
        account_ids=row.account_ids,
    )


def _variant(candidate: Candidate, campaign: Campaign) -> VariantName:
    """Chances by weight, fixed by who and which step and not by the day, so that planning again keeps the wording."""
    variants = campaign.steps[candidate.step - 1].variants
    if len(variants) == 1:
        return variants[0].name
    name = f"{candidate.campaign_id}|{candidate.step}|{candidate.lead_id}|{candidate.round}"
    number = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")
    turn = number % sum(variant.weight for variant in variants)
    ends = accumulate(variant.weight for variant in variants)
    return next(variant.name for variant, end in zip(variants, ends, strict=True) if turn < end)

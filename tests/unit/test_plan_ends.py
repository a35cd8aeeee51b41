"""Which facts end a sequence, under which name, and which only keep a message back for now."""

from datetime import date

import plan_factories as make
import pytest

from outreach_pipelines.domain.campaign import CampaignState
from outreach_pipelines.domain.send_plan import snapshot as s
from outreach_pipelines.domain.send_plan.plan import Constraint, Decision
from outreach_pipelines.domain.send_plan.planner import plan
from outreach_pipelines.domain.sequence import EndReason
from outreach_pipelines.domain.suppression import SuppressionKind

LAST_WEEK = date(2026, 3, 3)


def decided(candidate: s.Candidate | None = None, **changes: object) -> Decision:
    return make.decision_of(plan(make.snapshot(candidates=(candidate or make.candidate(),), **changes)))


@pytest.mark.parametrize(
    ("kind", "end"),
    [
        (SuppressionKind.HARD_BOUNCE, EndReason.BOUNCED),
        (SuppressionKind.COMPLAINT, EndReason.COMPLAINED),
        (SuppressionKind.UNSUBSCRIBE, EndReason.UNSUBSCRIBED),
        (SuppressionKind.OBJECTION, EndReason.SUPPRESSED),
        (SuppressionKind.MANUAL, EndReason.SUPPRESSED),
        (SuppressionKind.IMPORTED, EndReason.SUPPRESSED),
    ],
)
def test_a_suppression_ends_the_sequence_under_the_name_of_its_kind(kind: SuppressionKind, end: EndReason) -> None:
    decision = decided(make.candidate(block=s.Suppressed(kind, LAST_WEEK)))

    assert (decision.bound_by, decision.ends) == (Constraint.SUPPRESSED, end)


@pytest.mark.parametrize(
    ("state", "end"),
    [
        (CampaignState.DRAFT, None),
        (CampaignState.PAUSED, None),
        (CampaignState.FINISHED, EndReason.CAMPAIGN_ENDED),
    ],
)
def test_only_a_finished_campaign_ends_the_sequences_of_a_campaign_that_sends_nothing(
    state: CampaignState, end: EndReason | None
) -> None:
    decision = decided(campaigns=(make.campaign(state=state),))

    assert (decision.bound_by, decision.ends) == (Constraint.CAMPAIGN_NOT_ACTIVE, end)


def test_what_the_person_did_ends_a_sequence_before_its_finished_campaign_does() -> None:
    replied = make.candidate(block=s.Replied(LAST_WEEK))

    decision = decided(replied, campaigns=(make.campaign(state=CampaignState.FINISHED),))

    assert decision.ends is EndReason.REPLIED


def test_a_lead_that_was_enrolled_anew_gets_the_message_of_its_new_round() -> None:
    rounds = (make.candidate(1, lead_id=5, round=1), make.candidate(2, lead_id=5, round=2))

    result = plan(make.snapshot(candidates=rounds))

    assert [row.bound_by for row in result.decisions] == [None, None]

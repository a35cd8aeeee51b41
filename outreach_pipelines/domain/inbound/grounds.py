"""How sure a classification is, and what it rests on: one answer for every kind of content.

Which rule decides is the readers' part; what is done with an unsure one belongs to those who act on it.
"""

from typing import assert_never

from outreach_pipelines.domain.inbound.message import (
    AutoReply,
    Challenge,
    Complaint,
    Content,
    DeliveryReport,
    DispositionNotice,
    FeedbackNotice,
    HumanReply,
    Unreadable,
    UnsubscribeRequest,
)
from outreach_pipelines.domain.inbound.verdict import (
    Action,
    Basis,
    BounceClass,
    Confidence,
    Evidence,
    RecipientVerdict,
    RuleName,
)

_GRAVEST_FIRST = (
    BounceClass.HARD,
    BounceClass.BLOCK,
    BounceClass.FULL,
    BounceClass.RATE_LIMITED,
    BounceClass.GREYLISTED,
    BounceClass.SOFT,
    BounceClass.UNKNOWN,
    BounceClass.NOT_A_FAILURE,
)


def gravest(report: DeliveryReport) -> RecipientVerdict | None:
    """The recipient of `report` with the most to follow from; None where it names nobody."""
    return min(report.recipients, key=_gravity, default=None)


def evidence_of(content: Content) -> Evidence:
    """The rule that decided, and the line it decided on."""
    match content:
        case DeliveryReport():
            first = gravest(content)
            return first.verdict.evidence if first else Evidence(RuleName("report"), Basis.NOTHING, "it names nobody")
        case Unreadable(reason=reason):
            return Evidence(RuleName("cap"), Basis.STRUCTURE, reason.value)
        case (
            Complaint()
            | FeedbackNotice()
            | DispositionNotice()
            | AutoReply()
            | Challenge()
            | UnsubscribeRequest()
            | HumanReply()
        ):
            return content.evidence
        case _:
            assert_never(content)


def confidence_of(content: Content) -> Confidence:
    """HIGH where structure or a whole-message command says it, MEDIUM where words do, LOW where nothing does."""
    match content:
        case DeliveryReport():
            first = gravest(content)
            return first.verdict.confidence if first else Confidence.LOW
        case HumanReply(text=text):
            return Confidence.MEDIUM if text else Confidence.LOW
        case _:
            evidence = evidence_of(content)
            return Confidence.HIGH if evidence.basis is Basis.STRUCTURE else Confidence.MEDIUM


def _gravity(each: RecipientVerdict) -> tuple[int, int]:
    return list(Action).index(each.action), _GRAVEST_FIRST.index(each.verdict.bounce_class)

"""Which mails a person should look at, because what they say is not sure enough.

Belongs here: that decision. Does not: how sure it is (`inbound/grounds`), what a mail changes (`inbox_event`, `delivery_event`), nor a person's own
verdict (`reply_ruling`).
"""

from enum import StrEnum
from typing import assert_never

from outreach_pipelines.domain.delivery_event import BounceFacts
from outreach_pipelines.domain.inbound.verdict import BounceClass, Confidence
from outreach_pipelines.domain.inbox_route import Fate, Parked, ParkReason, Routed


class ReviewReason(StrEnum):
    """Why a person should look."""

    UNTIED = "untied"  # it may answer a send of ours that it does not name
    FOREIGN_TAG = "foreign_tag"
    NEVER_SENT = "never_sent"
    FOR_PEOPLE = "for_people"  # a challenge, a notice, a mail that could not be read
    UNKNOWN_BOUNCE = "unknown_bounce"  # it did not arrive, and nobody knows why
    UNSURE = "unsure"  # what it says may be meant otherwise


def review_reason(fate: Fate, confidence: Confidence) -> ReviewReason | None:
    """None where what follows from a mail is certain, and for our own mail."""
    match fate:
        case Parked(reason=ParkReason.OWN_MAIL):
            return None
        case Parked(reason=reason):
            return ReviewReason(reason.value)
        case Routed(events=events):
            if any(event.bounce and _is_unknown(event.bounce) for event in events):
                return ReviewReason.UNKNOWN_BOUNCE
            return ReviewReason.UNSURE if confidence is Confidence.LOW else None
    assert_never(fate)


def _is_unknown(bounce: BounceFacts) -> bool:
    return bounce.bounce_class is BounceClass.UNKNOWN

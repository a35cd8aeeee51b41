"""Whom one bounce verdict counts against.

Belongs here: the bridge from the classes of `inbound` to the evidence of back-off. Not here: how a bounce is
classified.
"""

from enum import Enum
from typing import assert_never

from outreach_pipelines.domain.back_off.evidence import AnswerStrength
from outreach_pipelines.domain.inbound.bounce_rules import refuses_for_one_recipient
from outreach_pipelines.domain.inbound.verdict import BlockCause, BounceClass, Cause


class CountsAgainst(Enum):
    """The one that a bounce speaks of."""

    RECIPIENT = "recipient"
    PATH = "path"
    CONTENT = "content"
    """The message was refused for what it says: campaign and domain carry it, neither the person nor the route."""
    NO_ONE = "no_one"


def counts_against(bounce: BounceClass, cause: Cause | None) -> CountsAgainst:
    """Whom a bounce counts against.

    One caused by the sender's reputation or authentication never condemns the recipient.
    """
    match bounce:
        case BounceClass.HARD | BounceClass.FULL | BounceClass.SOFT:
            return CountsAgainst.PATH if isinstance(cause, BlockCause) else CountsAgainst.RECIPIENT
        case BounceClass.RATE_LIMITED:
            return CountsAgainst.PATH
        case BounceClass.BLOCK:
            return CountsAgainst.CONTENT if cause is BlockCause.CONTENT else CountsAgainst.PATH
        case BounceClass.GREYLISTED | BounceClass.NOT_A_FAILURE | BounceClass.UNKNOWN:
            return CountsAgainst.NO_ONE
        case _:
            assert_never(bounce)


def reputation_strength(bounce: BounceClass, cause: Cause | None, diagnostic: str) -> AnswerStrength | None:
    """What an answer asks of its path: a rate limit slows, a block stops, None where it says nothing of the path.

    A recipient or group that takes no mail from strangers says nothing of the path: no other recipient refused it.
    Yahoo's TSS04 is a rate limit in form; the receiver then defers everything from the sender, so it stops (Yahoo
    Sender Hub, SMTP error codes).
    """
    if counts_against(bounce, cause) is not CountsAgainst.PATH:
        return None
    if cause is BlockCause.POLICY and refuses_for_one_recipient(diagnostic):
        return None
    if bounce is BounceClass.RATE_LIMITED and "TSS04" not in diagnostic:
        return AnswerStrength.SLOW
    return AnswerStrength.STOP

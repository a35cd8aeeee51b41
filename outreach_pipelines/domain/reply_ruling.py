"""A person's verdict on mail that nothing certain was read from, as the event that a certain reading would have been.

Belongs here: the verdicts' names, and which event each is. Does not: what an event does (`delivery_event`).
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import assert_never

from outreach_pipelines.domain.delivery_event import BounceFacts, DeliveryEvent, EventKind, cause_named
from outreach_pipelines.domain.inbound.verdict import BlockCause, BounceClass, HardCause, SoftCause


class Ruled(StrEnum):
    """What a person may say that a mail is: the classes of `outreach classify`."""

    HARD = "hard"
    FULL = "full"
    SOFT = "soft"
    GREYLISTED = "greylisted"
    RATE_LIMITED = "rate_limited"
    BLOCK = "block"
    COMPLAINT = "complaint"
    OUT_OF_OFFICE = "out_of_office"
    LEFT_COMPANY = "left_company"
    OTHER_AUTO_REPLY = "other_auto_reply"
    UNSUBSCRIBE_REQUEST = "unsubscribe_request"
    CHALLENGE = "challenge"
    HUMAN_REPLY = "human_reply"
    NOT_A_FAILURE = "not_a_failure"
    UNKNOWN = "unknown"


class NoSuchRulingError(ValueError):
    """A verdict, or the cause of one, that there is not; the text names those there are."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """A verdict. `cause` names why, for bounces; `back_on` is the first day back of somebody who is away."""

    ruled: Ruled
    cause: str | None = None
    back_on: date | None = None

    @property
    def name(self) -> str:
        """As it is stored: `block:content`."""
        return self.ruled.value if self.cause is None else f"{self.ruled.value}:{self.cause}"


def parse_ruling(text: str, *, back_on: date | None = None) -> Ruling:
    """`CLASS` or `CLASS:CAUSE`. Raises `NoSuchRulingError`."""
    name, colon, cause = text.strip().lower().partition(":")
    if name not in list(Ruled):
        message = f"{text!r} is no class; there are {', '.join(Ruled)}"
        raise NoSuchRulingError(message)
    ruled = Ruled(name)
    causes = _CAUSES.get(ruled, ())
    if colon and cause not in causes:
        message = f"{name} has {'the causes ' + ', '.join(causes) if causes else 'no causes'}"
        raise NoSuchRulingError(message)
    if back_on is not None and ruled is not Ruled.OUT_OF_OFFICE:
        message = "a day of return belongs to out_of_office"
        raise NoSuchRulingError(message)
    return Ruling(ruled, cause or None, back_on)


_CAUSES: dict[Ruled, tuple[str, ...]] = {
    Ruled.HARD: tuple(each.value for each in HardCause),
    Ruled.BLOCK: tuple(each.value for each in BlockCause),
    Ruled.SOFT: tuple(each.value for each in SoftCause),
}


def ruled_event(ruling: Ruling, *, inbound: int, received_at: datetime, by: str) -> DeliveryEvent | None:
    """The event of a mail that a person has ruled on; None where nothing follows from it.

    A mail has one ruling, so its number is the key: the same ruling twice is the same news.
    """
    kind = _kind(ruling.ruled)
    if kind is None:
        return None
    away_until = None if ruling.back_on is None else ruling.back_on - timedelta(days=1)
    bounce = _bounce(ruling, by) if kind is EventKind.BOUNCED else None
    return DeliveryEvent(verdict_key(inbound), kind, received_at, bounce=bounce, away_until=away_until)


def verdict_key(inbound: int) -> str:
    """The dedupe key of the event that a verdict on this mail is."""
    return f"ruled:{inbound}"


def says_the_same(read: DeliveryEvent, ruled: DeliveryEvent) -> bool:
    """Whether a verdict adds nothing to what the reader has told of the same mail. One without a cause leaves the cause open."""
    if (read.kind, read.away_until) != (ruled.kind, ruled.away_until):
        return False
    if read.bounce is None or ruled.bounce is None:
        return read.bounce is ruled.bounce
    same_class = read.bounce.bounce_class is ruled.bounce.bounce_class
    return same_class and ruled.bounce.cause in (None, read.bounce.cause)


def _kind(ruled: Ruled) -> EventKind | None:
    match ruled:
        case Ruled.HARD | Ruled.FULL | Ruled.SOFT | Ruled.GREYLISTED | Ruled.RATE_LIMITED | Ruled.BLOCK:
            return EventKind.BOUNCED
        case Ruled.COMPLAINT:
            return EventKind.COMPLAINED
        case Ruled.OUT_OF_OFFICE:
            return EventKind.OUT_OF_OFFICE
        case Ruled.LEFT_COMPANY:
            return EventKind.LEFT_COMPANY
        case Ruled.OTHER_AUTO_REPLY:
            return EventKind.AUTO_REPLIED
        case Ruled.UNSUBSCRIBE_REQUEST:
            return EventKind.UNSUBSCRIBE_REQUESTED
        case Ruled.HUMAN_REPLY:
            return EventKind.REPLIED
        case Ruled.CHALLENGE | Ruled.NOT_A_FAILURE | Ruled.UNKNOWN:
            return None
    assert_never(ruled)


def _bounce(ruling: Ruling, by: str) -> BounceFacts:
    bounce_class = BounceClass(ruling.ruled.value)
    cause = cause_named(bounce_class, ruling.cause)
    return BounceFacts(bounce_class, cause, "", "", f"by hand, {by}")

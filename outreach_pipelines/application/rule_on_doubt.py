"""A person says what became of an attempt that no evidence settles: what that will do, and that it is written down.

Belongs here: what may be ruled on, and what each ruling does in words. Does not: the writes (an adapter).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol, assert_never

from outreach_pipelines.domain.message import MessageId, MessageState
from outreach_pipelines.domain.message_tag import MessageTag
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.errors import NotFound, Refused


class Ruling(StrEnum):
    """What a person found out, for example in the provider's console."""

    ACCEPTED = "accepted"
    NOT_SENT = "not_sent"


@dataclass(frozen=True, slots=True)
class RuledAttempt:
    """The newest attempt of a message. `outcome` is the attempt's, as `app.send_attempt` names it."""

    about: MessageTag
    state: MessageState
    outcome: str
    begun_at: datetime
    account: str
    window_open: bool


_UNCHANGED: Mapping[str, str] = {
    "settled_before": "the attempt was settled meanwhile",
    "known": "it is known as accepted already",
    "evidence_waits": "an event about the message has come and is applied within a minute",
    "other_attempt_in_doubt": "another attempt of the same message is in doubt too: rule on that one first",
}


class RulingStore(Protocol):
    """Attempts in doubt, and the book of rulings."""

    def attempt_to_rule(self, tenant: TenantId, day: date | None, message: MessageId) -> RuledAttempt | None:
        """The newest attempt of this message; None when there is no such message, or none was ever begun."""
        ...

    def rule(self, attempt: RuledAttempt, ruling: Ruling, *, reason: str, by: str) -> str:
        """Apply the ruling and write it down, in one transaction; what came of it."""
        ...


def attempt_to_rule(store: RulingStore, tenant: TenantId, day: date | None, message: MessageId) -> RuledAttempt:
    """The attempt that a ruling would be about. Raises `NotFound`, and `Refused` where nothing is in doubt."""
    attempt = store.attempt_to_rule(tenant, day, message)
    if attempt is None:
        text = f"no attempt to send message {message} is known"
        raise NotFound(text)
    if attempt.outcome not in ("in_doubt", "unknown"):
        text = f"attempt {attempt.about.attempt} of message {message} is not in doubt: it ended as {attempt.outcome!r}"
        raise Refused(text)
    return attempt


def effect_of_ruling(attempt: RuledAttempt, ruling: Ruling) -> str:
    """What the ruling will do, for a person to agree to."""
    which = f"Attempt {attempt.about.attempt} of message {attempt.about.plan_day}/{attempt.about.message}"
    told = f"{which}, begun {attempt.begun_at:%Y-%m-%d %H:%M} UTC through {attempt.account}"
    match ruling:
        case Ruling.ACCEPTED:
            return f"{told}, will count as accepted: it is never sent again, and its sequence goes on."
        case Ruling.NOT_SENT if attempt.window_open:
            risk = "If the provider did take it, the recipient gets it twice."
            return f"{told}, will count as not sent: the message is planned again and may leave at once. {risk}"
        case Ruling.NOT_SENT:
            after = "The message's window has passed, so that it expires; a later plan decides anew."
            return f"{told}, will count as not sent. {after}"
    assert_never(ruling)


def rule_on_doubt(store: RulingStore, attempt: RuledAttempt, ruling: Ruling, *, reason: str, by: str) -> str:
    """Apply it; what came of it. Raises `Refused` without a reason, and where nothing was changed: evidence was faster."""
    if not reason.strip():
        text = "a ruling needs its reason: --reason"
        raise Refused(text)
    came = store.rule(attempt, ruling, reason=reason.strip(), by=by)
    if came in _UNCHANGED:
        text = f"nothing was changed: {_UNCHANGED[came]}"
        raise Refused(text)
    return came

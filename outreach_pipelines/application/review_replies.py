"""A person's verdict on mail that nothing certain was read from: it does what a certain reading would have done.

Belongs here: what may be ruled, and that the event goes the way of every other. Does not: which event a verdict is
(`domain.reply_ruling`), what it does (`domain.delivery_event`), which mail is uncertain (`sync_replies`).
"""

from dataclasses import dataclass
from typing import Protocol, assert_never

from outreach_pipelines.application.acts_by_hand import ByHand
from outreach_pipelines.application.inbox_mail import InboundId
from outreach_pipelines.application.record_events import EventStore, record_events
from outreach_pipelines.application.reply_list import ReplyRow
from outreach_pipelines.domain.delivery_event import DeliveryEvent, EventKind, effect_of
from outreach_pipelines.domain.reply_ruling import Ruling, ruled_event
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.errors import Refused


@dataclass(frozen=True, slots=True)
class Written:
    """The verdict stands, and its event, if any, waits for `record_events`."""


@dataclass(frozen=True, slots=True)
class RuledBefore:
    """Somebody has ruled on this mail."""

    verdict: str
    by: str


@dataclass(frozen=True, slots=True)
class NothingTied:
    """The verdict is news of a send, and neither the mail nor who ruled says of which."""


RulingOutcome = Written | RuledBefore | NothingTied


class RulingBook(Protocol):
    """Where verdicts are written down."""

    def rule(
        self,
        tenant: TenantId,
        inbound: InboundId,
        ruling: Ruling,
        event: DeliveryEvent | None,
        *,
        by: ByHand,
        about: str | None,
    ) -> RulingOutcome:
        """The verdict, its event and the audit row, in one transaction. `about` names whom an untied mail speaks of."""
        ...


def effect_of_ruling(row: ReplyRow, ruling: Ruling, *, about: str | None) -> str:
    """What the verdict will do, for a person to agree to."""
    whom = row.person or about or "the person it is about"
    event = _event(row, ruling, "somebody")
    before = f" What followed when it was read as {row.read_as} stays." if row.park_reason is None else ""
    if event is None:
        return f"Mail {row.inbound} counts as {ruling.name}; nothing follows from it.{before}"
    effect = effect_of(event)
    told = [f"Mail {row.inbound} counts as {ruling.name}.{before}"]
    if effect.suppress is not None:
        told.append(f"{whom} is not written to again by this tenant ({effect.suppress.value.replace('_', ' ')}).")
    if effect.stops_sequence is not None:
        told.append(f"The sequence to {whom} ends.")
    if effect.away_until is not None:
        told.append(f"The next step to {whom} waits until after {effect.away_until}.")
    elif effect.delays_next_step:
        told.append(f"The next step to {whom} comes later.")
    if event.kind is EventKind.BOUNCED and effect.suppress is None:
        told.append("It is counted as every bounce of its class.")
    return " ".join(told)


def rule_on_reply(
    book: RulingBook,
    events: EventStore,
    *,
    tenant: TenantId,
    row: ReplyRow,
    ruling: Ruling,
    by: ByHand,
    about: str | None = None,
) -> str:
    """Write the verdict down and let it take effect; what came of it. The same verdict twice is one.

    Raises `Refused` where another verdict stands, and where it is news of a send that nothing names.
    """
    _check_about(row, about)
    outcome = book.rule(tenant, row.inbound, ruling, _event(row, ruling, by.actor), by=by, about=about)
    # Also where it was ruled on before: that process may have ended between its two transactions.
    record_events(events, tenant=tenant)
    return _told(outcome, row, ruling, about)


def _check_about(row: ReplyRow, about: str | None) -> None:
    ruled = row.review is not None and row.review.verdict is not None
    if about is None or row.enrollment is None or ruled or about.strip().lower() == (row.person or "").lower():
        return
    message = f"the mail is tied to a message of {row.campaign}: whom it is about is known"
    raise Refused(message)


def _told(outcome: RulingOutcome, row: ReplyRow, ruling: Ruling, about: str | None) -> str:
    match outcome:
        case Written():
            return f"mail {row.inbound} counts as {ruling.name}"
        case RuledBefore(verdict, by) if verdict == ruling.name:
            return f"mail {row.inbound} was called {verdict} before, by {by}; nothing changes"
        case RuledBefore(verdict, by):
            message = (
                f"mail {row.inbound} was called {verdict} by {by}: what followed from that is undone by its own command"
            )
            raise Refused(message)
        case NothingTied() if about is not None:
            message = f"no message of this tenant to {about} was ever accepted"
            raise Refused(message)
        case NothingTied():
            message = f"{ruling.name} is news of a message, and nothing says of whose: name them by --about ADDRESS"
            raise Refused(message)
    assert_never(outcome)


def _event(row: ReplyRow, ruling: Ruling, by: str) -> DeliveryEvent | None:
    return ruled_event(ruling, inbound=row.inbound, received_at=row.received_at, by=by)

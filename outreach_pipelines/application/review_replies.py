"""A person's verdict on mail: it does what a certain reading would have done, in the place of what the reader made of it.

Belongs here: what may be ruled and taken back, and that the event goes the way of every other. Does not: which event a verdict is
(`domain.reply_ruling`), what it does (`domain.delivery_event`), which mail is uncertain (`sync_replies`).
"""

from dataclasses import dataclass, field
from typing import Protocol, assert_never

from outreach_pipelines.application.acts_by_hand import ByHand
from outreach_pipelines.application.inbox_mail import InboundId
from outreach_pipelines.application.record_events import EventStore, record_events
from outreach_pipelines.application.reply_list import ReplyRow
from outreach_pipelines.domain.delivery_event import DeliveryEvent, EventKind, effect_of
from outreach_pipelines.domain.inbound.message import MessageKind
from outreach_pipelines.domain.reply_ruling import Ruling, ruled_event
from outreach_pipelines.domain.suppression import SuppressionKind
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.errors import Refused


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What fell with news that was none. `lifted`: the person is suppressed no more; `kept`: other news suppresses them all the same."""

    lifted: bool = False
    kept: tuple[SuppressionKind, ...] = ()

    def joined(self, other: "TakenBack") -> "TakenBack":
        """Both."""
        return TakenBack(self.lifted or other.lifted, (*self.kept, *other.kept))


@dataclass(frozen=True, slots=True)
class Written:
    """The verdict stands, and its event, if any, waits for `record_events`. `fell` went with what it stands in the place of."""

    fell: TakenBack = field(default_factory=TakenBack)


@dataclass(frozen=True, slots=True)
class NoVerdict:
    """Nobody has ruled on this mail, or it was taken back."""


@dataclass(frozen=True, slots=True)
class RuledBefore:
    """Somebody has ruled on this mail; `same`: just so, to the day."""

    verdict: str
    by: str
    same: bool


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
        instead: bool,
    ) -> RulingOutcome:
        """The verdict, its event and the audit row, in one transaction; what the reader has told of this mail falls with it.

        `about` names whom an untied mail speaks of. With `instead` a verdict that stands is taken back first. Raises
        `NotFound`, and `Refused` for one of which is not known what it stands in the place of.
        """
        ...

    def take_back(self, tenant: TenantId, inbound: InboundId, *, by: ByHand) -> TakenBack | NoVerdict:
        """One transaction: the verdict's event and what followed from it, as far as nothing else says the same.

        What the reader had told waits for `record_events` again. Raises as `rule` does.
        """
        ...


def effect_of_ruling(row: ReplyRow, ruling: Ruling, *, about: str | None) -> str:
    """What the verdict will do, for a person to agree to."""
    whom = row.person or about or "the person it is about"
    event = _event(row, ruling, "somebody")
    before = _before(row)
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


def _before(row: ReplyRow) -> str:
    """What becomes of what followed before."""
    if row.park_reason is not None:
        return ""
    if row.kind in _ASKED_FOR and (row.review is None or row.review.verdict is None):
        return f" It was read as {row.kind}: that stays, since nobody but the person takes it back."
    return f" What followed when it counted as {row.kind} is taken back where nothing else says so; a sequence that ended stays ended."


_ASKED_FOR = frozenset({MessageKind.UNSUBSCRIBE_REQUEST.value, MessageKind.COMPLAINT.value})


def effect_of_taking_back(row: ReplyRow) -> str:
    """What it will do, for a person to agree to."""
    return (
        f"Mail {row.inbound} is again what the reader took it for: {row.read_as}. What followed from the verdict is taken back where "
        "nothing else says so; a suppression that rested on it alone is lifted. A sequence that ended stays ended."
    )


def take_back_verdict(book: RulingBook, events: EventStore, *, tenant: TenantId, row: ReplyRow, by: ByHand) -> str:
    """Take the verdict back; what came of it. A second time changes nothing. Raises as `RulingBook.take_back` does."""
    record_events(events, tenant=tenant)
    outcome = book.take_back(tenant, row.inbound, by=by)
    record_events(events, tenant=tenant)
    match outcome:
        case NoVerdict():
            return f"mail {row.inbound} has no verdict; nothing changes"
        case TakenBack():
            return f"the verdict on mail {row.inbound} is taken back{_fell_words(outcome)}"
    assert_never(outcome)


def _fell_words(fell: TakenBack) -> str:
    told = "; they may be written to again" if fell.lifted else ""
    if fell.kept:
        kinds = ", ".join(kind.value.replace("_", " ") for kind in fell.kept)
        told += f"; they stay suppressed ({kinds}): other news says so, or what else stands behind it was not kept"
    return told


def rule_on_reply(
    book: RulingBook,
    events: EventStore,
    *,
    tenant: TenantId,
    row: ReplyRow,
    ruling: Ruling,
    by: ByHand,
    about: str | None = None,
    instead: bool = False,
) -> str:
    """Write the verdict down and let it take effect; what came of it. The same verdict twice is one.

    Raises `Refused` where another verdict stands, unless it comes `instead`, and where it is news of a send that nothing names.
    """
    _check_about(row, about)
    record_events(events, tenant=tenant)  # what waits of the mail is known before it may be taken back
    event = _event(row, ruling, by.actor)
    outcome = book.rule(tenant, row.inbound, ruling, event, by=by, about=about, instead=instead)
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
        case Written(fell):
            return f"mail {row.inbound} counts as {ruling.name}{_fell_words(fell)}"
        case RuledBefore(verdict, by, same=True):
            return f"mail {row.inbound} was called {verdict} before, by {by}; nothing changes"
        case RuledBefore(verdict, by):
            message = f"mail {row.inbound} was called {verdict} by {by}: say --instead to take that back, or review undo {row.inbound}"
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

"""What follows an accepted message: a pure plan of events in time from behaviour; `aftermath` carries it out."""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, unique
from typing import TypeAlias, assert_never

from outreach_pipelines.lab.bounces import BounceKind
from outreach_pipelines.lab.config import Delays
from outreach_pipelines.lab.people import Behaviour, Dice


@unique
class Reaction(Enum):
    """What a person or a receiving server does, other than to bounce the message."""

    DELIVERED = "delivered"
    DELAYED = "delayed"
    COMPLAINED = "complained"
    REPLIED = "replied"
    OUT_OF_OFFICE = "out_of_office"
    AUTO_REPLIED = "auto_replied"
    ASKED_FOR_REMOVAL = "asked_for_removal"
    UNSUBSCRIBED = "unsubscribed"


Happening: TypeAlias = Reaction | BounceKind
NOW = timedelta(0)


@dataclass(frozen=True, slots=True)
class Planned:
    """Something that happens `after` the acceptance, in simulated time."""

    after: timedelta
    what: Happening


def plan_reactions(behaviour: Behaviour, *, dice: Dice, delays: Delays) -> tuple[Planned, ...]:
    """Everything that will follow one accepted message, in order of time."""
    delivered = Planned(dice.between("delivery", *delays.delivery), Reaction.DELIVERED)
    match behaviour:
        case Behaviour.DELIVER:
            return (delivered,)
        case Behaviour.HARD | Behaviour.FULL | Behaviour.BLOCK | Behaviour.SOFT | Behaviour.SLOW:
            return _not_delivered_at_once(behaviour, dice=dice, delays=delays)
        case Behaviour.COMPLAIN:
            return (delivered, _after(delivered, dice, delays.complaint, Reaction.COMPLAINED))
        case Behaviour.REPLY:
            return (delivered, _after(delivered, dice, delays.reply, Reaction.REPLIED))
        case Behaviour.OUT_OF_OFFICE:
            return (delivered, _after(delivered, dice, delays.out_of_office, Reaction.OUT_OF_OFFICE))
        case Behaviour.AUTO_REPLY:
            return (delivered, _after(delivered, dice, delays.out_of_office, Reaction.AUTO_REPLIED))
        case Behaviour.OPT_OUT:
            return (delivered, _after(delivered, dice, delays.reply, Reaction.ASKED_FOR_REMOVAL))
        case Behaviour.UNSUBSCRIBE:
            return (delivered, _after(delivered, dice, delays.unsubscribe, Reaction.UNSUBSCRIBED))
        case _:
            assert_never(behaviour)


def _after(delivered: Planned, dice: Dice, span: tuple[timedelta, timedelta], what: Reaction) -> Planned:
    return Planned(delivered.after + dice.between(what.value, *span), what)


def _not_delivered_at_once(behaviour: Behaviour, *, dice: Dice, delays: Delays) -> tuple[Planned, ...]:
    soon = dice.between("bounce", *delays.bounce)
    late = soon + dice.between("expiry", *delays.expiry)
    if behaviour is Behaviour.HARD:
        return (Planned(soon, BounceKind.UNKNOWN_USER),)
    if behaviour is Behaviour.BLOCK:
        return (Planned(soon, BounceKind.BLOCKED),)
    if behaviour is Behaviour.SLOW:
        return (Planned(soon, Reaction.DELAYED), Planned(late, Reaction.DELIVERED))
    if behaviour is Behaviour.FULL or dice.half("soft"):
        return (Planned(soon, BounceKind.MAILBOX_FULL),)
    return (Planned(soon, Reaction.DELAYED), Planned(late, BounceKind.EXPIRED))


SIMULATOR_DOMAIN = "simulator.amazonses.com"

# https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html#send-email-simulator
_SIMULATOR: dict[str, tuple[Planned, ...]] = {
    "success": (Planned(NOW, Reaction.DELIVERED),),
    "bounce": (Planned(NOW, BounceKind.UNKNOWN_USER),),
    "ooto": (Planned(NOW, Reaction.DELIVERED), Planned(NOW, BounceKind.AUTO_RESPONSE)),
    "complaint": (Planned(NOW, Reaction.DELIVERED), Planned(NOW, Reaction.COMPLAINED)),
    "suppressionlist": (Planned(NOW, BounceKind.SUPPRESSED),),
}


def is_simulator(address: str) -> bool:
    """Whether SES itself answers for this address."""
    return address.rpartition("@")[2].lower() == SIMULATOR_DOMAIN


def plan_simulator(address: str) -> tuple[Planned, ...]:
    """What SES's mailbox simulator does for `success@`, `bounce+label@`, ...; an unknown name is an unknown user."""
    name = address.partition("@")[0].partition("+")[0].lower()
    return _SIMULATOR.get(name, _SIMULATOR["bounce"])

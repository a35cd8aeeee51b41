"""What a person's acts need and leave behind: who acts and why, the holds they see, and the port behind them.

Belongs here: values and ports. Does not: what an act does (`operate`, `suppress_by_hand`).
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType, Protocol

from outreach_pipelines.application.places import Place
from outreach_pipelines.domain.back_off import HoldDecision, Policy, Scope
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.errors import Refused

Actor = NewType("Actor", str)
"""Who acts, as the audit log names them."""


class Act(StrEnum):
    """How the audit log names what a person did."""

    PAUSED = "paused"
    RESUMED = "resumed"
    HOLD_SET = "hold set"
    HOLD_RELEASED = "hold released"


@dataclass(frozen=True, slots=True)
class ByHand:
    """Who acts, and why."""

    actor: Actor
    reason: str

    def __post_init__(self) -> None:
        if not (self.reason.strip() and self.actor.strip()):
            message = "this needs its reason (--reason), and who does it (--actor)"
            raise Refused(message)


@dataclass(frozen=True, slots=True)
class Load:
    """What a place has before it today: messages that wait, the next one's time, and those claimed or with a provider."""

    waiting: int
    next_due: datetime | None
    under_way: int


@dataclass(frozen=True, slots=True)
class HoldLine:
    """A hold, or a tenant's pause, as a list shows it. `factor` is what it leaves of the cap now."""

    scope: Scope
    signal: str
    factor: float
    sentence: str
    since: datetime | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Note:
    """A row of the audit log."""

    by: ByHand
    act: Act
    scope: Scope
    detail: dict[str, str | None]


class HandCase(Protocol):
    """One tenant in one transaction, beside which no judgement of back-off runs."""

    def now(self) -> datetime:
        """Policy time."""
        ...

    def policy(self) -> Policy:
        """By which an automatic hold comes back."""
        ...

    def standing(self, scope: Scope) -> Sequence[HoldDecision]:
        """The holds on this very scope that are not released, those of persons among them."""
        ...

    def refusal_stands(self, scope: Scope) -> bool:
        """Whether a provider's refusal has stopped this path or account, and the hold that follows is not over."""
        ...

    def set_manual(self, hold: HoldDecision) -> None:
        """Write a person's hold."""
        ...

    def end_manual(self, scope: Scope, why: str, at: datetime) -> None:
        """End persons' holds on the scope; their rows remain."""
        ...

    def end_refusal(self, scope: Scope, why: str, at: datetime) -> None:
        """End the hold that a provider's refusal had set."""
        ...

    def ease(self, hold: HoldDecision, at: datetime) -> None:
        """Store an automatic hold as a person's release has left it, and forget a mailbox's errors in a row."""
        ...

    def tenant_pause(self) -> str | None:
        """Why the tenant is paused, if it is."""
        ...

    def pause_tenant(self, reason: str | None) -> None:
        """Pause the tenant, or with None let it go on."""
        ...

    def note(self, note: Note) -> None:
        """Write it down."""
        ...


class HandStore(Protocol):
    """Pauses, holds, and what they hold."""

    def load(self, place: Place) -> Load:
        """What waits there, and what is under way."""
        ...

    def at_hand(self, tenant: TenantId) -> AbstractContextManager[HandCase]:
        """A transaction: committed at the end, rolled back on any exception."""
        ...

    def wait_for_intents(self, tenant: TenantId) -> None:
        """Return when every intent that may not have seen what was committed before is over."""
        ...

    def wake(self, tenant: TenantId) -> int:
        """Let all messages that a hold or pause has put off be asked again now; how many."""
        ...

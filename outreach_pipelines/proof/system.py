"""What a world asks of the system under proof: the production ports, and the hands of people, operators and feeds.

Belongs here: the protocol that the store in memory and PostgreSQL both fulfil. Does not: faults, providers, judgement.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from outreach_pipelines.application.ingest_events import EventInbox
from outreach_pipelines.application.ports import MessageStore
from outreach_pipelines.application.prove_accounts import ProofStore
from outreach_pipelines.application.record_events import EventStore
from outreach_pipelines.application.resolve_doubt import DoubtStore
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.proof.journal import CountedEvent, FinalMessage, MessageFacts

#: So long before its world begins an account was last proven: its first run asks again.
LAST_PROVEN = timedelta(minutes=25)


class System(Protocol):
    """One tenant with a released plan."""

    @property
    def tenant(self) -> TenantId:
        """Whose hour is run."""
        ...

    @property
    def patience(self) -> float:
        """How much more seldom than usual upkeep looks: a real database pays for each look."""
        ...

    @property
    def messages(self) -> MessageStore:
        """T1 to T3, and the sweeper."""
        ...

    @property
    def proofs(self) -> ProofStore:
        """Freshness of accounts."""
        ...

    @property
    def inbox(self) -> EventInbox:
        """Where verified events wait."""
        ...

    @property
    def events(self) -> EventStore:
        """What applies them."""
        ...

    @property
    def doubts(self) -> DoubtStore:
        """What settles lost answers."""
        ...

    def address(self, person: int) -> str:
        """Whom the placement of this number is for."""
        ...

    def facts(self, message: MessageId) -> MessageFacts:
        """What was planned of a message."""
        ...

    def unsubscribe(self, person: int) -> None:
        """Committed when this returns."""
        ...

    def reply(self, person: int) -> None:
        """A reply was read and committed."""
        ...

    def lower_cap(self, mailbox: int, cap: int) -> None:
        """An operator lowers a mailbox's cap."""
        ...

    def hold(self, until: datetime) -> None:
        """An operator holds all of the tenant's sending."""
        ...

    def replan(self, *, moved: int, dropped: int, later: timedelta) -> None:
        """Release the next version of the plan."""
        ...

    def raise_epoch(self) -> None:
        """As after a restore."""
        ...

    def read_inbox(self) -> None:
        """The inbox was read to its end; this also proves accounts that report there."""
        ...

    def is_quiet(self) -> bool:
        """No message is open, and no event waits."""
        ...

    def final_messages(self) -> Sequence[FinalMessage]:
        """All message rows."""
        ...

    def counted_events(self) -> Sequence[CountedEvent]:
        """All counters of events."""
        ...

    def close(self) -> None:
        """The world is over, and was looked at."""
        ...

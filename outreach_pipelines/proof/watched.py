"""Stores with a witness of the world's own beside them.

Belongs here: noting in the journal what was committed. Does not: any decision.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from outreach_pipelines.application.ingest_events import InboxRow
from outreach_pipelines.application.ports import Begun, NotBegun
from outreach_pipelines.domain.letter import ClaimedMessage
from outreach_pipelines.domain.message_tag import MessageTag
from outreach_pipelines.proof.journal import Intent, Journal
from outreach_pipelines.proof.rows import Clocks
from outreach_pipelines.proof.system import System


@dataclass(frozen=True, slots=True)
class WatchedMessages:
    """The store, whose committed intents are noted by a witness of the world's own, also when the caller dies of it."""

    system: System
    clocks: Clocks
    journal: Journal
    born: int

    def __getattr__(self, name: str) -> Callable[..., object]:
        """Everything else is the store's own."""
        return cast("Callable[..., object]", getattr(self.system.messages, name))

    def begin(self, claim: ClaimedMessage, **asked: Any) -> Begun | NotBegun:
        """See `MessageStore.begin`."""
        clocks, journal, system = self.clocks, self.journal, self.system
        order, machine, policy = journal.next(), clocks.machine(), clocks.policy()
        outcome = system.messages.begin(claim, **asked)
        what = f"attempt {claim.attempt} of message {claim.message_id}"
        if isinstance(outcome, Begun):
            facts = system.facts(claim.message_id)
            journal.intents.append(Intent(order, self.born, claim.message_id, claim.attempt, facts, machine, policy))
            journal.tell(machine, f"{what} begins")
        else:
            journal.tell(machine, f"{what} may not begin: {outcome.reason}")
        return outcome


@dataclass(frozen=True, slots=True)
class WatchedInbox:
    """The event inbox; when a probe is known to be home is noted."""

    system: System
    clocks: Clocks
    journal: Journal

    def add(self, rows: Sequence[InboxRow]) -> None:
        """See `EventInbox.add`."""
        self.system.inbox.add(rows)

    def prove(self, canary: MessageTag) -> None:
        """See `EventInbox.prove`."""
        self.system.inbox.prove(canary)
        self.journal.hear("probe", self.clocks.machine())

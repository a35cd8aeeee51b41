"""Everyone who may receive mail: the people, SES's mailbox simulator, and the senders' own addresses. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from outreach_pipelines.lab.config import Delays
from outreach_pipelines.lab.people import Behaviour, Dice, Weights, behaviour_of
from outreach_pipelines.lab.reactions import Planned, is_simulator, plan_reactions, plan_simulator


@dataclass(frozen=True, slots=True)
class Population:
    """`has_inbox` tells the senders' own addresses: mail arrives there, and nobody reacts."""

    seed: int
    weights: Weights
    delays: Delays
    has_inbox: Callable[[str], bool]

    def behaviour(self, address: str) -> Behaviour:
        """What whoever is behind `address` does with mail."""
        if self.has_inbox(address):
            return Behaviour.DELIVER
        return behaviour_of(address, seed=self.seed, weights=self.weights)

    def plan(self, address: str) -> tuple[Planned, ...]:
        """What will follow one accepted message to `address`."""
        if is_simulator(address):
            return plan_simulator(address)
        return plan_reactions(self.behaviour(address), dice=self.dice(address), delays=self.delays)

    def refuses_at_rcpt(self, address: str) -> bool:
        """Whether a submission server knows at RCPT that nobody lives here: so for half of the unknown users."""
        return self.behaviour(address) is Behaviour.HARD and self.dice(address).half("rcpt")

    def blocks_at_data(self, address: str) -> bool:
        """Whether mail is refused after DATA for the sender's reputation: so for half of those who block."""
        return self.behaviour(address) is Behaviour.BLOCK and self.dice(address).half("data")

    def dice(self, address: str) -> Dice:
        """The chance of this address."""
        return Dice(self.seed, address)

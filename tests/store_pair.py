"""One tenant twice, in memory and in PostgreSQL, on clocks that stand where a test puts them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from outreach_pipelines.application.ports import Begun, NotBegun
from outreach_pipelines.domain.letter import ClaimToken, Letter
from outreach_pipelines.domain.message_tag import WireTag
from outreach_pipelines.proof.schedule import Placement, Schedule
from outreach_pipelines.proof.system import System
from outreach_pipelines.proof.world_clocks import START

HOUR = timedelta(hours=1)


@dataclass
class StandingClocks:
    """`Clocks`, moved by hand."""

    machine_at: datetime = START
    policy_at: datetime = START

    def machine(self) -> datetime:
        return self.machine_at

    def policy(self) -> datetime:
        return self.policy_at

    def wait(self, seconds: float) -> None:
        self.machine_at += timedelta(seconds=seconds)
        self.policy_at += timedelta(seconds=seconds)

    def jump(self, seconds: float) -> None:
        """Of policy time alone."""
        self.policy_at += timedelta(seconds=seconds)


def due_at_noon(*, follow_up: bool = False, window: float = 3 * 3600.0) -> Placement:
    return Placement(mailbox=0, due=0.0, window=window, follow_up=follow_up)


def planned(*placements: Placement, cap: int = 40, gap: float = 120.0, kind: str = "ses") -> Schedule:
    """The tenant of one mailbox whose plan holds these."""
    return Schedule(0, placements, 1, cap, gap, kind, 0.0, (), ())


@dataclass
class Runs:
    """Runs of the hour over one system: each has its token and what it claimed."""

    system: System
    clocks: StandingClocks
    letters: list[Letter] = field(default_factory=list)

    def claim(self, run: int = 0, *, most: int = 10, hour: timedelta = timedelta(0)) -> Sequence[Letter]:
        token = ClaimToken(UUID(int=run))
        found = self.system.messages.claim(
            self.system.tenant, hour=START + hour, token=token, most=most, ahead_seconds=0.0
        )
        self.letters.extend(found)
        return found

    def begin(self, letter: Letter, *, hour: timedelta = timedelta(0), epochs_ago: int = 0) -> Begun | NotBegun:
        epoch = self.system.messages.epoch() - epochs_ago
        tag = WireTag(f"tag-{letter.claim.message_id}-{letter.claim.attempt}")
        outcome = self.system.messages.begin(letter.claim, hour=START + hour, epoch=epoch, tag=tag, subject="Hello")
        return _without_numbers(outcome)

    def states(self) -> list[tuple[str, str]]:
        """Each message's recipient and state, in the order in which they were made."""
        return [(each.recipient, each.state) for each in self.system.final_messages()]


def _without_numbers(outcome: Begun | NotBegun) -> Begun | NotBegun:
    """PostgreSQL also tells which accounts could not be used, by numbers that are its own."""
    if isinstance(outcome, NotBegun) and outcome.reason.startswith("no_usable_account"):
        return replace(outcome, reason="no_usable_account")
    return outcome

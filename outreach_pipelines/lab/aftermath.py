"""Carries out what follows an accepted message: waits on the agenda, then bounces, answers, complains, unsubscribes.

What follows, and when, is decided in `reactions`; how a provider tells it is its own `Feedback`.
"""

from functools import partial
from typing import Protocol, assert_never

from outreach_pipelines.lab.bounces import BounceKind
from outreach_pipelines.lab.clock import Agenda, SimulatedClock
from outreach_pipelines.lab.inboxes import Inboxes
from outreach_pipelines.lab.ledger import Deed, Ledger
from outreach_pipelines.lab.letters import Letter, Occasion, write_back
from outreach_pipelines.lab.population import Population
from outreach_pipelines.lab.reactions import Happening, Reaction
from outreach_pipelines.lab.reports import abuse_report, delay_report, failure_report
from outreach_pipelines.lab.web_client import WebClient
from outreach_pipelines.lab.wire_message import WireMessage


class Feedback(Protocol):
    """How a provider tells its customer what became of a message. Each answers in words what it did."""

    async def delivered(self, message: WireMessage) -> str:
        """The receiving server took it."""

    async def delayed(self, message: WireMessage) -> str:
        """It waits and will be tried again."""

    async def bounced(self, message: WireMessage, kind: BounceKind) -> str:
        """It will not arrive."""

    async def complained(self, message: WireMessage) -> str:
        """The recipient marked it as spam."""


class MailFeedback:
    """Feedback of providers that only speak mail: reports to the envelope sender."""

    def __init__(self, inboxes: Inboxes, clock: SimulatedClock) -> None:
        self._inboxes, self._clock = inboxes, clock

    async def delivered(self, message: WireMessage) -> str:  # noqa: ARG002 - part of the Feedback protocol
        """Nobody tells a sender by mail that its message arrived."""
        return ""

    async def delayed(self, message: WireMessage) -> str:
        """A delay report, unless the client asked for none."""
        if not message.reports_delay:
            return "no report of delays was asked for"
        return await self._inboxes.deliver(delay_report(message, now=self._clock.now()))

    async def bounced(self, message: WireMessage, kind: BounceKind) -> str:
        """A failure report."""
        return await self._inboxes.deliver(failure_report(message, kind, now=self._clock.now()))

    async def complained(self, message: WireMessage) -> str:
        """An abuse report of the feedback loop."""
        return await self._inboxes.deliver(abuse_report(message, now=self._clock.now()))


_OCCASIONS = {
    Reaction.REPLIED: Occasion.REPLY,
    Reaction.ASKED_FOR_REMOVAL: Occasion.REMOVAL,
    Reaction.OUT_OF_OFFICE: Occasion.ABSENCE,
    Reaction.AUTO_REPLIED: Occasion.TICKET,
}


class Aftermath:
    """Follows each accepted message to its end."""

    def __init__(
        self,
        *,
        population: Population,
        agenda: Agenda,
        clock: SimulatedClock,
        ledger: Ledger,
        inboxes: Inboxes,
        web: WebClient,
    ) -> None:
        self._population, self._agenda, self._clock = population, agenda, clock
        self._ledger, self._inboxes, self._web = ledger, inboxes, web

    def follow(self, message: WireMessage, feedback: Feedback) -> None:
        """Put on the agenda what `message` leads to."""
        for planned in self._population.plan(message.recipient):
            self._agenda.add(after=planned.after, action=partial(self._carry_out, message, feedback, planned.what))

    async def _carry_out(self, message: WireMessage, feedback: Feedback, what: Happening) -> None:
        if isinstance(what, BounceKind):
            kind, detail = f"bounced_{what.value}", await feedback.bounced(message, what)
        else:
            kind, detail = what.value, await self._react(message, feedback, what)
        self._ledger.did(Deed(kind=kind, recipient=message.recipient, tag=message.tag, detail=detail))

    async def _react(self, message: WireMessage, feedback: Feedback, what: Reaction) -> str:
        match what:
            case Reaction.DELIVERED:
                return await self._arrive(message, feedback)
            case Reaction.DELAYED:
                return await feedback.delayed(message)
            case Reaction.COMPLAINED:
                return await feedback.complained(message)
            case Reaction.UNSUBSCRIBED:
                return await self._web.unsubscribe(message)
            case Reaction.REPLIED | Reaction.ASKED_FOR_REMOVAL | Reaction.OUT_OF_OFFICE | Reaction.AUTO_REPLIED:
                return await self._write_back(message, _OCCASIONS[what])
            case _:
                assert_never(what)

    async def _arrive(self, message: WireMessage, feedback: Feedback) -> str:
        told = await feedback.delivered(message)
        if not self._inboxes.receives(message.recipient):
            return told
        return await self._inboxes.deliver(Letter(message.envelope_sender, message.recipient, message.raw))

    async def _write_back(self, message: WireMessage, occasion: Occasion) -> str:
        letter = write_back(message, occasion, dice=self._population.dice(message.recipient), now=self._clock.now())
        return await self._inboxes.deliver(letter)

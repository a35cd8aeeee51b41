"""What the send protocol needs of the world: stores, transports, clocks. Values in, values out.

Belongs here: protocols that several use cases share. A port with one user stands in that use case's module
(`import_leads.LeadStore`, `audit_domains.DnsResolver`, ...).
"""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from outreach_pipelines.domain.doubt import CouldNotLook, LookUp, Sought
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.letter import ClaimedMessage, ClaimToken, Letter
from outreach_pipelines.domain.message_tag import MessageTag, WireTag
from outreach_pipelines.domain.send_answer import Accepted, RefusalVerdict, Refused, SendAnswer
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.domain.wire_message import CannotBeWritten, Rendered, WireMessage


@dataclass(frozen=True, slots=True)
class Begun:
    """The intent is committed: from here on the message may have been sent. Use this account."""

    account: AccountId


@dataclass(frozen=True, slots=True)
class NotBegun:
    """Nothing may be sent. The message was released (with the policy time before which it is not asked again) or closed."""

    verdict: str
    reason: str
    not_before: datetime | None


@dataclass(frozen=True, slots=True)
class NextDue:
    """When a run may find work next: at a moment of policy time, and for retries after so many machine seconds."""

    due_at: datetime | None
    retry_seconds: float | None


@dataclass(frozen=True, slots=True)
class Swept:
    """How many messages each rule of the sweeper moved."""

    claims_released: int
    put_in_doubt: int
    expired: int
    suppressed: int
    cancelled: int
    given_up: int


class MessageStore(Protocol):
    """The send protocol's transactions, each its own. Every method but `claim` names one attempt of one message."""

    def epoch(self) -> int:
        """Remembered by a process at its start; an intent under an older one is refused."""
        ...

    def claim(
        self, tenant: TenantId, *, hour: datetime, token: ClaimToken, most: int, ahead_seconds: float
    ) -> Sequence[Letter]:
        """T1: at most `most` messages due within `ahead_seconds`, under a lease, only while policy time lies in `hour`."""
        ...

    def begin(
        self, claim: ClaimedMessage, *, hour: datetime, epoch: int, tag: WireTag, subject: str | None = None
    ) -> Begun | NotBegun:
        """T2: every rule is asked again under locks; when this returns `Begun`, the intent is committed.

        `subject` is the one that leaves: the thread goes on with it, also where only evidence shows the acceptance.
        """
        ...

    def record_accepted(
        self, claim: ClaimedMessage, answer: Accepted, *, subject: str, next_due_day: date | None
    ) -> str:
        """T3: accepted, once. `next_due_day` is None when the sequence is complete. Returns what it found."""
        ...

    def record_refused(self, claim: ClaimedMessage, refused: Refused, verdict: RefusalVerdict) -> bool:
        """T3: an answer read in full said no. False when the attempt was settled already."""
        ...

    def record_not_sent(self, claim: ClaimedMessage, reason: str, *, retry_seconds: int | None) -> bool:
        """T3: nothing left. Retried after `retry_seconds` of machine time, or failed when that is None."""
        ...

    def record_doubt(self, claim: ClaimedMessage, reason: str) -> None:
        """T3: the reply was lost; only evidence moves the message on."""
        ...

    def fail_claim(self, claim: ClaimedMessage, reason: str) -> None:
        """A claimed message whose letter cannot be written: failed, with no attempt begun."""
        ...

    def release(self, tenant: TenantId, token: ClaimToken) -> int:
        """Hand back what this token still only claims."""
        ...

    def next_due(self, tenant: TenantId, *, hour: datetime) -> NextDue:
        """When this hour's run should look again; both None when nothing is left for it."""
        ...

    def sweep(self, tenant: TenantId, *, horizon_seconds: float) -> Swept:
        """Settle what leases, windows, suppressions and ended sequences have decided."""
        ...


class SendingFence(Protocol):
    """Whether this process may write to anyone now, by a lease outside of the database (`live_lease`)."""

    def may_begin(self) -> str | None:
        """None, or the reason why no intent may begin now. Cheap: asked before each claim and each intent."""
        ...

    def first_byte_by(self) -> float:
        """The boot second after which no call may start. Asked after `may_begin`, and only a bound on the deadline."""
        ...

    def watching(self) -> AbstractContextManager[None]:
        """Keeps what the others answer up to date, in the background. Outside of it nothing may begin under a lease."""
        ...


class MailTransport(Protocol):
    """One account of one provider."""

    async def send(self, message: WireMessage, *, deadline: float) -> SendAnswer:
        """Make one call and say what came of it; never raises for what a server does.

        `deadline` is on the boot clock (`CLOCK_BOOTTIME`, which counts suspended time) and is checked just before the
        first byte: past it nothing leaves.
        """
        ...

    async def close(self) -> None:
        """End connections."""
        ...


class Transports(Protocol):
    """The transports that a tenant's messages may leave by."""

    def of(self, tenant: TenantId, account: AccountId) -> MailTransport:
        """The transport of this account, made once. Raises `NotFound` for an account that is not there."""
        ...

    def kind(self, tenant: TenantId, account: AccountId) -> str:
        """ses, smtp, mailgun or postmark: which rows of `provider_answers.toml` judge its refusals."""
        ...

    async def close(self) -> None:
        """End all connections; the next use opens new ones."""
        ...


class EvidenceLookup(Protocol):
    """A provider's own records of what one account took."""

    async def look(self, attempt: Sought) -> LookUp:
        """Whether the records hold this attempt now; never raises for what a server does. `CouldNotLook` is not absence."""
        ...

    async def probe(self, sender: str) -> CouldNotLook | None:
        """Whether the records of this sender's mail can be read now; None when they can."""
        ...

    async def close(self) -> None:
        """End connections."""
        ...


class EvidenceLookups(Protocol):
    """The look-ups that a tenant's accounts have."""

    def of(self, tenant: TenantId, account: AccountId) -> EvidenceLookup | None:
        """None where the provider's API has none (SES tells by events, SMTP by mail). Raises as `Transports.of` does."""
        ...

    async def close(self) -> None:
        """End all connections; the next use opens new ones."""
        ...


class LetterRenderer(Protocol):
    """Templates filled in with a letter's fields."""

    def render_letter(self, letter: Letter, unsubscribe_url: str) -> Rendered:
        """Raises `TemplateFault` when the variant cannot be rendered for this recipient."""
        ...


class LetterWriter(Protocol):
    """A rendered letter as the message that leaves (`domain.wire_message.write_letter`)."""

    def __call__(
        self, letter: Letter, rendered: Rendered, *, tag: WireTag, unsubscribe_url: str, now: datetime
    ) -> WireMessage | CannotBeWritten:
        """The message, or why it cannot be written."""
        ...


class Clock(Protocol):
    """Policy time, and waiting for it."""

    def now(self) -> datetime:
        """Policy time, aware, UTC."""
        ...

    async def wait_until(self, moment: datetime, stop: asyncio.Event) -> None:
        """Return when policy time has reached `moment`, or `stop` is set."""
        ...

    @property
    def stepped(self) -> bool:
        """Whether a driver steps policy time; a run then claims nothing ahead."""
        ...


class NextStepDay(Protocol):
    """When the step after an accepted one is due."""

    def __call__(self, letter: Letter, accepted_at: datetime) -> date | None:
        """The tenant-local day, or None when this was the last step."""
        ...


class TagReader(Protocol):
    """Reading tags with the installation's key."""

    def read(self, tag: str) -> MessageTag | None:
        """None unless the MAC is right."""
        ...


class Tagger(Protocol):
    """Tags and unsubscribe links, made with the installation's keys."""

    def tag(self, tag: MessageTag) -> WireTag:
        """The tag as it stands on the wire."""
        ...

    def unsubscribe_url(self, letter: Letter, tag: WireTag) -> str:
        """The https link that ends mail to this recipient."""
        ...

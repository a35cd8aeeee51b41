"""One SES account in one region: its checks, quota and rate, acceptance, and what it tells of each message.

Nothing of HTTP is here; errors leave as SesRefusedError.
"""

import time
from base64 import b32encode
from collections import deque
from datetime import datetime, timedelta
from hashlib import blake2b
from uuid import uuid4

from outreach_pipelines.lab.aftermath import Aftermath
from outreach_pipelines.lab.bounces import BounceKind
from outreach_pipelines.lab.clock import SimulatedClock, machine_now
from outreach_pipelines.lab.config import SesAccount
from outreach_pipelines.lab.json_value import JsonObject
from outreach_pipelines.lab.ledger import Acceptance, Ledger
from outreach_pipelines.lab.reactions import is_simulator
from outreach_pipelines.lab.ses.events import (
    SentMail,
    bounce_event,
    complaint_event,
    delay_event,
    delivery_event,
    reject_event,
    send_event,
)
from outreach_pipelines.lab.ses.outgoing import VIRUS_MARKER, Outgoing, message_id_domain, on_the_wire
from outreach_pipelines.lab.ses.publisher import EventPublisher
from outreach_pipelines.lab.ses.refusals import SesErrorName, SesRefusedError
from outreach_pipelines.lab.wire_message import WireMessage, body_sha256

TAG_NAME = "outreach"
DAY = timedelta(hours=24)


class SesFeedback:
    """Tells by events what became of one message. A message without a configuration set has no topic and no events."""

    def __init__(self, mail: SentMail, topic_arn: str | None, publisher: EventPublisher, clock: SimulatedClock) -> None:
        self._mail, self._topic_arn, self._publisher, self._clock = mail, topic_arn, publisher, clock

    def accepted(self) -> None:
        """Publish Send, and Reject where a virus was found."""
        self._publish(send_event(self._mail), self._mail.recipients[0])
        if self.is_rejected:
            self._publish(reject_event(self._mail), self._mail.recipients[0])

    @property
    def is_rejected(self) -> bool:
        """Whether SES keeps the message back after it was accepted."""
        return VIRUS_MARKER in self._mail.raw

    async def delivered(self, message: WireMessage) -> str:
        """Publish Delivery."""
        return self._publish(delivery_event(self._mail, message.recipient, now=self._clock.now()), message.recipient)

    async def delayed(self, message: WireMessage) -> str:
        """Publish DeliveryDelay."""
        return self._publish(delay_event(self._mail, message.recipient, now=self._clock.now()), message.recipient)

    async def bounced(self, message: WireMessage, kind: BounceKind) -> str:
        """Publish Bounce."""
        event = bounce_event(self._mail, message.recipient, kind, now=self._clock.now())
        return self._publish(event, message.recipient)

    async def complained(self, message: WireMessage) -> str:
        """Publish Complaint."""
        return self._publish(complaint_event(self._mail, message.recipient, now=self._clock.now()), message.recipient)

    def _publish(self, event: JsonObject, recipient: str) -> str:
        if self._topic_arn is None:
            return "no configuration set, no event"
        self._publisher.publish(self._topic_arn, event, recipient=recipient)
        return f"event {event['eventType']}"


class SesAccountState:
    """What the account knows: its identities, what it sent lately, how fast it sends."""

    def __init__(self, config: SesAccount, clock: SimulatedClock) -> None:
        self.config = config
        self._clock = clock
        self._sent: deque[datetime] = deque()
        self._tokens, self._refilled_at = max(config.rate, 1.0), time.monotonic()

    def check(self, outgoing: Outgoing) -> None:
        """Raise the error that SES gives for this message, if any; else count it against the sending rate."""
        if not self.is_verified(outgoing.mailbox):
            failed = (
                "Email address is not verified. The following identities failed the check in region "
                f"{self.config.region.upper()}: {outgoing.mailbox}"
            )
            raise SesRefusedError(SesErrorName.MESSAGE_REJECTED, failed)
        if outgoing.configuration_set not in (None, *self.config.configuration_sets):
            missing = f"Configuration set <{outgoing.configuration_set}> does not exist."
            raise SesRefusedError(SesErrorName.NOT_FOUND, missing)
        if self.sent_last_24_hours() + len(outgoing.recipients) > self.config.daily_quota:
            raise SesRefusedError(SesErrorName.LIMIT_EXCEEDED, "Daily message quota exceeded.")
        if not self._take_token():
            raise SesRefusedError(SesErrorName.TOO_MANY_REQUESTS, "Maximum sending rate exceeded.")

    def check_tenant(self, outgoing: Outgoing) -> None:
        """Raise where the request names a tenant that the account has not."""
        if outgoing.tenant is not None:
            self.known_tenant(outgoing.tenant)

    def known_tenant(self, name: str) -> None:
        """Raise the error of SES for a tenant that the account has not."""
        if name not in self.config.tenants:
            raise SesRefusedError(SesErrorName.NOT_FOUND, f"Tenant <{name}> does not exist.")

    def is_verified(self, mailbox: str) -> bool:
        """Whether the address, its domain or a parent of that is an identity of the account."""
        labels = mailbox.rpartition("@")[2].lower().split(".")
        parents = {".".join(labels[i:]) for i in range(len(labels))}
        return bool({mailbox.lower(), *parents} & {identity.lower() for identity in self.config.identities})

    def sent_last_24_hours(self) -> int:
        """Recipients in the last 24 hours of simulated time, those of the mailbox simulator left out."""
        while self._sent and self._sent[0] <= self._clock.now() - DAY:
            self._sent.popleft()
        return len(self._sent)

    def count(self, recipient: str) -> None:
        """Count one accepted recipient against the daily quota; the simulator's addresses are free of it."""
        if not is_simulator(recipient):
            self._sent.append(self._clock.now())

    def _take_token(self) -> bool:
        now = time.monotonic()
        capacity = max(self.config.rate, 1.0)
        self._tokens = min(capacity, self._tokens + (now - self._refilled_at) * self.config.rate)
        self._refilled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class SesSender:
    """Accepts messages for an account."""

    def __init__(
        self,
        state: SesAccountState,
        *,
        clock: SimulatedClock,
        ledger: Ledger,
        aftermath: Aftermath,
        publisher: EventPublisher,
    ) -> None:
        self._state, self._clock = state, clock
        self._ledger, self._aftermath, self._publisher = ledger, aftermath, publisher

    async def accept(self, outgoing: Outgoing) -> str:
        """Write the ledger, then start what follows; the bare message id. The message was checked before."""
        mail = self._sent_mail(outgoing)
        topic = self._state.config.configuration_sets.get(mail.configuration_set)
        feedback = SesFeedback(mail, topic, self._publisher, self._clock)
        messages = [self._wire_message(mail, recipient) for recipient in mail.recipients]
        for message in messages:
            await self._ledger.accept(_acceptance(message))
            self._state.count(message.recipient)
        feedback.accepted()
        if not feedback.is_rejected:
            for message in messages:
                self._aftermath.follow(message, feedback)
        return mail.message_id

    def _sent_mail(self, outgoing: Outgoing) -> SentMail:
        region = self._state.config.region
        message_id = _new_message_id()
        wire_id = f"<{message_id}@{message_id_domain(region)}>"
        return SentMail(
            message_id=message_id,
            sent_at=self._clock.now(),
            region=region,
            mailbox=outgoing.mailbox,
            recipients=outgoing.recipients,
            configuration_set=outgoing.configuration_set or "",
            tags=outgoing.tags,
            raw=on_the_wire(outgoing.raw, message_id=wire_id, region=region),
        )

    def _wire_message(self, mail: SentMail, recipient: str) -> WireMessage:
        domain = message_id_domain(mail.region)
        return WireMessage(
            provider=self._state.config.name,
            envelope_sender=f"{mail.message_id}@{domain}",
            recipient=recipient,
            mailbox=mail.mailbox,
            message_id=f"<{mail.message_id}@{domain}>",
            tag=dict(mail.tags).get(TAG_NAME, ""),
            raw=mail.raw,
        )


def dkim_tokens(domain: str, seed: int) -> list[str]:
    """Three Easy DKIM tokens, 32 letters and digits each, the same for the same domain and seed."""
    digests = (blake2b(f"{seed}|{domain.lower()}|{i}".encode(), digest_size=20).digest() for i in range(3))
    return [b32encode(digest).decode().lower() for digest in digests]


def _acceptance(message: WireMessage) -> Acceptance:
    return Acceptance(
        provider=message.provider,
        mailbox=message.mailbox,
        recipient=message.recipient,
        message_id=message.message_id,
        tag=message.tag,
        body_sha256=body_sha256(message.raw),
    )


def _new_message_id() -> str:
    """A bare id in the form of SES: time in hex, a UUID, and a counter that is always zero."""
    return f"0100{int(machine_now().timestamp() * 1000):012x}-{uuid4()}-000000"

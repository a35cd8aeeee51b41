"""What one message says and to whom, before any provider is chosen.

Belongs here: the values a letter is made of. Does not: bytes on the wire (`wire_message`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import NewType
from uuid import UUID

from outreach_pipelines.domain.attachments import AttachmentRef
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.tenant import TenantId

ClaimToken = NewType("ClaimToken", UUID)


@dataclass(frozen=True, slots=True)
class ClaimedMessage:
    """Names one attempt of one claimed message. `plan_day` is part of the key because messages are kept by day.

    `repeats` is the earlier attempt under whose tag and Message-ID this one leaves: that one may have been taken.
    """

    tenant: TenantId
    plan_day: date
    message_id: MessageId
    attempt: int
    token: ClaimToken
    repeats: int | None = None

    @property
    def named(self) -> int:
        """The attempt that its tag names."""
        return self.attempt if self.repeats is None else self.repeats


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who is written to, and the fields that templates may use."""

    address: str
    hmac: bytes
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sender:
    """The mailbox, and who answers for what it sends (CAN-SPAM 15 U.S.C. 7704(a)(5), GDPR article 13)."""

    mailbox_id: int
    address: str
    display_name: str
    company: str
    website: str
    contact: str
    privacy_notice_url: str
    postal_address: str
    unsubscribe_host: str


@dataclass(frozen=True, slots=True)
class Content:
    """A variant's subject, the hashes of its templates in the object store, and the files of its step."""

    subject: str
    text_sha256: str
    html_sha256: str | None
    attachments: tuple[AttachmentRef, ...] = ()


@dataclass(frozen=True, slots=True)
class Thread:
    """The messages of this sequence so far, oldest first, as they were called on the wire."""

    message_ids: tuple[str, ...]
    subject: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A claimed message with all that its text and headers need."""

    claim: ClaimedMessage
    enrollment_id: int
    campaign_id: int
    step: int
    due_at: datetime
    window_end: datetime
    recipient: Recipient
    sender: Sender
    content: Content
    thread: Thread | None

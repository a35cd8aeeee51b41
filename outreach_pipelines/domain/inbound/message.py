"""The values that inbound mail is read into: the classified message and its tagged kinds.

What a message *is* belongs here. How it is told (reports, phrases, rules) is in the modules beside; what it does to a
recipient, a path or an enrollment belongs to the decisions that take these values.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import NewType, assert_never

from outreach_pipelines.domain.inbound.verdict import Basis, Evidence, RecipientVerdict, ReportedAddress, RuleName

WireMessageId = NewType("WireMessageId", str)
"""A Message-ID with its angle brackets, as on the wire (RFC 5322 section 3.6.4)."""
EnvelopeId = NewType("EnvelopeId", str)
"""The ENVID that the sender gave at MAIL FROM and a report repeats (RFC 3461 section 4.4)."""
ProviderTag = NewType("ProviderTag", str)
"""The value of a header in which a provider carries the sender's tag. Whose it is only its MAC tells."""
ContentDigest = NewType("ContentDigest", str)
"""SHA-256 of the raw message, hexadecimal."""
Language = NewType("Language", str)
"""ISO 639-1 code: of the phrase that decided, else of the language that the text seems to be in."""
NOTHING_DECIDED = Evidence(RuleName("no-machine-and-no-request"), Basis.NOTHING, "")
"""What a reply rests on: no other kind was recognized. `line` is its first one."""


class MessageKind(Enum):
    """One name for each kind of content, for tables and for `outreach classify`."""

    DELIVERY_REPORT = "delivery_report"
    COMPLAINT = "complaint"
    FEEDBACK_NOTICE = "feedback_notice"
    DISPOSITION_NOTICE = "disposition_notice"
    OUT_OF_OFFICE = "out_of_office"
    LEFT_COMPANY = "left_company"
    OTHER_AUTO_REPLY = "other_auto_reply"
    CHALLENGE = "challenge"
    UNSUBSCRIBE_REQUEST = "unsubscribe_request"
    HUMAN_REPLY = "human_reply"
    UNREADABLE = "unreadable"


class FeedbackType(Enum):
    """`Feedback-Type` of RFC 5965 section 7.3 and RFC 6430, RFC 6591. An unregistered word is OTHER."""

    ABUSE = "abuse"
    FRAUD = "fraud"
    VIRUS = "virus"
    OTHER = "other"
    NOT_SPAM = "not-spam"
    AUTH_FAILURE = "auth-failure"
    OPT_OUT = "opt-out"


class AutoReplyKind(Enum):
    """What an automatic answer says of the person."""

    OUT_OF_OFFICE = "out_of_office"
    LEFT_COMPANY = "left_company"
    OTHER = "other_auto_reply"


class Intent(Enum):
    """What a person wants. Nothing deterministic sets it: see the optional model."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    MEETING = "meeting"
    REFERRAL = "referral"
    QUESTION = "question"


class UnreadableReason(Enum):
    """Why a message goes to quarantine."""

    TOO_LARGE = "more than 10 MB"
    TOO_MANY_PARTS = "more than 100 parts"
    TOO_DEEP = "parts nested deeper than 20"
    TOO_MANY_HEADERS = "more than 1,000 header fields in one part"
    HEADER_TOO_LONG = "a header field longer than 64 KB"
    EMPTY = "no byte that is not white space"
    DEFEATED_READER = "the reader gave up"


@dataclass(frozen=True, slots=True)
class Correlation:
    """What may tie a message to a send.

    All of it can be forged, so each is a candidate until our tag or store confirms it.
    """

    answered_ids: tuple[WireMessageId, ...] = ()
    """In-Reply-To first, then References from the newest to the oldest."""
    returned_ids: tuple[WireMessageId, ...] = ()
    """Message-IDs of originals that a report returns."""
    envelope_ids: tuple[EnvelopeId, ...] = ()
    routed_to: tuple[ReportedAddress, ...] = ()
    """Delivered-To, X-Original-To, Envelope-To, To: one of them is the tagged envelope sender or the mailbox."""
    provider_tags: tuple[ProviderTag, ...] = ()


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """A report on delivery, with a verdict for each recipient it names: failed, delayed or delivered."""

    recipients: tuple[RecipientVerdict, ...]


@dataclass(frozen=True, slots=True)
class Complaint:
    """A person called the message unwanted (RFC 5965: abuse, fraud, virus, other)."""

    feedback_type: FeedbackType
    recipients: tuple[ReportedAddress, ...]
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class FeedbackNotice:
    """A feedback report in which nobody complains: on authentication (RFC 6591), or "not spam" (RFC 6430)."""

    feedback_type: FeedbackType
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class DispositionNotice:
    """A message disposition notification (RFC 8098): displayed, deleted.

    The message had arrived, so it is no failure.
    """

    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom an automatic answer names instead of its owner. `name` is empty where none is told."""

    address: ReportedAddress
    name: str


@dataclass(frozen=True, slots=True)
class AutoReply:
    """A machine answered for the person."""

    reply: AutoReplyKind
    until: date | None
    """The first day the person is said to be back; None where the text names none."""
    language: Language | None
    text: str
    evidence: Evidence
    contact: Contact | None = None


@dataclass(frozen=True, slots=True)
class Challenge:
    """A filter wants the sender to prove that it is a person before it delivers."""

    text: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class UnsubscribeRequest:
    """A person, or the mail client on a click, asks for no more mail."""

    text: str
    language: Language | None
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class HumanReply:
    """What a person wrote, without quoted history and signature."""

    text: str
    intent: Intent | None = None
    language: Language | None = None
    evidence: Evidence = NOTHING_DECIDED


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that exceeds a cap or defeated the reader. It is kept whole and never stops the feed."""

    reason: UnreadableReason


Content = (
    DeliveryReport
    | Complaint
    | FeedbackNotice
    | DispositionNotice
    | AutoReply
    | Challenge
    | UnsubscribeRequest
    | HumanReply
    | Unreadable
)


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """One message from an inbox, read and judged. `received_at` is the time the inbox took it (aware)."""

    digest: ContentDigest
    received_at: datetime
    sender: ReportedAddress | None
    subject: str
    correlation: Correlation
    content: Content

    @property
    def kind(self) -> MessageKind:
        """The name of the content's kind."""
        return kind_of(self.content)


def kind_of(content: Content) -> MessageKind:
    """The name of the kind of `content`."""
    match content:
        case AutoReply(reply=reply):
            return MessageKind(reply.value)
        case (
            DeliveryReport()
            | Complaint()
            | FeedbackNotice()
            | DispositionNotice()
            | Challenge()
            | UnsubscribeRequest()
            | HumanReply()
            | Unreadable()
        ):
            return _KINDS[type(content)]
        case _:
            assert_never(content)


_KINDS: dict[type[Content], MessageKind] = {
    DeliveryReport: MessageKind.DELIVERY_REPORT,
    Complaint: MessageKind.COMPLAINT,
    FeedbackNotice: MessageKind.FEEDBACK_NOTICE,
    DispositionNotice: MessageKind.DISPOSITION_NOTICE,
    Challenge: MessageKind.CHALLENGE,
    UnsubscribeRequest: MessageKind.UNSUBSCRIBE_REQUEST,
    HumanReply: MessageKind.HUMAN_REPLY,
    Unreadable: MessageKind.UNREADABLE,
}

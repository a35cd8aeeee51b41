"""The verdict on one recipient of one message, and what it rests on.

The same value comes from an SMTP answer, a provider's bounce event and a bounce message. The rules that reach it are
in `bounce_rules`.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import NewType, Self

ReportedAddress = NewType("ReportedAddress", str)
"""An address as a message writes it: not validated, not proven to be ours."""
ReplyCode = NewType("ReplyCode", int)
"""A basic SMTP reply code (RFC 5321 section 4.2)."""
RuleName = NewType("RuleName", str)
"""The name of the row or the structural rule that decided."""


class BounceClass(Enum):
    """What a refusal or report says of one recipient."""

    HARD = "hard"
    FULL = "full"
    SOFT = "soft"
    GREYLISTED = "greylisted"
    RATE_LIMITED = "rate_limited"
    BLOCK = "block"
    NOT_A_FAILURE = "not_a_failure"
    UNKNOWN = "unknown"


class HardCause(Enum):
    """Why no further message can reach the recipient."""

    UNKNOWN_USER = "unknown_user"
    UNKNOWN_HOST = "unknown_host"
    DISABLED = "disabled"
    MOVED = "moved"
    PROVIDER_SUPPRESSED = "provider_suppressed"
    """The sending provider's own list holds the address; no attempt was made, so it says nothing of the path."""


class BlockCause(Enum):
    """What of the sender was refused. A block never condemns the recipient."""

    AUTHENTICATION = "authentication"
    IP_REPUTATION = "ip_reputation"
    DOMAIN_REPUTATION = "domain_reputation"
    CONTENT = "content"
    """The message, or the recipient's own filter: also where words of an absent mailbox stand without a witness."""
    POLICY = "policy"
    BLOCKLIST = "blocklist"


class SoftCause(Enum):
    """What failed this time and may pass another time."""

    NETWORK = "network"
    EXPIRED = "expired"
    RECEIVING_SYSTEM = "receiving_system"
    MESSAGE_TOO_LARGE = "message_too_large"
    PROTOCOL = "protocol"
    UNCONFIRMED_RECIPIENT = "unconfirmed_recipient"
    """The words of a hard bounce under a transient code: not enough to condemn."""
    DEFERRED = "deferred"


Cause = HardCause | BlockCause | SoftCause


class Stage(Enum):
    """Where in the SMTP dialogue the refusal came."""

    CONNECT = "connect"
    HELLO = "hello"
    MAIL_FROM = "mail_from"
    RCPT_TO = "rcpt_to"
    DATA = "data"
    UNKNOWN = "unknown"

    @property
    def before_recipient(self) -> bool:
        """Whether the server had not yet been told the recipient."""
        return self in (Stage.CONNECT, Stage.HELLO, Stage.MAIL_FROM)


class Basis(Enum):
    """The kind of evidence a verdict rests on, strongest first."""

    STRUCTURE = "structure"
    TEXT = "text"
    ENHANCED_CODE = "enhanced_code"
    PROVIDER_TYPE = "provider_type"
    REPLY_CODE = "reply_code"
    NOTHING = "nothing"


class Confidence(Enum):
    """How far a verdict may be acted on without a second one."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Action(Enum):
    """`Action` of a delivery report (RFC 3464 section 2.3.3); FAILED where a report of another form says so."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"


@dataclass(frozen=True, slots=True)
class EnhancedCode:
    """An enhanced mail system status code, class.subject.detail (RFC 3463)."""

    status: int
    subject: int
    detail: int

    @classmethod
    def find(cls, text: str) -> Self | None:
        """The first code in `text` that says something: x.0.0 counts only where nothing better follows."""
        found = [cls(*map(int, match.groups())) for match in _ENHANCED.finditer(text)]
        return next((code for code in found if not code.is_empty), found[0] if found else None)

    @property
    def is_empty(self) -> bool:
        """Whether it carries nothing (x.0.0) or only "something about the address" (x.1.0)."""
        return self.detail == 0 and self.subject in (0, 1)

    @property
    def is_transient(self) -> bool:
        """Whether it promises that another attempt may pass."""
        return self.status == 4

    def __str__(self) -> str:
        return f"{self.status}.{self.subject}.{self.detail}"


# Not inside an IP address or a version number, and no sub-code longer than RFC 3463 allows (three digits). After a
# hyphen only in the continuation lines of an answer ("550-5.1.1 ...").
_ENHANCED = re.compile(r"([245])(?:(?<![\w.\-/][245])|(?<=[245]\d\d-[245]))\.(\d{1,3})\.(\d{1,3})(?![\w\-]|\.\d)")


@dataclass(frozen=True, slots=True)
class Evidence:
    """Which rule decided, on which line of the message."""

    rule: RuleName
    basis: Basis
    line: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one refusal means."""

    bounce_class: BounceClass
    cause: Cause | None
    confidence: Confidence
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class RecipientVerdict:
    """The verdict on one recipient of a report. `address` is as reported; None where the report hides it."""

    address: ReportedAddress | None
    action: Action
    verdict: Verdict
    reply_code: ReplyCode | None
    enhanced_code: EnhancedCode | None
    diagnostic: str

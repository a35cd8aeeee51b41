"""How receiving servers refuse mail: the codes and texts of each kind of bounce. Who refuses is in `people`."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, unique
from types import MappingProxyType


@unique
class BounceKind(Enum):
    """Why a message came back, or has not arrived yet."""

    UNKNOWN_USER = "unknown_user"
    MAILBOX_FULL = "mailbox_full"
    EXPIRED = "expired"
    BLOCKED = "blocked"
    SUPPRESSED = "suppressed"
    AUTO_RESPONSE = "auto_response"


@dataclass(frozen=True, slots=True)
class BounceReason:
    """Enhanced status code (RFC 3463), the answer of the receiving server, and SES's type and sub-type.

    `diagnostic` may name the `{recipient}`. An empty `status` means that no delivery report came.
    SES's types: https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html#event-publishing-retrieving-sns-contents-bounce-types
    """

    status: str
    diagnostic: str
    ses_type: str
    ses_sub_type: str


REASONS: Mapping[BounceKind, BounceReason] = MappingProxyType(
    {
        BounceKind.UNKNOWN_USER: BounceReason(
            "5.1.1", "550 5.1.1 <{recipient}>: Recipient address rejected: User unknown", "Permanent", "General"
        ),
        BounceKind.MAILBOX_FULL: BounceReason(
            "4.2.2", "452 4.2.2 <{recipient}>: Recipient's mailbox is full, try again later", "Transient", "MailboxFull"
        ),
        BounceKind.EXPIRED: BounceReason(
            "4.4.7", "451 4.4.1 No answer from the receiving host; delivery time expired", "Transient", "General"
        ),
        BounceKind.BLOCKED: BounceReason(
            "5.7.1",
            "554 5.7.1 Service unavailable; Client host [192.0.2.25] blocked for its reputation",
            "Transient",
            "General",
        ),
        BounceKind.SUPPRESSED: BounceReason(
            "5.1.1",
            "Amazon SES has suppressed sending to this address because it has a recent history of bouncing as an "
            "invalid address.",
            "Permanent",
            "Suppressed",
        ),
        BounceKind.AUTO_RESPONSE: BounceReason("", "", "Transient", "General"),
    }
)

DELAYED_STATUS = "4.4.1"
DELAYED_DIAGNOSTIC = "421 4.4.1 Unable to connect to the receiving host"

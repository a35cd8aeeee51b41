"""What a recipient's server says of an address when it is asked by RCPT TO and sent nothing.

Belongs here: the reading of its replies, and whose server a host is. Does not: the call (an adapter), whom to ask and how often (`probe_recipients`).

Servers accept what they bounce later, refuse what they deliver, and answer strangers as they like. So only one reply counts for
anything: 550 with 5.1.1 to RCPT TO (RFC 3463 section 3.2: bad destination mailbox address). It suppresses nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from outreach_pipelines.domain.address import Address, DomainName

_NO_SUCH_MAILBOX: Final = "5.1.1"
_TAKEN: Final = frozenset({250, 251})
_SECOND_LEVELS: Final = frozenset(
    {"ac", "co", "com", "edu", "gov", "gouv", "gob", "ltd", "ne", "net", "or", "org", "plc"}
)


class ProbeResult(StrEnum):
    """`CATCH_ALL`: the server takes any name at the domain, and so says nothing of one."""

    VALID = "valid"
    REJECTED = "rejected"
    CATCH_ALL = "catch_all"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class RcptReply:
    """The reply to one RCPT TO; `enhanced` as written (RFC 2034), empty where the server gave none."""

    code: int
    enhanced: str = ""

    @property
    def takes(self) -> bool:
        """Whether the server would take mail for it."""
        return self.code in _TAKEN

    @property
    def denies(self) -> bool:
        """Whether it says for certain that there is no such mailbox."""
        return self.code == 550 and self.enhanced == _NO_SUCH_MAILBOX


@dataclass(frozen=True, slots=True)
class ProbeTalk:
    """One call's replies: to a made-up name at the domain, and to each address that was asked. What is missing was not answered."""

    made_up: RcptReply | None = None
    replies: Mapping[Address, RcptReply] = field(default_factory=dict)


def operator_of(host: DomainName) -> str:
    """Who runs a mail host, as far as its name tells: the registered name, with the usual second levels of countries (`co.uk`).

    Two hosts of one name are one operator's. A suffix that is not known makes the guess too wide: then there are fewer calls.
    """
    labels = host.split(".")
    has_second_level = len(labels[-1]) == 2 and len(labels) > 2 and labels[-2] in _SECOND_LEVELS
    return ".".join(labels[-3:] if has_second_level else labels[-2:])


def judge_probe(talk: ProbeTalk, address: Address) -> ProbeResult:
    """Read what a call says of one address. An address is valid only where the same server denies a made-up one."""
    reply = talk.replies.get(address)
    if talk.made_up is not None and talk.made_up.takes:
        return ProbeResult.CATCH_ALL
    if reply is None or talk.made_up is None:
        return ProbeResult.UNKNOWN
    if reply.denies:
        return ProbeResult.REJECTED
    return ProbeResult.VALID if reply.takes and talk.made_up.denies else ProbeResult.UNKNOWN

"""What a call to a provider tells of the account it went through, whatever it meant for the message.

Belongs here: which answers are the server's own trouble, and the short code under which they are counted. Does not: what a
refusal asks for (`send_answer`), what follows for the account (`breaker`).
"""

import re
from enum import StrEnum
from typing import assert_never

from outreach_pipelines.domain.send_answer import Accepted, NotSent, Refused, ReplyLost, SendAnswer


class CallOutcome(StrEnum):
    """As counted in `provider_health`."""

    ACCEPTED = "accepted"
    REFUSED = "refused"  # an answer about the message, the recipient or our standing: the server works
    SERVER_ERROR = "server_error"  # an answer that the server cannot serve now
    UNANSWERED = "unanswered"  # reply lost, timed out, or an answer of 500 and above of an API
    UNREACHABLE = "unreachable"  # no connection: nothing left
    NOT_CALLED = "not_called"  # our own doing: past the deadline, or no transport


NO_CALL = CallOutcome.NOT_CALLED
FAULTS = frozenset({CallOutcome.SERVER_ERROR, CallOutcome.UNANSWERED, CallOutcome.UNREACHABLE})

# RFC 5321 section 4.2.3: 421 closes the channel. Its x.7 relatives (RFC 3463) are policy: the server works and minds us.
# Amazon SES API v2, common errors: ServiceUnavailable, InternalFailure.
_SERVER_ERROR_CODES = frozenset({"421", "ServiceUnavailable", "InternalFailure"})
_POLICY = re.compile(r"[245]\.7\.")
# What adapters say before their colon when a connection failed; all else that was not sent is our own doing.
_UNREACHABLE = ("connection:", "unreadable reply", "DATA answered")
_CODE_LENGTH = 40


def call_outcome(answer: SendAnswer) -> CallOutcome:
    """A refusal of one recipient, throttling and reputation are answers of a server that works."""
    match answer:
        case Accepted():
            return CallOutcome.ACCEPTED
        case Refused(code, enhanced_code):
            broken = code in _SERVER_ERROR_CODES and not _POLICY.match(enhanced_code)
            return CallOutcome.SERVER_ERROR if broken else CallOutcome.REFUSED
        case ReplyLost():
            return CallOutcome.UNANSWERED
        case NotSent(cause):
            return CallOutcome.UNREACHABLE if cause.startswith(_UNREACHABLE) else CallOutcome.NOT_CALLED
    assert_never(answer)


def call_code(answer: SendAnswer) -> str:
    """Under what it is counted: an SMTP code, an API's error, or the first words of a cause. Empty for an acceptance."""
    match answer:
        case Accepted():
            return ""
        case Refused(code, enhanced_code):
            return f"{code} {enhanced_code}".strip()[:_CODE_LENGTH]
        case ReplyLost(cause) | NotSent(cause):
            return cause.partition(":")[0][:_CODE_LENGTH]
    assert_never(answer)

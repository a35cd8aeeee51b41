"""How Postmark says no: an ErrorCode, words, and an HTTP status. When that happens is decided elsewhere.

https://postmarkapp.com/developer/api/overview#error-codes
"""

from enum import IntEnum, unique
from typing import assert_never

from outreach_pipelines.lab.http_faults import Refusal


@unique
class ErrorCode(IntEnum):
    """What `ErrorCode` says."""

    BAD_TOKEN = 10
    MAINTENANCE = 100
    INVALID_EMAIL_REQUEST = 300
    SENDER_NOT_FOUND = 400
    INVALID_JSON = 402
    INVALID_FIELDS = 403
    INACTIVE_RECIPIENT = 406
    JSON_REQUIRED = 409
    ACCOUNT_MAY_NOT_SEND = 413
    RATE_LIMIT = 429
    INTERNAL = 500
    STREAM_NOT_FOUND = 1235


class PostmarkRefusedError(Exception):
    """The request is answered by an error; 422 unless said otherwise."""

    def __init__(self, code: ErrorCode, message: str, *, status: int = 422) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def refused_by_fault(refusal: Refusal) -> PostmarkRefusedError:
    """The words of an ordered refusal."""
    match refusal:
        case Refusal.THROTTLED:
            return PostmarkRefusedError(ErrorCode.RATE_LIMIT, "Rate limit exceeded.", status=429)
        case Refusal.UNAVAILABLE:
            words = "The Postmark API is offline for maintenance."
            return PostmarkRefusedError(ErrorCode.MAINTENANCE, words, status=503)
        case Refusal.PAUSED:
            return PostmarkRefusedError(ErrorCode.ACCOUNT_MAY_NOT_SEND, "Your account may not send.")
        case _:
            assert_never(refusal)

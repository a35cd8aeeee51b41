"""How Mailgun says no: an HTTP status and words. When that happens is decided elsewhere.

https://documentation.mailgun.com/docs/mailgun/api-reference/ ("Status codes")
"""

from typing import assert_never

from outreach_pipelines.lab.http_faults import Refusal


class MailgunRefusedError(Exception):
    """The request is answered by an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def refused_by_fault(refusal: Refusal, domain: str) -> MailgunRefusedError:
    """The words of an ordered refusal."""
    match refusal:
        case Refusal.THROTTLED:
            return MailgunRefusedError(429, "Too many requests. Try again in 60 seconds")
        case Refusal.UNAVAILABLE:
            return MailgunRefusedError(503, "Service Unavailable")
        case Refusal.PAUSED:
            return MailgunRefusedError(403, f"Domain {domain} is not allowed to send: Account disabled")
        case _:
            assert_never(refusal)

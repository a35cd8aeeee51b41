"""Whether a message in free words is a report of a mail system, and of which kind.

Only a machine may say that a message failed, so that a person who writes of a bounce is never taken for one. What a
report says of its recipients belongs to `worded_bounce`.
"""

import re
from enum import Enum

from outreach_pipelines.domain.inbound.part_text import addresses_in, header_text
from outreach_pipelines.domain.inbound.report_phrases import report_phrases
from outreach_pipelines.domain.inbound.structure import Part

MAX_SEARCHED = 4_000
"""Characters of a body in which the words of a failure are looked for."""
MAX_OPENING = 1_500
"""Characters in which a report by an unknown machine must show the form of one."""

_LIST_HEADERS = (
    "x-mlserver",
    "x-ml-info",
    "x-mailman-version",
    "x-ezmlm-version",
    "mailing-list",
    "x-listserver",
    "x-majordomo",
)
_LIST_OWNER = re.compile(
    r"-(?:admin|owner|request|bounces|return-?|help)@|^(?:list|majordomo|ezmlm|mailman)", re.IGNORECASE
)


class Reporter(Enum):
    """Who reports."""

    MAIL_SYSTEM = "mail_system"
    LIST_MANAGER = "list_manager"
    """A mailing list that takes no mail from the sender."""


def reporter_of(message: Part, subject: str, text: str) -> Reporter | None:
    """Who reports a failure here; None where nobody does."""
    if message.header("x-failed-recipients") or (_from_mail_system(message) and _tells_failure(subject, text)):
        return Reporter.MAIL_SYSTEM
    phrases = report_phrases()
    opening = f"{subject}\n{text[:MAX_OPENING]}"
    if _from_list_manager(message) and phrases.list_refusal.search(opening):
        return Reporter.LIST_MANAGER
    if _from_machine(message) and "@" in text and (phrases.title.search(subject) or phrases.opening.search(opening)):
        return Reporter.MAIL_SYSTEM
    # Automatic answers of people have no envelope sender either (RFC 3834 section 3.3), so that a subject is not enough.
    return (
        Reporter.MAIL_SYSTEM if _return_path(message) == "<>" and phrases.opening.search(text[:MAX_OPENING]) else None
    )


def _from_mail_system(message: Part) -> bool:
    """By name, or by the null envelope sender (RFC 5321 section 4.5.5) where From names nobody."""
    sender = header_text(message.header("from"))
    return_path = _return_path(message)
    is_system = report_phrases().mail_system.search
    nobody = sender.strip() == "<>" or (return_path == "<>" and not addresses_in(sender))
    return bool(is_system(sender) or is_system(return_path) or nobody)


def _from_machine(message: Part) -> bool:
    """A sender that takes no answer: some gateways report under such a name."""
    return bool(report_phrases().machine.search(header_text(message.header("from"))))


def _from_list_manager(message: Part) -> bool:
    sender = " ".join(addresses_in(header_text(message.header("from"))))
    return any(message.header(name) for name in _LIST_HEADERS) or bool(_LIST_OWNER.search(sender))


def _tells_failure(subject: str, text: str) -> bool:
    failure = report_phrases().failure
    return bool(failure.search(subject) or failure.search(text[:MAX_SEARCHED]))


def _return_path(message: Part) -> str:
    return (message.header("return-path") or "").strip()

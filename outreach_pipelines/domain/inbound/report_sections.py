"""Which lines of a report in words speak of which recipient.

A report may name several recipients, each with its own reason, and then return the original. Only the lines are found
here.
"""

import re

from outreach_pipelines.domain.inbound.part_text import addresses_in
from outreach_pipelines.domain.inbound.report_phrases import report_phrases
from outreach_pipelines.domain.inbound.verdict import ReportedAddress

MAX_SHOWN = 16_000
"""Characters of a report that are searched; what follows is the returned original."""

_LEADING_ADDRESS = re.compile(
    r"^[\s>*\-]*(?:(?:\d{3}[ \-])|(?:to|user|recipient(?: address)?|address|rcpt to|rcpt|final-recipient|your mail to|"
    r"following address)[ :;]*(?:rfc822;)?\s*)?"
    r"[<\"'(\[]?(?P<address>(?:\"[^\"\s]{1,62}\"|[^\s<>\"(),;:\[\]@']{1,64})@[^\s<>\"(),;:\[\]@']{1,255})",
    re.IGNORECASE,
)


# What follows is the refusing server's own answer, or the reason that the last system gives: before it stands boilerplate.
_ANSWER_FOLLOWS = (
    "error that the other server returned was", "response was", "response from the remote server was", "remote host said",
    "remote server said", "remote server replied", "remote server returned", "remote server answered", "returned the following error",
    "error message below", "was automatically rejected", "diagnostic information for administrators", "failed for the following reason",
    "antwort des servers lautete", "antwort vom remoteserver lautete", "réponse était", "réponse du serveur distant était",
    "respuesta fue", "respuesta del servidor remoto fue", "risposta è stata", "risposta del server remoto è stata",
)  # fmt: skip
_COLON_WITHIN = 40


def quoted_answer(text: str) -> str | None:
    """The last quoted answer in `text`, where a reporter puts one below its own sentences; None where it does not."""
    lowered = text.lower()
    ends = [at + len(mark) for mark in _ANSWER_FOLLOWS if (at := lowered.rfind(mark)) != -1]
    if not ends or len(lowered) != len(text):
        return None
    end = max(ends)
    colon = text.find(":", end, end + _COLON_WITHIN)
    return text[colon + 1 :].strip() or None if colon != -1 else None


def report_lines(text: str) -> str:
    """`text` up to where the original message starts."""
    head = text[:MAX_SHOWN]
    original = report_phrases().original.search(head)
    return head[: original.start()] if original and original.start() > 0 else head


def sections_of(shown: str, *, ignoring: frozenset[ReportedAddress]) -> dict[ReportedAddress, str]:
    """For each address that leads a line: that line and all until another leads.

    A second mention is added to the first.
    """
    sections: dict[ReportedAddress, list[str]] = {}
    current: ReportedAddress | None = None
    for line in shown.splitlines():
        leading = _LEADING_ADDRESS.match(line) if "@" in line else None
        if leading:
            found = addresses_in(leading.group("address"))
            current = found[0] if found and found[0] not in ignoring else current
        if current is not None:
            sections.setdefault(current, []).append(line)
    return {address: "\n".join(lines) for address, lines in sections.items()}

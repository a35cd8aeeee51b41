"""Challenges: a filter that wants the sender to prove that it is a person before it delivers."""

from outreach_pipelines.domain.inbound.message import Challenge
from outreach_pipelines.domain.inbound.part_text import header_text
from outreach_pipelines.domain.inbound.phrases import plain
from outreach_pipelines.domain.inbound.report_phrases import report_phrases
from outreach_pipelines.domain.inbound.structure import Part
from outreach_pipelines.domain.inbound.verdict import Basis, Evidence, RuleName

MAX_JUDGED = 2_000


def read_challenge(message: Part, text: str) -> Challenge | None:
    """The challenge in subject or text, or None."""
    judged = f"{plain(header_text(message.header('subject')))}\n{plain(text)[:MAX_JUDGED]}"
    match = report_phrases().challenge.search(judged)
    if match is None:
        return None
    return Challenge(text, Evidence(RuleName("challenge"), Basis.TEXT, match.group(0)))

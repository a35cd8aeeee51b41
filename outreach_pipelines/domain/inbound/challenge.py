"""Challenges: a filter that wants the sender to prove that it is a person before it delivers."""

import re

from outreach_pipelines.domain.inbound.message import Challenge
from outreach_pipelines.domain.inbound.part_text import header_text
from outreach_pipelines.domain.inbound.phrases import phrase_book, plain
from outreach_pipelines.domain.inbound.report_phrases import report_phrases
from outreach_pipelines.domain.inbound.structure import Part
from outreach_pipelines.domain.inbound.verdict import Basis, Evidence, RuleName

MAX_JUDGED = 2_000
_LINK = re.compile(r"https?://|www\.")


def read_challenge(message: Part, text: str) -> Challenge | None:
    """The challenge in subject or text, or None. Wording that a person may use too counts only beside a link."""
    judged = f"{plain(header_text(message.header('subject')))}\n{plain(text)[:MAX_JUDGED]}"
    if match := report_phrases().challenge.search(judged):
        return Challenge(text, Evidence(RuleName("challenge"), Basis.TEXT, match.group(0)))
    phrase = phrase_book().challenge.find(judged) if _LINK.search(judged) else None
    if phrase is None:
        return None
    return Challenge(text, Evidence(RuleName(f"challenge:{phrase.language}"), Basis.TEXT, phrase.words))

"""What a refusal means: one judgement for SMTP answers, bounce messages and provider events.

The rows are data (`rule_book`); the order in which they speak is here. Whether a hard verdict may stand is decided in
`certainty`; reading reports belongs to `dsn`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NewType

from outreach_pipelines.domain.inbound.certainty import confirmed
from outreach_pipelines.domain.inbound.dialogue import stage_of
from outreach_pipelines.domain.inbound.part_text import without_addresses, without_pages
from outreach_pipelines.domain.inbound.refusal_grammar import Worded, worded_refusal
from outreach_pipelines.domain.inbound.rule_book import Outcome, ProviderName, TextRule, rule_book
from outreach_pipelines.domain.inbound.verdict import (
    Basis,
    BounceClass,
    Confidence,
    EnhancedCode,
    Evidence,
    HardCause,
    ReplyCode,
    RuleName,
    Stage,
    Verdict,
)

__all__ = [
    "MAX_JUDGED",
    "BounceType",
    "ProviderName",
    "Refusal",
    "classify_provider_bounce",
    "classify_refusal",
    "forget_texts",
    "judged_text",
    "refuses_for_one_recipient",
    "settles",
    "stage_of",
    "take_apart",
]

BounceType = NewType("BounceType", str)
"""A provider's own classes, from coarse to fine, joined by "/": SES's bounceType and bounceSubType."""

MAX_JUDGED = 1_200
"""Characters of a refusal that are looked at."""

# Not inside an address, a version, a port, "SIZE=222:"; not "500 bytes".
_REPLY_CODE = re.compile(
    # The first digit before what may not stand before it: a search is fast only where it begins with a set of letters.
    r"([45](?<![\d.\-\w=/][45])(?<![\w\]]:[45])(?:[0-5]\d|(?<=5)7[1-9]))(?=[ \-,:.;)\]\"']|$)(?!\.\d)"
    r"(?! ?(?:bytes|[km]b|octets|lines|seconds|minutes|hours|days)\b)"
)
_CONTINUATION = re.compile(r"\b[245]\d\d[- ](?:#?[245]\.\d{1,3}\.\d{1,3})?")
_HOST = re.compile(
    r"\b(?:host|server|mta) (?:[\w-]+\.)+[a-z]{2,}\.?(?=:| said| replied)|(?:[\w-]+\.)+[\w-]+\.? ?[\[(]\d+\.\d+\.\d+\.\d+[\])]",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a server said, taken apart."""

    code: ReplyCode | None
    enhanced: EnhancedCode | None
    text: str
    stage: Stage


@dataclass(frozen=True, slots=True)
class _Judged:
    """A verdict before its witnesses are asked for."""

    verdict: Verdict
    proof: bool = False


def classify_refusal(code: ReplyCode | None, enhanced: EnhancedCode | None, text: str, stage: Stage) -> Verdict:
    """What one refusal says of one recipient.

    Text beats enhanced code beats reply code; no evidence is UNKNOWN, and hard needs its witnesses (`certainty`).
    """
    line = text.strip()[:MAX_JUDGED]
    judged = (
        _by_text(line, enhanced)
        or _by_grammar(line, code=code, enhanced=enhanced, stage=stage)
        or _by_enhanced(enhanced, line)
        or _by_reply_code(code, line)
        or _Judged(_nothing_known(line))
    )
    return confirmed(judged.verdict, code=code, enhanced=enhanced, stage=stage, proof=judged.proof)


def _nothing_known(line: str) -> Verdict:
    return Verdict(BounceClass.UNKNOWN, None, Confidence.LOW, Evidence(RuleName("no-rule"), Basis.NOTHING, line))


def classify_provider_bounce(provider: ProviderName, bounce_type: BounceType, diagnostic: str) -> Verdict:
    """What a provider's bounce event says: by its diagnostic if that tells something, else by its type."""
    refusal = take_apart(diagnostic)
    told = classify_refusal(refusal.code, refusal.enhanced, refusal.text, refusal.stage)
    if settles(told) or (told.evidence.basis is Basis.ENHANCED_CODE and told.bounce_class is not BounceClass.UNKNOWN):
        return told
    for key in (bounce_type, bounce_type.partition("/")[0] + "/*"):
        if outcome := rule_book().provider_type.get((provider, key)):
            return outcome.verdict(Basis.PROVIDER_TYPE, diagnostic[:MAX_JUDGED] or bounce_type)
    return told


def refuses_for_one_recipient(diagnostic: str) -> bool:
    """Whether `diagnostic` tells of a rule that one recipient or one group made: who may write to it."""
    enhanced = take_apart(diagnostic).enhanced
    by_code = rule_book().enhanced.get(str(enhanced))
    by_words = _speaking(judged_text(diagnostic.strip()[:MAX_JUDGED]), enhanced)
    return any(outcome.one_recipient for outcome in (by_code, by_words and by_words.outcome) if outcome)


def settles(verdict: Verdict) -> bool:
    """Whether words decided, and were enough: then other parts of a report are not asked."""
    return verdict.evidence.basis is Basis.TEXT and verdict.confidence is not Confidence.LOW


@lru_cache(maxsize=16)
def take_apart(diagnostic: str) -> Refusal:
    """The codes and the stage inside a line such as "550 5.1.1 <ann@example.net> (in reply to RCPT TO command)".

    A report's readers ask it of the same few texts: the last answers are kept, and so are those of `judged_text`.
    """
    head = diagnostic[:MAX_JUDGED]
    code = _REPLY_CODE.search(head)
    return Refusal(
        code=ReplyCode(int(code.group(1))) if code else None,
        enhanced=EnhancedCode.find(head),
        text=diagnostic,
        stage=stage_of(head),
    )


@lru_cache(maxsize=16)
def judged_text(text: str) -> str:
    """`text` as the rows see it: lower case, single spaces; no addresses, no names of hosts, no codes of continuation lines."""
    # Sendmail's three dots follow the address at once, and would be taken for a part of it.
    words = _CONTINUATION.sub(" ", text.replace("...", " ...")).split()
    # An address alone leaves no second space behind: "mailbox ann@example.net is full" is "mailbox is full".
    bare = " ".join(filter(None, [without_addresses(word) if "@" in word else word for word in words]))
    if "[" in bare or "(" in bare or "host " in bare or "server " in bare:
        bare = " ".join(_HOST.sub(" ", bare).split())
    # Cisco's title over every refusal of a recipient, whatever the reason was: no words of the server.
    return bare.replace("\u2019", "'").lower().replace("unknown address error", "")


def _by_text(line: str, enhanced: EnhancedCode | None) -> _Judged | None:
    judged = judged_text(line)
    if rule := _speaking(judged, enhanced):
        return _Judged(rule.outcome.verdict(Basis.TEXT, line), rule.proof)
    return None


def _by_grammar(line: str, *, code: ReplyCode | None, enhanced: EnhancedCode | None, stage: Stage) -> _Judged | None:
    """A sentence that no row knows. It condemns beside a witness only; without one it is as if nothing had been said."""
    worded = _worded(judged_text(line))
    if worded is None:
        return None
    said = Verdict(worded.bounce_class, worded.cause, worded.confidence, Evidence(worded.name, Basis.TEXT, line))
    # A row may call a mailbox switched off without a witness, because it knows the sentence. This is only likely.
    strict = replace(said, cause=HardCause.UNKNOWN_USER) if said.bounce_class is BounceClass.HARD else said
    stands = confirmed(strict, code=code, enhanced=enhanced, stage=stage, proof=False).bounce_class
    return None if stands is BounceClass.BLOCK else _Judged(said)


@lru_cache(maxsize=4_096)
def _speaking(judged: str, enhanced: EnhancedCode | None) -> TextRule | None:
    """The first row that matches. Remembered: without its addresses, a server's answer is the same for many."""
    return rule_book().speaking(judged, enhanced)


@lru_cache(maxsize=1_024)
def _worded(judged: str) -> Worded | None:
    return worded_refusal(without_pages(judged))


def forget_texts() -> None:
    """Forget which row the texts seen so far came to: for measuring what a new one costs."""
    for memory in (_speaking, _worded, take_apart, judged_text):
        memory.cache_clear()


def _by_enhanced(enhanced: EnhancedCode | None, line: str) -> _Judged | None:
    if enhanced is None or enhanced.is_empty:
        return None
    status, subject, detail = str(enhanced).split(".")
    keys = (f"{status}.{subject}.{detail}", f"*.{subject}.{detail}", f"{status}.{subject}.*", f"*.{subject}.*")
    outcome = _first(rule_book().enhanced, keys)
    return _Judged(outcome.verdict(Basis.ENHANCED_CODE, line or str(enhanced))) if outcome else None


def _by_reply_code(code: ReplyCode | None, line: str) -> _Judged | None:
    if code is None:
        return None
    digits = str(code)
    outcome = _first(rule_book().reply_code, (digits, f"{digits[:2]}*", f"{digits[:1]}*"))
    return _Judged(outcome.verdict(Basis.REPLY_CODE, line or digits)) if outcome else None


def _first(table: Mapping[str, Outcome], keys: Iterable[str]) -> Outcome | None:
    return next((table[key] for key in keys if key in table), None)

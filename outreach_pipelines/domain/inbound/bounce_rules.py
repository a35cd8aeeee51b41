"""What a refusal means: one judgement for SMTP answers, bounce messages and provider events.

The rows are data in `bounce_rules.toml`; the order in which they speak, and the guards over them, are here: a
refusal before the recipient was named never condemns the recipient, and a transient code never does so alone. Reading
reports belongs to `dsn`.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from typing import NewType

from outreach_pipelines.domain.inbound.part_text import without_addresses
from outreach_pipelines.domain.inbound.verdict import (
    Basis,
    BlockCause,
    BounceClass,
    Cause,
    Confidence,
    EnhancedCode,
    Evidence,
    HardCause,
    ReplyCode,
    RuleName,
    SoftCause,
    Stage,
    Verdict,
)

ProviderName = NewType("ProviderName", str)
BounceType = NewType("BounceType", str)
"""A provider's own classes, from coarse to fine, joined by "/": SES's bounceType and bounceSubType."""

MAX_JUDGED = 2_000
"""Characters of a refusal that are looked at."""

_REPLY_CODE = re.compile(r"(?<![\d.:\-\w])([245][0-5]\d|57[1-9])(?=[ \-,:.]|$)(?!\.\d)")
_CONTINUATION = re.compile(r"\b[245]\d\d[- ](?:#?[245]\.\d{1,3}\.\d{1,3})?")
_SPACE = re.compile(r"\s+")
_STAGES: tuple[tuple[Stage, re.Pattern[str]], ...] = (
    (Stage.RCPT_TO, re.compile(r"(reply to|after|following|like our) rcpt|\[rcpt_to\]|>>> rcpt|smtp:rcpt", re.I)),
    (
        Stage.MAIL_FROM,
        re.compile(r"(reply to|after|following|like our) (?:pipelined )?mail|\[mail_from\]|>>> mail from", re.I),
    ),
    (
        Stage.DATA,
        re.compile(
            r"end of data|reply to (end of )?data|(after|following) (end of )?data|for text command|\[data\]", re.I
        ),
    ),
    (Stage.HELLO, re.compile(r"(reply to|after|following|like our) (ehlo|helo)", re.I)),
    (Stage.CONNECT, re.compile(r"after initial connection|initial server greeting|like our greeting", re.I)),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a row says."""

    name: RuleName
    bounce_class: BounceClass
    cause: Cause | None
    confidence: Confidence
    source: str
    example: str

    def verdict(self, basis: Basis, line: str) -> Verdict:
        """The verdict of this row over `line`."""
        return Verdict(self.bounce_class, self.cause, self.confidence, Evidence(self.name, basis, line))


@dataclass(frozen=True, slots=True)
class TextRule:
    """A row of [[text]]: which words decide, under which codes."""

    outcome: Outcome
    says: tuple[str, ...]
    pattern: re.Pattern[str] | None
    unless: tuple[str, ...]
    enhanced: frozenset[str]

    def matches(self, text: str, enhanced: EnhancedCode | None) -> bool:
        """Whether the row speaks about `text` (normalized by `judged_text`)."""
        if self.enhanced and str(enhanced or "") not in self.enhanced:
            return False
        said = _holds(text, self.says) or bool(self.pattern and self.pattern.search(text))
        return said and not _holds(text, self.unless)


@dataclass(frozen=True, slots=True)
class RuleBook:
    """All rows, in order of the file; codes from exact to wide."""

    text: tuple[TextRule, ...]
    enhanced: Mapping[str, Outcome]
    reply_code: Mapping[str, Outcome]
    provider_type: Mapping[tuple[ProviderName, str], Outcome]


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a server said, taken apart."""

    code: ReplyCode | None
    enhanced: EnhancedCode | None
    text: str
    stage: Stage


def classify_refusal(code: ReplyCode | None, enhanced: EnhancedCode | None, text: str, stage: Stage) -> Verdict:
    """What one refusal says of one recipient.

    Text beats enhanced code beats reply code; no evidence is UNKNOWN, never hard.
    """
    line = text.strip()[:MAX_JUDGED]
    verdict = (
        _by_text(line, enhanced)
        or _by_enhanced(enhanced, line)
        or _by_reply_code(code, line)
        or Verdict(BounceClass.UNKNOWN, None, Confidence.LOW, Evidence(RuleName("no-rule"), Basis.NOTHING, line))
    )
    return _guarded(verdict, transient=_is_transient(code, enhanced), stage=stage)


def classify_provider_bounce(provider: ProviderName, bounce_type: BounceType, diagnostic: str) -> Verdict:
    """What a provider's bounce event says: by its diagnostic if that tells something, else by its type."""
    refusal = take_apart(diagnostic)
    told = classify_refusal(refusal.code, refusal.enhanced, refusal.text, refusal.stage)
    if told.evidence.basis in (Basis.TEXT, Basis.ENHANCED_CODE) and told.bounce_class is not BounceClass.UNKNOWN:
        return told
    for key in (bounce_type, bounce_type.partition("/")[0] + "/*"):
        if outcome := rule_book().provider_type.get((provider, key)):
            return outcome.verdict(Basis.PROVIDER_TYPE, diagnostic[:MAX_JUDGED] or bounce_type)
    return told


def take_apart(diagnostic: str) -> Refusal:
    """The codes and the stage inside a line such as "550 5.1.1 <ann@example.net> (in reply to RCPT TO command)"."""
    head = diagnostic[:MAX_JUDGED]
    code = _REPLY_CODE.search(head)
    return Refusal(
        code=ReplyCode(int(code.group(1))) if code else None,
        enhanced=EnhancedCode.find(head),
        text=diagnostic,
        stage=stage_of(head),
    )


def stage_of(text: str) -> Stage:
    """The SMTP command that `text` says was refused."""
    return next((stage for stage, pattern in _STAGES if pattern.search(text)), Stage.UNKNOWN)


def judged_text(text: str) -> str:
    """`text` as the rows see it: lower case, single spaces, no addresses, no repeated codes of continuation lines."""
    bare = without_addresses(_CONTINUATION.sub(" ", text))
    return _SPACE.sub(" ", bare.replace("\u2019", "'")).lower()


def _holds(text: str, words: tuple[str, ...]) -> bool:
    # A plain loop: some 400 words a refusal, and a generator costs twice as much.
    for word in words:  # noqa: SIM110  # see above
        if word in text:
            return True
    return False


def _by_text(line: str, enhanced: EnhancedCode | None) -> Verdict | None:
    judged = judged_text(line)
    for rule in rule_book().text:
        if rule.matches(judged, enhanced):
            return rule.outcome.verdict(Basis.TEXT, line)
    return None


def _by_enhanced(enhanced: EnhancedCode | None, line: str) -> Verdict | None:
    if enhanced is None or enhanced.is_empty:
        return None
    status, subject, detail = str(enhanced).split(".")
    keys = (f"{status}.{subject}.{detail}", f"*.{subject}.{detail}", f"{status}.{subject}.*", f"*.{subject}.*")
    outcome = _first(rule_book().enhanced, keys)
    return outcome.verdict(Basis.ENHANCED_CODE, line or str(enhanced)) if outcome else None


def _by_reply_code(code: ReplyCode | None, line: str) -> Verdict | None:
    if code is None:
        return None
    digits = str(code)
    outcome = _first(rule_book().reply_code, (digits, f"{digits[:2]}*", f"{digits[:1]}*"))
    return outcome.verdict(Basis.REPLY_CODE, line or digits) if outcome else None


def _first(table: Mapping[str, Outcome], keys: Iterable[str]) -> Outcome | None:
    return next((table[key] for key in keys if key in table), None)


def _is_transient(code: ReplyCode | None, enhanced: EnhancedCode | None) -> bool:
    if code is not None:
        return 400 <= code < 500
    return enhanced is not None and enhanced.is_transient


def _guarded(verdict: Verdict, *, transient: bool, stage: Stage) -> Verdict:
    """Take back what the circumstances do not allow to be said of a recipient."""
    if stage.before_recipient and verdict.bounce_class in (BounceClass.HARD, BounceClass.FULL):
        return replace(verdict, bounce_class=BounceClass.BLOCK, cause=BlockCause.POLICY, confidence=Confidence.MEDIUM)
    if transient and verdict.bounce_class is BounceClass.HARD:
        return replace(verdict, bounce_class=BounceClass.SOFT, cause=SoftCause.UNCONFIRMED_RECIPIENT)
    if stage is Stage.DATA and verdict.bounce_class is BounceClass.HARD and verdict.confidence is Confidence.HIGH:
        # The server took the recipient at RCPT TO: some filters speak of an unknown user when they mean the message.
        return replace(verdict, confidence=Confidence.MEDIUM)
    return verdict


@lru_cache(maxsize=1)
def rule_book() -> RuleBook:
    """The rows of `bounce_rules.toml`. A wrong row raises ValueError or KeyError on first use."""
    document = tomllib.loads(resources.files(__package__).joinpath("bounce_rules.toml").read_text("utf-8"))
    return RuleBook(
        text=tuple(_text_rule(row) for row in document["text"]),
        enhanced={row["code"]: _outcome(row, named=row["code"]) for row in document["enhanced"]},
        reply_code={row["code"]: _outcome(row, named=row["code"]) for row in document["reply_code"]},
        provider_type={
            (ProviderName(row["provider"]), row["type"]): _outcome(row, named=f"{row['provider']} {row['type']}")
            for row in document["provider_type"]
        },
    )


def _text_rule(row: Mapping[str, str | list[str]]) -> TextRule:
    return TextRule(
        outcome=_outcome(row, named=str(row["name"])),
        says=tuple(row.get("says", ())),
        pattern=re.compile(str(row["pattern"])) if "pattern" in row else None,
        unless=tuple(row.get("unless", ())),
        enhanced=frozenset(row.get("enhanced", ())),
    )


_CAUSES: Mapping[BounceClass, type[HardCause] | type[BlockCause] | type[SoftCause]] = {
    BounceClass.HARD: HardCause,
    BounceClass.BLOCK: BlockCause,
    BounceClass.SOFT: SoftCause,
}


def _outcome(row: Mapping[str, str | list[str]], *, named: str) -> Outcome:
    bounce_class = BounceClass(row["class"])
    causes = _CAUSES.get(bounce_class)
    return Outcome(
        name=RuleName(named),
        bounce_class=bounce_class,
        cause=causes(row["cause"]) if causes else None,
        confidence=Confidence(row.get("confidence", "high")),
        source=str(row["source"]),
        example=str(row["example"]),
    )

"""Bounces that tell their reason in words only: qmail, Exim, older Exchange, webmail providers.

First whether a message is one at all: only a mail system may say so, so that a person who writes of a bounce is never
taken for one. What the words mean for the recipient belongs to `bounce_rules`.
"""

from outreach_pipelines.domain.inbound.bounce_rules import classify_refusal, take_apart
from outreach_pipelines.domain.inbound.message import DeliveryReport
from outreach_pipelines.domain.inbound.part_text import addresses_in, first_text, header_text
from outreach_pipelines.domain.inbound.report_phrases import report_phrases
from outreach_pipelines.domain.inbound.report_sections import report_lines, sections_of
from outreach_pipelines.domain.inbound.structure import RETURNED_TYPES, Part, read_header_block
from outreach_pipelines.domain.inbound.verdict import (
    Action,
    Basis,
    BounceClass,
    Confidence,
    Evidence,
    RecipientVerdict,
    ReportedAddress,
    RuleName,
    Verdict,
)


def read_worded_bounce(message: Part) -> DeliveryReport | None:
    """The verdicts of a mail system's own words, or None where `message` is no such report."""
    failed = addresses_in(" ".join(message.all("x-failed-recipients")))
    text = first_text(message)
    subject = header_text(message.header("subject"))
    if not failed and not (_from_mail_system(message) and _tells_failure(subject, text)):
        return None
    shown = report_lines(text)
    sections = _sections(message, shown, failed)
    if report_phrases().delay.search(f"{subject}\n{shown}"):
        return DeliveryReport(tuple(_delayed(address, section) for address, section in sections.items()))
    whole = f"{shown}\n{subject}"
    verdicts = tuple(_failed(address, section, whole) for address, section in sections.items())
    return DeliveryReport(verdicts or (_failed(None, shown, whole),))


def _from_mail_system(message: Part) -> bool:
    """By name, or by the null envelope sender (RFC 5321 section 4.5.5) where From names nobody."""
    sender = header_text(message.header("from"))
    return_path = (message.header("return-path") or "").strip()
    is_system = report_phrases().mail_system.search
    return bool(is_system(sender) or is_system(return_path) or (return_path == "<>" and not addresses_in(sender)))


def _tells_failure(subject: str, text: str) -> bool:
    failure = report_phrases().failure
    return bool(failure.search(subject) or failure.search(text[:4_000]))


def _sections(message: Part, shown: str, failed: tuple[ReportedAddress, ...]) -> dict[ReportedAddress, str]:
    """Each recipient with its lines; the original sender, to whom the report goes, is none."""
    own = addresses_in(" ".join((*message.all("to"), *message.all("delivered-to"), *message.all("from"))))
    sections = sections_of(shown, ignoring=frozenset(own) - frozenset(failed))
    named = {address: sections[address] for address in failed if address in sections}
    return named or sections or dict.fromkeys(failed or _elsewhere(message, shown, frozenset(own)), shown)


def _elsewhere(message: Part, shown: str, own: frozenset[ReportedAddress]) -> tuple[ReportedAddress, ...]:
    """Recipients where no line leads with one: inside a sentence, else those of the returned original."""
    inside = tuple(address for address in addresses_in(shown) if address not in own)
    if inside:
        return inside[:1]
    originals = (read_header_block(part.body) for part in message.walk() if part.content_type in RETURNED_TYPES)
    return next((addresses_in(original.header("to") or "") for original in originals), ())


def _failed(address: ReportedAddress | None, section: str, whole: str) -> RecipientVerdict:
    """By the recipient's own lines; by the whole report where these tell nothing."""
    refusal = take_apart(section)
    verdict = classify_refusal(refusal.code, refusal.enhanced, section, refusal.stage)
    if verdict.evidence.basis in (Basis.NOTHING, Basis.REPLY_CODE):
        told = take_apart(whole)
        worded = classify_refusal(told.code, told.enhanced, whole, told.stage)
        verdict = worded if worded.evidence.basis is Basis.TEXT else verdict
    return RecipientVerdict(address, Action.FAILED, verdict, refusal.code, refusal.enhanced, section.strip()[:1_000])


def _delayed(address: ReportedAddress, section: str) -> RecipientVerdict:
    refusal = take_apart(section)
    evidence = Evidence(RuleName("still-trying"), Basis.TEXT, "the mail system says that it goes on trying")
    verdict = Verdict(BounceClass.NOT_A_FAILURE, None, Confidence.HIGH, evidence)
    return RecipientVerdict(address, Action.DELAYED, verdict, refusal.code, refusal.enhanced, section.strip()[:1_000])

"""Bounces that tell their reason in words only: qmail, Exim, older Exchange, webmail providers.

Whether a message is one at all is for `reporter` to say, what the words mean for the recipient for `bounce_rules`.
"""

from outreach_pipelines.domain.inbound.bounce_rules import classify_refusal, settles, take_apart
from outreach_pipelines.domain.inbound.dialogue import answers_in, stage_in_dialogue
from outreach_pipelines.domain.inbound.dsn import read_delivery_report
from outreach_pipelines.domain.inbound.message import DeliveryReport, Unreadable
from outreach_pipelines.domain.inbound.part_text import addresses_in, first_text, header_text
from outreach_pipelines.domain.inbound.report_phrases import report_phrases
from outreach_pipelines.domain.inbound.report_sections import quoted_answer, report_lines, sections_of
from outreach_pipelines.domain.inbound.reporter import Reporter, reporter_of
from outreach_pipelines.domain.inbound.structure import Part, read_structure, returned_originals
from outreach_pipelines.domain.inbound.verdict import (
    Action,
    Basis,
    BlockCause,
    BounceClass,
    Confidence,
    Evidence,
    RecipientVerdict,
    ReportedAddress,
    RuleName,
    Stage,
    Verdict,
)

MAX_RECIPIENTS = 1_000
MAX_DELAY_TOLD = 3_000
"""Characters in which a report says that the system goes on trying."""
MAX_WRAPPED = 256 * 1024
"""Bytes of a report within a report that are read."""
MAX_REASON = 1_000
"""Characters of a reason that are kept as the diagnostic."""


def read_worded_bounce(message: Part) -> DeliveryReport | None:
    """The verdicts of a mail system's own words, or None where `message` is no such report."""
    text = first_text(message)
    subject = header_text(message.header("subject"))
    reporter = reporter_of(message, subject, text)
    if reporter is None:
        return None
    if reporter is Reporter.LIST_MANAGER:
        return DeliveryReport((_refused_by_list(subject, text),))
    shown = report_lines(text)
    sections = _sections(message, shown, addresses_in(" ".join(message.all("x-failed-recipients"))))
    if _goes_on_trying(f"{subject}\n{shown[:MAX_DELAY_TOLD]}"):
        return DeliveryReport(tuple(_delayed(address, section) for address, section in sections.items()))
    if not sections:
        if (inner := _wrapped_report(message)) is not None:
            return inner
        sections = _of_original(message, shown)
    common = f"{_common_lines(shown, sections)}\n{subject}"
    verdicts = tuple(_failed(address, section, common) for address, section in sections.items())
    return DeliveryReport(verdicts[:MAX_RECIPIENTS] or (_failed(None, shown, common),))


def _goes_on_trying(text: str) -> bool:
    lowered = text.lower()
    return any(words in lowered for words in report_phrases().delays)


def _wrapped_report(message: Part) -> DeliveryReport | None:
    """The delivery report that a gateway wraps in its own, where its own words name nobody."""
    for part in message.walk():
        if part.content_type == "message/rfc822" and b"message/delivery-status" in part.body[:MAX_WRAPPED]:
            inner = read_structure(part.body[:MAX_WRAPPED])
            return None if isinstance(inner, Unreadable) else read_delivery_report(inner)
    return None


def _common_lines(shown: str, sections: dict[ReportedAddress, str]) -> str:
    """What speaks of every recipient: all lines where there is but one, else those above the first."""
    if len(sections) <= 1:
        return shown
    return shown[: shown.find(next(iter(sections.values())).partition("\n")[0])]


def _refused_by_list(subject: str, text: str) -> RecipientVerdict:
    line = f"{subject}\n{text[:MAX_REASON]}"
    evidence = Evidence(RuleName("list-takes-no-mail-from-you"), Basis.TEXT, line)
    verdict = Verdict(BounceClass.BLOCK, BlockCause.POLICY, Confidence.MEDIUM, evidence)
    return RecipientVerdict(None, Action.FAILED, verdict, None, None, text[:MAX_REASON])


def _sections(message: Part, shown: str, failed: tuple[ReportedAddress, ...]) -> dict[ReportedAddress, str]:
    """Each recipient with its lines; the original sender, to whom the report goes, is none."""
    own = frozenset(addresses_in(" ".join((*message.all("to"), *message.all("delivered-to"), *message.all("from")))))
    sections = sections_of(shown, ignoring=own - frozenset(failed))
    named = {address: sections[address] for address in failed if address in sections}
    subject = header_text(message.header("subject"))
    inside = tuple(address for address in (*addresses_in(shown), *addresses_in(subject)) if address not in own)[:1]
    return named or sections or dict.fromkeys(failed or inside, shown)


def _of_original(message: Part, shown: str) -> dict[ReportedAddress, str]:
    """The recipients of the returned original, for a report that names nobody."""
    originals = returned_originals(message)
    return next((dict.fromkeys(addresses_in(original.header("to") or ""), shown) for original in originals), {})


def _failed(address: ReportedAddress | None, section: str, common: str) -> RecipientVerdict:
    """By the answer that the recipient's lines quote, by these lines, by what is said of all: the first that tells enough."""
    refusal = take_apart(section)
    verdict = _told(quoted_answer(section) or answers_in(section) or answers_in(common) or section, refusal.stage)
    for text in (section, common):
        if settles(verdict) or verdict.evidence.basis is Basis.ENHANCED_CODE:
            break
        worded = _told(text, refusal.stage)
        verdict = worded if worded.evidence.basis is Basis.TEXT else verdict
    return RecipientVerdict(
        address, Action.FAILED, verdict, refusal.code, refusal.enhanced, section.strip()[:MAX_REASON]
    )


def _told(text: str, stage: Stage) -> Verdict:
    told = take_apart(text)
    known = told.stage if stage is Stage.UNKNOWN else stage
    if known is Stage.UNKNOWN or known is Stage.DATA:
        shown = stage_in_dialogue(text, "")
        known = known if shown is Stage.UNKNOWN else shown
    return classify_refusal(told.code, told.enhanced, text, known)


def _delayed(address: ReportedAddress, section: str) -> RecipientVerdict:
    refusal = take_apart(section)
    evidence = Evidence(RuleName("still-trying"), Basis.TEXT, "the mail system says that it goes on trying")
    verdict = Verdict(BounceClass.NOT_A_FAILURE, None, Confidence.HIGH, evidence)
    return RecipientVerdict(
        address, Action.DELAYED, verdict, refusal.code, refusal.enhanced, section.strip()[:MAX_REASON]
    )

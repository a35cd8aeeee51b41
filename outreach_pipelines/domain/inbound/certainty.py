"""Whether a hard verdict may stand: a person called hard is never written to again, a second try costs little.

Words alone condemn nobody, because filters say "User unknown" when they mean the message. They need a witness: a code
of the address, the answer to RCPT TO, or wording that only the system which keeps the mailbox uses. What the words
mean is said in `bounce_rules`.
"""

from dataclasses import replace
from enum import Enum, auto

from outreach_pipelines.domain.inbound.verdict import (
    Basis,
    BlockCause,
    BounceClass,
    Confidence,
    EnhancedCode,
    HardCause,
    ReplyCode,
    RuleName,
    SoftCause,
    Stage,
    Verdict,
)


class _About(Enum):
    """Of what an enhanced code speaks."""

    RECIPIENT = auto()
    SENDER = auto()
    HOST = auto()
    POLICY = auto()
    SOMETHING_ELSE = auto()
    NOTHING = auto()


_RECIPIENT_DETAILS = frozenset({1, 2, 3, 6, 9, 10, 11, 20, 351})
_SENDER_DETAILS = frozenset({7, 8})
_OF_THE_MAILBOX = frozenset({(2, 1), (7, 13), (7, 17), (7, 18)})


def confirmed(
    verdict: Verdict, *, code: ReplyCode | None, enhanced: EnhancedCode | None, stage: Stage, proof: bool
) -> Verdict:
    """`verdict`, or what is left of it where the circumstances do not allow it to be said of a recipient."""
    if stage.before_recipient and verdict.bounce_class in (BounceClass.HARD, BounceClass.FULL):
        return _blocked(verdict, BlockCause.POLICY, Confidence.MEDIUM)
    if stage.before_recipient and verdict.bounce_class is BounceClass.UNKNOWN and code is not None and code >= 500:
        # Whatever the words: it was not the recipient who was refused.
        cause = BlockCause.POLICY if stage is Stage.MAIL_FROM else BlockCause.IP_REPUTATION
        return _blocked(verdict, cause, Confidence.LOW)
    if verdict.bounce_class is not BounceClass.HARD:
        return verdict
    about = _about(enhanced)
    if about is _About.SENDER:
        return _blocked(verdict, BlockCause.POLICY, Confidence.MEDIUM)
    if _is_transient(code, enhanced):
        return replace(verdict, bounce_class=BounceClass.SOFT, cause=SoftCause.UNCONFIRMED_RECIPIENT)
    if verdict.evidence.basis is Basis.TEXT and about is not _About.RECIPIENT:
        verdict = _witnessed(verdict, code=code, about=about, stage=stage, proof=proof)
    if stage is Stage.DATA and verdict.confidence is Confidence.HIGH:
        return replace(verdict, confidence=Confidence.MEDIUM)
    return verdict


def _witnessed(verdict: Verdict, *, code: ReplyCode | None, about: _About, stage: Stage, proof: bool) -> Verdict:
    of_host = verdict.cause is HardCause.UNKNOWN_HOST
    if about is _About.POLICY or (about is _About.SOMETHING_ELSE and not of_host):
        return _unconfirmed(verdict, "under a code that says otherwise", Confidence.MEDIUM)
    if proof or stage is Stage.RCPT_TO:
        return verdict
    if stage is Stage.DATA:
        # The server took the recipient at RCPT TO and refused once it had the message.
        return _unconfirmed(verdict, "after the content", Confidence.MEDIUM)
    # Without an answer's code, the system that looked for the host speaks. With one it is the recipient's server, which
    # may well mean the domain of the sender.
    answered = of_host and code is not None and about is not _About.HOST
    if answered or verdict.cause is HardCause.UNKNOWN_USER:
        return _unconfirmed(verdict, "unconfirmed", Confidence.LOW)
    return verdict


def _blocked(verdict: Verdict, cause: BlockCause, confidence: Confidence) -> Verdict:
    return replace(verdict, bounce_class=BounceClass.BLOCK, cause=cause, confidence=confidence)


def _unconfirmed(verdict: Verdict, why: str, confidence: Confidence) -> Verdict:
    evidence = replace(verdict.evidence, rule=RuleName(f"{verdict.evidence.rule} ({why})"))
    return replace(_blocked(verdict, BlockCause.CONTENT, confidence), evidence=evidence)


def _about(enhanced: EnhancedCode | None) -> _About:
    """RFC 3463 sections 3.2 to 3.8; 5.7.13 of RFC 5248 is a mailbox that is switched off, 5.7.17 and 5.7.18 of RFC 7293 one
    that has another owner.

    Mail systems put x.3.0 under any text that has no code, so that it speaks of nothing.
    """
    if enhanced is None:
        return _About.NOTHING
    subject, detail = enhanced.subject, enhanced.detail
    if (subject, detail) in _OF_THE_MAILBOX or (subject == 1 and detail in _RECIPIENT_DETAILS):
        return _About.RECIPIENT
    if subject == 1 and detail in _SENDER_DETAILS:
        return _About.SENDER
    if subject == 4:
        return _About.HOST
    if subject == 7:
        return _About.POLICY
    return _About.SOMETHING_ELSE if subject in (2, 3, 6) and detail > 0 else _About.NOTHING


def _is_transient(code: ReplyCode | None, enhanced: EnhancedCode | None) -> bool:
    if code is not None:
        return 400 <= code < 500
    return enhanced is not None and enhanced.is_transient

"""How a label of the public bounce corpus maps to our classes: docs/bounce-labels.md, and nothing else."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from outreach_pipelines.domain.inbound.classify import classify
from outreach_pipelines.domain.inbound.message import DeliveryReport, InboundMessage, MessageKind
from outreach_pipelines.domain.inbound.verdict import (
    Action,
    BlockCause,
    BounceClass,
    Cause,
    HardCause,
    RecipientVerdict,
    SoftCause,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)

Right = dict[BounceClass, frozenset[Cause] | None]
"""The classes that are right, each with the causes that are right (None: any)."""

BLOCKED = frozenset(BlockCause)
REFUSED_BY_POLICY = frozenset({BlockCause.POLICY, BlockCause.CONTENT, BlockCause.AUTHENTICATION})
CONTENT = frozenset({BlockCause.CONTENT, BlockCause.POLICY})
NETWORK = frozenset({SoftCause.NETWORK, SoftCause.EXPIRED})
RIGHT: dict[str, Right] = {
    "userunknown": {BounceClass.HARD: frozenset({HardCause.UNKNOWN_USER})},
    "hostunknown": {BounceClass.HARD: frozenset({HardCause.UNKNOWN_HOST})},
    "notaccept": {BounceClass.HARD: frozenset({HardCause.UNKNOWN_HOST})},
    "hasmoved": {BounceClass.HARD: frozenset({HardCause.MOVED})},
    "suspend": {BounceClass.HARD: frozenset({HardCause.DISABLED})},
    "mailboxfull": {BounceClass.FULL: None},
    "exceedlimit": {BounceClass.SOFT: frozenset({SoftCause.MESSAGE_TOO_LARGE})},
    "mesgtoobig": {BounceClass.SOFT: frozenset({SoftCause.MESSAGE_TOO_LARGE})},
    "networkerror": {BounceClass.SOFT: NETWORK},
    "expired": {
        BounceClass.SOFT: NETWORK,
        BounceClass.FULL: None,
        BounceClass.GREYLISTED: None,
        BounceClass.RATE_LIMITED: None,
        BounceClass.BLOCK: BLOCKED,
    },
    "systemerror": {BounceClass.SOFT: frozenset({SoftCause.RECEIVING_SYSTEM})},
    "systemfull": {BounceClass.SOFT: frozenset({SoftCause.RECEIVING_SYSTEM})},
    "mailererror": {BounceClass.SOFT: frozenset({SoftCause.RECEIVING_SYSTEM})},
    "syntaxerror": {BounceClass.SOFT: frozenset({SoftCause.PROTOCOL})},
    "onhold": {BounceClass.UNKNOWN: None, BounceClass.SOFT: None},
    "undefined": {BounceClass.UNKNOWN: None, BounceClass.SOFT: None},
    "toomanyconn": {BounceClass.RATE_LIMITED: None},
    "speeding": {BounceClass.RATE_LIMITED: None},
    "greylisted": {BounceClass.GREYLISTED: None},
    "filtered": {BounceClass.BLOCK: CONTENT},
    "spamdetected": {BounceClass.BLOCK: CONTENT},
    "contenterror": {BounceClass.BLOCK: CONTENT},
    "virusdetected": {BounceClass.BLOCK: CONTENT},
    "policyviolation": {BounceClass.BLOCK: REFUSED_BY_POLICY},
    "notcompliantrfc": {BounceClass.BLOCK: REFUSED_BY_POLICY},
    "securityerror": {BounceClass.BLOCK: REFUSED_BY_POLICY},
    "norelaying": {BounceClass.BLOCK: REFUSED_BY_POLICY},
    "rejected": {
        BounceClass.BLOCK: frozenset({BlockCause.POLICY, BlockCause.AUTHENTICATION, BlockCause.DOMAIN_REPUTATION})
    },
    "blocked": {BounceClass.BLOCK: BLOCKED - {BlockCause.CONTENT}},
    "badreputation": {BounceClass.BLOCK: frozenset({BlockCause.IP_REPUTATION, BlockCause.DOMAIN_REPUTATION})},
    "requireptr": {BounceClass.BLOCK: frozenset({BlockCause.AUTHENTICATION})},
    "authfailure": {BounceClass.BLOCK: frozenset({BlockCause.AUTHENTICATION})},
    "delivered": {BounceClass.NOT_A_FAILURE: None},
    "vacation": {},
    "feedback": {},
}
KINDS = {
    "abuse": MessageKind.COMPLAINT,
    "auth-failure": MessageKind.FEEDBACK_NOTICE,
    "opt-out": MessageKind.UNSUBSCRIBE_REQUEST,
    "vacation": MessageKind.OUT_OF_OFFICE,
}


@dataclass(frozen=True, slots=True)
class Label:
    """A line of labels.tsv."""

    file: str
    recipient: int
    enhanced: str
    reason: str
    feedback: str

    @property
    def may_be_hard(self) -> bool:
        """Whether the table allows this recipient to be called hard."""
        return BounceClass.HARD in self.right()

    def right(self) -> Right:
        """The classes right for this label, with the exceptions that docs/bounce-labels.md makes for its code."""
        right = dict(RIGHT[self.reason])
        if self.reason == "userunknown" and self.enhanced.startswith("4"):
            right[BounceClass.SOFT] = None
        if self.reason == "filtered" and self.enhanced[1:] in (".1.1", ".2.1"):
            right[BounceClass.HARD] = None
        if self.reason == "badreputation" and self.enhanced.startswith("4.7"):
            right[BounceClass.RATE_LIMITED] = None
        return right


def judged(bounces: Path) -> Iterator[tuple[Label, InboundMessage, RecipientVerdict | None]]:
    """Each label of the corpus with its message, and what is said of its recipient."""
    with (bounces / "labels.tsv").open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table, delimiter="\t"):
            label = Label(
                row["file"],
                int(row["recipient"]),
                row["enhanced_code"],
                row["reason"],
                row["feedback"] or row["reason"],
            )
            message = classify((bounces / "messages" / label.file).read_bytes(), NOW)
            found = message.content.recipients if isinstance(message.content, DeliveryReport) else ()
            yield label, message, found[label.recipient] if label.recipient < len(found) else None


def is_right(label: Label, message: InboundMessage, found: RecipientVerdict | None) -> bool:
    """Whether the reason is right, by the table."""
    if label.feedback in KINDS:
        return message.kind is KINDS[label.feedback]
    if found is None:
        return False
    if found.action is Action.DELAYED:
        return True
    right, verdict = label.right(), found.verdict
    causes = right.get(verdict.bounce_class, frozenset())
    return verdict.bounce_class in right and (causes is None or verdict.cause in causes)


def is_falsely_hard(label: Label, found: RecipientVerdict | None) -> bool:
    """Whether we condemn a recipient whom the label does not."""
    return found is not None and found.verdict.bounce_class is BounceClass.HARD and not label.may_be_hard

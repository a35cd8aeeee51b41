"""Floors over the development corpora, which stand beside the checkout and are skipped by name where they do not.

How a label maps to our classes is in docs/bounce-labels.md; the table here is that page, and nothing else.
"""

import csv
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from outreach_pipelines.domain.inbound.classify import classify
from outreach_pipelines.domain.inbound.message import DeliveryReport, InboundMessage, MessageKind
from outreach_pipelines.domain.inbound.reply_text import reply_text
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
CORPORA = Path(__file__).parents[3] / "shared" / "corpora"
REASONS_RIGHT = 216
HARD_WHERE_THE_LABEL_IS_NOT = 18
REPLIES_EXACT = 26

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
    "mailererror": {BounceClass.SOFT: frozenset({SoftCause.RECEIVING_SYSTEM})},
    "syntaxerror": {BounceClass.SOFT: frozenset({SoftCause.PROTOCOL})},
    "onhold": {BounceClass.UNKNOWN: None, BounceClass.SOFT: None},
    "undefined": {BounceClass.UNKNOWN: None, BounceClass.SOFT: None},
    "toomanyconn": {BounceClass.RATE_LIMITED: None},
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


def folder(name: str) -> Path:
    path = CORPORA / name
    if not path.is_dir():
        pytest.skip(f"corpus {name} is not beside this checkout")
    return path


def judged() -> Iterator[tuple[Label, InboundMessage, RecipientVerdict | None]]:
    bounces = folder("bounces")
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
    if label.feedback in KINDS:
        return message.kind is KINDS[label.feedback]
    if found is None:
        return False
    if found.action is Action.DELAYED:
        return True
    right, verdict = label.right(), found.verdict
    causes = right.get(verdict.bounce_class, frozenset())
    return verdict.bounce_class in right and (causes is None or verdict.cause in causes)


def test_the_reasons_of_the_bounce_corpus_are_right_at_least_this_often() -> None:
    right = sum(is_right(*each) for each in judged())

    assert right >= REASONS_RIGHT


def test_a_recipient_is_hardly_ever_called_hard_where_the_label_says_otherwise() -> None:
    false_hard = [
        label.file
        for label, _, found in judged()
        if found and found.verdict.bounce_class is BounceClass.HARD and BounceClass.HARD not in label.right()
    ]

    assert len(false_hard) <= HARD_WHERE_THE_LABEL_IS_NOT


def test_no_recipient_is_called_hard_unless_a_server_says_so_in_words() -> None:
    """Where we call hard what the label does not, the evidence is a sentence and never a bare code."""
    unsaid = [
        label.file
        for label, _, found in judged()
        if found
        and found.verdict.bounce_class is BounceClass.HARD
        and BounceClass.HARD not in label.right()
        and found.verdict.evidence.basis.value != "text"
    ]

    assert unsaid == []


def test_ordinary_mail_is_never_called_a_bounce() -> None:
    messages = sorted((folder("ordinary") / "messages").iterdir())
    called = [
        path.name
        for path in messages
        if classify(path.read_bytes(), NOW).kind in (MessageKind.DELIVERY_REPORT, MessageKind.COMPLAINT)
        # One of them is a true report of a mail system, with its machine-readable part.
        and b"message/delivery-status" not in path.read_bytes()
    ]

    assert called == []


def test_replies_are_cut_exactly_at_least_this_often() -> None:
    replies = folder("replies")
    exact = [
        path.name
        for path in sorted((replies / "emails").iterdir())
        if reply_text(path.read_text("utf-8")) == (replies / "trimmed" / path.name).read_text("utf-8").strip()
    ]

    assert len(exact) >= REPLIES_EXACT


def test_a_bounce_costs_no_more_than_a_few_milliseconds() -> None:
    raw = [path.read_bytes() for path in (folder("bounces") / "messages").iterdir()]
    started = time.process_time()

    for message in raw:
        classify(message, NOW)

    assert (time.process_time() - started) / len(raw) < 0.005

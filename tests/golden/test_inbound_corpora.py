"""Floors over the development corpora, which stand beside the checkout and are skipped by name where they do not.

How a label maps to our classes is in `bounce_labels`.
"""

import time
from pathlib import Path

import pytest
from bounce_labels import NOW, is_falsely_hard, is_right, judged

from outreach_pipelines.domain.inbound.classify import classify
from outreach_pipelines.domain.inbound.message import MessageKind
from outreach_pipelines.domain.inbound.reply_text import reply_text
from outreach_pipelines.domain.inbound.verdict import Basis

CORPORA = Path(__file__).parents[3] / "shared" / "corpora"
REASONS_RIGHT = 0.95
"""The least share of recipients whose reason is right."""
FALSELY_HARD = 1
"""The most recipients called hard where the label does not allow it: each would be a person suppressed for ever."""
REPLIES_EXACT = 26


def folder(name: str) -> Path:
    path = CORPORA / name
    if not path.is_dir():
        pytest.skip(f"corpus {name} is not beside this checkout")
    return path


def test_the_reasons_of_the_bounce_corpus_are_right_at_least_this_often() -> None:
    right = [is_right(*each) for each in judged(folder("bounces"))]

    assert sum(right) >= REASONS_RIGHT * len(right)


def test_a_recipient_is_hardly_ever_called_hard_where_the_label_says_otherwise() -> None:
    false_hard = [label.file for label, _, found in judged(folder("bounces")) if is_falsely_hard(label, found)]

    assert len(false_hard) <= FALSELY_HARD


def test_no_recipient_is_called_hard_unless_a_server_says_so_in_words() -> None:
    """Where we call hard what the label does not, the evidence is a sentence and never a bare code."""
    unsaid = [
        label.file
        for label, _, found in judged(folder("bounces"))
        if found and is_falsely_hard(label, found) and found.verdict.evidence.basis is not Basis.TEXT
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

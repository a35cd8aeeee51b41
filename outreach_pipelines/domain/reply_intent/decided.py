"""An intent, and what it was decided by.

Belongs here: the value that rules, models and endpoints give. Does not: how any of them comes to it.
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from outreach_pipelines.domain.inbound.message import Intent

MOST_JUDGED = 2_000
"""Characters of a reply that are looked at, or sent to an endpoint: what is wanted stands at the beginning."""


class IntentSource(StrEnum):
    """Who decided; the values are those of `app.reply_intent.source`."""

    RULE = "rule"
    MODEL = "model"
    ENDPOINT = "endpoint"
    PERSON = "person"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class DecidedIntent:
    """`decided_by` is a rule's name with the words it found, a model's hash, or an endpoint and its model.

    `score` is a probability where the decider has one. Without an intent, `decided_by` says why there is none, and
    `ask_again` whether another time may bring one.
    """

    intent: Intent | None
    source: IntentSource
    decided_by: str
    score: float | None = None
    ask_again: bool = False


def undecided(why: str, *, ask_again: bool = False) -> DecidedIntent:
    """No intent, and why."""
    return DecidedIntent(None, IntentSource.NONE, why, ask_again=ask_again)


def judged_part(text: str) -> str:
    """What of a reply's own text is looked at."""
    return text[:MOST_JUDGED]


def input_digest(text: str) -> str:
    """SHA-256 of what was looked at, hexadecimal: it tells that two decisions saw the same text, and not which."""
    return hashlib.sha256(judged_part(text).encode("utf-8", "replace")).hexdigest()

"""What may tie an inbound message to a send: our tags and the Message-IDs of threads, in the order they are believed.

Belongs here: finding the candidates. Does not: their confirmation, by the tag's MAC and by the store (`inbox_route`).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from outreach_pipelines.domain.inbound.message import Correlation, WireMessageId
from outreach_pipelines.domain.message_tag import WireTag

MOST_TIES = 200
"""A message that names more sends than this answers none of them; the first ones are asked for."""

_UNSUBSCRIBE_ADDRESS = re.compile(r"unsubscribe\+([a-z2-7]{39})@", re.IGNORECASE)
_OWN_ADDRESS = re.compile(r"(?:bounce|unsubscribe)\+([a-z2-7]{39})@", re.IGNORECASE)
_OWN_MESSAGE_ID = re.compile(r"<([a-z2-7]{39})@", re.IGNORECASE)
_TAG_INSIDE = re.compile(r"(?<![a-z0-9])[a-z2-7]{39}(?![a-z0-9])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TagTie:
    """A text in the form of our tag, in lower case: anybody's until its MAC is right."""

    tag: WireTag


@dataclass(frozen=True, slots=True)
class ThreadTie:
    """A Message-ID that may be the one under which a message of ours travelled."""

    wire_id: WireMessageId


Tie = TagTie | ThreadTie


def ties_of(correlation: Correlation) -> tuple[Tie, ...]:
    """Candidates, each once: the address it came to names one attempt; then the original that a report returns; then the
    thread that it answers, newest first.
    """
    return tuple(islice(dict.fromkeys(_candidates(correlation)), MOST_TIES))


def unsubscribe_tags(correlation: Correlation) -> frozenset[WireTag]:
    """Tags of the addresses that our List-Unsubscribe header gives (RFC 2369 section 3.2): mail to them asks for an end."""
    found = (_UNSUBSCRIBE_ADDRESS.match(address) for address in correlation.routed_to)
    return frozenset(WireTag(match[1].lower()) for match in found if match is not None)


def _candidates(correlation: Correlation) -> Iterator[Tie]:
    yield from _tags(_OWN_ADDRESS, correlation.routed_to)
    yield from _of_ids(correlation.returned_ids)
    for text in (*correlation.provider_tags, *correlation.envelope_ids):
        yield from (TagTie(WireTag(tag.lower())) for tag in _TAG_INSIDE.findall(text))
    yield from _of_ids(correlation.answered_ids)


def _of_ids(ids: Iterable[WireMessageId]) -> Iterator[Tie]:
    for wire_id in ids:
        yield from _tags(_OWN_MESSAGE_ID, (wire_id,))
        yield ThreadTie(wire_id)


def _tags(form: re.Pattern[str], texts: Iterable[str]) -> Iterator[Tie]:
    for text in texts:
        if (match := form.match(text)) is not None:
            yield TagTie(WireTag(match[1].lower()))

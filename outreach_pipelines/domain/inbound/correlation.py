"""What of a message may tie it to a send: ids, recipients of the envelope, tags.

Candidates only; who confirms them is not here.
"""

import re
from collections.abc import Sequence

from outreach_pipelines.domain.inbound.dsn import envelope_ids_of
from outreach_pipelines.domain.inbound.message import Correlation, EnvelopeId, ProviderTag, WireMessageId
from outreach_pipelines.domain.inbound.part_text import addresses_in, first_text
from outreach_pipelines.domain.inbound.structure import Part, returned_originals

MAX_IDS = 100
TAG_HEADERS = ("x-ses-message-tags", "x-mailgun-variables", "x-pm-metadata-tag", "x-outreach-tag")
"""Headers in which a returned original carries our tag: SES, Mailgun, Postmark, and our own over plain SMTP."""

_MESSAGE_ID = re.compile(r"<[^<>\s]{3,250}>")
_ID_IN_TEXT = re.compile(r"^[ \t>]*message-id:\s*(<[^<>\s]{3,250}>)", re.IGNORECASE | re.MULTILINE)
_ROUTING_HEADERS = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to")


def correlation_of(message: Part) -> Correlation:
    """All candidates of `message`, each once."""
    originals = returned_originals(message)
    routed = " ".join(value for name in _ROUTING_HEADERS for value in message.all(name))
    return Correlation(
        answered_ids=_answered(message),
        returned_ids=_returned(message, originals),
        envelope_ids=tuple(map(EnvelopeId, envelope_ids_of(message))),
        routed_to=addresses_in(routed),
        provider_tags=tuple(
            ProviderTag(value) for part in (message, *originals) for key, value in part.headers if key in TAG_HEADERS
        ),
    )


def _answered(message: Part) -> tuple[WireMessageId, ...]:
    """In-Reply-To, then References from the newest (RFC 5322 section 3.6.4)."""
    direct = _MESSAGE_ID.findall(message.header("in-reply-to") or "")
    thread = _MESSAGE_ID.findall(message.header("references") or "")
    return tuple(map(WireMessageId, dict.fromkeys((*direct, *reversed(thread[-MAX_IDS:])))))


def _returned(message: Part, originals: Sequence[Part]) -> tuple[WireMessageId, ...]:
    """From returned parts; from the text where a report pastes the original into it."""
    found = [value for part in originals for value in _MESSAGE_ID.findall(part.header("message-id") or "")]
    pasted = [] if found or message.children else _ID_IN_TEXT.findall(first_text(message))
    return tuple(map(WireMessageId, dict.fromkeys((*found, *pasted))))[:MAX_IDS]

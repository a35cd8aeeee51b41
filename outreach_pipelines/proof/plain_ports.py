"""Ports of the batch loop that are no part of the proof, as plain as they may be.

Belongs here: letters, tags, look-ups. Does not: stores and transports, which the proof is about.
"""

from datetime import date, datetime

from outreach_pipelines.application.ports import EvidenceLookup
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.letter import Letter
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.message_tag import MessageTag, WireTag
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.domain.wire_message import CannotBeWritten, Rendered, WireMessage


class PlainRenderer:
    """`LetterRenderer`: what a letter says is no part of this proof."""

    def render_letter(self, letter: Letter, unsubscribe_url: str) -> Rendered:
        """See `LetterRenderer.render_letter`."""
        del letter
        return Rendered("Hello", f"Stop: {unsubscribe_url}\n", None)


def plain_letter(
    letter: Letter, rendered: Rendered, *, tag: WireTag, unsubscribe_url: str, now: datetime
) -> WireMessage | CannotBeWritten:
    """`LetterWriter`: the envelope alone; what the bytes are is no part of this proof."""
    del unsubscribe_url, now
    sender = letter.sender.address
    return WireMessage(tag, sender, sender, letter.recipient.address, rendered.subject, f"<{tag}@sender.example>", b"")


class PlainTagger:
    """`Tagger` and `TagReader`: what a tag names, readable; sealing it is no part of this proof."""

    def tag(self, tag: MessageTag) -> WireTag:
        """See `Tagger.tag`."""
        return WireTag(f"{tag.tenant}-{tag.plan_day.toordinal()}-{tag.message}-{tag.attempt}")

    def read(self, tag: str) -> MessageTag | None:
        """See `TagReader.read`."""
        tenant, day, message, attempt = map(int, tag.split("-"))
        return MessageTag(TenantId(tenant), date.fromordinal(day), MessageId(message), attempt)

    def unsubscribe_url(self, letter: Letter, tag: WireTag) -> str:
        """See `Tagger.unsubscribe_url`."""
        del letter
        return f"https://u.test.example/{tag}"


class NoLookups:
    """`EvidenceLookups`: the providers of this world report by events, or not at all."""

    def of(self, tenant: TenantId, account: AccountId) -> EvidenceLookup | None:
        """See `EvidenceLookups.of`."""
        del tenant, account
        return None

    async def close(self) -> None:
        """Nothing is open."""


TAGGER = PlainTagger()

"""Tags and links, made with the installation's keys."""

from dataclasses import dataclass, field

from outreach_pipelines.domain.letter import Letter
from outreach_pipelines.domain.message_tag import MessageTag, WireTag, read_tag, write_tag
from outreach_pipelines.domain.tracking_token import TokenKeys, UnsubscribeClaim, seal


@dataclass(frozen=True, slots=True)
class KeyedTagger:
    """`Tagger` and `TagReader`."""

    tag_key: bytes = field(repr=False)
    token_keys: TokenKeys

    def tag(self, tag: MessageTag) -> WireTag:
        """See `Tagger.tag`."""
        return write_tag(tag, self.tag_key)

    def read(self, tag: str) -> MessageTag | None:
        """See `TagReader.read`."""
        return read_tag(tag, self.tag_key)

    def unsubscribe_url(self, letter: Letter, tag: WireTag) -> str:
        """See `Tagger.unsubscribe_url`."""
        claim = UnsubscribeClaim(
            letter.claim.tenant, letter.recipient.hmac, letter.campaign_id, letter.sender.mailbox_id, tag
        )
        return f"https://{letter.sender.unsubscribe_host}/u/{seal(claim, self.token_keys)}"

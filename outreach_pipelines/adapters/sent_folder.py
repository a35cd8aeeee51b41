"""Looking a message in doubt up in the Sent folder of the login that sent it.

Gmail and Exchange Online keep there what a login sends by SMTP; both may replace a Message-ID and keep ours in a header
of their own. Belongs here: folder and search. Does not: login and faults (`adapters/imap.py`), nor which accounts are looked
up so (`app.evidence_rule`).

Sources: RFC 6154 section 2 (\\Sent), RFC 9051 section 6.4.4 (SEARCH); Gmail Help, "Check Gmail through other email
platforms"; Microsoft Learn, "Set-Mailbox", MessageCopyForSMTPClientSubmissionEnabled.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.parser import BytesHeaderParser
from typing import Any, Final

from outreach_pipelines.adapters.imap import ImapInboxReader
from outreach_pipelines.adapters.imap_session import SENT, ImapSession, ListedFolder, quoted
from outreach_pipelines.application.inbox_mail import InboxToRead
from outreach_pipelines.domain.doubt import CouldNotLook, LookUp, NotSeen, Seen, Sought
from outreach_pipelines.domain.message_tag import WireTag
from outreach_pipelines.errors import OutreachError

_KEPT_UNDER: Final = ("Message-ID", "X-Google-Original-Message-ID", "X-Microsoft-Original-Message-ID")
_WANTED: Final = "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"
_ANSWERED_AS: Final = b"BODY[HEADER.FIELDS (MESSAGE-ID)]"
_SENT_NAMES: Final = ("Sent", "Sent Items", "Sent items", "Sent Messages")
InboxOf = Callable[[str], InboxToRead | None]


@dataclass(frozen=True, slots=True)
class SentFolderLookup:
    """`EvidenceLookup` of one account; `inbox_of` gives the login behind a sender's address."""

    reader: ImapInboxReader
    inbox_of: InboxOf

    async def look(self, attempt: Sought) -> LookUp:
        """Ask the Sent folder for our Message-ID. A server without such a folder, or without an answer, says nothing."""
        inbox = await asyncio.to_thread(self.inbox_of, attempt.sender)
        if inbox is None:
            return CouldNotLook(f"{attempt.sender} has no inbox to log in to")
        try:
            return await asyncio.to_thread(self._look, inbox, attempt)
        except OutreachError as fault:
            return CouldNotLook(str(fault))

    async def probe(self, sender: str) -> CouldNotLook | None:
        """See `EvidenceLookup.probe`."""
        nothing = Sought(WireTag("probe"), "<probe@example.invalid>", sender, "", datetime.now(UTC))
        found = await self.look(nothing)
        return found if isinstance(found, CouldNotLook) else None

    async def close(self) -> None:
        """Each look has its own connection."""

    def _look(self, inbox: InboxToRead, attempt: Sought) -> LookUp:
        with self.reader.session(inbox, "sent folder") as session:
            folder = _sent(session.folders())
            if folder is None:
                return CouldNotLook("the server names no Sent folder")
            session.examine(folder)
            uids = _search(session, attempt.message_id)
            return _seen(session, uids[-1], attempt) if uids else NotSeen()


def _sent(listed: Sequence[ListedFolder]) -> str | None:
    """The one that the server marks; else one by a name that is common among servers without RFC 6154."""
    marked = next((each.name for each in listed if SENT in each.flags), None)
    by_name = {each.name.removeprefix("INBOX."): each.name for each in reversed(listed)}
    return marked or next((by_name[name] for name in _SENT_NAMES if name in by_name), None)


def _search(session: ImapSession, message_id: str) -> Sequence[int]:
    # One search a header: what a server does not know of a nested OR, it may answer as nothing.
    found = {uid for header in _KEPT_UNDER for uid in session.search("HEADER", header, quoted(message_id).decode())}
    return sorted(found)


def _seen(session: ImapSession, uid: int, attempt: Sought) -> LookUp:
    facts: Mapping[bytes, Any] = session.fetch([uid], [_WANTED, "INTERNALDATE"]).get(uid, {})
    wire_id = str(BytesHeaderParser().parsebytes(facts.get(_ANSWERED_AS, b"")).get("Message-ID", "")).strip()
    at = facts.get(b"INTERNALDATE")
    if not (wire_id.startswith("<") and wire_id.endswith(">")) or not isinstance(at, datetime):
        return CouldNotLook("the copy in the Sent folder could not be read")
    aware = at if at.tzinfo is not None else attempt.intended_at
    return Seen(wire_id.strip("<>"), wire_id, aware.astimezone(UTC))

"""What a Postmark server knows of what it sent: the messages that a search shows, and the people it will not write to again.

https://postmarkapp.com/developer/api/messages-api#outbound-message-search
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from outreach_pipelines.lab.bounces import BounceKind
from outreach_pipelines.lab.clock import machine_now
from outreach_pipelines.lab.config import PostmarkAccount
from outreach_pipelines.lab.faults import FaultBoard
from outreach_pipelines.lab.json_value import JsonObject
from outreach_pipelines.lab.late_records import LateRecords
from outreach_pipelines.lab.postmark.refusals import ErrorCode, PostmarkRefusedError
from outreach_pipelines.lab.postmark.request import DEFAULT_STREAM, Asked
from outreach_pipelines.lab.wire_message import WireMessage

MAX_COUNT = 500
MAX_DEPTH = 10_000
_EASTERN = ZoneInfo("America/New_York")
_METADATA = "metadata_"


@dataclass(frozen=True, slots=True)
class SentMessage:
    """One accepted message."""

    message_id: str
    received_at: datetime
    asked: Asked

    def as_found(self) -> JsonObject:
        """As a search shows it."""
        people = [{"Email": each, "Name": None} for each in self.asked.recipients]
        return {
            "MessageID": self.message_id,
            "MessageStream": self.asked.stream,
            "To": people,
            "Cc": [],
            "Bcc": [],
            "Recipients": list(self.asked.recipients),
            "ReceivedAt": self.received_at.astimezone(_EASTERN).isoformat(),
            "From": self.asked.mailbox,
            "Subject": self.asked.subject,
            "Attachments": [],
            "Status": "Sent",
            "TrackOpens": False,
            "TrackLinks": "None",
            "Metadata": dict(self.asked.metadata),
            "Sandboxed": False,
        }


class PostmarkServer:
    """One server's messages and its inactive recipients, which each stream has of its own."""

    def __init__(self, account: PostmarkAccount, faults: FaultBoard) -> None:
        self.account = account
        self._records: LateRecords[SentMessage] = LateRecords(faults, account=account.name, delay=account.search_delay)
        self._inactive: set[tuple[str, str]] = set()

    def check(self, asked: Asked) -> None:
        """Raise the error that Postmark gives for this message, if any."""
        if asked.stream not in self.account.streams:
            words = "The 'MessageStream' provided does not exist on this server."
            raise PostmarkRefusedError(ErrorCode.STREAM_NOT_FOUND, words)
        if asked.mailbox.rpartition("@")[2].lower() not in self.account.identities:
            words = f"The 'From' address you supplied ({asked.mailbox}) is not a Sender Signature on your account."
            raise PostmarkRefusedError(ErrorCode.SENDER_NOT_FOUND, words)
        inactive = [each for each in asked.recipients if (asked.stream, each.lower()) in self._inactive]
        if inactive:
            words = f"You tried to send to recipient(s) that have been marked as inactive: {', '.join(inactive)}."
            raise PostmarkRefusedError(ErrorCode.INACTIVE_RECIPIENT, words)

    def keep(self, message_id: str, asked: Asked) -> None:
        """Keep an accepted message for searches."""
        self._records.keep(SentMessage(message_id, machine_now(), asked), recipient=asked.recipients[0])

    def deactivate(self, stream: str, recipient: str) -> None:
        """Write to this address no more."""
        self._inactive.add((stream, recipient.lower()))

    def search(self, query: Mapping[str, str]) -> JsonObject:
        """The newest first. Raises PostmarkRefusedError for a page that Postmark does not give."""
        count, offset = (query.get(name, "") for name in ("count", "offset"))
        if not (count.isdigit() and offset.isdigit() and 1 <= int(count) <= MAX_COUNT):
            raise PostmarkRefusedError(ErrorCode.INVALID_FIELDS, "'count' (at most 500) and 'offset' are needed.")
        if int(count) + int(offset) > MAX_DEPTH:
            raise PostmarkRefusedError(ErrorCode.INVALID_FIELDS, "'count' and 'offset' together are at most 10,000.")
        fitting = [sent for sent in reversed(self._records.shown()) if _fits(sent, query)]
        page = fitting[int(offset) : int(offset) + int(count)]
        return {"TotalCount": len(fitting), "Messages": [sent.as_found() for sent in page]}


class PostmarkFeedback:
    """Tells nobody but the server itself what became of a message: webhooks are not played."""

    def __init__(self, server: PostmarkServer, stream: str) -> None:
        self._server, self._stream = server, stream

    async def delivered(self, message: WireMessage) -> str:  # noqa: ARG002 - part of the Feedback protocol
        """Nothing follows."""
        return "no webhook"

    async def delayed(self, message: WireMessage) -> str:  # noqa: ARG002 - part of the Feedback protocol
        """Nothing follows."""
        return "no webhook"

    async def bounced(self, message: WireMessage, kind: BounceKind) -> str:
        """A user that does not exist is inactive from now on."""
        if kind is BounceKind.UNKNOWN_USER:
            self._server.deactivate(self._stream, message.recipient)
        return "no webhook"

    async def complained(self, message: WireMessage) -> str:
        """Whoever complains is inactive from now on."""
        self._server.deactivate(self._stream, message.recipient)
        return "no webhook"


def _fits(sent: SentMessage, query: Mapping[str, str]) -> bool:
    asked = sent.asked
    day = sent.received_at.astimezone(_EASTERN).date().isoformat()
    wanted = {name.removeprefix(_METADATA): value for name, value in query.items() if name.startswith(_METADATA)}
    return (
        asked.stream == query.get("messagestream", DEFAULT_STREAM)
        and ("recipient" not in query or query["recipient"].lower() in map(str.lower, asked.recipients))
        and query.get("fromdate", day)[:10] <= day <= query.get("todate", day)[:10]
        and all(asked.metadata.get(name) == value for name, value in wanted.items())
    )

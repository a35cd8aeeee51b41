"""Mailgun's event store: what it keeps of each message, how it is searched, and the pages of an answer.

https://documentation.mailgun.com/docs/mailgun/user-manual/events/events/ ("Event structure", "Query events", "Pagination")
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from email import message_from_bytes, policy
from email.utils import parsedate_to_datetime
from uuid import uuid4

from outreach_pipelines.lab.bounces import DELAYED_DIAGNOSTIC, REASONS, BounceKind
from outreach_pipelines.lab.clock import machine_now
from outreach_pipelines.lab.config import MailgunAccount
from outreach_pipelines.lab.faults import FaultBoard
from outreach_pipelines.lab.json_value import JsonObject, JsonValue
from outreach_pipelines.lab.late_records import LateRecords
from outreach_pipelines.lab.mailgun.refusals import MailgunRefusedError
from outreach_pipelines.lab.mailgun.upload import Upload
from outreach_pipelines.lab.wire_message import WireMessage

MAX_PAGE = 300
_PERMANENT = (BounceKind.UNKNOWN_USER, BounceKind.SUPPRESSED, BounceKind.BLOCKED, BounceKind.EXPIRED)
Query = Mapping[str, str]


class MailgunFeedback:
    """Keeps what became of one message for one recipient."""

    def __init__(self, upload: Upload, recipient: str, records: LateRecords[JsonObject]) -> None:
        self._upload, self._recipient, self._records = upload, recipient, records

    def accepted(self) -> None:
        """Mailgun took it."""
        self._keep("accepted", {"method": "HTTP"})

    async def delivered(self, message: WireMessage) -> str:  # noqa: ARG002 - part of the Feedback protocol
        """The receiving server took it."""
        return self._keep("delivered", {"delivery-status": {"code": 250, "message": "OK", "description": ""}})

    async def delayed(self, message: WireMessage) -> str:  # noqa: ARG002 - part of the Feedback protocol
        """A temporary failure, tried again."""
        status: JsonObject = {"code": 421, "message": DELAYED_DIAGNOSTIC, "description": ""}
        return self._keep("failed", {"severity": "temporary", "reason": "generic", "delivery-status": status})

    async def bounced(self, message: WireMessage, kind: BounceKind) -> str:
        """A failure; a mailbox that is full is a temporary one."""
        text = REASONS[kind].diagnostic.format(recipient=message.recipient)
        code = int(text[:3]) if text[:3].isdigit() else 605
        severity = "permanent" if kind in _PERMANENT else "temporary"
        status: JsonObject = {"code": code, "message": text, "description": ""}
        return self._keep("failed", {"severity": severity, "reason": "bounce", "delivery-status": status})

    async def complained(self, message: WireMessage) -> str:  # noqa: ARG002 - part of the Feedback protocol
        """The recipient marked it as spam."""
        return self._keep("complained", {})

    def _keep(self, kind: str, more: JsonObject) -> str:
        self._records.keep({**_event(self._upload, self._recipient, kind), **more}, recipient=self._recipient)
        return f"event {kind}"


class MailgunEvents:
    """The store of one account."""

    def __init__(self, account: MailgunAccount, faults: FaultBoard) -> None:
        self._records: LateRecords[JsonObject] = LateRecords(faults, account=account.name, delay=account.event_delay)

    def of(self, upload: Upload, recipient: str) -> MailgunFeedback:
        """Where the news of one message go."""
        return MailgunFeedback(upload, recipient, self._records)

    def search(self, domain: str, query: Query, *, base_url: str) -> JsonObject:
        """The first page of the events that fit; its links lead to the others, and an empty page is the last."""
        return self._page(domain, query, 0, base_url)

    def page(self, domain: str, page: str, *, base_url: str) -> JsonObject:
        """The page behind a link."""
        try:
            query, start = json.loads(urlsafe_b64decode(page))
        except ValueError:
            raise MailgunRefusedError(400, "Invalid page token") from None
        return self._page(domain, query, int(start), base_url)

    def _page(self, domain: str, query: Query, start: int, base_url: str) -> JsonObject:
        limit = int(query.get("limit", "100")) if query.get("limit", "100").isdigit() else 0
        if not 1 <= limit <= MAX_PAGE:
            raise MailgunRefusedError(400, f"limit is not between 1 and {MAX_PAGE}")
        fitting = [e for e in self._records.shown() if _domain_of(e) == domain and _fits(e, query)]
        if query.get("ascending") != "yes":
            fitting.reverse()
        items = fitting[start : start + limit]
        token = urlsafe_b64encode(json.dumps([dict(query), start + len(items)]).encode()).decode()
        link = f"{base_url}v3/{domain}/events/{token}"
        return {"items": items, "paging": {"next": link}}


def _event(upload: Upload, recipient: str, kind: str) -> JsonObject:
    headers = message_from_bytes(upload.raw, policy=policy.default)
    named: JsonObject = {
        "to": str(headers.get("To", "")),
        "from": str(headers.get("From", "")),
        "subject": str(headers.get("Subject", "")),
        "message-id": upload.message_id.strip("<>"),
    }
    return {
        "event": kind,
        "id": uuid4().hex,
        "timestamp": machine_now().timestamp(),
        "domain": {"name": upload.domain},
        "recipient": recipient,
        "recipient-domain": recipient.rpartition("@")[2],
        "message": {"headers": named, "attachments": [], "size": len(upload.raw)},
        "tags": list(upload.labels),
        "user-variables": dict(upload.variables),
    }


def _fits(event: JsonObject, query: Query) -> bool:
    wanted = query.get("event", "").split(" OR ") if "event" in query else [event["event"]]
    recipient, message_id = query.get("recipient", event["recipient"]), query.get("message-id", _message_id(event))
    same = event["recipient"] == recipient and _message_id(event) == message_id
    return event["event"] in wanted and same and _in_range(event["timestamp"], query)


def _in_range(stamp: JsonValue, query: Query) -> bool:
    if "begin" not in query:
        return True
    if "end" not in query and query.get("ascending") not in ("yes", "no"):
        raise MailgunRefusedError(400, "either end or ascending is needed beside begin")
    begin, end = _seconds(query["begin"]), _seconds(query["end"]) if "end" in query else None
    moment = float(stamp) if isinstance(stamp, int | float) else 0.0
    if end is None:
        return moment >= begin if query["ascending"] == "yes" else moment <= begin
    return min(begin, end) <= moment <= max(begin, end)


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(text).timestamp()
    except ValueError:
        raise MailgunRefusedError(400, f"not a time: {text}") from None


def _message_id(event: JsonObject) -> JsonValue:
    message = event["message"]
    headers = message["headers"] if isinstance(message, Mapping) else None
    return headers["message-id"] if isinstance(headers, Mapping) else None


def _domain_of(event: JsonObject) -> JsonValue:
    domain = event["domain"]
    return domain["name"] if isinstance(domain, Mapping) else None

"""Sending through Mailgun by its API v3 (raw MIME upload).

Belongs here: the one call, and which of the four answers each of its ends is. Does not: what a refusal asks for
(`domain/provider_answers.toml`), and whether a message in doubt was taken (`mailgun_events`).

Source: Mailgun API Reference, "Send an email in MIME format" and "Status codes".
"""

from base64 import b64encode
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from outreach_pipelines.adapters.http_api import HttpAccess, HttpAnswer, HttpApi, printable
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.domain.send_answer import Accepted, NotSent, Refused, ReplyLost, SendAnswer
from outreach_pipelines.domain.wire_message import WireMessage

#: Mailgun API Reference, "Base URLs": an account lives in one region, and its keys are unknown in the other.
BASE_URLS: Final = {"us": "https://api.mailgun.net", "eu": "https://api.eu.mailgun.net"}
#: The user variable that carries our tag; it stands in each event, and in the header `X-Mailgun-Variables`.
TAG_VARIABLE: Final = "outreach"
# A label of all our mail in the console. Each account may have a few thousand of them: none for each message.
_LABEL: Final = "outreach"
# Mailgun API Reference, "Status codes". Another one, or one without Mailgun's own body, comes from something in between.
_REFUSALS: Final = frozenset({400, 401, 402, 403, 404, 413, 429})
_PLAIN_REFUSAL: Final = b"Forbidden"  # how a wrong key is answered, without JSON


def mailgun_access(base_url: str, key: Secret) -> HttpAccess:
    """The account's API. Raises `SettingsFault` for an address that is neither https nor loopback."""
    login = b64encode(f"api:{key.reveal()}".encode()).decode("ascii")
    return HttpAccess(base_url, {"Authorization": f"Basic {login}"})


@dataclass(frozen=True, slots=True)
class MailgunPath:
    """How mail goes through the account. With `require_tls` a receiver without TLS gets nothing: the message fails."""

    require_tls: bool = False


class MailgunTransport:
    """One account, for all domains that it has: each message goes by the domain of its sender."""

    def __init__(self, api: HttpApi, *, path: MailgunPath) -> None:
        self._api = api
        self._path = path

    async def send(self, message: WireMessage, *, deadline: float) -> SendAnswer:
        """Make one call and say what came of it; never raises for what Mailgun or the network does.

        `deadline` (`CLOCK_BOOTTIME`, seconds) is checked on the open connection, before the first byte.
        """
        if not message.recipient.isascii():
            return Refused("SMTPUTF8", "5.6.7", "an ASCII address is wanted: Mailgun documents no support of others")
        end = await self._api.upload(
            f"/v3/{domain_of(message.sender)}/messages.mime",
            form=self._form(message),
            file=("message", message.body, "message/rfc822"),
            deadline=deadline,
        )
        return _answer(end) if isinstance(end, HttpAnswer) else end

    async def close(self) -> None:
        """End all connections."""
        await self._api.close()

    def _form(self, message: WireMessage) -> dict[str, str]:
        return {
            "to": message.recipient,
            f"v:{TAG_VARIABLE}": message.tag,
            "o:tag": _LABEL,
            "o:tracking": "no",
            "o:require-tls": "yes" if self._path.require_tls else "no",
        }


def domain_of(sender: str) -> str:
    """The domain as a part of a path."""
    return quote(sender.rpartition("@")[2].lower(), safe="")


def _answer(answer: HttpAnswer) -> Accepted | Refused | ReplyLost | NotSent:
    if answer.status == 200:
        return _acceptance(answer)
    if answer.status in _REFUSALS and (text := _refusal_text(answer)):
        return Refused(str(answer.status), "", printable(text))
    return ReplyLost(printable(f"http {answer.status}: {answer.body[:200].decode('utf-8', 'replace')}"))


def _acceptance(answer: HttpAnswer) -> Accepted | ReplyLost:
    found = answer.json_object() or {}
    wire_id = found.get("id")
    if not isinstance(wire_id, str) or not is_message_id(wire_id):
        return ReplyLost("unreadable: a success without an id")
    return Accepted(wire_id.strip("<>"), wire_id)


def is_message_id(text: str) -> bool:
    """Whether this is a Message-ID with its angle brackets, fit to be stored and shown (RFC 5322 section 3.6.4)."""
    inner = text[1:-1]
    fit = inner.isascii() and inner.isprintable() and not any(c in inner for c in "<> ")
    return len(text) <= 500 and text[:1] == "<" and text[-1:] == ">" and 0 < inner.find("@") < len(inner) - 1 and fit


def _refusal_text(answer: HttpAnswer) -> str | None:
    if answer.status == 401 and answer.body.strip() == _PLAIN_REFUSAL:
        return _PLAIN_REFUSAL.decode()
    text = (answer.json_object() or {}).get("message")
    return text if isinstance(text, str) else None

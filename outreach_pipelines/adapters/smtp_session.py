"""One SMTP session: connecting, login, the envelope, the message and its reply.

Belongs here: the dialogue, and which of the four answers each of its ends is. Does not: how many sessions there are and how
long they are kept (`smtp`), what a refusal asks for (`domain/provider_answers.toml`), delivery to MX hosts.

Sources: RFC 5321 (SMTP), RFC 6409 (submission), RFC 4954 (AUTH), RFC 3207 (STARTTLS), RFC 6531 (SMTPUTF8), RFC 3461 (DSN);
Google, "The XOAUTH2 mechanism".
"""

import re
import ssl
import time
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPConnectResponseError,
    SMTPException,
    SMTPHeloError,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)

from outreach_pipelines.application.access_tokens import TokenSource
from outreach_pipelines.domain.inbound.verdict import Stage
from outreach_pipelines.domain.provider_account import Tls
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.domain.send_answer import Accepted, NotSent, Refused, ReplyLost, SendAnswer
from outreach_pipelines.domain.wire_message import WireMessage
from outreach_pipelines.errors import Refused as TokenRefused
from outreach_pipelines.errors import Unreadable

LONGEST_TEXT: Final = 500
_GOODBYE_SECONDS: Final = 2.0
_START_INPUT: Final = 354
_ENHANCED: Final = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s|$)")  # RFC 2034: it begins each line of the text
_QUEUED_AS: Final = re.compile(r"\bqueued (?:as|with id) <?([\w.+@-]{1,200})", re.IGNORECASE)
_LEADING_DOT: Final = re.compile(rb"^\.", re.MULTILINE)  # RFC 5321 section 4.5.2
_STAGES: Final[dict[type[SMTPResponseException], Stage]] = {
    SMTPConnectResponseError: Stage.CONNECT,
    SMTPHeloError: Stage.HELLO,
    SMTPSenderRefused: Stage.MAIL_FROM,
    SMTPRecipientRefused: Stage.RCPT_TO,
}
_NOT_XTEXT: Final = re.compile(r"[^!-*,-<>-~]")  # RFC 3461 section 4: printable ASCII but + and =


@dataclass(frozen=True, slots=True)
class SmtpAccess:
    """One account at one server. `client_name` is said in EHLO.

    Login is by `token` (XOAUTH2) where one is given, else by `password`. `tls_context` replaces the system's trust, for
    servers with certificates of their own. Without `tagged_envelope` MAIL FROM is the mailbox itself: Gmail and
    Microsoft 365 let nobody send as an address that they do not know. Raises `ValueError` for an unsecured connection to
    anything but loopback.
    """

    host: str
    port: int
    tls: Tls
    username: str | None = None
    password: Secret | None = None
    client_name: str = "localhost"
    tls_context: ssl.SSLContext | None = field(default=None, repr=False)
    token: TokenSource | None = field(default=None, repr=False)
    tagged_envelope: bool = True

    def __post_init__(self) -> None:
        """Refuse to show passwords and letters to the network."""
        if self.tls is Tls.NONE and not _is_loopback(self.host):
            message = f"{self.host} is not loopback: a connection there needs STARTTLS or implicit TLS"
            raise ValueError(message)


class SmtpSession:
    """Connects and logs in at the first offer. `messages` counts what it has handed over."""

    def __init__(self, access: SmtpAccess, trust: ssl.SSLContext | None, timeout: float) -> None:
        self._access = access
        self._timeout = timeout
        self._smtp = SMTP(
            hostname=access.host,
            port=access.port,
            use_tls=access.tls is Tls.IMPLICIT,
            start_tls=access.tls is Tls.STARTTLS,
            tls_context=trust,
            local_hostname=access.client_name,
            timeout=timeout,
        )
        self._ready = False
        self.messages = 0
        self.used_at = time.monotonic()

    @property
    def is_open(self) -> bool:
        """Whether the connection stands, as far as this side knows."""
        return self._smtp.is_connected

    async def offer(self, message: WireMessage) -> Refused | NotSent | None:
        """All that precedes the message. None when the server waits for its first byte."""
        return await _judged(self._offered(message))

    async def probe(self) -> Refused | NotSent | None:
        """Connect and log in, for no message. None when the server would take one."""
        return await _judged(self._connect())

    async def _offered(self, message: WireMessage) -> Refused | NotSent | None:
        if not self._ready:
            await self._connect()
        return await self._announce(message)

    async def _connect(self) -> None:
        await self._smtp.connect()
        if self._smtp.is_ehlo_or_helo_needed:
            await self._smtp.ehlo()
        if self._access.username is not None:
            await self._login(self._access.username)
        self._ready = True

    async def _login(self, username: str) -> None:
        """By one mechanism, once: a wrong password that is tried in three ways locks accounts three times sooner."""
        if self._access.token is not None:
            await self._login_by_token(username, self._access.token)
            return
        password = self._access.password.reveal() if self._access.password else ""
        offered = self._smtp.server_auth_methods
        if "plain" in offered:
            await self._smtp.auth_plain(username, password)
        elif "login" in offered:
            await self._smtp.auth_login(username, password)
        else:
            message = f"the server offers neither AUTH PLAIN nor LOGIN: {' '.join(offered) or 'no AUTH at all'}"
            raise SMTPException(message)

    async def _login_by_token(self, username: str, tokens: TokenSource) -> None:
        if "xoauth2" not in self._smtp.server_auth_methods:
            message = "the server offers no AUTH XOAUTH2"
            raise SMTPException(message)
        try:
            await self._smtp.auth_xoauth2(username, (await tokens.token()).reveal())
        except SMTPAuthenticationError:
            # A token may be revoked before its time; a second one that is refused means the account.
            tokens.forget()
            await self._smtp.auth_xoauth2(username, (await tokens.token()).reveal())

    async def _announce(self, message: WireMessage) -> Refused | NotSent | None:
        options = self._options(message)
        if isinstance(options, Refused):
            return options
        sender = message.envelope_sender if self._access.tagged_envelope else message.sender
        await self._smtp.mail(sender, options=options, encoding="utf-8")
        await self._smtp.rcpt(message.recipient, options=self._report_options(message), encoding="utf-8")
        start = await self._smtp.execute_command(b"DATA")
        if start.code == _START_INPUT:
            return None
        return _reply(start.code, start.message, Stage.DATA) or NotSent(
            clean(f"DATA answered by {start.code} {start.message}")
        )

    def _options(self, message: WireMessage) -> list[str] | Refused:
        wanted = [f"SIZE={len(message.body)}"] if self._smtp.supports_extension("size") else []  # RFC 1870
        if not (message.recipient.isascii() and message.envelope_sender.isascii()):
            if not self._smtp.supports_extension("smtputf8"):
                return Refused("SMTPUTF8", "5.6.7", "the server does not take addresses beyond ASCII (RFC 6531)")
            wanted.append("SMTPUTF8")
        if not message.body.isascii():
            if not self._smtp.supports_extension("8bitmime"):
                return Refused("8BITMIME", "5.6.3", "the server does not take eight-bit text (RFC 6152)")
            wanted.append("BODY=8BITMIME")
        if self._smtp.supports_extension("dsn"):
            wanted += ["RET=HDRS", f"ENVID={message.tag}"]
        return wanted

    def _report_options(self, message: WireMessage) -> list[str]:
        if not self._smtp.supports_extension("dsn"):
            return []
        asked = ["NOTIFY=FAILURE,DELAY"]
        # An international address has an address type of its own here (RFC 6533), which few servers know.
        return [*asked, f"ORCPT=rfc822;{_xtext(message.recipient)}"] if message.recipient.isascii() else asked

    async def hand_over(self, message: WireMessage) -> SendAnswer:
        """The message and its reply. From the first byte on, only a reply read in full tells what became of it."""
        session = self._smtp.protocol
        if session is None:
            return NotSent("connection: lost before the message")
        try:
            session.write(_stuffed(message.body))
        except SMTPServerDisconnected:  # raised before anything is written
            return NotSent("connection: lost before the message")
        try:
            reply = await session.read_response(self._timeout)
        except (SMTPException, OSError) as broken:
            return ReplyLost(clean(f"reply lost: {type(broken).__name__}: {broken}"))
        self.messages += 1
        self.used_at = time.monotonic()
        if reply.code // 100 == 2:
            return Accepted(_queue_id(reply.message), message.message_id)
        return _reply(reply.code, reply.message, Stage.DATA) or ReplyLost(
            clean(f"unreadable reply: {reply.code} {reply.message}")
        )

    async def leave(self) -> None:
        """End the session in the way of RFC 5321 section 4.1.1.10, but wait for no slow server."""
        with suppress(SMTPException, OSError):
            await self._smtp.quit(timeout=_GOODBYE_SECONDS)
        self.drop()

    def drop(self) -> None:
        """End the connection without a word."""
        self._smtp.close()


async def _judged(talk: Awaitable[Refused | NotSent | None]) -> Refused | NotSent | None:
    """What each end of a dialogue before the message is."""
    try:
        return await talk
    except SMTPResponseException as refused:
        stage = next((stage for kind, stage in _STAGES.items() if isinstance(refused, kind)), Stage.UNKNOWN)
        return _reply(refused.code, refused.message, stage) or NotSent(clean(f"unreadable reply: {refused.message}"))
    except TokenRefused as refused:
        return Refused("XOAUTH2", "5.7.8", clean(str(refused)))
    except (SMTPException, OSError, ValueError, Unreadable) as broken:
        return NotSent(clean(f"connection: {type(broken).__name__}: {broken}"))


def clean(text: str) -> str:
    """What a server said, as one printable line of at most LONGEST_TEXT characters."""
    readable = text[: 2 * LONGEST_TEXT].encode("utf-8", "replace").decode()
    return "".join(c if c.isprintable() else " " for c in readable).strip()[:LONGEST_TEXT]


def _reply(code: int, text: str, stage: Stage) -> Refused | None:
    """A reply that says no; None for one that says anything else."""
    if not 400 <= code <= 599:
        return None
    found = _ENHANCED.match(text)
    plain = " ".join(_ENHANCED.sub("", line, count=1) for line in text.splitlines()) if found else text
    return Refused(str(code), found.group(1) if found else "", clean(plain), stage)


def _queue_id(text: str) -> str:
    found = _QUEUED_AS.search(text)
    return found.group(1) if found else clean(text)


def _stuffed(body: bytes) -> bytes:
    ended = body if body.endswith(b"\r\n") else body + b"\r\n"
    return _LEADING_DOT.sub(b"..", ended) + b".\r\n"


def _xtext(text: str) -> str:
    return _NOT_XTEXT.sub(lambda found: f"+{ord(found.group()):02X}", text)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

"""Submission over SMTP (RFC 6409) for several accounts: login, refusals at RCPT and DATA, faults, acceptance.

What follows an acceptance is in `aftermath`. Plain text, for loopback.
"""

import asyncio
import logging
import warnings
from collections.abc import Mapping
from email import message_from_bytes, policy
from uuid import uuid4

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from outreach_pipelines.lab.aftermath import Aftermath, Feedback
from outreach_pipelines.lab.config import SmtpAccount
from outreach_pipelines.lab.faults import Fault, FaultBoard
from outreach_pipelines.lab.http_faults import ENDLESS_BYTES, HTML_PAGE
from outreach_pipelines.lab.ledger import Acceptance, Ledger
from outreach_pipelines.lab.population import Population
from outreach_pipelines.lab.smtp_dsn import DsnSmtp, envelope_id, wants_delay_reports
from outreach_pipelines.lab.wire_message import WireMessage, body_sha256, from_address, prepend_headers

log = logging.getLogger(__name__)

HOSTNAME = "smtp.lab.test"
MAX_BYTES = 25 * 1024 * 1024

BAD_LOGIN = "535 5.7.8 Authentication credentials invalid"
UNKNOWN_USER = "550 5.1.1 <{}>: Recipient address rejected: User unknown"
GREYLISTED = "451 4.7.1 <{}>: Recipient address rejected: Greylisted, try again later"
THROTTLED = "454 4.7.0 Throttling failure: Maximum sending rate exceeded"
PAUSED = "550 5.7.0 Sending paused for this account"
NOT_VERIFIED = "554 5.7.1 Message rejected: Email address is not verified: {}"
BLOCKED = "554 5.7.1 Service unavailable; Client host [192.0.2.25] blocked for its reputation"
GOING_DOWN = "421 4.3.2 {} Service not available, closing transmission channel"
LOCAL_ERROR = "451 4.3.0 Error while processing the message"
ACCEPTED = "250 2.0.0 Ok: queued as {}"


class SubmissionHandler:
    """The hooks that aiosmtpd calls for each command. `session.auth_data` holds the account's name."""

    def __init__(
        self,
        accounts: Mapping[str, SmtpAccount],
        *,
        population: Population,
        ledger: Ledger,
        aftermath: Aftermath,
        feedback: Feedback,
        faults: FaultBoard,
    ) -> None:
        self._accounts, self._population = accounts, population
        self._ledger, self._aftermath, self._feedback, self._faults = ledger, aftermath, feedback, faults
        self._seen: set[tuple[str, str]] = set()

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self,
        server: SMTP,  # noqa: ARG002 - aiosmtpd's call
        session: Session,
        envelope: Envelope,  # noqa: ARG002 - aiosmtpd's call
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        """Offer delivery reports too."""
        session.host_name = hostname
        return [*responses[:-1], "250-DSN", responses[-1]]

    async def handle_MAIL(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, mail_options: list[str]
    ) -> str:
        """Take every envelope sender, unless nobody is behind the connection any more."""
        if self._faults.take(Fault.HALF_OPEN, str(session.auth_data)):
            await self._faults.hang()
            return await _close(server)
        envelope.mail_from = address
        envelope.mail_options.extend(mail_options)
        return "250 2.1.0 Ok"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self,
        server: SMTP,  # noqa: ARG002 - aiosmtpd's call
        session: Session,
        envelope: Envelope,
        address: str,
        rcpt_options: list[str],  # noqa: ARG002 - aiosmtpd's call
    ) -> str:
        """Refuse unknown users and what a fault asks for; take the others."""
        account = str(session.auth_data)
        if self._faults.take(Fault.REFUSE_TEMPORARY, account, address) or self._greylists(account, envelope, address):
            return GREYLISTED.format(address)
        if self._population.refuses_at_rcpt(address):
            return UNKNOWN_USER.format(address)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Refuse, or write the ledger and then say yes, unless a fault spoils the answer."""
        account, raw = str(session.auth_data), envelope.original_content or b""
        refusal = await self._refusal(server, account, envelope, raw)
        if refusal is not None:
            return refusal
        # Shielded: a client that leaves now must not part the ledger from what follows.
        queue_id = await asyncio.shield(self._accept(account, envelope, raw))
        return await self._answer(server, account, envelope.rcpt_tos, queue_id)

    async def handle_exception(self, error: Exception) -> str:
        """Answer what went wrong inside with a transient error; aiosmtpd's own answer would be a permanent one."""
        log.error("a command failed", exc_info=error)
        return LOCAL_ERROR

    def _greylists(self, account: str, envelope: Envelope, address: str) -> bool:
        # Of bounce+TAG@domain only the domain: a retry carries a new tag, and is still the same sender to a greylist.
        pair = str(envelope.mail_from).rpartition("@")[2], address
        if pair in self._seen or not self._faults.take(Fault.GREYLIST, account, address):
            return False
        self._seen.add(pair)
        return True

    async def _refusal(self, server: SMTP, account: str, envelope: Envelope, raw: bytes) -> str | None:
        targets = (account, *envelope.rcpt_tos)
        if self._faults.take(Fault.HANG, *targets):
            await self._faults.hang()
            return await _close(server)
        if self._faults.take(Fault.THROTTLE, *targets):
            return THROTTLED
        if self._faults.take(Fault.PAUSE_SENDING, *targets):
            return PAUSED
        if self._faults.take(Fault.GOING_DOWN, *targets):
            asyncio.get_running_loop().call_soon(_transport(server).close)  # after this answer has left
            return GOING_DOWN.format(HOSTNAME)
        identities, mailbox = self._accounts[account].identities, from_address(raw)
        if identities and mailbox.rpartition("@")[2].lower() not in identities:
            return NOT_VERIFIED.format(mailbox)
        return BLOCKED if any(map(self._population.blocks_at_data, envelope.rcpt_tos)) else None

    async def _accept(self, account: str, envelope: Envelope, raw: bytes) -> str:
        queue_id = uuid4().hex[:12]
        raw, message_id = _with_message_id(raw, queue_id)
        mailbox, tag, digest = from_address(raw), message_id.strip("<>").partition("@")[0], body_sha256(raw)
        for recipient in envelope.rcpt_tos:
            await self._ledger.accept(Acceptance(account, mailbox, recipient, message_id, tag, digest))
            sender, envid, delays = envelope.mail_from or "", envelope_id(envelope), wants_delay_reports(envelope)
            message = WireMessage(account, sender, recipient, mailbox, message_id, tag, raw, envid, delays)
            self._aftermath.follow(message, self._feedback)
        return queue_id

    async def _answer(self, server: SMTP, account: str, recipients: list[str], queue_id: str) -> str:
        targets = (account, *recipients)
        if self._faults.take(Fault.ACCEPT_THEN_CLOSE, *targets):
            return await _close(server)
        if self._faults.take(Fault.ACCEPT_THEN_HANG, *targets):
            await self._faults.hang()
            return await _close(server)
        if self._faults.take(Fault.GARBAGE_AFTER_ACCEPT, *targets):
            return HTML_PAGE
        if self._faults.take(Fault.ENDLESS_AFTER_ACCEPT, *targets):
            return "250 " + "a" * ENDLESS_BYTES
        if (seconds := self._faults.take_seconds(Fault.SLOW_ANSWER, *targets)) is not None:
            await self._faults.hang_for(seconds)
        return LOCAL_ERROR if self._faults.take(Fault.ERROR_500_AFTER_ACCEPT, *targets) else ACCEPTED.format(queue_id)


class SubmissionServer:
    """An SMTP server in the running event loop."""

    def __init__(self, accounts: tuple[SmtpAccount, ...], handler: SubmissionHandler, faults: FaultBoard) -> None:
        self._by_username = {account.username: account for account in accounts}
        self._handler, self._faults = handler, faults
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; the port."""
        self._server = await asyncio.get_running_loop().create_server(self._protocol, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close the listener; connections end with the loop."""
        if self._server is not None:
            self._server.close()

    def _protocol(self) -> SMTP:
        with warnings.catch_warnings():
            # aiosmtpd warns about logins without TLS; this server listens on loopback only.
            warnings.simplefilter("ignore", UserWarning)
            return DsnSmtp(
                self._handler,
                hostname=HOSTNAME,
                ident="ESMTP lab",
                data_size_limit=MAX_BYTES,
                enable_SMTPUTF8=True,
                auth_required=True,
                auth_require_tls=False,
                authenticator=self._authenticate,
                loop=asyncio.get_running_loop(),
            )

    def _authenticate(
        self,
        *call: object,  # aiosmtpd's: server, session, envelope, mechanism, credentials
    ) -> AuthResult:
        # handled=False makes aiosmtpd send the refusal; with True the client would wait for an answer for ever.
        refused = AuthResult(success=False, handled=False, message=BAD_LOGIN)
        credentials = call[-1]
        if not isinstance(credentials, LoginPassword):
            return refused
        account = self._by_username.get(credentials.login.decode("utf-8", "replace"))
        if account is None or credentials.password != account.password.encode():
            return refused
        if self._faults.take(Fault.REVOKE_CREDENTIALS, account.name):
            return refused
        return AuthResult(success=True, auth_data=account.name)


def _with_message_id(raw: bytes, queue_id: str) -> tuple[bytes, str]:
    given = str(message_from_bytes(raw, policy=policy.compat32).get("Message-ID", "")).strip()
    if given:
        return raw, given
    made = f"<{queue_id}@{HOSTNAME}>"
    return prepend_headers(raw, ("Message-ID", made)), made


def _transport(server: SMTP) -> asyncio.WriteTransport:
    if not isinstance(server.transport, asyncio.WriteTransport):
        message = "a command is answered on a connection"
        raise TypeError(message)
    return server.transport


async def _close(server: SMTP) -> str:
    """End the connection without an answer; aiosmtpd cancels the command once it is lost."""
    _transport(server).abort()
    await asyncio.get_running_loop().create_future()
    return ""

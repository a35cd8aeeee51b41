"""Inboxes over IMAP: connecting, logging in, and which ends of a dialogue mean "could not be read".

Does not belong here: the protocol (`imap_line`, `imap_session`), what is asked of the folders (`imap_mail`, `sent_folder`), how
tokens are issued (`oauth`).

Sources: RFC 9051 and RFC 3501 (IMAP4), RFC 8314 (implicit TLS), RFC 5530 (response codes); Google, "The XOAUTH2 mechanism".
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_address
from typing import Final, Protocol

from imapclient.exceptions import IMAPClientError

from outreach_pipelines.adapters.imap_line import ImapFault, ImapLine, ImapRefused
from outreach_pipelines.adapters.imap_mail import new_mail
from outreach_pipelines.adapters.imap_session import LOGOUT, ImapSession
from outreach_pipelines.application.access_tokens import MailboxTokens, TokensFor
from outreach_pipelines.application.inbox_mail import InboxBatch, InboxToRead, LoginRefused
from outreach_pipelines.domain.provider_account import MailTokens
from outreach_pipelines.domain.reference import SecretRef, Setting
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.errors import Refused, SettingsFault, Unreadable

_LONGEST_REASON: Final = 300
_PUT_OFF: Final = ("[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "[SERVERBUG]", "[THROTTLED]", "[OVERQUOTA]")
# ValueError and its like: what imapclient's parser raises for answers that are not IMAP.
_FAULTS: Final = (ImapFault, IMAPClientError, OSError, ValueError, KeyError, TypeError, IndexError, AttributeError)


class References(Protocol):
    """Where references lead. Both raise `SettingsFault` when there is nothing."""

    def resolve(self, reference: SecretRef) -> Secret:
        """A secret; raises `Unreadable` when its keeper did not answer."""
        ...

    def setting(self, setting: Setting) -> str:
        """A host, port or name."""
        ...


@dataclass(frozen=True, slots=True)
class ImapInboxReader:
    """`InboxReader`: one connection an inbox and read.

    `tokens` gives those of a login by XOAUTH2. `trust` replaces the system's certificate authorities.
    """

    references: References
    tokens: TokensFor | None = field(default=None, repr=False)
    trust: ssl.SSLContext | None = field(default=None, repr=False)
    connect_seconds: float = 10.0
    read_seconds: float = 30.0

    @contextmanager
    def open(self, inbox: InboxToRead) -> Iterator[Iterator[InboxBatch]]:
        """See `InboxReader.open`."""
        with self._logged_in(inbox) as session:
            yield _batches(session, inbox)

    @contextmanager
    def session(self, inbox: InboxToRead, doing: str) -> Iterator[ImapSession]:
        """A logged-in connection for a look elsewhere than at new mail; its faults are `Unreadable`, as those of `open`."""
        with self._logged_in(inbox) as session, _answering(inbox, doing):
            yield session

    @contextmanager
    def _logged_in(self, inbox: InboxToRead) -> Iterator[ImapSession]:
        line = self._connected(inbox)
        try:
            session = ImapSession(line)
            self._log_in(session, inbox)
            yield session
            # Politely, where nothing was amiss; a server that fell silent would be waited for once more.
            with suppress(*_FAULTS):
                line.ask(LOGOUT)
        finally:
            with suppress(*_FAULTS):
                line.close()

    def _connected(self, inbox: InboxToRead) -> ImapLine:
        login = inbox.login
        host, port = self.references.setting(login.host), self.references.setting(login.port)
        if not login.tls and not _is_loopback(host):
            message = f"inbox {inbox.name}: {host} is not loopback, so its connection needs TLS"
            raise SettingsFault(message)
        if not port.isdecimal():
            message = f"inbox {inbox.name}: the port is no number"
            raise SettingsFault(message)
        trust = (self.trust or _system_trust()) if login.tls else None
        with _answering(inbox, "connect"):
            return ImapLine.connected(
                host, int(port), trust=trust, connect_seconds=self.connect_seconds, read_seconds=self.read_seconds
            )

    def _log_in(self, session: ImapSession, inbox: InboxToRead) -> None:
        username = self.references.setting(inbox.login.username)
        secret = self.references.resolve(inbox.login.password)
        with _answering(inbox, "connect"):
            session.ask_capabilities()
        if inbox.login.tokens is not None:
            self._log_in_by_token(session, inbox, self._tokens_for(inbox.login.tokens, username, secret))
            return
        with _answering(inbox, "login", secret):
            session.log_in(username, secret.reveal())

    def _tokens_for(self, issuer: MailTokens, username: str, secret: Secret) -> MailboxTokens:
        if self.tokens is None:
            message = "this installation issues no access tokens"
            raise SettingsFault(message)
        return self.tokens(issuer, username, secret)

    def _log_in_by_token(self, session: ImapSession, inbox: InboxToRead, tokens: MailboxTokens) -> None:
        username = self.references.setting(inbox.login.username)
        token = _granted(inbox, tokens)
        try:
            _authenticate(session, inbox, username, token)
        except LoginRefused:
            # A token may be revoked before its time; a second one that is refused means the mailbox.
            tokens.forget(token)
            _authenticate(session, inbox, username, _granted(inbox, tokens))


def _granted(inbox: InboxToRead, tokens: MailboxTokens) -> Secret:
    try:
        return tokens.token()
    except Refused as revoked:
        # No connection will help: the grant itself was taken back (RFC 6749 section 5.2, invalid_grant).
        message = f"inbox {inbox.name}, login: {revoked}"
        raise LoginRefused(message) from None
    except Unreadable as silent:
        message = f"inbox {inbox.name}, login: {silent}"
        raise Unreadable(message) from None


def _authenticate(session: ImapSession, inbox: InboxToRead, username: str, token: Secret) -> None:
    if b"AUTH=XOAUTH2" not in session.capabilities:
        message = f"inbox {inbox.name}, login: the server offers no AUTH=XOAUTH2"
        raise Unreadable(message)
    # A refusal comes as a challenge with its reason, which an empty line answers.
    with _answering(inbox, "login", token):
        session.authenticate(b"XOAUTH2", f"user={username}\1auth=Bearer {token.reveal()}\1\1")


def _batches(session: ImapSession, inbox: InboxToRead) -> Iterator[InboxBatch]:
    """Faults of the server are `Unreadable`; those of whoever takes the batches are their own."""
    batches = new_mail(session, inbox)
    while True:
        with _answering(inbox, "read"):
            batch = next(batches, None)
        if batch is None:
            return
        yield batch


@contextmanager
def _answering(inbox: InboxToRead, doing: str, password: Secret | None = None) -> Iterator[None]:
    """Every end of the dialogue but a full answer is `Unreadable`; a server that repeats the password is not quoted."""
    try:
        yield
    except ImapRefused as refused:
        judged = doing == "login" and not any(code in str(refused).upper() for code in _PUT_OFF)
        raise (LoginRefused if judged else Unreadable)(_told(inbox, doing, str(refused), password)) from None
    except _FAULTS as fault:
        # Codec errors quote what they cannot encode.
        said = "" if isinstance(fault, ValueError) else str(fault)
        told = _told(inbox, doing, f"{type(fault).__name__} {said}", password)
        raise Unreadable(told) from (None if password else fault)


def _told(inbox: InboxToRead, doing: str, said: str, secret: Secret | None) -> str:
    if secret is not None:
        said = said.replace(secret.reveal(), "********")
    return f"inbox {inbox.name}, {doing}: {said.strip()[:_LONGEST_REASON]}"


@cache
def _system_trust() -> ssl.SSLContext:
    # Reading the authorities costs more than a login: once a process, and not once an inbox.
    return ssl.create_default_context()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False

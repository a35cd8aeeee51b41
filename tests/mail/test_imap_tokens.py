"""Inboxes by access token (XOAUTH2): a token endpoint on loopback, and Dovecot, which asks that endpoint whose a token is."""

import json
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import imapclient
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from dovecot_server import running_dovecot
from token_server import TokenServer, token_server

from outreach_pipelines.adapters.imap import ImapInboxReader
from outreach_pipelines.adapters.kept_tokens import KeptTokens
from outreach_pipelines.application.inbox_mail import InboxId, InboxLogin, InboxToRead, LoginRefused
from outreach_pipelines.domain.inventory import InboxName
from outreach_pipelines.domain.provider_account import GoogleTokens, MailTokens, MicrosoftTokens
from outreach_pipelines.domain.reference import Fixed, SecretRef, SecretScheme, Setting
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.errors import Refused, SettingsFault, Unreadable

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)
APPLICATION = MicrosoftTokens("directory", "client")
LETTER = b"From: ben@people.example\r\nSubject: 1\r\n\r\nHello\r\n"


class References:
    """The secret is a key file of a service account whose tokens come from `issuer`."""

    def __init__(self, issuer: TokenServer) -> None:
        self._issuer = issuer

    def resolve(self, _reference: SecretRef) -> Secret:
        document = {"client_email": "robot@project.example", "token_uri": f"{self._issuer.url}/token"}
        return Secret(json.dumps(document | {"private_key": KEY.decode()}))

    def setting(self, setting: Setting) -> str:
        assert isinstance(setting, Fixed)
        return setting.value


@pytest.fixture
def issuer() -> Iterator[TokenServer]:
    with token_server() as served:
        yield served


@pytest.fixture
def port(issuer: TokenServer, new_server_folder: Callable[[str], Path]) -> Iterator[int]:
    """Dovecot, with a mail in anna's inbox."""
    folder = new_server_folder("outreach-dovecot-")
    with running_dovecot(folder, token_info=f"{issuer.url}/tokeninfo?access_token=") as port:
        with imapclient.IMAPClient("127.0.0.1", port, ssl=False, timeout=10) as client:
            client.login("anna", "secret")
            client.append("INBOX", LETTER)
        yield port


def anywhere(_url: str) -> None:
    return None


def kept(issuer: TokenServer) -> KeptTokens:
    return KeptTokens(allow=anywhere, microsoft_host=issuer.url)


def read(issuer: TokenServer, port: int, tokens: KeptTokens | None, *, by: MailTokens, username: str = "anna") -> int:
    """How many mails were found."""
    secret = SecretRef(SecretScheme.ENVIRONMENT, "INBOX_SECRET")
    login = InboxLogin(Fixed("127.0.0.1"), Fixed(str(port)), False, Fixed(username), secret, by)
    inbox = InboxToRead(InboxId(1), InboxName("replies"), login, (), datetime.now(UTC))
    with ImapInboxReader(References(issuer), tokens).open(inbox) as batches:
        return sum(len(batch.mails) for batch in batches)


dovecot = pytest.mark.needs_server("dovecot")


@dovecot
@pytest.mark.parametrize("by", [GoogleTokens(), APPLICATION])
def test_an_inbox_is_read_by_token(issuer, port, by):
    assert read(issuer, port, kept(issuer), by=by) == 1


@dovecot
def test_a_token_is_kept_for_the_next_read(issuer, port):
    tokens = kept(issuer)

    for _ in range(3):
        read(issuer, port, tokens, by=GoogleTokens())

    assert len(issuer.asked) == 1


@dovecot
def test_a_token_that_was_revoked_before_its_time_is_replaced_within_the_read(issuer, port):
    tokens = kept(issuer)
    read(issuer, port, tokens, by=GoogleTokens())
    issuer.dead = set(issuer.owners)

    found = read(issuer, port, tokens, by=GoogleTokens())

    assert (found, len(issuer.asked)) == (1, 2)


@dovecot
def test_a_token_of_somebody_else_opens_no_inbox(issuer, port):
    with pytest.raises(LoginRefused, match="login"):
        read(issuer, port, kept(issuer), by=APPLICATION, username="bo")


@dovecot
def test_a_revoked_grant_is_a_refused_login_and_no_empty_inbox(issuer, port):
    issuer.revoked = {"anna"}

    with pytest.raises(LoginRefused, match="invalid_grant"):
        read(issuer, port, kept(issuer), by=GoogleTokens())


@dovecot
def test_an_issuer_that_is_silent_is_no_refused_login(issuer, port):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        gone = int(closed.getsockname()[1])
    tokens = KeptTokens(allow=anywhere, microsoft_host=f"http://127.0.0.1:{gone}")

    with pytest.raises(Unreadable, match="no answer for a token") as told:
        read(issuer, port, tokens, by=APPLICATION)

    assert not isinstance(told.value, LoginRefused)


@dovecot
def test_a_server_without_xoauth2_is_told_apart_from_a_refusal(issuer, new_server_folder):
    with (
        running_dovecot(new_server_folder("outreach-dovecot-")) as port,
        pytest.raises(Unreadable, match="XOAUTH2") as told,
    ):
        read(issuer, port, kept(issuer), by=GoogleTokens())

    assert not isinstance(told.value, LoginRefused)


@dovecot
def test_without_tokens_a_login_by_token_is_a_fault_of_the_settings(issuer, port):
    with pytest.raises(SettingsFault, match="tokens"):
        read(issuer, port, None, by=GoogleTokens())


def grant_of(issuer: TokenServer, tokens: KeptTokens, username: str, by: MailTokens) -> Secret:
    secret = References(issuer).resolve(SecretRef(SecretScheme.ENVIRONMENT, "X"))
    return tokens(by, username, secret).token()


def test_an_application_has_one_token_for_all_its_mailboxes_and_a_service_account_one_for_each(issuer):
    tokens = kept(issuer)

    shared = {grant_of(issuer, tokens, name, APPLICATION) for name in ("anna", "bo", "cy")}
    own = {grant_of(issuer, tokens, name, GoogleTokens()) for name in ("anna", "bo", "cy")}

    assert (len(shared), len(own), len(issuer.asked)) == (1, 3, 4)


def test_threads_that_want_the_same_token_ask_for_it_once(issuer):
    tokens = kept(issuer)

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: grant_of(issuer, tokens, "anna", APPLICATION), range(40)))

    assert (len(found), len(issuer.asked)) == (1, 1)


def test_a_token_with_less_than_a_minute_left_is_replaced(issuer):
    issuer.seconds = 59
    tokens = kept(issuer)

    found = [grant_of(issuer, tokens, "anna", APPLICATION) for _ in range(2)]

    assert found[0] != found[1]


def test_a_forgotten_token_is_forgotten_once_by_all_whom_it_failed(issuer):
    tokens = kept(issuer)
    secret = References(issuer).resolve(SecretRef(SecretScheme.ENVIRONMENT, "X"))
    mailbox = tokens(APPLICATION, "anna", secret)
    old = mailbox.token()

    mailbox.forget(old)
    new = mailbox.token()
    mailbox.forget(old)

    assert mailbox.token() == new != old


def test_a_token_is_asked_for_only_where_that_is_allowed(issuer):
    def nowhere(url: str) -> None:
        message = f"not at {url}"
        raise Refused(message)

    with pytest.raises(Refused, match="not at"):
        grant_of(issuer, KeptTokens(allow=nowhere, microsoft_host=issuer.url), "anna", APPLICATION)

    assert issuer.asked == []

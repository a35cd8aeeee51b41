"""Logging in and out again at real servers: which of the ends is a refusal of the login itself."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from lab_process import RunningLab
from smtp_stage import Handler
from transport_conformance import port_of

from outreach_pipelines.adapters.imap import ImapInboxReader
from outreach_pipelines.adapters.login_doors import MailLoginDoors
from outreach_pipelines.adapters.smtp_session import SmtpAccess
from outreach_pipelines.application.check_logins import AccountLogin, LoginFound, LoginOutcome
from outreach_pipelines.application.inbox_mail import InboxId, InboxLogin, InboxToRead
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.inventory import InboxName
from outreach_pipelines.domain.provider_account import Tls
from outreach_pipelines.domain.reference import Fixed, SecretRef, SecretScheme, Setting
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.errors import SettingsFault

pytest_plugins = ("lab_fixtures",)

RIGHT = Secret("right")
BOX = AccountLogin(AccountId(7), "box")


class References:
    """Everybody's password is `password`; None is no password at all."""

    def __init__(self, password: str | None) -> None:
        self._password = password

    def resolve(self, reference: SecretRef) -> Secret:
        if self._password is None:
            message = f"{reference} is empty or not set"
            raise SettingsFault(message)
        return Secret(self._password)

    def setting(self, setting: Setting) -> str:
        assert isinstance(setting, Fixed)
        return setting.value


def by_imap(port: int, password: str | None) -> LoginFound:
    secret = SecretRef(SecretScheme.ENVIRONMENT, "X")
    login = InboxLogin(Fixed("127.0.0.1"), Fixed(str(port)), False, Fixed("anna"), secret)
    inbox = InboxToRead(InboxId(1), InboxName("in"), login, (), datetime.now(UTC))
    return MailLoginDoors(ImapInboxReader(References(password)), no_account).inbox(inbox)


def no_account(_tenant: TenantId, account: AccountId) -> SmtpAccess:
    message = f"no account {account}"
    raise SettingsFault(message)


@pytest.mark.parametrize(
    ("password", "outcome"),
    [("secret", LoginOutcome.ACCEPTED), ("wrong", LoginOutcome.REFUSED), (None, LoginOutcome.UNREACHABLE)],
)
def test_an_inbox_is_logged_in_to(lab: RunningLab, password: str | None, outcome: LoginOutcome) -> None:
    assert by_imap(lab.ports["imap"], password).outcome is outcome


def test_an_imap_server_that_is_away_refuses_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = int(closed.getsockname()[1])

    assert by_imap(port, "secret").outcome is LoginOutcome.UNREACHABLE


async def by_smtp(port: int, password: str) -> LoginFound:
    access = SmtpAccess("127.0.0.1", port, Tls.NONE, "box", Secret(password))
    doors = MailLoginDoors(ImapInboxReader(References("x")), lambda _tenant, _account: access)
    return await asyncio.to_thread(doors.account, TenantId(1), BOX)


@asynccontextmanager
async def smtp_server(wrong: str) -> AsyncIterator[tuple[int, Handler]]:
    """Takes the password `right`; `wrong` is what it answers to any other."""
    handler = Handler()

    def judge(_server: object, _session: object, _envelope: object, _mechanism: str, said: object) -> AuthResult:
        if getattr(said, "password", b"") == RIGHT.reveal().encode():
            return AuthResult(success=True)
        return AuthResult(success=False, handled=False, message=wrong)

    loop = asyncio.get_running_loop()
    sessions: list[SMTP] = []

    def serve() -> SMTP:
        options = {"authenticator": judge, "auth_require_tls": False, "hostname": "mx.test", "enable_SMTPUTF8": False}
        sessions.append(SMTP(handler, loop=loop, **options))
        return sessions[-1]

    server = await loop.create_server(serve, "127.0.0.1", 0)
    try:
        yield port_of(server), handler
    finally:
        server.close()
        for left in (each.transport for each in sessions if each.transport is not None):
            left.abort()
        for _ in range(3):
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("password", "wrong", "outcome"),
    [
        ("right", "", LoginOutcome.ACCEPTED),
        ("wrong", "535 5.7.8 bad credentials", LoginOutcome.REFUSED),
        ("wrong", "454 4.7.0 Temporary authentication failure", LoginOutcome.UNREACHABLE),
    ],
)
async def test_an_account_is_logged_in_to_without_a_message(password: str, wrong: str, outcome: LoginOutcome) -> None:
    async with smtp_server(wrong) as (port, handler):
        found = await by_smtp(port, password)

    assert (found.outcome, found.login, handler.seen.bodies) == (outcome, BOX, []), found.detail


async def test_an_smtp_server_that_is_away_refuses_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = int(closed.getsockname()[1])

    assert (await by_smtp(port, "right")).outcome is LoginOutcome.UNREACHABLE


def test_an_account_that_cannot_be_reached_by_its_settings_refuses_nothing() -> None:
    doors = MailLoginDoors(ImapInboxReader(References("x")), no_account)

    assert doors.account(TenantId(1), BOX) == LoginFound(BOX, LoginOutcome.UNREACHABLE, "no account 7")

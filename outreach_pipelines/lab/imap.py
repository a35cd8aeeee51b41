"""The inboxes as IMAP shows them: pymap's server over its in-memory backend, with a login per inbox.

Delivery and files are in `inboxes`. UIDs and UIDVALIDITY live as long as the process.
"""

import asyncio
from argparse import Namespace
from contextlib import AsyncExitStack
from datetime import datetime
from functools import cached_property

from proxyprotocol.reader import ProxyProtocolReader
from proxyprotocol.version import ProxyProtocolVersion
from pymap.backend.dict import Config, Identity, Login
from pymap.backend.dict.filter import FilterSet
from pymap.backend.dict.mailbox import MailboxSet
from pymap.exceptions import InvalidAuth
from pymap.imap import IMAPServer
from pymap.parsing.message import AppendMessage
from pymap.user import UserMetadata
from pysasl import SASLAuth
from pysasl.creds.server import ServerCredentials
from pysasl.hashing import Cleartext

from outreach_pipelines.lab.config import InboxAccount
from outreach_pipelines.lab.faults import Fault, FaultBoard


class _FaultyLogin(Login):
    """Login by password, unless the user's credentials are revoked."""

    def __init__(self, config: Config, faults: FaultBoard) -> None:
        super().__init__(config)
        self._faults = faults

    async def authenticate(self, credentials: ServerCredentials) -> Identity:
        if self._faults.take(Fault.REVOKE_CREDENTIALS, credentials.authcid):
            raise InvalidAuth
        return await super().authenticate(credentials)


class _OneTimeConfig(Config):
    """Knows its mechanisms once; otherwise each connection looks through all that is installed, twice."""

    @cached_property
    def tls_auth(self) -> SASLAuth:
        return SASLAuth.defaults()


class ImapServer:
    """An IMAP4rev1 server in the running event loop, plain text, for loopback."""

    def __init__(self, accounts: tuple[InboxAccount, ...], faults: FaultBoard) -> None:
        self._config = _config()
        self._config.apply_context()
        self._login = _FaultyLogin(self._config, faults)
        self._stack = AsyncExitStack()
        self._connections: set[asyncio.Task[None]] = set()
        for account in accounts:
            user = UserMetadata(self._config, account.username, password=account.password)
            self._login.users_dict[account.username] = user
            self._config.set_cache[account.username] = (MailboxSet(), FilterSet())

    async def append(self, username: str, raw: bytes, *, when: datetime) -> None:
        """Add one message to the INBOX of `username`; connected clients see it after their next NOOP."""
        mailboxes, _ = self._config.set_cache[username]
        inbox = await mailboxes.get_mailbox("INBOX")
        await inbox.append(AppendMessage(raw, when), recent=True)

    async def start(self, host: str, port: int) -> int:
        """Listen; the port."""
        serve = IMAPServer(self._login, self._config)
        callback = ProxyProtocolReader(ProxyProtocolVersion.get(None)).get_callback(serve)
        server = await asyncio.start_server(callback, host, port)
        await self._stack.enter_async_context(server)
        return int(server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close the listener; connections end with the loop."""
        await self._stack.aclose()


def _config() -> Config:
    return _OneTimeConfig(
        Namespace(passlib_cfg=None, proxy_protocol=None),
        demo_data=False,
        demo_user="",
        demo_password="",
        host=None,
        port=0,
        tls_enabled=False,
        hash_context=Cleartext(),
        invalid_user_sleep=0.0,
    )

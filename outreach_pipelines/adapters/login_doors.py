"""Logging in and out again, by IMAP and by SMTP, and which of its ends is a refusal of the login itself.

The dialogues are `imap`'s and `smtp_session`'s.
"""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from outreach_pipelines.adapters.imap import ImapInboxReader
from outreach_pipelines.adapters.smtp_session import SmtpAccess, SmtpSession
from outreach_pipelines.application.check_logins import AccountLogin, Login, LoginFound, LoginOutcome
from outreach_pipelines.application.inbox_mail import InboxToRead, LoginRefused
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.provider_account import Tls
from outreach_pipelines.domain.send_answer import NotSent, Refused
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.errors import OutreachError

_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class MailLoginDoors:
    """`LoginDoors`; `access_of` tells how an account is reached, and may raise `OutreachError`."""

    reader: ImapInboxReader
    access_of: Callable[[TenantId, AccountId], SmtpAccess]

    def inbox(self, inbox: InboxToRead) -> LoginFound:
        """See `LoginDoors.inbox`."""
        try:
            with self.reader.session(inbox, "login check"):
                return LoginFound(inbox, LoginOutcome.ACCEPTED, "")
        except LoginRefused as refused:
            return LoginFound(inbox, LoginOutcome.REFUSED, str(refused))
        except OutreachError as fault:
            return LoginFound(inbox, LoginOutcome.UNREACHABLE, str(fault))

    def account(self, tenant: TenantId, login: AccountLogin) -> LoginFound:
        """See `LoginDoors.account`."""
        try:
            return asyncio.run(_by_smtp(login, self.access_of(tenant, login.account)))
        except OutreachError as fault:
            return LoginFound(login, LoginOutcome.UNREACHABLE, str(fault))


async def _by_smtp(login: Login, access: SmtpAccess) -> LoginFound:
    trust = None if access.tls is Tls.NONE else access.tls_context or ssl.create_default_context()
    session = SmtpSession(access, trust, _SECONDS)
    try:
        answer = await session.probe()
    finally:
        await session.leave()
    match answer:
        case None:
            return LoginFound(login, LoginOutcome.ACCEPTED, "")
        case Refused(code=code, text=text) if not code.startswith("4"):
            return LoginFound(login, LoginOutcome.REFUSED, f"{code} {text}")
        # "454 4.7.0 Temporary authentication failure" (RFC 4954 section 6) judges no login.
        case Refused(code=code, text=text):
            return LoginFound(login, LoginOutcome.UNREACHABLE, f"{code} {text}")
        case NotSent(cause=cause):
            return LoginFound(login, LoginOutcome.UNREACHABLE, cause)

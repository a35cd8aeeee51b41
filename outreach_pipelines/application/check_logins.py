"""Each login of a tenant, once a day: where its mail is read and where it is handed in. A login that fails is told before a send is.

Belongs here: which outcomes there are, and that each is written down. Does not: logging in (adapters), which logins are due
when (`adapters/postgres/login_book.py`), what a refused one does to a mailbox's score (`domain/mailbox_health.py`).
"""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, assert_never

from outreach_pipelines.application.inbox_mail import InboxToRead
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.tenant import TenantId

LOGINS_AT_ONCE = 8
MOST_LOGINS = 100


class LoginOutcome(StrEnum):
    """What came of a login."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"  # of a server, a setting or a secret; it says nothing of the login


@dataclass(frozen=True, slots=True)
class AccountLogin:
    """The login of a provider account by SMTP."""

    account: AccountId
    name: str


Login = InboxToRead | AccountLogin


@dataclass(frozen=True, slots=True)
class LoginFound:
    """What came of a login, in the server's words."""

    login: Login
    outcome: LoginOutcome
    detail: str


class LoginDoors(Protocol):
    """Logs in and out again. Neither raises for what a server, a setting or the network does."""

    def inbox(self, inbox: InboxToRead) -> LoginFound:
        """By IMAP."""
        ...

    def account(self, tenant: TenantId, login: AccountLogin) -> LoginFound:
        """By SMTP, without a message."""
        ...


class LoginBook(Protocol):
    """Which logins are due, and what came of them."""

    def due(self, tenant: TenantId, *, most: int) -> Sequence[Login]:
        """Those not checked yet on this day of policy time whose quarter of an hour has come; each has one, by its name."""
        ...

    def record(self, tenant: TenantId, found: Sequence[LoginFound]) -> None:
        """One transaction."""
        ...


@dataclass(frozen=True, slots=True)
class LoginsChecked:
    """How many logins had which outcome, and a sentence for each that was not accepted."""

    outcomes: Counter[LoginOutcome]
    faults: Sequence[str]


def check_logins(book: LoginBook, doors: LoginDoors, *, tenant: TenantId, most: int = MOST_LOGINS) -> LoginsChecked:
    """Try those that are due. A second run of the same quarter of an hour finds none."""
    due = book.due(tenant, most=most)
    if not due:
        return LoginsChecked(Counter(), ())
    with ThreadPoolExecutor(min(LOGINS_AT_ONCE, len(due)), thread_name_prefix="login") as pool:
        found = list(pool.map(lambda login: _try(doors, tenant, login), due))
    book.record(tenant, found)
    outcomes = Counter(each.outcome for each in found)
    return LoginsChecked(outcomes, [_told(each) for each in found if each.outcome is not LoginOutcome.ACCEPTED])


def _try(doors: LoginDoors, tenant: TenantId, login: Login) -> LoginFound:
    match login:
        case InboxToRead():
            return doors.inbox(login)
        case AccountLogin():
            return doors.account(tenant, login)
    assert_never(login)


def _told(found: LoginFound) -> str:
    kind = "inbox" if isinstance(found.login, InboxToRead) else "account"
    return f"{kind} {found.login.name}: login {found.outcome}: {found.detail}"

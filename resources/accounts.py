"""Provider accounts with their references resolved: where each is reached and as whom, and the look-ups that some have.

Each kind of provider has a library of its own, and few tenants have accounts of more than one: adapters are imported
where an account of their kind is met.
"""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, assert_never
from urllib.parse import urlsplit

from outreach_pipelines.adapters.postgres.account_reader import AccountRow, read_accounts
from outreach_pipelines.adapters.secrets import SecretSource
from outreach_pipelines.application.ports import EvidenceLookup
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.loopback import is_loopback
from outreach_pipelines.domain.provider_account import (
    AccountName,
    GoogleTokens,
    MailgunConnection,
    MailTokens,
    MicrosoftTokens,
    PostmarkConnection,
    SesConnection,
    SmtpConnection,
)
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.errors import NotFound, Refused
from outreach_pipelines.settings import SendingMode, Settings
from resources.database import app_engine

if TYPE_CHECKING:
    from outreach_pipelines.adapters.dkim_signing import DkimKey, DkimSigner
    from outreach_pipelines.adapters.http_api import HttpAccess
    from outreach_pipelines.adapters.oauth import IssuedTokens
    from outreach_pipelines.adapters.ses_client import SesAccess
    from outreach_pipelines.adapters.smtp import SmtpAccess


@dataclass(slots=True)
class AccountBook:
    """Each tenant's accounts, read once."""

    secrets: SecretSource
    mode: SendingMode
    _rows: dict[TenantId, dict[AccountId, AccountRow]] = field(default_factory=dict)

    def row(self, tenant: TenantId, account: AccountId) -> AccountRow:
        """Raises `NotFound` for an account that this tenant has no share of."""
        rows = self._of(tenant)
        if account not in rows:
            message = f"tenant {tenant} has no provider account {account}"
            raise NotFound(message)
        return rows[account]

    def named(self, tenant: TenantId, name: AccountName) -> AccountRow:
        """Raises `NotFound` as `row` does."""
        found = next((row for row in self._of(tenant).values() if row.name == name), None)
        if found is None:
            message = f"tenant {tenant} has no provider account {name}"
            raise NotFound(message)
        return found

    def _of(self, tenant: TenantId) -> dict[AccountId, AccountRow]:
        if tenant not in self._rows:
            self._rows[tenant] = {row.account: row for row in read_accounts(app_engine(), tenant)}
        return self._rows[tenant]

    def ses(self, connection: SesConnection) -> "SesAccess":
        """Raises as `mailgun` does."""
        from outreach_pipelines.adapters.ses_client import SesAccess

        references = (connection.access_key_id, connection.secret_access_key)
        keys = [self.secrets.resolve(reference) if reference else None for reference in references]
        endpoint = self.secrets.setting(connection.endpoint) if connection.endpoint else None
        self.only_lab(endpoint)
        return SesAccess(connection.region, endpoint, *keys)

    def smtp(self, connection: SmtpConnection) -> "SmtpAccess":
        """Raises as `mailgun` does."""
        from outreach_pipelines.adapters.smtp import SmtpAccess

        host, username = self.secrets.setting(connection.host), self.secrets.setting(connection.username)
        self.only_lab(host)
        secret, port = self.secrets.resolve(connection.password), int(self.secrets.setting(connection.port))
        access = SmtpAccess(host, port, connection.tls, username, tagged_envelope=connection.tagged_envelope)
        if connection.tokens is None:
            return replace(access, password=secret)
        return replace(access, token=self._tokens(connection.tokens, secret, username))

    def _tokens(self, tokens: MailTokens, secret: Secret, username: str) -> "IssuedTokens":
        from outreach_pipelines.adapters.oauth import IssuedTokens, google_request, microsoft_request

        match tokens:
            case GoogleTokens():
                request = google_request(secret, username)
            case MicrosoftTokens(directory, client_id):
                request = microsoft_request(directory, client_id, secret)
            case _:
                assert_never(tokens)
        self.only_lab(request.url)
        return IssuedTokens(request)

    def signer(self, connection: SmtpConnection) -> "DkimSigner | None":
        """Who signs, where the server does not. Raises as `mailgun` does, and for a key that cannot be used."""
        if not connection.dkim:
            return None
        from outreach_pipelines.adapters.dkim_signing import DkimSigner, dkim_key

        keys: dict[str, list[DkimKey]] = {}
        for each in connection.dkim:
            key = dkim_key(each.selector, self.secrets.resolve(each.key))
            keys.setdefault(each.domain.lower(), []).append(key)
        return DkimSigner(keys)

    def mailgun(self, connection: MailgunConnection) -> "HttpAccess":
        """Raises `SettingsFault` or `Unreadable` for a reference that leads nowhere, `Refused` as `only_lab` does."""
        from outreach_pipelines.adapters.mailgun import BASE_URLS, mailgun_access

        base_url = self.secrets.setting(connection.base_url) if connection.base_url else BASE_URLS[connection.region]
        self.only_lab(base_url)
        return mailgun_access(base_url, self.secrets.resolve(connection.api_key))

    def postmark(self, connection: PostmarkConnection) -> "HttpAccess":
        """Raises as `mailgun` does."""
        from outreach_pipelines.adapters.postmark import BASE_URL, postmark_access

        base_url = self.secrets.setting(connection.base_url) if connection.base_url else BASE_URL
        self.only_lab(base_url)
        return postmark_access(self.secrets.resolve(connection.server_token), base_url)

    def postmark_account(self, connection: PostmarkConnection) -> "HttpAccess | None":
        """The account that the server belongs to; None without its token. Raises as `mailgun` does."""
        if connection.account_token is None:
            return None
        from outreach_pipelines.adapters.postmark import BASE_URL
        from outreach_pipelines.adapters.postmark_domains import postmark_account_access

        base_url = self.secrets.setting(connection.base_url) if connection.base_url else BASE_URL
        self.only_lab(base_url)
        return postmark_account_access(self.secrets.resolve(connection.account_token), base_url)

    def only_lab(self, endpoint: str | None) -> None:
        """Raise `Refused` where a lab would reach beyond this machine. `endpoint` is a URL or a host, None a provider."""
        if self.mode is SendingMode.LAB and not is_loopback(_host(endpoint or "")):
            message = f"OUTREACH_SENDING=lab reaches loopback only, and this account answers at {endpoint or 'the provider itself'}"
            raise Refused(message)


def account_book(settings: Settings) -> AccountBook:
    """With the references of this installation."""
    return AccountBook(secret_source(settings), settings.sending)


def secret_source(settings: Settings) -> SecretSource:
    """Where references to secrets lead."""
    return SecretSource(region=settings.aws_region, endpoint_url=settings.aws_endpoint_url)


@dataclass(slots=True)
class AccountLookups:
    """`EvidenceLookups`: one per tenant and account, made when first used, on the loop that uses it."""

    book: AccountBook
    _made: dict[tuple[TenantId, AccountId], EvidenceLookup] = field(default_factory=dict)

    def of(self, tenant: TenantId, account: AccountId) -> EvidenceLookup | None:
        """See `EvidenceLookups.of`."""
        if (tenant, account) not in self._made:
            made = self.make(self.book.row(tenant, account))
            if made is None:
                return None
            self._made[tenant, account] = made
        return self._made[tenant, account]

    async def close(self) -> None:
        """See `EvidenceLookups.close`."""
        made, self._made = self._made, {}
        for lookup in made.values():
            await lookup.close()

    def make(self, row: AccountRow) -> EvidenceLookup | None:
        """The look-up of this account, if its provider has one."""
        match row.connection:
            case MailgunConnection() as mailgun:
                return _mailgun_lookup(self.book.mailgun(mailgun))
            case PostmarkConnection() as postmark:
                return _postmark_lookup(self.book.postmark(postmark), postmark.stream)
            case SesConnection() | SmtpConnection():
                return None


def _mailgun_lookup(access: "HttpAccess") -> EvidenceLookup:
    from outreach_pipelines.adapters.http_api import HttpApi
    from outreach_pipelines.adapters.mailgun_events import MailgunLookup

    return MailgunLookup(HttpApi(access, connections=4))


def _postmark_lookup(access: "HttpAccess", stream: str) -> EvidenceLookup:
    from outreach_pipelines.adapters.http_api import HttpApi
    from outreach_pipelines.adapters.postmark_messages import PostmarkLookup

    return PostmarkLookup(HttpApi(access, connections=4), stream=stream)


def _host(endpoint: str) -> str:
    if is_loopback(endpoint):  # an IPv6 address without brackets is no part of a URL
        return endpoint
    # What stands before an @ is a user's name, whatever it looks like.
    try:
        return urlsplit(endpoint if "//" in endpoint else f"//{endpoint}").hostname or ""
    except ValueError:
        return ""

"""`accounts:` of `tenant.yaml`: providers and servers through which mail leaves. Secrets are references.

What each kind of account needs is stated here as its fields; how it is spoken to is other adapters' work.
"""

from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, model_validator

from outreach_pipelines.adapters.inventory_files.values import (
    FileModel,
    HostText,
    IpText,
    OriginText,
    PortText,
    Positive,
    SecretText,
    SettingText,
    Share,
    Slug,
)
from outreach_pipelines.domain.audit_policy import DedicatedAddress
from outreach_pipelines.domain.lead import LawfulBasis
from outreach_pipelines.domain.provider_account import (
    AccountName,
    Connection,
    DkimKeyRef,
    GoogleTokens,
    MailgunConnection,
    MailTokens,
    MicrosoftTokens,
    PostmarkConnection,
    ProviderAccount,
    ProviderKind,
    SesConnection,
    SmtpConnection,
    SmtpLimits,
    TenantAccount,
    Tls,
)

MOST_ADDRESSES = 256


class SendingAddressModel(FileModel):
    """An address that this tenant's mail leaves from and nobody else's, with the name it greets with."""

    ip: IpText
    helo: HostText | None = None

    def to_domain(self) -> DedicatedAddress:
        return DedicatedAddress(self.ip, self.helo)


class AccountModel(FileModel):
    """What every kind of account states. The default basis is consent alone: shared providers' terms ask for it."""

    name: Slug
    allowed_basis: tuple[LawfulBasis, ...] = (LawfulBasis.CONSENT,)
    share: Share = Decimal(1)
    configuration_set: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,64}$")] = ""
    sending_addresses: Annotated[tuple[SendingAddressModel, ...], Field(max_length=MOST_ADDRESSES)] = ()

    def account(self, kind: ProviderKind, connection: Connection) -> TenantAccount:
        account = ProviderAccount(AccountName(self.name), kind, connection, tuple(sorted(set(self.allowed_basis))))
        addresses = tuple(each.to_domain() for each in self.sending_addresses)
        return TenantAccount(account, self.share, self.configuration_set, addresses=addresses)


class SesModel(AccountModel):
    kind: Literal["ses"]
    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
    endpoint: SettingText | None = None
    access_key_id: SecretText | None = None
    secret_access_key: SecretText | None = None
    ses_tenant: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,64}$")] = ""

    @model_validator(mode="after")
    def _both_keys_or_none(self) -> "SesModel":
        if (self.access_key_id is None) != (self.secret_access_key is None):
            message = "access_key_id and secret_access_key stand together or not at all"
            raise ValueError(message)
        return self

    def to_domain(self) -> TenantAccount:
        keys = (self.access_key_id, self.secret_access_key)
        account = self.account(ProviderKind.SES, SesConnection(self.region, self.endpoint, *keys))
        return replace(account, ses_tenant=self.ses_tenant)


class GoogleTokensModel(FileModel):
    kind: Literal["google"]

    def to_domain(self) -> MailTokens:
        return GoogleTokens()


class MicrosoftTokensModel(FileModel):
    kind: Literal["microsoft"]
    directory: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]{1,100}$")]
    client_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,100}$")]

    def to_domain(self) -> MailTokens:
        return MicrosoftTokens(self.directory, self.client_id)


class DkimModel(FileModel):
    """`key` leads to a PEM text: RSA of 2048 bits or more, or Ed25519."""

    domain: HostText
    selector: Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$")]
    key: SecretText

    def to_domain(self) -> DkimKeyRef:
        return DkimKeyRef(self.domain, self.selector, self.key)


class SmtpModel(AccountModel):
    """`password` leads to the secret of `tokens`, where these are used: a key file or a client secret."""

    kind: Literal["smtp"]
    host: SettingText
    port: PortText
    tls: Tls = Tls.IMPLICIT
    username: SettingText
    password: SecretText
    tokens: Annotated[GoogleTokensModel | MicrosoftTokensModel, Field(discriminator="kind")] | None = None
    connections: Annotated[int, Field(ge=1, le=100)] = SmtpLimits().connections
    messages_per_connection: Positive | None = None
    envelope: Literal["tagged", "mailbox"] = "tagged"
    dkim: Annotated[tuple[DkimModel, ...], Field(max_length=1000)] = ()

    def to_domain(self) -> TenantAccount:
        login = self.username, self.password, self.tokens.to_domain() if self.tokens else None
        limits, tagged = SmtpLimits(self.connections, self.messages_per_connection), self.envelope == "tagged"
        width = limits, tagged, tuple(key.to_domain() for key in self.dkim)
        connection = SmtpConnection(self.host, self.port, self.tls, *login, *width)
        return self.account(ProviderKind.SMTP, connection)


class MailgunModel(AccountModel):
    kind: Literal["mailgun"]
    region: Literal["us", "eu"]
    api_key: SecretText
    base_url: OriginText | None = None
    require_tls: bool = False

    def to_domain(self) -> TenantAccount:
        connection = MailgunConnection(self.region, self.api_key, self.base_url, self.require_tls)
        return self.account(ProviderKind.MAILGUN, connection)


class PostmarkModel(AccountModel):
    kind: Literal["postmark"]
    server_token: SecretText
    stream: Slug = "broadcast"
    base_url: OriginText | None = None
    account_token: SecretText | None = None

    def to_domain(self) -> TenantAccount:
        connection = PostmarkConnection(self.server_token, self.stream, self.base_url, self.account_token)
        return self.account(ProviderKind.POSTMARK, connection)


AnyAccount = Annotated[SesModel | SmtpModel | MailgunModel | PostmarkModel, Field(discriminator="kind")]

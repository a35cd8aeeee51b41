"""The accounts through which mail leaves, as an operator states them. How each is spoken to is an adapter's work."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NewType

from outreach_pipelines.domain.audit_policy import DedicatedAddress
from outreach_pipelines.domain.lead import LawfulBasis
from outreach_pipelines.domain.reference import SecretRef, Setting

AccountName = NewType("AccountName", str)
"""One name a whole installation: two tenants that write the same name mean the same account."""


class ProviderKind(StrEnum):
    SES = "ses"
    SMTP = "smtp"
    MAILGUN = "mailgun"
    POSTMARK = "postmark"


class Tls(StrEnum):
    """How a connection is secured. `NONE` is for loopback; RFC 8314 section 3.3 prefers implicit TLS."""

    IMPLICIT = "implicit"
    STARTTLS = "starttls"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class SesConnection:
    """Without keys the process's own AWS role is used. `endpoint` is empty for the region's public one."""

    region: str
    endpoint: Setting | None
    access_key_id: SecretRef | None
    secret_access_key: SecretRef | None


@dataclass(frozen=True, slots=True)
class GoogleTokens:
    """XOAUTH2 by a service account with domain-wide delegation; the password's reference leads to its key file."""


@dataclass(frozen=True, slots=True)
class MicrosoftTokens:
    """XOAUTH2 by an application of Entra ID; the password's reference leads to its client secret."""

    directory: str
    client_id: str


MailTokens = GoogleTokens | MicrosoftTokens


@dataclass(frozen=True, slots=True)
class SmtpLimits:
    """What a server allows one account: connections at once, and messages over each (None: any number).

    Microsoft 365 allows three connections; Gmail and it close one that has carried many messages.
    """

    connections: int = 8
    messages_per_connection: int | None = None


@dataclass(frozen=True, slots=True)
class DkimKeyRef:
    """Who signs as a From domain: the selector in its DNS, and where the private key is."""

    domain: str
    selector: str
    key: SecretRef


@dataclass(frozen=True, slots=True)
class SmtpConnection:
    """Without `tokens` the login is by password. Without `tagged_envelope` MAIL FROM is the mailbox itself.

    `dkim` is for a server that does not sign: then a domain without a key here sends nothing through it.
    """

    host: Setting
    port: Setting
    tls: Tls
    username: Setting
    password: SecretRef
    tokens: MailTokens | None = None
    limits: SmtpLimits = SmtpLimits()
    tagged_envelope: bool = True
    dkim: tuple[DkimKeyRef, ...] = ()


@dataclass(frozen=True, slots=True)
class MailgunConnection:
    """`region` is `us` or `eu`: they are different hosts (Mailgun, "Base URLs"). `base_url` is None for the region's own.

    With `require_tls` a receiver that offers no TLS gets nothing (Mailgun, `o:require-tls`).
    """

    region: str
    api_key: SecretRef
    base_url: Setting | None = None
    require_tls: bool = False


@dataclass(frozen=True, slots=True)
class PostmarkConnection:
    """`stream` is the message stream; bulk mail needs one of its own (Postmark, "Message Streams").

    `base_url` is None for Postmark's own. `account_token` opens the Domains API, which the server's does not.
    """

    server_token: SecretRef
    stream: str
    base_url: Setting | None = None
    account_token: SecretRef | None = None


Connection = SesConnection | SmtpConnection | MailgunConnection | PostmarkConnection


@dataclass(frozen=True, slots=True)
class ProviderAccount:
    """`allowed_basis` is what the provider's terms and the operator permit, sorted; other mail never uses it."""

    name: AccountName
    kind: ProviderKind
    connection: Connection
    allowed_basis: tuple[LawfulBasis, ...]


@dataclass(frozen=True, slots=True)
class TenantAccount:
    """An account as one tenant uses it: its `share` of the quota (0 to 1) and where its events are reported.

    `ses_tenant` is this client's name among the SES tenants of the account, empty where the account has none.
    `addresses` are those that this tenant's mail leaves from and nobody else's, where there are such.
    """

    account: ProviderAccount
    share: Decimal
    configuration_set: str
    ses_tenant: str = ""
    addresses: tuple[DedicatedAddress, ...] = ()

"""The accounts through which mail leaves, as an operator states them. How each is spoken to is an adapter's work."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NewType

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
class SmtpConnection:
    host: Setting
    port: Setting
    tls: Tls
    username: Setting
    password: SecretRef


@dataclass(frozen=True, slots=True)
class MailgunConnection:
    """`region` is `us` or `eu`: they are different hosts (Mailgun, "Base URLs")."""

    region: str
    api_key: SecretRef


@dataclass(frozen=True, slots=True)
class PostmarkConnection:
    """`stream` is the message stream; bulk mail needs one of its own (Postmark, "Message Streams")."""

    server_token: SecretRef
    stream: str


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
    """An account as one tenant uses it: its `share` of the quota (0 to 1) and where its events are reported."""

    account: ProviderAccount
    share: Decimal
    configuration_set: str

"""`tenant.yaml`: who the tenant is, its inboxes, and what its DNS audit is asked for.

Belongs here: the file as a whole. Accounts are `account_yaml`'s, policy and shape `policy_yaml`'s.
"""

from typing import Annotated

from pydantic import Field

from outreach_pipelines.adapters.inventory_files.account_yaml import AnyAccount, GoogleTokensModel, MicrosoftTokensModel
from outreach_pipelines.adapters.inventory_files.policy_yaml import PolicyModel, ShapeModel
from outreach_pipelines.adapters.inventory_files.values import (
    AddressText,
    BlocklistText,
    CountryText,
    ExtraText,
    FileModel,
    HostText,
    HttpsUrl,
    Line,
    PortText,
    ReportsText,
    SecretText,
    SettingText,
    Slug,
    ZoneText,
)
from outreach_pipelines.domain.audit_policy import AuditPolicy
from outreach_pipelines.domain.inventory import Inbox, InboxName
from outreach_pipelines.domain.tenant import SenderIdentity, Tenant, TenantSlug

# Each list costs a question an address or domain and audit.
MOST_BLOCKLISTS = 20
AuthservId = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$")]


class SenderModel(FileModel):
    company: Line
    website: HttpsUrl
    contact: AddressText
    privacy_notice_url: HttpsUrl

    def to_domain(self) -> SenderIdentity:
        return SenderIdentity(self.company, self.website, self.contact, self.privacy_notice_url)


class InboxModel(FileModel):
    """`receives`: addresses, or `*@domain` for everything at a domain. `password` and `tokens` as of an account by SMTP.

    `authserv_ids`: names by which the inbox's own server signs `Authentication-Results` (RFC 8601 section 2.5).
    """

    name: Slug
    host: SettingText
    port: PortText
    tls: bool = True
    username: SettingText
    password: SecretText
    receives: Annotated[tuple[Annotated[str, Field(pattern=r"^(\*|[^@*\s]+)@[^@*\s]+$")], ...], Field(min_length=1)]
    tokens: Annotated[GoogleTokensModel | MicrosoftTokensModel, Field(discriminator="kind")] | None = None
    authserv_ids: Annotated[tuple[AuthservId, ...], Field(max_length=20)] = ()

    def to_domain(self) -> Inbox:
        receives = tuple(sorted(pattern.lower() for pattern in self.receives))
        name = InboxName(self.name)
        tokens = self.tokens.to_domain() if self.tokens else None
        trusted = tuple(sorted({name.lower() for name in self.authserv_ids}))
        return Inbox(name, self.host, self.port, self.tls, self.username, self.password, receives, tokens, trusted)


class DnsModel(FileModel):
    """What the DNS audit is asked for beyond the records that accounts need."""

    reports_to: ReportsText | None = None
    blocklists: Annotated[tuple[BlocklistText, ...], Field(max_length=MOST_BLOCKLISTS)] = ()
    also: tuple[ExtraText, ...] = ()
    cloudflare_token: SecretText | None = None
    probe_recipients: bool = False

    def to_domain(self) -> AuditPolicy:
        return AuditPolicy(
            reports_to=self.reports_to,
            blocklists=tuple(dict.fromkeys(self.blocklists)),
            also=tuple(sorted(set(self.also))),
            cloudflare_token=self.cloudflare_token,
            probe_recipients=self.probe_recipients,
        )


class TenantFile(FileModel):
    slug: Slug
    name: Line
    zone: ZoneText
    country: CountryText
    postal_address: Annotated[tuple[Line, ...], Field(min_length=2, max_length=8)]
    sender: SenderModel
    unsubscribe_host: HostText
    policy: PolicyModel = PolicyModel()
    shape: ShapeModel = ShapeModel()
    dns: DnsModel = DnsModel()
    accounts: Annotated[tuple[AnyAccount, ...], Field(min_length=1)]
    inboxes: tuple[InboxModel, ...] = ()

    def to_domain(self) -> Tenant:
        sender = self.sender.to_domain()
        lines = tuple(self.postal_address)
        slug = TenantSlug(self.slug)
        return Tenant(slug, self.name, self.zone, self.country, lines, sender, self.unsubscribe_host)

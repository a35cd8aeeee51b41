"""`tenant.yaml`: who the tenant is, its policy, its provider accounts and its inboxes.

A field left out has the default of `domain.sending_policy`; `null` means unlimited where the domain says so.
"""

from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, model_validator

from outreach_pipelines.adapters.inventory_files.values import (
    AddressText,
    CountryText,
    FileModel,
    HostText,
    HoursText,
    HttpsUrl,
    OriginText,
    PortText,
    SecretText,
    SettingText,
    WeekdayText,
    ZoneText,
)
from outreach_pipelines.domain.inventory import Inbox, InboxName
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
from outreach_pipelines.domain.sending_policy import (
    BackOffThresholds,
    ContactPressure,
    PoolShape,
    RampUp,
    RateThresholds,
    SendingPolicy,
)
from outreach_pipelines.domain.tenant import SenderIdentity, Tenant, TenantSlug

Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,38}[a-z0-9]$")]
Line = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f\u2028\u2029]+$")]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
Positive = Annotated[int, Field(ge=1, le=10_000)]
Share = Annotated[Decimal, Field(gt=0, le=1)]

DEFAULTS = SendingPolicy()
# Beyond these providers act themselves: SES pauses at 10 % bounces, Google's bulk rules end at 0.3 % complaints.
HIGHEST_BOUNCE_STOP = Decimal("0.10")
HIGHEST_COMPLAINT_STOP = Decimal("0.003")


class SenderModel(FileModel):
    company: Line
    website: HttpsUrl
    contact: AddressText
    privacy_notice_url: HttpsUrl

    def to_domain(self) -> SenderIdentity:
        return SenderIdentity(self.company, self.website, self.contact, self.privacy_notice_url)


class RatesModel(FileModel):
    warn: Share
    slow: Share
    stop: Share
    floor: Count
    window_days: Positive

    @model_validator(mode="after")
    def _rising(self) -> "RatesModel":
        if not self.warn <= self.slow <= self.stop:
            message = "warn, slow and stop rise in this order"
            raise ValueError(message)
        return self

    def to_domain(self) -> RateThresholds:
        return RateThresholds(self.warn, self.slow, self.stop, self.floor, self.window_days)


class ThresholdsModel(FileModel):
    hard_bounces: RatesModel | None = None
    complaints: RatesModel | None = None
    hard_bounces_in_a_row: Positive = DEFAULTS.thresholds.hard_bounces_in_a_row
    complaints_in_a_day: Positive = DEFAULTS.thresholds.complaints_in_a_day
    errors_in_a_row_warn: Positive = DEFAULTS.thresholds.errors_in_a_row_warn
    errors_in_a_row_stop: Positive = DEFAULTS.thresholds.errors_in_a_row_stop

    @model_validator(mode="after")
    def _before_the_provider_acts(self) -> "ThresholdsModel":
        if self.hard_bounces and self.hard_bounces.stop > HIGHEST_BOUNCE_STOP:
            message = f"hard_bounces stops at {HIGHEST_BOUNCE_STOP} at the latest: providers do"
            raise ValueError(message)
        if self.complaints and self.complaints.stop > HIGHEST_COMPLAINT_STOP:
            message = f"complaints stops at {HIGHEST_COMPLAINT_STOP} at the latest: providers do"
            raise ValueError(message)
        return self

    def to_domain(self) -> BackOffThresholds:
        usual = DEFAULTS.thresholds
        return BackOffThresholds(
            self.hard_bounces.to_domain() if self.hard_bounces else usual.hard_bounces,
            self.complaints.to_domain() if self.complaints else usual.complaints,
            self.hard_bounces_in_a_row,
            self.complaints_in_a_day,
            self.errors_in_a_row_warn,
            self.errors_in_a_row_stop,
        )


class ContactPressureModel(FileModel):
    messages: Count
    days: Positive


class RampUpModel(FileModel):
    start: Positive = DEFAULTS.ramp_up.start
    step: Positive = DEFAULTS.ramp_up.step
    used_share: Share = DEFAULTS.ramp_up.used_share
    idle_days: Positive = DEFAULTS.ramp_up.idle_days


class PolicyModel(FileModel):
    daily_cap: Count | None = DEFAULTS.daily_cap
    minute_cap: Count | None = DEFAULTS.minute_cap
    company_daily_cap: Count | None = DEFAULTS.company_daily_cap
    recipient_domain_daily_cap: Count | None = DEFAULTS.recipient_domain_daily_cap
    quiet_hours: HoursText | None = DEFAULTS.quiet_hours
    weekend: tuple[WeekdayText, ...] = DEFAULTS.weekend
    holiday_countries: tuple[CountryText, ...] = ()
    contact_pressure: ContactPressureModel | None = ContactPressureModel(
        messages=ContactPressure().messages, days=ContactPressure().days
    )
    longest_follow_up_wait: Count = DEFAULTS.longest_follow_up_wait
    stop_company_on_reply: bool = DEFAULTS.stop_company_on_reply
    verified_only: bool = DEFAULTS.verified_only
    smtp_at_least_once: bool = DEFAULTS.smtp_at_least_once
    ramp_up: RampUpModel = RampUpModel()
    thresholds: ThresholdsModel = ThresholdsModel()

    def to_domain(self) -> SendingPolicy:
        pressure, ramp_up = self.contact_pressure, self.ramp_up
        return SendingPolicy(
            daily_cap=self.daily_cap,
            minute_cap=self.minute_cap,
            company_daily_cap=self.company_daily_cap,
            recipient_domain_daily_cap=self.recipient_domain_daily_cap,
            quiet_hours=self.quiet_hours,
            weekend=tuple(sorted(set(self.weekend))),
            holiday_countries=tuple(sorted(set(self.holiday_countries))),
            contact_pressure=None if pressure is None else ContactPressure(pressure.messages, pressure.days),
            longest_follow_up_wait=self.longest_follow_up_wait,
            stop_company_on_reply=self.stop_company_on_reply,
            verified_only=self.verified_only,
            smtp_at_least_once=self.smtp_at_least_once,
            ramp_up=RampUp(ramp_up.start, ramp_up.step, ramp_up.used_share, ramp_up.idle_days),
            thresholds=self.thresholds.to_domain(),
        )


class ShapeModel(FileModel):
    """`domains` and `mailboxes` as the fewest and the most that are meant."""

    domains: tuple[Positive, Positive] = (PoolShape().fewest_domains, PoolShape().most_domains)
    mailboxes: tuple[Positive, Positive] = (PoolShape().fewest_mailboxes, PoolShape().most_mailboxes)

    def to_domain(self) -> PoolShape:
        return PoolShape(*self.domains, *self.mailboxes)


class AccountModel(FileModel):
    """What every kind of account states. The default basis is consent alone: shared providers' terms ask for it."""

    name: Slug
    allowed_basis: tuple[LawfulBasis, ...] = (LawfulBasis.CONSENT,)
    share: Share = Decimal(1)
    configuration_set: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,64}$")] = ""

    def account(self, kind: ProviderKind, connection: Connection) -> TenantAccount:
        account = ProviderAccount(AccountName(self.name), kind, connection, tuple(sorted(set(self.allowed_basis))))
        return TenantAccount(account, self.share, self.configuration_set)


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

    def to_domain(self) -> TenantAccount:
        return self.account(ProviderKind.POSTMARK, PostmarkConnection(self.server_token, self.stream, self.base_url))


class InboxModel(FileModel):
    """`receives`: addresses, or `*@domain` for everything at a domain. `password` and `tokens` as of an account by SMTP."""

    name: Slug
    host: SettingText
    port: PortText
    tls: bool = True
    username: SettingText
    password: SecretText
    receives: Annotated[tuple[Annotated[str, Field(pattern=r"^(\*|[^@*\s]+)@[^@*\s]+$")], ...], Field(min_length=1)]
    tokens: Annotated[GoogleTokensModel | MicrosoftTokensModel, Field(discriminator="kind")] | None = None

    def to_domain(self) -> Inbox:
        receives = tuple(sorted(pattern.lower() for pattern in self.receives))
        name = InboxName(self.name)
        tokens = self.tokens.to_domain() if self.tokens else None
        return Inbox(name, self.host, self.port, self.tls, self.username, self.password, receives, tokens)


AnyAccount = Annotated[SesModel | SmtpModel | MailgunModel | PostmarkModel, Field(discriminator="kind")]


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
    accounts: Annotated[tuple[AnyAccount, ...], Field(min_length=1)]
    inboxes: tuple[InboxModel, ...] = ()

    def to_domain(self) -> Tenant:
        sender = self.sender.to_domain()
        lines = tuple(self.postal_address)
        slug = TenantSlug(self.slug)
        return Tenant(slug, self.name, self.zone, self.country, lines, sender, self.unsubscribe_host)

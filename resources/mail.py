"""How mail leaves: the desk of a batch with its transports, templates and tags."""

from dataclasses import dataclass, field

from outreach_pipelines.adapters.postgres.account_reader import AccountRow, read_accounts
from outreach_pipelines.adapters.postgres.step_calendar import StepCalendar
from outreach_pipelines.adapters.secrets import SecretSource
from outreach_pipelines.adapters.ses import SesAccess, SesPath, SesTransport, ses_clients
from outreach_pipelines.adapters.smtp import SmtpAccess, SmtpTransport
from outreach_pipelines.adapters.templates import TemplateStore
from outreach_pipelines.application.ports import MailTransport
from outreach_pipelines.application.send_batch import SendDesk
from outreach_pipelines.domain.provider_account import (
    MailgunConnection,
    PostmarkConnection,
    SesConnection,
    SmtpConnection,
)
from outreach_pipelines.domain.send_plan.snapshot import AccountId
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.errors import NotFound, Refused
from outreach_pipelines.settings import SendingMode, Settings, load_settings
from resources.database import app_engine, clock, messages
from resources.files import object_store
from resources.keys import tagger


def desk() -> SendDesk:
    """All that a batch needs, made for one run. Raises `Refused` while sending is off."""
    settings = load_settings()
    if settings.sending is SendingMode.OFF:
        message = "OUTREACH_SENDING is off: nothing is sent"
        raise Refused(message)
    store = messages()
    return SendDesk(
        messages=store,
        proofs=store,
        transports=AccountTransports(secret_source(settings), settings.sending),
        renderer=TemplateStore(object_store()),
        tagger=tagger(),
        next_step_day=StepCalendar(app_engine()),
        clock=clock(),
        epoch=store.epoch(),
    )


def secret_source(settings: Settings) -> SecretSource:
    """Where references to secrets lead."""
    return SecretSource(region=settings.aws_region, endpoint_url=settings.aws_endpoint_url)


@dataclass(slots=True)
class AccountTransports:
    """`Transports`: one per tenant and account, made when first used, on the loop that uses it."""

    secrets: SecretSource
    mode: SendingMode
    _rows: dict[TenantId, dict[AccountId, AccountRow]] = field(default_factory=dict)
    _made: dict[tuple[TenantId, AccountId], MailTransport] = field(default_factory=dict)

    def of(self, tenant: TenantId, account: AccountId) -> MailTransport:
        """See `Transports.of`."""
        if (tenant, account) not in self._made:
            self._made[tenant, account] = self._make(self._row(tenant, account))
        return self._made[tenant, account]

    def kind(self, tenant: TenantId, account: AccountId) -> str:
        """See `Transports.kind`."""
        return self._row(tenant, account).kind

    async def close(self) -> None:
        """See `Transports.close`."""
        made, self._made = self._made, {}
        for transport in made.values():
            await transport.close()

    def _row(self, tenant: TenantId, account: AccountId) -> AccountRow:
        if tenant not in self._rows:
            self._rows[tenant] = {row.account: row for row in read_accounts(app_engine(), tenant)}
        if account not in self._rows[tenant]:
            message = f"tenant {tenant} has no provider account {account}"
            raise NotFound(message)
        return self._rows[tenant][account]

    def _make(self, row: AccountRow) -> MailTransport:
        match row.connection:
            case SesConnection() as ses:
                keys = [
                    self.secrets.resolve(key) if key else None for key in (ses.access_key_id, ses.secret_access_key)
                ]
                endpoint = self.secrets.setting(ses.endpoint) if ses.endpoint else None
                self._only_lab_endpoints(endpoint)
                access = SesAccess(ses.region, endpoint, *keys)
                return SesTransport(ses_clients(access), region=ses.region, path=SesPath(row.configuration_set or None))
            case SmtpConnection() as smtp:
                host = self.secrets.setting(smtp.host)
                self._only_lab_endpoints(host)
                username, password = self.secrets.setting(smtp.username), self.secrets.resolve(smtp.password)
                return SmtpTransport(
                    SmtpAccess(host, int(self.secrets.setting(smtp.port)), smtp.tls, username, password)
                )
            case MailgunConnection() | PostmarkConnection():
                message = f"account {row.name}: {row.kind} is not spoken by this version"
                raise Refused(message)

    def _only_lab_endpoints(self, endpoint: str | None) -> None:
        host = (endpoint or "").removeprefix("http://").removeprefix("https://").partition(":")[0]
        if self.mode is SendingMode.LAB and host not in ("127.0.0.1", "localhost", "::1"):
            message = f"OUTREACH_SENDING=lab reaches loopback only, and this account answers at {endpoint or 'the provider itself'}"
            raise Refused(message)

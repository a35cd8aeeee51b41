"""From a stored account to what speaks with its provider; and how far a lab may reach."""

from dataclasses import replace
from pathlib import Path

import pytest

from outreach_pipelines.adapters.mailgun import MailgunTransport
from outreach_pipelines.adapters.mailgun_domains import MailgunDomains
from outreach_pipelines.adapters.mailgun_events import MailgunLookup
from outreach_pipelines.adapters.postgres.account_reader import AccountRow
from outreach_pipelines.adapters.postmark import PostmarkTransport
from outreach_pipelines.adapters.postmark_domains import PostmarkDomains
from outreach_pipelines.adapters.postmark_messages import PostmarkLookup
from outreach_pipelines.adapters.secrets import SecretSource
from outreach_pipelines.adapters.ses_domains import SesDomains
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.provider_account import (
    AccountName,
    Connection,
    MailgunConnection,
    PostmarkConnection,
    SesConnection,
    SmtpConnection,
    Tls,
)
from outreach_pipelines.domain.reference import Fixed, FromEnvironment, SecretRef, SecretScheme
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.errors import OutreachError, Refused, SettingsFault
from outreach_pipelines.settings import SendingMode
from resources.accounts import AccountBook, AccountLookups
from resources.domain_desks import InventoryDesks, ProviderDesks
from resources.mail import AccountTransports

KEY = SecretRef(SecretScheme.ENVIRONMENT, "KEY")
ENVIRONMENT = {"KEY": "secret", "LAB_URL": "http://127.0.0.1:8025"}
LAB = FromEnvironment("LAB_URL")
MAILGUN, POSTMARK = MailgunConnection("eu", KEY, LAB), PostmarkConnection(KEY, "outreach", LAB)
SES = SesConnection("eu-west-1", LAB, KEY, KEY)
SMTP = SmtpConnection(Fixed("127.0.0.1"), Fixed("25"), Tls.NONE, Fixed("bo"), KEY)


def a_row(connection: Connection) -> AccountRow:
    return AccountRow(AccountId(1), "main", "any", connection, None)


def a_book(mode: SendingMode = SendingMode.LAB, **environment: str) -> AccountBook:
    return AccountBook(SecretSource({**ENVIRONMENT, **environment}), mode)


@pytest.mark.parametrize(
    ("connection", "transport", "lookup"),
    [
        (MAILGUN, MailgunTransport, MailgunLookup),
        (POSTMARK, PostmarkTransport, PostmarkLookup),
        (SES, None, type(None)),
        (SMTP, None, type(None)),
    ],
)
def test_an_account_has_the_transport_and_the_look_up_of_its_provider(
    connection: Connection, transport: type | None, lookup: type
) -> None:
    book = a_book()

    made = AccountTransports(book).make(a_row(connection))
    looks = AccountLookups(book).make(a_row(connection))

    assert transport is None or isinstance(made, transport)
    assert isinstance(looks, lookup)


@pytest.mark.parametrize(
    "connection",
    [
        MailgunConnection("eu", KEY),
        PostmarkConnection(KEY, "outreach"),
        MailgunConnection("us", KEY, Fixed("https://api.mailgun.example")),
        MailgunConnection("us", KEY, Fixed("http://127.0.0.1:80@api.mailgun.example")),
        PostmarkConnection(KEY, "outreach", Fixed("https://127.0.0.1.postmark.example")),
        SesConnection("eu-west-1", None, KEY, KEY),
        SesConnection("eu-west-1", Fixed("https://localhost:80@ses.example"), KEY, KEY),
        SmtpConnection(Fixed("smtp.example.net"), Fixed("465"), Tls.IMPLICIT, Fixed("bo"), KEY),
    ],
)
def test_a_lab_reaches_no_provider_outside_of_this_machine(connection: Connection) -> None:
    transports = AccountTransports(a_book())

    with pytest.raises(Refused, match="loopback"):
        transports.make(a_row(connection))


@pytest.mark.parametrize("connection", [MailgunConnection("eu", KEY), PostmarkConnection(KEY, "outreach")])
def test_a_lab_looks_nothing_up_outside_of_this_machine_either(connection: Connection) -> None:
    lookups = AccountLookups(a_book())

    with pytest.raises(Refused, match="loopback"):
        lookups.make(a_row(connection))


@pytest.mark.parametrize(
    ("connection", "url"),
    [
        (MailgunConnection("us", KEY), "https://api.mailgun.net"),
        (MailgunConnection("eu", KEY), "https://api.eu.mailgun.net"),
    ],
)
def test_an_account_in_production_is_reached_where_its_region_is(connection: MailgunConnection, url: str) -> None:
    assert a_book(SendingMode.OFF).mailgun(connection).base_url == url


@pytest.mark.parametrize(
    ("connection", "environment"),
    [(MAILGUN, {"KEY": ""}), (POSTMARK, {"LAB_URL": ""}), (MAILGUN, {"LAB_URL": "http://127.0.0.1:port"})],
)
def test_a_reference_that_leads_nowhere_is_told_and_raises_nothing_that_a_batch_would_not_catch(
    connection: Connection, environment: dict[str, str]
) -> None:
    transports = AccountTransports(a_book(SendingMode.OFF, **environment))

    with pytest.raises(SettingsFault) as told:
        transports.make(a_row(connection))

    assert isinstance(told.value, OutreachError)


@pytest.mark.parametrize(
    ("connection", "desk"),
    [
        (MAILGUN, MailgunDomains),
        (replace(POSTMARK, account_token=KEY), PostmarkDomains),
        (POSTMARK, type(None)),
        (SES, SesDomains),
        (SMTP, type(None)),
    ],
)
def test_domains_are_asked_about_at_the_accounts_provider_where_there_is_a_key_for_it(
    connection: Connection, desk: type
) -> None:
    made = ProviderDesks(a_book()).make(connection)

    assert isinstance(made, desk)


@pytest.mark.parametrize(
    ("connection", "mode", "reason"),
    [
        (SES, SendingMode.LAB, "OUTREACH_SENDING=lab"),
        (POSTMARK, SendingMode.LIVE, "account_token"),
        (
            replace(MAILGUN, api_key=SecretRef(SecretScheme.ENVIRONMENT, "NOBODY_SET_THIS")),
            SendingMode.LIVE,
            "NOBODY_SET_THIS",
        ),
        (SMTP, SendingMode.LIVE, None),
    ],
)
def test_a_provider_that_a_command_cannot_ask_is_told_with_its_reason(
    connection: Connection, mode: SendingMode, reason: str | None
) -> None:
    desks = InventoryDesks(ProviderDesks(a_book(mode)), {AccountName("main"): connection})

    assert desks.of(AccountName("main")) is None
    assert desks.of(AccountName("typed by hand")) is None
    assert list(desks.not_asked) == ([AccountName("main")] if reason else [])
    assert (reason or "") in desks.not_asked.get(AccountName("main"), "")


def test_ses_is_not_asked_where_aws_has_no_keys_for_us(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    keyless = replace(SES, access_key_id=None, secret_access_key=None)
    desks = InventoryDesks(ProviderDesks(a_book(SendingMode.OFF)), {AccountName("main"): keyless})

    assert desks.of(AccountName("main")) is None
    assert desks.not_asked == {AccountName("main"): "there are no keys for AWS"}


def test_a_lab_asks_no_provider_about_domains() -> None:
    # Without a look at its accounts: there is no database here.
    assert ProviderDesks(a_book(SendingMode.LAB)).of(TenantId(1), AccountName("main")) is None

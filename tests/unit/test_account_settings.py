"""Provider accounts as JSON: references go in and come back, secrets never do."""

import json

import pytest

from outreach_pipelines.adapters.postgres.account_settings import connection_of, region_of, secret_of, settings_of
from outreach_pipelines.domain.provider_account import (
    Connection,
    MailgunConnection,
    PostmarkConnection,
    ProviderKind,
    SesConnection,
    SmtpConnection,
    Tls,
)
from outreach_pipelines.domain.reference import Fixed, FromEnvironment, SecretRef, SecretScheme

KEY = SecretRef(SecretScheme.SSM, "/outreach/key")
CASES: list[tuple[ProviderKind, Connection]] = [
    (
        ProviderKind.SES,
        SesConnection("eu-central-1", FromEnvironment("LAB_SES_URL"), SecretRef(SecretScheme.ENVIRONMENT, "ID"), KEY),
    ),
    (ProviderKind.SES, SesConnection("eu-central-1", None, None, None)),
    (
        ProviderKind.SMTP,
        SmtpConnection(Fixed("smtp.example.net"), Fixed("587"), Tls.STARTTLS, FromEnvironment("LOGIN"), KEY),
    ),
    (ProviderKind.MAILGUN, MailgunConnection("eu", KEY)),
    (ProviderKind.MAILGUN, MailgunConnection("us", KEY, FromEnvironment("LAB_MAILGUN_URL"), require_tls=True)),
    (ProviderKind.POSTMARK, PostmarkConnection(KEY, "broadcast")),
    (ProviderKind.POSTMARK, PostmarkConnection(KEY, "broadcast", account_token=KEY)),
    (ProviderKind.POSTMARK, PostmarkConnection(KEY, "broadcast", FromEnvironment("LAB_POSTMARK_URL"))),
]


@pytest.mark.parametrize(("kind", "connection"), CASES)
def test_a_connection_survives_its_json(kind: ProviderKind, connection: Connection) -> None:
    stored = json.loads(json.dumps(settings_of(connection)))

    assert connection_of(kind.value, stored) == connection


def test_the_secret_to_fill_is_named_by_its_reference() -> None:
    assert [secret_of(connection) for _, connection in CASES] == [KEY, None, KEY, KEY, KEY, KEY, KEY, KEY]


def test_only_providers_with_regions_have_one() -> None:
    regions = [region_of(connection) for _, connection in CASES]

    assert regions == ["eu-central-1", "eu-central-1", None, "eu", "us", None, None, None]


@pytest.mark.parametrize(
    "stored",
    [
        {"region": "eu", "api_key": "hunter2"},
        {"region": "eu", "api_key": None},
        {"api_key": str(KEY)},
    ],
)
def test_what_is_no_reference_is_refused_without_being_repeated(stored: dict[str, str | None]) -> None:
    with pytest.raises(ValueError, match="the stored account") as refused:
        connection_of("mailgun", stored)

    assert "hunter2" not in str(refused.value)

"""What an SMTP account may say beyond host and password: from its lines of YAML over its row to what sends."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from outreach_pipelines.adapters.dkim_signing import SigningTransport
from outreach_pipelines.adapters.inventory_files.account_yaml import SesModel, SmtpModel
from outreach_pipelines.adapters.oauth import IssuedTokens
from outreach_pipelines.adapters.postgres.account_reader import AccountRow
from outreach_pipelines.adapters.postgres.account_settings import connection_of, settings_of
from outreach_pipelines.adapters.secrets import SecretSource
from outreach_pipelines.adapters.smtp import SmtpTransport
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.provider_account import (
    DkimKeyRef,
    GoogleTokens,
    MicrosoftTokens,
    SmtpConnection,
    SmtpLimits,
)
from outreach_pipelines.domain.reference import SecretRef, SecretScheme
from outreach_pipelines.errors import Refused, SettingsFault
from outreach_pipelines.settings import SendingMode
from resources.accounts import AccountBook
from resources.mail import AccountTransports

PLAIN: dict[str, Any] = {
    "name": "own", "kind": "smtp", "host": "127.0.0.1", "port": "2525", "tls": "none", "username": "bo@client.example", "password": "env:PASSWORD",
}  # fmt: skip
MICROSOFT = {"tokens": {"kind": "microsoft", "directory": "d1", "client_id": "c1"}}
DKIM = {"dkim": [{"domain": "client.example", "selector": "s1", "key": "env:DKIM"}]}
WIDE = {"connections": 3, "messages_per_connection": 20, "envelope": "mailbox"}
DKIM_PEM = (
    Ed25519PrivateKey.generate()
    .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    .decode()
)


def connection(**more: Any) -> SmtpConnection:
    stated = SmtpModel.model_validate({**PLAIN, **more}).to_domain().account.connection
    assert isinstance(stated, SmtpConnection)
    return stated


def book(mode: SendingMode = SendingMode.LAB, **environment: str) -> AccountBook:
    return AccountBook(SecretSource({"PASSWORD": "canary", "DKIM": DKIM_PEM, **environment}), mode)


def made(connection: SmtpConnection, book: AccountBook) -> object:
    return AccountTransports(book).make(AccountRow(AccountId(1), "own", "smtp", connection, None))


def test_an_account_that_says_nothing_has_the_usual_width() -> None:
    plain = connection()

    assert (plain.tokens, plain.limits, plain.tagged_envelope, plain.dkim) == (None, SmtpLimits(), True, ())


def test_what_an_account_says_is_what_it_has() -> None:
    wide = connection(**WIDE, **MICROSOFT, **DKIM)

    assert (wide.limits, wide.tagged_envelope) == (SmtpLimits(3, 20), False)
    assert wide.tokens == MicrosoftTokens("d1", "c1")
    assert wide.dkim == (DkimKeyRef("client.example", "s1", SecretRef(SecretScheme.ENVIRONMENT, "DKIM")),)


@pytest.mark.parametrize(
    "more", [{}, WIDE, MICROSOFT, DKIM, {"tokens": {"kind": "google"}}, {**WIDE, **MICROSOFT, **DKIM}]
)
def test_an_account_survives_its_row(more: dict[str, Any]) -> None:
    stated = connection(**more)

    assert connection_of("smtp", json.loads(json.dumps(settings_of(stated)))) == stated


@pytest.mark.parametrize(
    "more",
    [
        {"connections": 0},
        {"messages_per_connection": 0},
        {"envelope": "any"},
        {"tokens": {"kind": "microsoft"}},
        {"tokens": {"kind": "microsoft", "directory": "../x", "client_id": "c"}},
        {"dkim": [{"domain": "client.example", "selector": "-s", "key": "env:A"}]},
        {"dkim": [{"domain": "client.example", "selector": "s", "key": "-----BEGIN PRIVATE KEY-----"}]},
    ],
)
def test_what_an_account_cannot_say_is_a_fault(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        connection(**more)


def test_a_stored_account_of_unknown_tokens_is_not_read_as_one_with_a_password() -> None:
    with pytest.raises(ValueError, match="tokens"):
        connection_of("smtp", {**settings_of(connection()), "tokens": "other"})


def test_a_plain_account_sends_unsigned_and_one_with_keys_signs() -> None:
    assert isinstance(made(connection(), book()), SmtpTransport)
    assert isinstance(made(connection(**DKIM), book()), SigningTransport)


def test_a_key_that_cannot_sign_is_told_when_the_transport_is_made() -> None:
    with pytest.raises(SettingsFault, match="DKIM key of s1"):
        made(connection(**DKIM), book(DKIM="canary"))


def test_an_account_with_tokens_logs_in_by_them_and_not_by_its_secret() -> None:
    access = book(SendingMode.LIVE).smtp(connection(**MICROSOFT))

    assert isinstance(access.token, IssuedTokens)
    assert access.password is None


@pytest.mark.parametrize("tokens", [MicrosoftTokens("d1", "c1")])
def test_a_lab_asks_no_issuer_outside_of_this_machine(tokens: MicrosoftTokens | GoogleTokens) -> None:
    with pytest.raises(Refused, match="loopback"):
        book().smtp(connection(**MICROSOFT))


def test_an_ses_account_names_its_client_among_the_tenants_of_ses() -> None:
    stated = {"name": "main", "kind": "ses", "region": "eu-west-1", "ses_tenant": "client-a"}

    assert SesModel.model_validate(stated).to_domain().ses_tenant == "client-a"

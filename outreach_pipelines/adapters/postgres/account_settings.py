"""How a provider account is spoken to, as the JSON of `provider_account.settings` and back.

Only references to secrets pass here. Reading the rows is `account_reader`'s.
"""

from collections.abc import Mapping
from typing import assert_never

from outreach_pipelines.domain.provider_account import (
    Connection,
    MailgunConnection,
    PostmarkConnection,
    ProviderKind,
    SesConnection,
    SmtpConnection,
    Tls,
)
from outreach_pipelines.domain.reference import SecretRef, Setting, parse_secret_ref, parse_setting

Settings = Mapping[str, str | None]


def settings_of(connection: Connection) -> Settings:
    """The JSON of a connection; `connection_of` gives the connection again."""
    match connection:
        case SesConnection(region, endpoint, key_id, secret_key):
            keys = {"access_key_id": _text(key_id), "secret_access_key": _text(secret_key)}
            return {"region": region, "endpoint": _text(endpoint), **keys}
        case SmtpConnection(host, port, tls, username, password):
            login = {"username": str(username), "password": str(password)}
            return {"host": str(host), "port": str(port), "tls": tls.value, **login}
        case MailgunConnection(region, api_key):
            return {"region": region, "api_key": str(api_key)}
        case PostmarkConnection(server_token, stream):
            return {"server_token": str(server_token), "stream": stream}
    assert_never(connection)


def connection_of(kind: str, settings: Settings) -> Connection:
    """A stored connection. Raises `ValueError` for what `settings_of` never wrote."""
    stored = _Stored(settings)
    match ProviderKind(kind):
        case ProviderKind.SES:
            endpoint = stored.setting("endpoint") if settings.get("endpoint") else None
            keys = [stored.secret(name) if settings.get(name) else None for name in _SES_KEYS]
            return SesConnection(stored.text("region"), endpoint, *keys)
        case ProviderKind.SMTP:
            host, port, username = (stored.setting(name) for name in ("host", "port", "username"))
            return SmtpConnection(host, port, Tls(stored.text("tls")), username, stored.secret("password"))
        case ProviderKind.MAILGUN:
            return MailgunConnection(stored.text("region"), stored.secret("api_key"))
        case ProviderKind.POSTMARK:
            return PostmarkConnection(stored.secret("server_token"), stored.text("stream"))


def region_of(connection: Connection) -> str | None:
    """Where the provider keeps the account, if it has such places."""
    return connection.region if isinstance(connection, SesConnection | MailgunConnection) else None


def secret_of(connection: Connection) -> SecretRef | None:
    """The reference that an operator must fill; None where the process's own role is used."""
    match connection:
        case SesConnection():
            return connection.secret_access_key
        case SmtpConnection():
            return connection.password
        case MailgunConnection():
            return connection.api_key
        case PostmarkConnection():
            return connection.server_token
    assert_never(connection)


_SES_KEYS = ("access_key_id", "secret_access_key")


def _text(reference: Setting | SecretRef | None) -> str | None:
    return None if reference is None else str(reference)


class _Stored:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def text(self, name: str) -> str:
        text = self._settings.get(name)
        if text is None:
            message = f"the stored account has no {name}"
            raise ValueError(message)
        return text

    def setting(self, name: str) -> Setting:
        found = parse_setting(self.text(name))
        if found is None:
            message = f"the stored account's {name} is no value and no reference"
            raise ValueError(message)
        return found

    def secret(self, name: str) -> SecretRef:
        found = parse_secret_ref(self.text(name))
        if found is None:
            message = f"the stored account's {name} is no reference"
            raise ValueError(message)
        return found

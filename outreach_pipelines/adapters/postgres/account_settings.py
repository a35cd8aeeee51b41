"""How a provider account is spoken to, as the JSON of `provider_account.settings` and back.

Only references to secrets pass here. Reading the rows is `account_reader`'s.
"""

import json
from collections.abc import Mapping
from typing import assert_never

from outreach_pipelines.domain.provider_account import (
    Connection,
    DkimKeyRef,
    GoogleTokens,
    MailgunConnection,
    MailTokens,
    MicrosoftTokens,
    PostmarkConnection,
    ProviderKind,
    SesConnection,
    SmtpConnection,
    SmtpLimits,
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
            return {"host": str(host), "port": str(port), "tls": tls.value, **login, **_smtp_width(connection)}
        case MailgunConnection(region, api_key, base_url, require_tls):
            wishes = {"base_url": _text(base_url), "require_tls": "yes" if require_tls else None}
            return {"region": region, "api_key": str(api_key), **wishes}
        case PostmarkConnection(server_token, stream, base_url, account_token):
            wider = {"account_token": str(account_token)} if account_token else {}
            return {"server_token": str(server_token), "stream": stream, "base_url": _text(base_url), **wider}
    assert_never(connection)


def connection_of(kind: str, settings: Settings) -> Connection:
    """A stored connection. Raises `ValueError` for what `settings_of` never wrote."""
    stored = _Stored(settings)
    match ProviderKind(kind):
        case ProviderKind.SES:
            endpoint = stored.optional_setting("endpoint")
            keys = [stored.secret(name) if settings.get(name) else None for name in _SES_KEYS]
            return SesConnection(stored.text("region"), endpoint, *keys)
        case ProviderKind.SMTP:
            host, port, username = (stored.setting(name) for name in ("host", "port", "username"))
            login = username, stored.secret("password"), _tokens(stored, settings)
            tagged = settings.get("envelope") != "mailbox"
            width = _smtp_limits(settings), tagged, stored.dkim_keys()
            return SmtpConnection(host, port, Tls(stored.text("tls")), *login, *width)
        case ProviderKind.MAILGUN:
            key, base_url = stored.secret("api_key"), stored.optional_setting("base_url")
            return MailgunConnection(stored.text("region"), key, base_url, settings.get("require_tls") == "yes")
        case ProviderKind.POSTMARK:
            token, base_url = stored.secret("server_token"), stored.optional_setting("base_url")
            wider = stored.secret("account_token") if settings.get("account_token") else None
            return PostmarkConnection(token, stored.text("stream"), base_url, wider)


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


def _smtp_width(connection: SmtpConnection) -> Settings:
    """What differs from the usual account; that one keeps the settings it always had."""
    limits = connection.limits
    width: dict[str, str] = {} if connection.tagged_envelope else {"envelope": "mailbox"}
    if limits.connections != SmtpLimits().connections:
        width["connections"] = str(limits.connections)
    if limits.messages_per_connection is not None:
        width["messages_per_connection"] = str(limits.messages_per_connection)
    if connection.dkim:
        width["dkim"] = json.dumps([[key.domain, key.selector, str(key.key)] for key in connection.dkim])
    return {**width, **token_settings(connection.tokens)}


def token_settings(tokens: MailTokens | None) -> Settings:
    """How the issuer of tokens is stored; nothing for a login by password."""
    match tokens:
        case GoogleTokens():
            return {"tokens": "google"}
        case MicrosoftTokens(directory, client_id):
            return {"tokens": "microsoft", "directory": directory, "client_id": client_id}
        case None:
            return {}
    assert_never(tokens)


def stored_tokens(settings: Settings) -> MailTokens | None:
    """The issuer that `token_settings` wrote. Raises `ValueError` for anything else."""
    return _tokens(_Stored(settings), settings)


def _tokens(stored: "_Stored", settings: Settings) -> MailTokens | None:
    match settings.get("tokens"):
        case None:
            return None
        case "google":
            return GoogleTokens()
        case "microsoft":
            return MicrosoftTokens(stored.text("directory"), stored.text("client_id"))
        case other:
            message = f"the stored account has its tokens from {other}"
            raise ValueError(message)


def _smtp_limits(settings: Settings) -> SmtpLimits:
    connections, messages = settings.get("connections"), settings.get("messages_per_connection")
    usual = SmtpLimits()
    return SmtpLimits(int(connections) if connections else usual.connections, int(messages) if messages else None)


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

    def optional_setting(self, name: str) -> Setting | None:
        return self.setting(name) if self._settings.get(name) else None

    def secret(self, name: str) -> SecretRef:
        return _reference(name, self.text(name))

    def dkim_keys(self) -> tuple[DkimKeyRef, ...]:
        rows = json.loads(self._settings.get("dkim") or "[]")
        return tuple(DkimKeyRef(domain, selector, _reference("dkim", key)) for domain, selector, key in rows)


def _reference(name: str, text: str) -> SecretRef:
    found = parse_secret_ref(text)
    if found is None:
        message = f"the stored account's {name} is no reference"
        raise ValueError(message)
    return found

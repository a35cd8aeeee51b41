"""The environment as one frozen value; every fault in one message, at the start.

Read from, strongest first: environment variables, `.env` in the working directory, and `var/demo/run/outreach.env`, which
a running local stack writes. Belongs here: names, shapes, defaults. Does not: what belongs to a tenant (its inventory).
"""

import base64
import os
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from outreach_pipelines.domain.address import parse_domain
from outreach_pipelines.domain.inbound.message import Intent
from outreach_pipelines.domain.reference import parse_secret_ref
from outreach_pipelines.domain.sending_mode import SendingMode
from outreach_pipelines.errors import SettingsFault

__all__ = ["LOCAL_STACK_ENV", "SendingMode", "Settings", "load_settings"]

# Where a local stack writes its settings: below its base folder, which `outreach --base` and OUTREACH_BASE move.
LOCAL_STACK_ENV = Path(os.environ.get("OUTREACH_BASE", "var/demo")) / "run" / "outreach.env"


def _key(value: SecretStr) -> SecretStr:
    if len(_decoded(value.get_secret_value())) < 32:
        message = "must be base64 of 32 bytes or more: openssl rand -base64 32"
        raise ValueError(message)
    return value


def _token_keys(value: SecretStr) -> SecretStr:
    pairs = [part.strip().partition(":") for part in value.get_secret_value().split(",")]
    well_formed = all(number.isdecimal() and int(number) < 256 and len(_decoded(key)) == 64 for number, _, key in pairs)
    if not well_formed or len({int(number) for number, _, _ in pairs}) < len(pairs):
        message = "must be ID:BASE64,... with different ids from 0 to 255 and keys of 64 bytes: openssl rand -base64 64"
        raise ValueError(message)
    return value


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def _database_url(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith(("postgresql+psycopg://", "postgresql://")):
        message = "must be a URL such as postgresql+psycopg://ROLE:PASSWORD@HOST:PORT/DATABASE"
        raise ValueError(message)
    return value


def _files(value: str) -> str:
    # One letter before the colon would be a drive; two or more are meant as a scheme.
    if re.match(r"[A-Za-z0-9+.-]{2,}:", value) and not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]*[a-z0-9](/.*)?", value):
        message = "must be a folder or s3://BUCKET/PREFIX"
        raise ValueError(message)
    return value


def _host_name(value: str | None) -> str | None:
    if value is None or (isinstance(parse_domain(value), str) and "." in value):
        return value
    message = "give the full name of this host, such as mail.acme.example"
    raise ValueError(message)


def _nameserver(value: str | None) -> str | None:
    host, colon, port = (value or "127.0.0.1").partition(":")
    try:
        IPv4Address(host)
        fits = not colon or (port.isdecimal() and 0 < int(port) <= 65535)
    except ValueError:
        fits = False
    if not fits:
        message = "must be an IPv4 address with or without a port, such as 192.0.2.53:53"
        raise ValueError(message)
    return value


def _notify(value: str | None) -> str | None:
    pairs = [part.strip().partition("=") for part in (value or "").split(",") if part.strip()]
    if not all(name and parse_secret_ref(reference) is not None for name, _, reference in pairs):
        message = "must be TENANT=REFERENCE,... with references such as env:NAME or file:PATH, never an address itself"
        raise ValueError(message)
    return value


def _notified_intents(value: str) -> str:
    known = {*(intent.value for intent in Intent), "none"}
    if not value.strip() or not {name.strip() for name in value.split(",")} <= known:
        message = f"must be some of {', '.join(sorted(known))}"
        raise ValueError(message)
    return value


def _secret_reference(value: str | None) -> str | None:
    if value is not None and parse_secret_ref(value) is None:
        message = "must be a reference such as env:NAME, never the key itself"
        raise ValueError(message)
    return value


Key = Annotated[SecretStr, AfterValidator(_key)]
TokenKeyList = Annotated[SecretStr, AfterValidator(_token_keys)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]


class ResolverSettings(BaseSettings):
    """Whom this installation asks for DNS: the one part that commands read which need no database."""

    model_config = SettingsConfigDict(
        env_prefix="OUTREACH_",
        env_file=(LOCAL_STACK_ENV, ".env"),
        env_file_encoding="utf-8",
        frozen=True,
        extra="ignore",
    )

    nameserver: Annotated[str | None, AfterValidator(_nameserver)] = Field(
        default=None, description="address of the resolver; the system's when unset"
    )


class Settings(ResolverSettings):
    """All settings of the code location and the CLI. Names are upper case in the environment, with OUTREACH_ before them."""

    database_url: DatabaseUrl = Field(description="PostgreSQL as role outreach_app")
    ops_url: DatabaseUrl = Field(
        description="PostgreSQL as role outreach_ops: schedules and sensors see which tenants have work"
    )
    ingest_url: DatabaseUrl = Field(description="PostgreSQL as role outreach_ingest: verified events come in")
    files: Annotated[str, AfterValidator(_files)] = Field(
        min_length=1, description="folder or s3://bucket/prefix of inventory, uploads, templates, plans"
    )
    tag_key: Key = Field(description="MAC key of the tags that messages carry")
    address_key: Key = Field(
        description="HMAC key that names persons without naming them; kept as long as suppressions are"
    )
    token_keys: TokenKeyList = Field(description="unsubscribe keys, ID:BASE64,...; the first one seals, all unseal")
    sending: SendingMode = SendingMode.LAB
    environment_id: UUID | None = Field(
        default=None, validate_default=True, description="which database may send live: outreach fences show"
    )
    lease_store: str | None = Field(
        default=None,
        validate_default=True,
        description="s3://bucket/prefix or folder of the lease of live sending, outside of the database and of its backups",
    )
    aws_endpoint_url: str | None = Field(default=None, description="where SQS and S3 answer, when not at AWS")
    aws_region: str = "us-east-1"
    event_queue_url: str | None = Field(default=None, description="SQS queue of provider events")
    rcpt_probe_helo: Annotated[str | None, AfterValidator(_host_name)] = Field(
        default=None,
        description="name this host greets servers of recipients with when it asks about addresses; unset, it asks none",
    )
    partitions_start: date = Field(
        default_factory=lambda: datetime.now(UTC).date() - timedelta(days=60),
        description="first day and hour shown as partitions",
    )
    evidence_horizon_seconds: float = Field(
        default=3600, gt=0, description="how long evidence of an unanswered send may take"
    )

    notify: Annotated[str | None, AfterValidator(_notify)] = Field(
        default=None, description="who is told of replies: TENANT=REFERENCE,... with * for every tenant"
    )
    notify_dns: Annotated[str | None, AfterValidator(_notify)] = Field(
        default=None, description="who is told of news of DNS audits, as OUTREACH_NOTIFY; the same people when unset"
    )
    notify_of: Annotated[str, AfterValidator(_notified_intents)] = Field(
        default="positive,meeting,referral", description="intents that are told, none among them"
    )
    notify_excerpt: bool = Field(default=False, description="whether a notice quotes the reply")
    intent_url: str | None = Field(
        default=None, description="an OpenAI-compatible endpoint, up to its version; off when unset"
    )
    intent_model: str | None = Field(default=None, description="the model that the endpoint is asked for")
    intent_key: Annotated[str | None, AfterValidator(_secret_reference)] = Field(
        default=None, description="reference to the endpoint's key: env:NAME, file:PATH, ssm:/PATH, secretsmanager:NAME"
    )

    @field_validator("environment_id", "lease_store")
    @classmethod
    def _live_needs_its_fences(cls, value: UUID | str | None, info: ValidationInfo) -> UUID | str | None:
        # A copied database or .env must not be able to write to anyone: without a lease outside of both, nothing may.
        if not value and info.data.get("sending") is SendingMode.LIVE:
            message = "is missing, and OUTREACH_SENDING=live needs it"
            raise ValueError(message)
        return value


@cache
def load_settings() -> Settings:
    """The process's settings, read once. Raises `SettingsFault`, whose text names everything missing or wrong."""
    try:
        return Settings()  # type: ignore[call-arg]  # values come from the environment
    except ValidationError as fault:
        raise SettingsFault(_sentence(fault)) from None


def installed_nameserver() -> str | None:
    """The resolver of this installation, without asking for its other settings. Raises `SettingsFault`."""
    try:
        return ResolverSettings().nameserver
    except ValidationError as fault:
        raise SettingsFault(_sentence(fault)) from None


def _sentence(fault: ValidationError) -> str:
    lines = []
    for error in fault.errors(include_input=False, include_url=False):
        name = str(error["loc"][0]) if error["loc"] else ""
        known = Settings.model_fields.get(name)
        what = _wrong(name, error["type"], error["msg"])
        about = f" ({known.description})" if known is not None and known.description else ""
        lines.append(f"  OUTREACH_{name.upper()} {what}{about}" if name else f"  {what}")
    cure = "Set them in the environment or in .env, or start a local stack that does: make dev"
    return "\n".join(["Settings are missing or wrong:", *lines, cure])


#: What is said where the shape is wrong, in place of the library's words for it.
_SHAPES: Mapping[str, str] = {
    "files": "must be a folder or s3://BUCKET/PREFIX",
    "sending": "must be off, lab or live",
    "environment_id": "must be a UUID",
    "partitions_start": "must be a date such as 2026-11-21",
    "evidence_horizon_seconds": "must be a number of seconds greater than 0",
}


def _wrong(name: str, kind: str, said: str) -> str:
    if kind == "missing":
        return "is missing"
    return said.removeprefix("Value error, ") if kind == "value_error" else _SHAPES.get(name, said)

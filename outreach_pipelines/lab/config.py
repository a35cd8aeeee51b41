"""The lab's configuration: one JSON file into frozen values. Every fault of the file is told in one message.

Time spans are seconds or ISO 8601 durations (`"PT5M"`). A key that is no setting is a fault too.
"""

from collections.abc import Mapping
from dataclasses import field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Self

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from outreach_pipelines.lab.people import DEFAULT_WEIGHTS, Behaviour, Weights

_STRICT = ConfigDict(extra="forbid")
Port = Annotated[int, Field(ge=0, le=65535)]
Pattern = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]


class ConfigError(Exception):
    """The configuration cannot be used. The message names all of its faults."""


@dataclass(frozen=True, slots=True, config=_STRICT)
class Ports:
    """Where each server listens; 0 is a free port, told in `lab.json`."""

    control: Port = 0
    ses: Port = 0
    smtp: Port = 0
    imap: Port = 0
    dns: Port = 0
    mailgun: Port = 0
    postmark: Port = 0


@dataclass(frozen=True, slots=True, config=_STRICT)
class Aws:
    """The account whose SNS gets the events of SES."""

    endpoint_url: str
    region: str
    access_key_id: str
    secret_access_key: str = field(repr=False)


@dataclass(frozen=True, slots=True, config=_STRICT)
class SmtpAccount:
    """A submission account. `name` is the ledger's provider; without `identities` any From domain is taken."""

    name: str
    username: str
    password: str = field(repr=False)
    identities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, config=_STRICT)
class SesAccount:
    """An SES account of one region. `configuration_sets` maps each name to the ARN of the SNS topic of its events.

    `rate` is messages a second of real time, `daily_quota` messages in 24 hours of simulated time.
    """

    name: str
    region: str
    access_keys: tuple[str, ...]
    configuration_sets: Mapping[str, str]
    identities: tuple[str, ...]
    tenants: tuple[str, ...] = ()
    daily_quota: Annotated[int, Field(ge=0)] = 50_000
    rate: Annotated[float, Field(gt=0)] = 200


@dataclass(frozen=True, slots=True, config=_STRICT)
class MailgunAccount:
    """A Mailgun account. Its events can be read once `event_delay` of real time has passed."""

    name: str
    api_key: str = field(repr=False)
    domains: tuple[str, ...]
    event_delay: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, config=_STRICT)
class PostmarkAccount:
    """A Postmark server. `identities` are From domains; a search finds a message once `search_delay` has passed."""

    name: str
    server_token: str = field(repr=False)
    identities: tuple[str, ...]
    streams: tuple[str, ...] = ("outbound", "broadcast")
    search_delay: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, config=_STRICT)
class InboxAccount:
    """An IMAP login and what it gets: `*@domain`, or `name@domain`, which also takes `name+tag@domain`."""

    username: str
    password: str = field(repr=False)
    receives: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True, config=_STRICT)
class Delays:
    """How long people and servers take in simulated time: each a span from .. to."""

    delivery: tuple[timedelta, timedelta] = (timedelta(seconds=2), timedelta(seconds=20))
    bounce: tuple[timedelta, timedelta] = (timedelta(minutes=1), timedelta(minutes=5))
    expiry: tuple[timedelta, timedelta] = (timedelta(hours=4), timedelta(hours=8))
    reply: tuple[timedelta, timedelta] = (timedelta(minutes=5), timedelta(minutes=180))
    out_of_office: tuple[timedelta, timedelta] = (timedelta(minutes=1), timedelta(minutes=3))
    complaint: tuple[timedelta, timedelta] = (timedelta(minutes=30), timedelta(minutes=240))
    unsubscribe: tuple[timedelta, timedelta] = (timedelta(minutes=5), timedelta(minutes=120))


@dataclass(frozen=True, slots=True, config=_STRICT)
class Recipients:
    """The people: shares of behaviours (given ones replace the defaults as a whole), and their delays."""

    weights: Mapping[Behaviour, float] = field(default_factory=lambda: DEFAULT_WEIGHTS.shares)
    delays: Delays = field(default_factory=Delays)

    @model_validator(mode="after")
    def _weights_are_shares(self) -> Self:
        Weights(self.weights)
        return self


@dataclass(frozen=True, slots=True, config=_STRICT)
class LabConfig:
    """Everything one lab needs."""

    data_dir: Path
    aws: Aws
    ses: SesAccount
    zones_dir: Path
    host: str = "127.0.0.1"
    ports: Ports = field(default_factory=Ports)
    seed: int = 1
    smtp_accounts: tuple[SmtpAccount, ...] = ()
    mailgun_accounts: tuple[MailgunAccount, ...] = ()
    postmark_accounts: tuple[PostmarkAccount, ...] = ()
    inboxes: tuple[InboxAccount, ...] = ()
    web_hosts: Mapping[str, str] = field(default_factory=dict)
    recipients: Recipients = field(default_factory=Recipients)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [*self.account_names, *(inbox.username for inbox in self.inboxes)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            msg = f"accounts and inboxes need names of their own, given twice: {', '.join(twice)}"
            raise ValueError(msg)
        return self

    @property
    def account_names(self) -> tuple[str, ...]:
        """Each provider account's name, which is the ledger's provider."""
        smtp, mailgun = (a.name for a in self.smtp_accounts), (a.name for a in self.mailgun_accounts)
        return (self.ses.name, *smtp, *mailgun, *(a.name for a in self.postmark_accounts))


def read_config(path: Path) -> LabConfig:
    """The configuration in a JSON file. Raises ConfigError with every fault found."""
    try:
        document = path.read_bytes()
    except OSError as error:
        raise ConfigError(str(error)) from error
    return parse_config(document)


def parse_config(document: bytes) -> LabConfig:
    """The configuration in a JSON document. Raises ConfigError with every fault found."""
    try:
        return TypeAdapter(LabConfig).validate_json(document)
    except ValidationError as error:
        # The input is left out of the message: it may be a password.
        faults = [f"{'.'.join(map(str, fault['loc'])) or 'file'}: {fault['msg']}" for fault in error.errors()]
        msg = "the lab's configuration has faults:\n  " + "\n  ".join(faults)
        raise ConfigError(msg) from None

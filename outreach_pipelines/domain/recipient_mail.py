"""Where the mail of a recipient's domain goes, as its MX tells, and whether any can go there at all.

Belongs here: reading one answer. Does not: asking (`resolve_recipients`), our own domains (`dns_audit`).
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import (
    Answer,
    MailExchanger,
    NoData,
    NxDomain,
    Records,
    Unknown,
    data_of,
)
from outreach_pipelines.domain.dns_audit.names import ROOT, suffixes
from outreach_pipelines.domain.recipient_provider import RecipientProvider


@dataclass(frozen=True, slots=True)
class TakesMail:
    """Mail may be delivered, and these are the ones who judge it."""

    provider: RecipientProvider


class NoMail(StrEnum):
    """Why a domain, or a mailbox of it, takes no mail. Stored under these names, which tell nothing of the person."""

    NULL_MX = "null_mx"  # RFC 7505
    NO_SUCH_MAILBOX = "no_such_mailbox"  # its server denies the address (recipient_probe.py); only plans know of it
    NO_SUCH_DOMAIN = "no_such_domain"  # NXDOMAIN: nor does anything below it exist (RFC 8020)


@dataclass(frozen=True, slots=True)
class TakesNone:
    """Nothing can be delivered, for certain."""

    reason: NoMail


@dataclass(frozen=True, slots=True)
class NotSaid:
    """Nobody could say: ask again another time."""


RecipientMail = TakesMail | TakesNone | NotSaid


def read_mx(answer: Answer) -> RecipientMail:
    """Read the answer to a domain's MX query.

    Without MX records a host of the domain's own name may take its mail (RFC 5321 section 5.1), which only sending
    shows.
    """
    match answer:
        case Unknown():
            return NotSaid()
        case NxDomain():
            return TakesNone(NoMail.NO_SUCH_DOMAIN)
        case NoData():
            return TakesMail(RecipientProvider.OTHER)
        case Records():
            return _of_exchangers(data_of(answer, MailExchanger))


def provider_of(hosts: Iterable[DomainName]) -> RecipientProvider:
    """Who runs the mail behind these MX hosts of one preference; `other` unless a row names one of them."""
    known = _providers()
    named = (known[parent] for host in sorted(hosts) for parent in suffixes(host) if parent in known)
    return next(named, RecipientProvider.OTHER)


def _of_exchangers(found: Sequence[MailExchanger]) -> RecipientMail:
    if found and all(exchanger.host == ROOT for exchanger in found):
        return TakesNone(NoMail.NULL_MX)
    best = min((exchanger.preference for exchanger in found), default=0)
    return TakesMail(provider_of(exchanger.host for exchanger in found if exchanger.preference == best))


@cache
def _providers() -> Mapping[DomainName, RecipientProvider]:
    text = resources.files(__package__).joinpath("recipient_providers.toml").read_text("utf-8")
    return {DomainName(row["suffix"]): RecipientProvider(row["provider"]) for row in tomllib.loads(text)["host"]}

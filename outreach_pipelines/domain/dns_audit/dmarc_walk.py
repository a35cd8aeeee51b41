"""Which DMARC record governs a domain (RFC 9989 section 4.10: tree walk and policy discovery).

Here: the walk and its choice. Not here: judgement of the policy (dmarc_check.py).
"""

from dataclasses import dataclass
from typing import TypeAlias

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Cause, RecordType, Text, Unknown, data_of
from outreach_pipelines.domain.dns_audit.dmarc_record import (
    DmarcRecord,
    DmarcSyntaxError,
    SuffixFlag,
    is_dmarc,
    parse_dmarc,
)
from outreach_pipelines.domain.dns_audit.lookups import Lookup, follow
from outreach_pipelines.domain.dns_audit.names import suffixes, under

_MOST_LABELS = 7
"""Above the starting point the walk asks for names of at most seven labels: eight queries in all."""


@dataclass(frozen=True, slots=True)
class IgnoredDmarc:
    """Records at one name that have no effect, and why."""

    name: DomainName
    texts: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class NoDmarc:
    """No record governs the domain."""

    ignored: tuple[IgnoredDmarc, ...] = ()


@dataclass(frozen=True, slots=True)
class DmarcUnknown:
    """A record that might govern could not be read."""

    name: DomainName
    cause: Cause


@dataclass(frozen=True, slots=True)
class GoverningDmarc:
    """The record that receivers apply, and the domain below whose `_dmarc` it stands."""

    domain: DomainName
    record: DmarcRecord


GoverningPolicy: TypeAlias = GoverningDmarc | NoDmarc | DmarcUnknown


def walked_names(domain: DomainName) -> tuple[DomainName, ...]:
    """List the domains whose record the walk asks for, in order."""
    parents = suffixes(domain)[1:]
    return (domain, *(name for name in parents if name.count(".") < _MOST_LABELS))


def discover_dmarc(domain: DomainName) -> Lookup[GoverningPolicy]:
    """Find the governing record: the domain's own, else its organizational domain's, else the public suffix's."""
    found: list[GoverningDmarc] = []
    ignored: list[IgnoredDmarc] = []
    for name in walked_names(domain):
        at = yield from _read(name)
        match at:
            case DmarcUnknown():
                return at
            case NoDmarc(without_effect):
                ignored.extend(without_effect)
            case GoverningDmarc():
                found.append(at)
                if name == domain or at.record.suffix is not SuffixFlag.UNDECIDED:
                    break
    return _governing(domain, found) or NoDmarc(tuple(ignored))


def organizational_domain(domain: DomainName) -> Lookup[DomainName | DmarcUnknown]:
    """Find the domain whose subdomains align with each other (RFC 9989 section 4.10.2)."""
    found: list[GoverningDmarc] = []
    for name in walked_names(domain):
        at = yield from _read(name)
        match at:
            case DmarcUnknown():
                return at
            case GoverningDmarc(record=record):
                if record.suffix is SuffixFlag.NO:
                    return name
                if record.suffix is SuffixFlag.YES and name != domain:
                    return suffixes(domain)[-name.count(".") - 2]
                found.append(at)
            case NoDmarc():
                pass
    return found[-1].domain if found else domain


def _governing(domain: DomainName, found: list[GoverningDmarc]) -> GoverningDmarc | None:
    if not found or found[-1].record.suffix is not SuffixFlag.YES or found[-1].domain == domain:
        return found[-1] if found else None
    suffix = found[-1]
    organizational = suffixes(domain)[-suffix.domain.count(".") - 2]
    return next((one for one in found if one.domain == organizational), suffix)


def _read(domain: DomainName) -> Lookup[GoverningPolicy]:
    name = under("_dmarc", domain)
    answer = yield from follow(name, RecordType.TXT)
    if isinstance(answer, Unknown):
        return DmarcUnknown(name, answer.cause)
    texts = tuple(text.value for text in data_of(answer, Text) if is_dmarc(text.value))
    if not texts:
        return NoDmarc()
    if len(texts) > 1:
        return _ignored(name, texts, "all are ignored where several stand")
    try:
        return GoverningDmarc(domain, parse_dmarc(texts[0]))
    except DmarcSyntaxError as error:
        return _ignored(name, texts, str(error))


def _ignored(name: DomainName, texts: tuple[bytes, ...], reason: str) -> NoDmarc:
    written = tuple(text.decode("ascii", "backslashreplace") for text in texts)
    return NoDmarc((IgnoredDmarc(name, written, reason),))

"""The SPF record a domain publishes, or what stands in its place.

Here: choosing the one record (RFC 7208 sections 4.4 and 4.5). Not here: what it refers to (spf_survey.py).
"""

from dataclasses import dataclass
from typing import TypeAlias

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Cause, RecordType, Text, Unknown, data_of
from outreach_pipelines.domain.dns_audit.lookups import Lookup, follow
from outreach_pipelines.domain.dns_audit.spf_grammar import SpfRecord, is_spf, parse_spf
from outreach_pipelines.domain.dns_audit.spf_macro import SpfSyntaxError


@dataclass(frozen=True, slots=True)
class NoSpf:
    """The domain definitely publishes no SPF record."""


@dataclass(frozen=True, slots=True)
class SeveralSpf:
    """More than one record: a permanent error, whatever they say."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BrokenSpf:
    """One record that breaks the grammar."""

    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class SpfUnknown:
    """The domain's TXT records could not be read."""

    cause: Cause


SpfSource: TypeAlias = SpfRecord | NoSpf | SeveralSpf | BrokenSpf | SpfUnknown


def read_spf(domain: DomainName) -> Lookup[SpfSource]:
    """Find the one SPF record of a domain."""
    answer = yield from follow(domain, RecordType.TXT)
    if isinstance(answer, Unknown):
        return SpfUnknown(answer.cause)
    return _chosen(tuple(rr.value for rr in data_of(answer, Text) if is_spf(rr.value)))


def _chosen(records: tuple[bytes, ...]) -> SpfSource:
    if not records:
        return NoSpf()
    if len(records) > 1:
        return SeveralSpf(tuple(record.decode("ascii", "backslashreplace") for record in records))
    try:
        return parse_spf(records[0])
    except SpfSyntaxError as error:
        return BrokenSpf(records[0].decode("ascii", "backslashreplace"), str(error))

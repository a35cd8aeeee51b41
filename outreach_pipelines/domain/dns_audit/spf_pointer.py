"""The validated names of an address: those its PTR records give and that lead back to it (RFC 7208 section 5.5).

Here: for the mechanism `ptr` and the macro `%{p}`. Not here: the FCrDNS check of our own addresses (reverse_check.py).
"""

from dataclasses import dataclass

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Address, NoData, NxDomain, RecordType, ReverseName, data_of
from outreach_pipelines.domain.dns_audit.expectations import IpAddress
from outreach_pipelines.domain.dns_audit.lookups import Lookup, follow, together
from outreach_pipelines.domain.dns_audit.names import is_within

MOST_NAMES = 10
"""RFC 7208 section 4.6.4: further ones are not looked at."""


@dataclass(frozen=True, slots=True)
class ValidatedNames:
    """The names in the order given; `void`: the PTR query itself had no answer."""

    names: tuple[DomainName, ...]
    void: bool


def reverse_name(ip: IpAddress) -> DomainName:
    """Name where the PTR record of an address stands."""
    return DomainName(ip.reverse_pointer)


def family_of(ip: IpAddress) -> RecordType:
    """The record type that holds addresses of this family."""
    return RecordType.A if ip.version == 4 else RecordType.AAAA


def validated_names(ip: IpAddress) -> Lookup[ValidatedNames]:
    """Find the names that lead back to the address; a name nobody can say anything of is passed over."""
    answer = yield from follow(reverse_name(ip), RecordType.PTR)
    names = tuple(pointer.host for pointer in data_of(answer, ReverseName))[:MOST_NAMES]
    answers = yield from together([follow(name, family_of(ip)) for name in names])
    pairs = zip(names, answers, strict=True)
    leading_back = (name for name, found in pairs if any(one.ip == ip for one in data_of(found, Address)))
    return ValidatedNames(tuple(leading_back), isinstance(answer, NoData | NxDomain))


def preferred_name(names: tuple[DomainName, ...], domain: DomainName) -> str:
    """Choose for `%{p}`: the domain itself, else a name below it, else any, else `unknown`."""
    within = next((name for name in names if is_within(name, domain)), None)
    return domain if domain in names else within or next(iter(names), "unknown")

"""What a single SPF term leads to: addresses it authorises, void look-ups, faults.

Here: the terms that name hosts (`a`, `mx`, `exists`, `ptr`) and networks. Not here: other records (spf_survey.py).
"""

from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import assert_never

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import (
    Address,
    Answer,
    Cause,
    MailExchanger,
    NoData,
    NxDomain,
    RecordType,
    Unknown,
    data_of,
)
from outreach_pipelines.domain.dns_audit.expectations import IpNetwork, network_around
from outreach_pipelines.domain.dns_audit.lookups import Lookup, addresses_of, follow, together
from outreach_pipelines.domain.dns_audit.spf_grammar import (
    All,
    Directive,
    Exchangers,
    Exists,
    Hosts,
    Include,
    Network,
    Pointer,
    Qualifier,
)
from outreach_pipelines.domain.dns_audit.spf_limits import MOST_MX_HOSTS
from outreach_pipelines.domain.dns_audit.spf_macro import DomainSpec


@dataclass(frozen=True, slots=True)
class TermReach:
    """What one term adds: networks it passes, whether its look-up is void, its faults, what stays unknown."""

    networks: frozenset[IpNetwork] = frozenset()
    void: bool = False
    faults: tuple[str, ...] = ()
    unknown: frozenset[Cause] = frozenset()


def reach_of(directive: Directive, domain: DomainName) -> Lookup[TermReach]:
    """Find what a directive of `domain`'s record authorises; nothing for an include, which has a record of its own."""
    mechanism = directive.mechanism
    match mechanism:
        case All() | Include():
            return TermReach()
        case Network(network):
            reach = TermReach(networks=frozenset({network}))
        case Hosts():
            reach = yield from _hosts(mechanism, domain)
        case Exchangers():
            reach = yield from _exchangers(mechanism, domain)
        case Exists():
            reach = yield from _exists(mechanism)
        case Pointer():
            reach = TermReach(unknown=frozenset({Cause.DEPENDS_ON_SENDER}))
        case _:
            assert_never(mechanism)
    return reach if directive.qualifier is Qualifier.PASS else replace(reach, networks=frozenset())


def _static(target: DomainSpec | None, domain: DomainName) -> DomainName | TermReach:
    if target is None:
        return domain
    if target.depends_on_sender:
        return TermReach(unknown=frozenset({Cause.DEPENDS_ON_SENDER}))
    return target.static_name() or TermReach(void=True)


def _hosts(mechanism: Hosts, domain: DomainName) -> Lookup[TermReach]:
    target = _static(mechanism.target, domain)
    if isinstance(target, TermReach):
        return target
    answers = yield from addresses_of(target)
    return TermReach(_networks(answers, mechanism), _is_void(*answers), (), _causes(answers))


def _exchangers(mechanism: Exchangers, domain: DomainName) -> Lookup[TermReach]:
    target = _static(mechanism.target, domain)
    if isinstance(target, TermReach):
        return target
    answer = yield from follow(target, RecordType.MX)
    hosts = [rr.host for rr in data_of(answer, MailExchanger)]
    if len(hosts) > MOST_MX_HOSTS:
        return TermReach(faults=(f"{target} has {len(hosts)} MX hosts, more than {MOST_MX_HOSTS}",))
    pairs = yield from together([addresses_of(host) for host in hosts])
    answers = tuple(one for pair in pairs for one in pair)
    return TermReach(_networks(answers, mechanism), _is_void(answer), (), _causes((answer, *answers)))


def _exists(mechanism: Exists) -> Lookup[TermReach]:
    target = _static(mechanism.target, DomainName(""))
    if isinstance(target, TermReach):
        return target
    answer = yield from follow(target, RecordType.A)
    return TermReach(void=_is_void(answer), unknown=_causes((answer,)))


def _is_void(*answers: Answer) -> bool:
    return all(isinstance(answer, NoData | NxDomain) for answer in answers)


def _causes(answers: tuple[Answer, ...]) -> frozenset[Cause]:
    return frozenset(answer.cause for answer in answers if isinstance(answer, Unknown))


def _networks(answers: tuple[Answer, ...], widened: Hosts | Exchangers) -> frozenset[IpNetwork]:
    found = (rr.ip for answer in answers for rr in data_of(answer, Address))
    return frozenset(
        network_around(ip, widened.prefix4 if isinstance(ip, IPv4Address) else widened.prefix6) for ip in found
    )

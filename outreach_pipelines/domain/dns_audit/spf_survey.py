"""A domain's SPF record with everything it refers to, as a receiver would meet it at worst.

Here: the walk through include and redirect, its look-ups named and counted (RFC 7208 section 4.6.4). Not here:
judgement (spf_check.py).
Static: it follows each reachable term, because some sender reaches it; terms with macros are counted and not followed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import assert_never

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Cause
from outreach_pipelines.domain.dns_audit.expectations import IpNetwork
from outreach_pipelines.domain.dns_audit.lookups import Lookup, together
from outreach_pipelines.domain.dns_audit.spf_grammar import (
    All,
    Directive,
    Include,
    Network,
    Pointer,
    Qualifier,
    SpfRecord,
)
from outreach_pipelines.domain.dns_audit.spf_limits import SpfLookup
from outreach_pipelines.domain.dns_audit.spf_macro import DomainSpec
from outreach_pipelines.domain.dns_audit.spf_source import (
    BrokenSpf,
    NoSpf,
    SeveralSpf,
    SpfSource,
    SpfUnknown,
    read_spf,
)
from outreach_pipelines.domain.dns_audit.spf_terms import TermReach, reach_of

_FOLLOWED_LOOKUPS = 40
"""Far past the limit of 10, so that a report names what is too much, and a hostile tree still ends."""


@dataclass(frozen=True, slots=True)
class SpfSurvey:
    """The whole tree of a record. With `unknown` not empty, all other members are lower bounds."""

    lookups: tuple[SpfLookup, ...]
    voids: tuple[SpfLookup, ...]
    faults: tuple[str, ...]
    includes: frozenset[DomainName]
    networks: frozenset[IpNetwork]
    pointers: tuple[SpfLookup, ...]
    unknown: frozenset[Cause]


@dataclass(frozen=True, slots=True)
class _Visit:
    """A record still to be walked: by which path it was reached, and whether its passes count as passes of the root."""

    domain: DomainName
    record: SpfRecord
    path: frozenset[DomainName]
    passing: bool


@dataclass(frozen=True, slots=True)
class _Reference:
    """An include or redirect from a visited record to another."""

    visit: _Visit
    term: str
    target: DomainSpec
    passing: bool


@dataclass(slots=True)
class _Tally:
    """What the walk has gathered so far."""

    lookups: list[SpfLookup] = field(default_factory=list)
    voids: list[SpfLookup] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    includes: set[DomainName] = field(default_factory=set)
    networks: set[IpNetwork] = field(default_factory=set)
    pointers: list[SpfLookup] = field(default_factory=list)
    unknown: set[Cause] = field(default_factory=set)
    followed: int = 0

    def may_follow(self) -> bool:
        """Count one more term that leads elsewhere; past the bound it stays unknown where it leads."""
        self.followed += 1
        if self.followed > _FOLLOWED_LOOKUPS:
            self.unknown.add(Cause.TOO_MUCH)
        return self.followed <= _FOLLOWED_LOOKUPS

    def survey(self) -> SpfSurvey:
        """Close the tally."""
        return SpfSurvey(
            lookups=tuple(self.lookups),
            voids=tuple(self.voids),
            faults=tuple(self.faults),
            includes=frozenset(self.includes),
            networks=frozenset(self.networks),
            pointers=tuple(self.pointers),
            unknown=frozenset(self.unknown),
        )


def survey_spf(domain: DomainName, record: SpfRecord) -> Lookup[SpfSurvey]:
    """Walk a record and all that it includes or redirects to, level by level."""
    tally = _Tally()
    level = [_Visit(domain, record, frozenset({domain}), passing=True)]
    while level:
        for visit in level:
            _count(visit, tally)
        yield from _gather_hosts(level, tally)
        level = yield from _next_level(level, tally)
    return tally.survey()


def _count(visit: _Visit, tally: _Tally) -> None:
    costly = [d for d in visit.record.effective if not isinstance(d.mechanism, All | Network)]
    tally.lookups.extend(SpfLookup(visit.domain, directive.text) for directive in costly)
    tally.pointers.extend(SpfLookup(visit.domain, d.text) for d in costly if isinstance(d.mechanism, Pointer))
    if visit.record.effective_redirect is not None:
        tally.lookups.append(SpfLookup(visit.domain, f"redirect={visit.record.effective_redirect.text}"))


def _gather_hosts(level: list[_Visit], tally: _Tally) -> Lookup[None]:
    terms: list[tuple[_Visit, Directive]] = []
    for visit in level:
        for directive in visit.record.effective:
            match directive.mechanism:
                case Network(network):
                    if visit.passing and directive.qualifier is Qualifier.PASS:
                        tally.networks.add(network)
                case All() | Include():
                    pass
                case _ if tally.may_follow():
                    terms.append((visit, directive))
                case _:
                    pass
    reached = yield from together([reach_of(directive, visit.domain) for visit, directive in terms])
    for (visit, directive), reach in zip(terms, reached, strict=True):
        _add(visit, directive, reach, tally)


def _add(visit: _Visit, directive: Directive, reach: TermReach, tally: _Tally) -> None:
    tally.faults.extend(reach.faults)
    tally.unknown.update(reach.unknown)
    if reach.void:
        tally.voids.append(SpfLookup(visit.domain, directive.text))
    if visit.passing:
        tally.networks.update(reach.networks)


def _next_level(level: list[_Visit], tally: _Tally) -> Lookup[list[_Visit]]:
    followed: list[tuple[_Reference, DomainName]] = []
    for reference in (reference for visit in level for reference in _references(visit)):
        name = _followed_name(reference, tally)
        if name is not None and tally.may_follow():
            followed.append((reference, name))
    sources = yield from together([read_spf(name) for _, name in followed])
    visits = (_visit(ref, name, source, tally) for (ref, name), source in zip(followed, sources, strict=True))
    return [visit for visit in visits if visit is not None]


def _references(visit: _Visit) -> Iterator[_Reference]:
    for directive in visit.record.effective:
        if isinstance(directive.mechanism, Include):
            passing = visit.passing and directive.qualifier is Qualifier.PASS
            yield _Reference(visit, directive.text, directive.mechanism.target, passing)
    redirect = visit.record.effective_redirect
    if redirect is not None:
        yield _Reference(visit, f"redirect={redirect.text}", redirect, visit.passing)


def _followed_name(reference: _Reference, tally: _Tally) -> DomainName | None:
    if reference.target.depends_on_sender:
        tally.unknown.add(Cause.DEPENDS_ON_SENDER)
        return None
    name = reference.target.static_name()
    if name is None:
        tally.faults.append(f"{reference.term} in {reference.visit.domain} names no possible domain")
        return None
    if reference.passing:
        tally.includes.add(name)
    if name in reference.visit.path:
        tally.faults.append(f"{reference.term} in {reference.visit.domain} leads back to itself")
        return None
    return name


def _visit(reference: _Reference, name: DomainName, source: SpfSource, tally: _Tally) -> _Visit | None:
    where = f"{reference.term} in {reference.visit.domain}"
    match source:
        case SpfRecord():
            return _Visit(name, source, reference.visit.path | {name}, reference.passing)
        case SpfUnknown(cause):
            tally.unknown.add(cause)
        case NoSpf():
            tally.faults.append(f"{where} leads to no SPF record")
        case SeveralSpf(texts):
            tally.faults.append(f"{where} leads to {len(texts)} SPF records")
        case BrokenSpf(_, reason):
            tally.faults.append(f"{where} leads to a record with a syntax error: {reason}")
        case _:
            assert_never(source)
    return None

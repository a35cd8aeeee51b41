"""SPF for one message: the function check_host() (RFC 7208 section 4).

Here: the walk through a record for a given sender, with its limits and the explanation. Not here: what holds for every
sender (spf_survey.py).
"""

from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address
from typing import NoReturn, assert_never

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import (
    Address,
    Answer,
    Cause,
    MailExchanger,
    NoData,
    NxDomain,
    RecordType,
    Text,
    Unknown,
    data_of,
)
from outreach_pipelines.domain.dns_audit.expectations import IpAddress, network_around
from outreach_pipelines.domain.dns_audit.lookups import Lookup, follow
from outreach_pipelines.domain.dns_audit.names import is_within, parse_domain_name
from outreach_pipelines.domain.dns_audit.spf_expansion import (
    MacroValues,
    SpfSender,
    asks_for_validated_name,
    expand,
    expand_name,
)
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
    SpfRecord,
)
from outreach_pipelines.domain.dns_audit.spf_limits import MOST_LOOKUPS, MOST_MX_HOSTS, MOST_VOIDS, SpfLookup
from outreach_pipelines.domain.dns_audit.spf_macro import DomainSpec, Piece, SpfSyntaxError, parse_explanation
from outreach_pipelines.domain.dns_audit.spf_pointer import family_of, preferred_name, validated_names
from outreach_pipelines.domain.dns_audit.spf_source import BrokenSpf, NoSpf, SeveralSpf, SpfUnknown, read_spf


class SpfResult(StrEnum):
    """RFC 7208 section 2.6."""

    NONE = "none"
    NEUTRAL = "neutral"
    PASS = "pass"  # noqa: S105 the name of an SPF result
    FAIL = "fail"
    SOFTFAIL = "softfail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


RESULT_OF = {
    Qualifier.PASS: SpfResult.PASS,
    Qualifier.FAIL: SpfResult.FAIL,
    Qualifier.SOFTFAIL: SpfResult.SOFTFAIL,
    Qualifier.NEUTRAL: SpfResult.NEUTRAL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SpfOutcome:
    """The result, why, and what it cost.

    `reason`: the term that matched, or the error. `explanation`: the owner's words to a sender that fails, if any.
    """

    result: SpfResult
    reason: str
    explanation: str | None = None
    lookups: tuple[SpfLookup, ...] = ()
    voids: tuple[SpfLookup, ...] = ()


class _Permanent(Exception):
    """The record cannot be evaluated for this sender; the message says why."""


class _Temporary(Exception):
    """Somebody could not say; the message says what."""


@dataclass(frozen=True, slots=True)
class _Match:
    result: SpfResult
    reason: str
    explained_by: tuple[DomainName, DomainSpec] | None = None


def check_host(sender: SpfSender) -> Lookup[SpfOutcome]:
    """Evaluate the sender domain's record for one message."""
    evaluation = _Evaluation(sender)
    explanation: str | None = None
    try:
        match = yield from evaluation.of_domain(sender.domain)
        if match.result is SpfResult.FAIL and match.explained_by is not None:
            explanation = yield from evaluation.explanation(*match.explained_by)
    except _Permanent as error:
        match = _Match(SpfResult.PERMERROR, str(error))
    except _Temporary as error:
        match = _Match(SpfResult.TEMPERROR, str(error))
    return SpfOutcome(
        result=match.result,
        reason=match.reason,
        explanation=explanation,
        lookups=tuple(evaluation.lookups),
        voids=tuple(evaluation.voids),
    )


@dataclass(slots=True)
class _Evaluation:
    sender: SpfSender
    lookups: list[SpfLookup] = field(default_factory=list)
    voids: list[SpfLookup] = field(default_factory=list)
    path: list[DomainName] = field(default_factory=list)

    def of_domain(self, domain: DomainName) -> Lookup[_Match]:
        """Evaluate one domain's record: the sender's, an include's or a redirect's."""
        if parse_domain_name(domain) is None or "." not in domain:
            return _Match(SpfResult.NONE, f"{domain} is no domain that could publish SPF")
        source = yield from read_spf(domain)
        match source:
            case SpfRecord():
                return (yield from self._of_record(domain, source))
            case NoSpf():
                return _Match(SpfResult.NONE, f"{domain} has no SPF record")
            case SpfUnknown(cause):
                raise _Temporary(_unread(RecordType.TXT, domain, cause))
            case SeveralSpf(texts):
                _permanent(f"{domain} has {len(texts)} SPF records")
            case BrokenSpf(_, reason):
                _permanent(f"{domain}: {reason}")
            case _:
                assert_never(source)

    def _of_record(self, domain: DomainName, record: SpfRecord) -> Lookup[_Match]:
        for directive in record.effective:
            if (yield from self._matches(directive, domain)):
                explained = None if record.explanation is None else (domain, record.explanation)
                return _Match(RESULT_OF[directive.qualifier], f"{directive.text} of {domain}", explained)
        if record.effective_redirect is None:
            return _Match(SpfResult.NEUTRAL, f"no term of {domain} matches")
        term = f"redirect={record.effective_redirect.text}"
        self._count(domain, term)
        target = yield from self._name(record.effective_redirect, domain)
        match = yield from self.of_domain(target)
        if match.result is SpfResult.NONE:
            _permanent(f"{term} of {domain} leads to no SPF record")
        return match

    def _matches(self, directive: Directive, domain: DomainName) -> Lookup[bool]:
        mechanism = directive.mechanism
        if isinstance(mechanism, All):
            return True
        if isinstance(mechanism, Network):
            return self.sender.ip in mechanism.network
        self._count(domain, directive.text)
        cost = SpfLookup(domain, directive.text)
        match mechanism:
            case Include(target):
                return (yield from self._included(directive.text, target, domain))
            case Hosts():
                name = yield from self._target(mechanism.target, domain)
                return (yield from self._host_matches(name, mechanism, cost))
            case Exchangers():
                name = yield from self._target(mechanism.target, domain)
                return (yield from self._exchanger_matches(name, mechanism, cost))
            case Exists(target):
                name = yield from self._name(target, domain)
                answer = yield from self._asked(name, RecordType.A, cost)
                return bool(data_of(answer, Address))
            case Pointer():
                name = yield from self._target(mechanism.target, domain)
                return (yield from self._pointer_matches(name, cost))
            case _:
                assert_never(mechanism)

    def _included(self, term: str, target: DomainSpec, domain: DomainName) -> Lookup[bool]:
        name = yield from self._name(target, domain)
        match = yield from self.of_domain(name)
        if match.result is SpfResult.NONE:
            _permanent(f"{term} of {domain} leads to no SPF record")
        return match.result is SpfResult.PASS

    def _host_matches(self, name: DomainName, widened: Hosts | Exchangers, cost: SpfLookup) -> Lookup[bool]:
        answer = yield from self._asked(name, family_of(self.sender.ip), cost)
        return any(_within(self.sender.ip, found.ip, widened) for found in data_of(answer, Address))

    def _exchanger_matches(self, name: DomainName, widened: Exchangers, cost: SpfLookup) -> Lookup[bool]:
        answer = yield from self._asked(name, RecordType.MX, cost)
        exchangers = data_of(answer, MailExchanger)
        if len(exchangers) > MOST_MX_HOSTS:
            _permanent(f"{name} has {len(exchangers)} MX hosts, more than {MOST_MX_HOSTS}")
        for exchanger in exchangers:
            if (yield from self._host_matches(exchanger.host, widened, cost)):
                return True
        return False

    def _pointer_matches(self, name: DomainName, cost: SpfLookup) -> Lookup[bool]:
        validated = yield from validated_names(self.sender.ip)
        if validated.void:
            self._void(cost)
        return any(is_within(found, name) for found in validated.names)

    def _asked(self, name: DomainName, record_type: RecordType, cost: SpfLookup) -> Lookup[Answer]:
        if parse_domain_name(name) is None:
            self._void(cost)
            return NxDomain()
        answer = yield from follow(name, record_type)
        if isinstance(answer, Unknown):
            raise _Temporary(_unread(record_type, name, answer.cause))
        if isinstance(answer, NoData | NxDomain):
            self._void(cost)
        return answer

    def _count(self, domain: DomainName, term: str) -> None:
        self.lookups.append(SpfLookup(domain, term))
        if len(self.lookups) > MOST_LOOKUPS:
            _permanent(f"more than {MOST_LOOKUPS} look-ups at {term} of {domain}")

    def _void(self, cost: SpfLookup) -> None:
        self.voids.append(cost)
        if len(self.voids) > MOST_VOIDS:
            _permanent(f"more than {MOST_VOIDS} void look-ups at {cost}")

    def _target(self, target: DomainSpec | None, domain: DomainName) -> Lookup[DomainName]:
        return domain if target is None else (yield from self._name(target, domain))

    def _name(self, target: DomainSpec, domain: DomainName) -> Lookup[DomainName]:
        values = yield from self._values(target.pieces, domain)
        return DomainName(expand_name(target.pieces, values).lower())

    def _values(self, pieces: tuple[Piece, ...], domain: DomainName) -> Lookup[MacroValues]:
        if not asks_for_validated_name(pieces):
            return MacroValues(self.sender, domain)
        found = yield from validated_names(self.sender.ip)
        return MacroValues(self.sender, domain, preferred_name(found.names, domain))

    def explanation(self, domain: DomainName, target: DomainSpec) -> Lookup[str | None]:
        """Fetch the owner's words; none where they cannot be had whole (RFC 7208 section 6.2)."""
        name = yield from self._name(target, domain)
        if parse_domain_name(name) is None:
            return None
        answer = yield from follow(name, RecordType.TXT)
        texts = data_of(answer, Text)
        try:
            (text,) = texts
            pieces = parse_explanation(text.value.decode("ascii"))
        except (ValueError, SpfSyntaxError):
            return None
        values = yield from self._values(pieces, domain)
        return expand(pieces, values)


def _within(ip: IpAddress, found: IpAddress, widened: Hosts | Exchangers) -> bool:
    prefix = widened.prefix4 if isinstance(found, IPv4Address) else widened.prefix6
    return ip.version == found.version and ip in network_around(found, prefix)


def _unread(record_type: RecordType, name: DomainName, cause: Cause) -> str:
    return f"{record_type} of {name}: {cause}"


def _permanent(reason: str) -> NoReturn:
    raise _Permanent(reason)

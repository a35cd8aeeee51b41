"""SPF records: their grammar (RFC 7208 sections 4.6.1, 5, 6 and 12).

Here: one record's text to terms. Not here: other records it refers to (spf_survey.py) or judgement (spf_check.py).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TypeAlias

from outreach_pipelines.domain.dns_audit.expectations import IpNetwork
from outreach_pipelines.domain.dns_audit.spf_macro import (
    DomainSpec,
    SpfSyntaxError,
    parse_domain_spec,
    parse_macro_string,
)

_VERSION = re.compile(rb"v=spf1( |$)", re.IGNORECASE)
_MODIFIER = re.compile(r"([A-Za-z][A-Za-z0-9._-]*)=(.*)", re.DOTALL)
_DIRECTIVE = re.compile(r"([+\-?~]?)([A-Za-z][A-Za-z0-9._-]*)(.*)", re.DOTALL)
_DUAL_CIDR = re.compile(r"(?P<target>.*?)(/(?P<four>[0-9]+))?(//(?P<six>[0-9]+))?", re.DOTALL)
_NETWORK = re.compile(r":(?P<address>[0-9a-f.:]+)(/(?P<length>[0-9]+))?", re.IGNORECASE)


class Qualifier(StrEnum):
    """What a match means."""

    PASS = "+"  # noqa: S105 the name of an SPF result
    FAIL = "-"
    SOFTFAIL = "~"
    NEUTRAL = "?"


@dataclass(frozen=True, slots=True)
class All:
    """Matches every sender."""


@dataclass(frozen=True, slots=True)
class Include:
    """Matches whom the target's own record passes."""

    target: DomainSpec


@dataclass(frozen=True, slots=True)
class Hosts:
    """The mechanism `a`: matches the addresses of the target (None: the domain itself), widened to the prefixes."""

    target: DomainSpec | None
    prefix4: int
    prefix6: int


@dataclass(frozen=True, slots=True)
class Exchangers:
    """The mechanism `mx`: matches the addresses of the target's MX hosts."""

    target: DomainSpec | None
    prefix4: int
    prefix6: int


@dataclass(frozen=True, slots=True)
class Pointer:
    """The mechanism `ptr`, which RFC 7208 section 5.5 asks not to publish."""

    target: DomainSpec | None


@dataclass(frozen=True, slots=True)
class Network:
    """The mechanisms `ip4` and `ip6`."""

    network: IpNetwork


@dataclass(frozen=True, slots=True)
class Exists:
    """Matches where the target has an A record."""

    target: DomainSpec


Mechanism: TypeAlias = All | Include | Hosts | Exchangers | Pointer | Network | Exists


@dataclass(frozen=True, slots=True)
class Directive:
    """A mechanism with its qualifier; `text` as written."""

    qualifier: Qualifier
    mechanism: Mechanism
    text: str


@dataclass(frozen=True, slots=True)
class SpfRecord:
    """A record that keeps the grammar. Unknown modifiers are checked and left out, as RFC 7208 section 6 asks.

    `effective`: the directives that can be reached, up to the first `all`. `explanation`: the modifier `exp`.
    """

    text: str
    directives: tuple[Directive, ...]
    redirect: DomainSpec | None = None
    explanation: DomainSpec | None = None
    effective: tuple[Directive, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Find what can be reached, once: every walk asks for it."""
        ends = (at + 1 for at, one in enumerate(self.directives) if isinstance(one.mechanism, All))
        object.__setattr__(self, "effective", self.directives[: next(ends, len(self.directives))])

    @property
    def final(self) -> Directive | None:
        """The reachable `all`, if there is one."""
        last = self.effective[-1] if self.effective else None
        return last if last is not None and isinstance(last.mechanism, All) else None

    @property
    def effective_redirect(self) -> DomainSpec | None:
        """The redirect, unless an `all` makes it void (RFC 7208 section 6.1)."""
        return None if self.final else self.redirect


def is_spf(text: bytes) -> bool:
    """Tell whether a TXT record is an SPF record (RFC 7208 section 4.5)."""
    return _VERSION.match(text) is not None


@lru_cache(maxsize=4096)  # the includes of a few providers stand in most records
def parse_spf(text: bytes) -> SpfRecord:
    """Read a record for which `is_spf` holds; raise `SpfSyntaxError` for an error anywhere in it."""
    try:
        written = text.decode("ascii")
    except UnicodeDecodeError as error:
        raise SpfSyntaxError(text.decode("ascii", "backslashreplace"), "only ASCII is allowed") from error
    directives: list[Directive] = []
    modifiers: dict[str, DomainSpec] = {}
    for term in filter(None, written.split(" ")[1:]):
        modifier = _MODIFIER.fullmatch(term)
        if modifier is None:
            directives.append(_directive(term))
        else:
            _add_modifier(modifiers, modifier[1].lower(), modifier[2])
    return SpfRecord(written, tuple(directives), modifiers.get("redirect"), modifiers.get("exp"))


def _add_modifier(modifiers: dict[str, DomainSpec], name: str, value: str) -> None:
    if name not in {"redirect", "exp"}:
        parse_macro_string(value)
        return
    if name in modifiers:
        raise SpfSyntaxError(name + "=" + value, "redirect and exp may each stand once only")
    modifiers[name] = parse_domain_spec(value)


def _directive(term: str) -> Directive:
    match = _DIRECTIVE.fullmatch(term)
    reader = _READERS.get(match[2].lower()) if match else None
    if match is None or reader is None:
        raise SpfSyntaxError(term, "no mechanism and no modifier of SPF")
    return Directive(Qualifier(match[1] or "+"), reader(match[3]), term)


def _all(rest: str) -> All:
    if rest:
        raise SpfSyntaxError("all" + rest, "all takes no argument")
    return All()


def _target(rest: str) -> DomainSpec:
    if not rest.startswith(":"):
        raise SpfSyntaxError(rest, "a colon and a domain must follow")
    return parse_domain_spec(rest[1:])


def _dual_cidr(rest: str) -> tuple[DomainSpec | None, int, int]:
    match = _DUAL_CIDR.fullmatch(rest)
    if match is None:
        raise SpfSyntaxError(rest, "neither a domain nor a prefix length")
    target = _target(match["target"]) if match["target"] else None
    return target, _prefix(match["four"], 32), _prefix(match["six"], 128)


def _prefix(digits: str | None, longest: int) -> int:
    if digits is None:
        return longest
    if (len(digits) > 1 and digits.startswith("0")) or len(digits) > len(str(longest)) or int(digits) > longest:
        raise SpfSyntaxError("/" + digits, f"a prefix length is 0 to {longest}, without leading zeros")
    return int(digits)


def _network(kind: type[IPv4Network] | type[IPv6Network], longest: int, rest: str) -> Network:
    match = _NETWORK.fullmatch(rest)
    if match is None:
        raise SpfSyntaxError(rest, "a colon and an address must follow")
    prefix = _prefix(match["length"], longest)
    try:
        network = ip_network(f"{match['address']}/{prefix}", strict=False)
    except ValueError as error:
        raise SpfSyntaxError(rest, "not an address") from error
    if not isinstance(network, kind):
        raise SpfSyntaxError(rest, "an address of the other family")
    return Network(network)


_READERS: Mapping[str, Callable[[str], Mechanism]] = {
    "all": _all,
    "include": lambda rest: Include(_target(rest)),
    "exists": lambda rest: Exists(_target(rest)),
    "a": lambda rest: Hosts(*_dual_cidr(rest)),
    "mx": lambda rest: Exchangers(*_dual_cidr(rest)),
    "ptr": lambda rest: Pointer(_target(rest) if rest else None),
    "ip4": lambda rest: _network(IPv4Network, 32, rest),
    "ip6": lambda rest: _network(IPv6Network, 128, rest),
}

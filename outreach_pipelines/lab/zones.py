"""The lab's DNS data and how it answers (RFC 1034 section 4.3.2, RFC 4592 wildcards). Pure: query in, response out.

It stands for the whole name space below its zones: aliases are followed from zone to zone. Other names are REFUSED.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.node
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rrset
import dns.zone
from dns.rdtypes.ANY.CNAME import CNAME

_MAX_ALIASES = 16


class ZoneError(Exception):
    """A zone cannot be read, with the reason of the parser."""


def parse_zone(text: str) -> dns.zone.Zone:
    """A zone in master file format (RFC 1035 section 5). It names itself by $ORIGIN and holds SOA and NS records."""
    try:
        zone = dns.zone.from_text(text, relativize=False)
    except (dns.exception.DNSException, ValueError, KeyError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise ZoneError(reason) from error
    if zone.origin is None:
        reason = "the zone needs a $ORIGIN"
        raise ZoneError(reason)
    return zone


@dataclass(slots=True)
class Zones:
    """All zones by origin."""

    _by_origin: dict[dns.name.Name, dns.zone.Zone] = field(default_factory=dict)

    def load(self, folder: Path) -> None:
        """Read each `*.zone` file of a folder. Raises ZoneError with the file's name."""
        for path in sorted(folder.glob("*.zone")):
            try:
                self.put(parse_zone(path.read_text()))
            except ZoneError as error:
                reason = f"{path.name}: {error}"
                raise ZoneError(reason) from error

    def put(self, zone: dns.zone.Zone) -> dns.name.Name:
        """Add a zone or put it in the place of the one with the same origin; the origin."""
        origin = zone.origin or dns.name.root
        self._by_origin[origin] = zone
        return origin

    def origins(self) -> list[str]:
        """The names of all zones."""
        return sorted(origin.to_text() for origin in self._by_origin)

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        """The authoritative response to a query: records, NODATA or NXDOMAIN with the SOA, or REFUSED."""
        response = dns.message.make_response(query, recursion_available=True)
        if query.opcode() != dns.opcode.QUERY or len(query.question) != 1:
            response.set_rcode(dns.rcode.NOTIMP)
            return response
        question = query.question[0]
        name, kind = question.name, question.rdtype
        for _ in range(_MAX_ALIASES):
            alias = self._answer_one(response, name, kind)
            if alias is None:
                return response
            name = alias
        response.set_rcode(dns.rcode.SERVFAIL)
        return response

    def _answer_one(
        self, response: dns.message.Message, name: dns.name.Name, kind: dns.rdatatype.RdataType
    ) -> dns.name.Name | None:
        """Add what one name gives; the target if it is an alias to be followed."""
        zone = self._zone_of(name)
        if zone is None:
            # Behind an alias the answer so far is right, and its end lies outside of what the lab knows.
            response.set_rcode(dns.rcode.NOERROR if response.answer else dns.rcode.REFUSED)
            return None
        response.flags |= dns.flags.AA
        node = _node(zone, name)
        if node is None:
            response.set_rcode(dns.rcode.NXDOMAIN)
        found = _rdataset(node, kind)
        if found is not None:
            response.answer.append(_rrset(name, found))
            return None
        alias = _rdataset(node, dns.rdatatype.CNAME)
        if alias is not None:
            response.answer.append(_rrset(name, alias))
            return _target(alias)
        response.authority.append(_soa(zone))
        return None

    def _zone_of(self, name: dns.name.Name) -> dns.zone.Zone | None:
        return next((self._by_origin[n] for n in _self_and_parents(name) if n in self._by_origin), None)


def _node(zone: dns.zone.Zone, name: dns.name.Name) -> dns.node.Node | None:
    """The node of a name: its own, an empty one if there are names below it, else the closest wildcard's, else None."""
    own = zone.get_node(name)
    if own is not None:
        return own
    if any(other.is_subdomain(name) for other in zone.nodes):
        return dns.node.Node()  # type: ignore[no-untyped-call]  # dnspython has not annotated this one
    for parent in _self_and_parents(name.parent()):
        wildcard = zone.get_node(dns.name.Name((b"*", *parent.labels)))
        # Only the wildcard directly below the closest name that exists counts (RFC 4592 section 3.3.1).
        if wildcard is not None or any(other.is_subdomain(parent) for other in zone.nodes):
            return wildcard
    return None


def _self_and_parents(name: dns.name.Name) -> Iterator[dns.name.Name]:
    while True:
        yield name
        if name == dns.name.root:
            return
        name = name.parent()


def _rdataset(node: dns.node.Node | None, kind: dns.rdatatype.RdataType) -> dns.rdataset.Rdataset | None:
    return None if node is None else node.get_rdataset(dns.rdataclass.IN, kind)


def _rrset(name: dns.name.Name, rdataset: dns.rdataset.Rdataset) -> dns.rrset.RRset:
    return dns.rrset.from_rdata_list(name, rdataset.ttl, list(rdataset))


def _target(alias: dns.rdataset.Rdataset) -> dns.name.Name | None:
    record = alias[0]
    return record.target if isinstance(record, CNAME) else None


def _soa(zone: dns.zone.Zone) -> dns.rrset.RRset:
    origin = zone.origin or dns.name.root
    return _rrset(origin, zone.find_rdataset(origin, dns.rdatatype.SOA))

"""Terms of an SPF record that change nothing: they cost length, and look-ups where they name hosts.

Here: finding them in one record, and the record without them. Not here: other records it refers to.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from outreach_pipelines.domain.dns_audit.expectations import IpNetwork
from outreach_pipelines.domain.dns_audit.spf_grammar import Directive, Mechanism, Network, SpfRecord


@dataclass(frozen=True, slots=True)
class RedundantTerm:
    """A term and why it changes nothing."""

    text: str
    reason: str

    def __str__(self) -> str:
        return f"{self.text} {self.reason}"


def redundant_terms(record: SpfRecord) -> tuple[RedundantTerm, ...]:
    """Name the terms that no sender's result depends on."""
    return tuple(term for _, term in _found(record))


def without_redundant_terms(record: SpfRecord) -> str:
    """Write the record without them."""
    gone = {place for place, _ in _found(record)}
    kept: list[str] = []
    place = 0
    for term in filter(None, record.text.split(" ")[1:]):
        is_directive = place < len(record.directives) and term == record.directives[place].text
        if is_directive:
            place += 1
        if not (is_directive and place - 1 in gone) and not _is_void_redirect(term, record):
            kept.append(term)
    return " ".join(["v=spf1", *kept])


def _found(record: SpfRecord) -> Iterator[tuple[int, RedundantTerm]]:
    earlier = _Earlier()
    for place, directive in enumerate(record.directives):
        reason = "is never reached" if place >= len(record.effective) else earlier.reason(directive)
        if reason:
            yield place, RedundantTerm(directive.text, reason)
    if record.redirect is not None and record.effective_redirect is None:
        yield -1, RedundantTerm(f"redirect={record.redirect.text}", "has no effect beside all")


@dataclass(slots=True)
class _Earlier:
    """The terms that come before: whatever a later one says of the same senders, the earlier one wins.

    Networks by their leading bits, so that a record of thousands is read once.
    """

    mechanisms: set[Mechanism] = field(default_factory=set)
    networks: dict[tuple[int, int, int], str] = field(default_factory=dict)
    prefixes: set[tuple[int, int]] = field(default_factory=set)

    def reason(self, directive: Directive) -> str:
        """Tell why an earlier term leaves this one nothing to do, and take it among them."""
        mechanism = directive.mechanism
        if mechanism in self.mechanisms:
            return "stands twice"
        self.mechanisms.add(mechanism)
        return self._of_network(directive.text, mechanism.network) if isinstance(mechanism, Network) else ""

    def _of_network(self, text: str, network: IpNetwork) -> str:
        bits, address = network.max_prefixlen, int(network.network_address)
        for version, prefix in self.prefixes:
            if version == network.version and prefix <= network.prefixlen:
                wider = self.networks.get((version, prefix, address >> (bits - prefix)))
                if wider is not None:
                    return f"lies within {wider}"
        self.prefixes.add((network.version, network.prefixlen))
        self.networks[network.version, network.prefixlen, address >> (bits - network.prefixlen)] = text
        return ""


def _is_void_redirect(term: str, record: SpfRecord) -> bool:
    return record.final is not None and term.lower().startswith("redirect=")

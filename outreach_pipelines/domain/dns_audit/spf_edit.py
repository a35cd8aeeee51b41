"""Changes to an SPF record, as the text of the one record to publish.

Here: adding, merging, writing anew. Includes of providers are never flattened into addresses: those go stale.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.expectations import IpNetwork
from outreach_pipelines.domain.dns_audit.spf_grammar import All, SpfRecord


@dataclass(frozen=True, slots=True)
class Authorised:
    """Whom a record must pass."""

    includes: tuple[DomainName, ...] = ()
    networks: tuple[IpNetwork, ...] = ()

    @property
    def terms(self) -> tuple[str, ...]:
        """The directives that pass them; a single address without its prefix length."""
        addresses = (f"ip{n.version}:{n.network_address if n.num_addresses == 1 else n}" for n in self.networks)
        return (*addresses, *(f"include:{name}" for name in self.includes))


def new_record(authorised: Authorised) -> str:
    """Write a first record; everybody else gets softfail, as providers advise beside DMARC."""
    return " ".join(["v=spf1", *authorised.terms, "~all"])


def with_authorised(record: SpfRecord, authorised: Authorised) -> str:
    """Put the terms where they are reached: before the first `all`, else before the modifiers that end the record."""
    terms = [term for term in record.text.split(" ") if term]
    place = next((at for at, term in enumerate(terms) if at and _ends_evaluation(term)), len(terms))
    return " ".join([*terms[:place], *authorised.terms, *terms[place:]])


def with_final(record: SpfRecord, final: str) -> str:
    """Replace the `all`, or add one at the end."""
    terms = [term for term in record.text.split(" ") if term and not _is_all(term)]
    return " ".join([*terms, final])


def merged_record(records: Sequence[SpfRecord]) -> str | None:
    """Join records into one, each directive once; None where a redirect makes the joint meaning doubtful."""
    if any(record.redirect is not None for record in records):
        return None
    return " ".join(["v=spf1", *_distinct(records), "~all"])


def _distinct(records: Iterable[SpfRecord]) -> tuple[str, ...]:
    texts = (d.text for record in records for d in record.effective if not isinstance(d.mechanism, All))
    return tuple(dict.fromkeys(text.removeprefix("+") for text in texts))


def _is_all(term: str) -> bool:
    return term.lstrip("+-?~").lower() == "all"


def _ends_evaluation(term: str) -> bool:
    return _is_all(term) or term.lower().startswith(("redirect=", "exp="))

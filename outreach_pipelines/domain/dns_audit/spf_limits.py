"""The limits of RFC 7208 section 4.6.4, and the terms that they count."""

from dataclasses import dataclass
from typing import Final

from outreach_pipelines.domain.address import DomainName

MOST_LOOKUPS: Final = 10
MOST_VOIDS: Final = 2
MOST_MX_HOSTS: Final = 10


@dataclass(frozen=True, slots=True)
class SpfLookup:
    """A term that costs the receiver a look-up, with the domain whose record holds it."""

    domain: DomainName
    term: str

    def __str__(self) -> str:
        return f"{self.term} (in {self.domain})"

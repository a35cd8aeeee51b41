"""Domain names as the audit compares and asks them.

Here: the one spelling of a name and its relations to other names. Not here: what is published under a name.
"""

import re
from functools import lru_cache

from outreach_pipelines.domain.address import DomainName

ROOT = DomainName(".")

_LONGEST_LABEL = 63
_LONGEST_NAME = 253
_HOST_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


@lru_cache(maxsize=4096)
def parse_domain_name(text: str) -> DomainName | None:
    """Give the name in its one spelling; None where no DNS query can be composed from it (RFC 1035 section 2.3.4)."""
    name = text.removesuffix(".").lower()
    if not name:
        return ROOT if text == "." else None
    fits = len(name) <= _LONGEST_NAME and name.isascii()
    return DomainName(name) if fits and all(0 < len(label) <= _LONGEST_LABEL for label in name.split(".")) else None


def is_host_name(name: DomainName) -> bool:
    """Tell whether the name may be a host's: letters, digits and inner hyphens (RFC 1123 section 2.1)."""
    return all(_HOST_LABEL.fullmatch(label) for label in name.split("."))


def absolute(name: DomainName) -> str:
    """Write the name as a zone file does, with its final dot."""
    return name if name == ROOT else f"{name}."


def under(label: str, name: DomainName) -> DomainName:
    """Put `label` (one or more) below `name`."""
    return DomainName(f"{label.lower()}.{name}")


def suffixes(name: DomainName) -> tuple[DomainName, ...]:
    """List the name and its parents, longest first, down to the top-level label."""
    labels = name.split(".")
    return tuple(DomainName(".".join(labels[start:])) for start in range(len(labels)))


def is_within(name: DomainName, parent: DomainName) -> bool:
    """Tell whether `name` is `parent` or lies below it."""
    return name == parent or name.endswith(f".{parent}")


def related(one: DomainName, other: DomainName) -> bool:
    """Tell whether one of the two is the other or lies below it."""
    return is_within(one, other) or is_within(other, one)

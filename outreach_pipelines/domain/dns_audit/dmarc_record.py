"""DMARC policy records: their form (RFC 9989 section 4.7).

Here: one record's text to a policy. Not here: which record governs a domain (dmarc_walk.py).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.names import parse_domain_name
from outreach_pipelines.domain.dns_audit.tag_list import TagListError, parse_tag_list

_OBSOLETE = ("pct", "rf", "ri")


class Policy(StrEnum):
    """What the domain asks receivers to do with mail that fails."""

    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"


class SuffixFlag(StrEnum):
    """The tag `psd`: whether the domain is a public suffix."""

    YES = "y"
    NO = "n"
    UNDECIDED = "u"


_RUA = re.compile(r"(?<=;)\s*rua\s*=[^;]*[^;\s]")


@dataclass(frozen=True, slots=True, kw_only=True)
class DmarcRecord:
    """A record that receivers would apply. `subdomains`, `nonexistent`: None where the wider policy holds for them."""

    text: str
    policy: Policy
    subdomains: Policy | None
    nonexistent: Policy | None
    suffix: SuffixFlag
    testing: bool
    strict_envelope: bool
    strict_signature: bool
    reports_to: tuple[str, ...]
    obsolete: tuple[str, ...]
    faults: tuple[str, ...]

    @property
    def report_hosts(self) -> frozenset[DomainName]:
        """The domains that receive aggregate reports."""
        hosts = (parse_domain_name(uri.rpartition("@")[2].partition("!")[0]) for uri in self.reports_to)
        return frozenset(host for host in hosts if host is not None)

    def names(self, mailbox: str) -> bool:
        """Tell whether aggregate reports go to the mailbox, with or without a bound on their size."""
        return f"mailto:{mailbox}".lower() in {uri.partition("!")[0].lower() for uri in self.reports_to}


def with_report_mailbox(text: str, mailbox: str) -> str:
    """Add a mailbox to the `rua` of a record of tags (DMARC or TLS-RPT), or a `rua` where there is none."""
    extended, found = _RUA.subn(lambda rua: f"{rua[0].rstrip()},mailto:{mailbox}", text, count=1)
    return extended if found else f"{text.rstrip('; ')}; rua=mailto:{mailbox}"


def without_obsolete(text: str) -> str:
    """The same record without tags that RFC 9989 took out."""
    parts = [part.strip() for part in text.split(";")]
    kept = [part for part in parts if part.partition("=")[0].strip() not in _OBSOLETE]
    return text if kept == parts else "; ".join(filter(None, kept))


class DmarcSyntaxError(ValueError):
    """Receivers would not apply the record; the message says why."""


def is_dmarc(text: bytes) -> bool:
    """Tell whether a TXT record names itself DMARC: `v=DMARC1` stands first, in this case of letters."""
    name, equals, version = text.partition(b";")[0].partition(b"=")
    return (name.strip(), equals, version.strip()) == (b"v", b"=", b"DMARC1")


@lru_cache(maxsize=256)  # The walk meets a record again for each account's alignment
def parse_dmarc(text: bytes) -> DmarcRecord:
    """Read a record for which `is_dmarc` holds; raise `DmarcSyntaxError` where it has no effect at all."""
    try:
        tags = parse_tag_list(text)
    except TagListError as error:
        raise DmarcSyntaxError(str(error)) from error
    reports_to = tuple(uri for uri in (part.strip() for part in tags.get("rua", "").split(",")) if _is_mailto(uri))
    faults = tuple(f"{tag}={tags[tag]}" for tag in ("p", "sp", "np") if tag in tags and _policy(tags, tag) is None)
    if ("p" not in tags or faults) and not reports_to:
        message = f"no valid policy and no rua: {', '.join(faults) or 'p= is missing'}"
        raise DmarcSyntaxError(message)
    return DmarcRecord(
        text=text.decode("ascii", "replace"),
        # A bad policy beside a good rua counts as p=none (RFC 9989 section 4.7).
        policy=Policy.NONE if faults else _policy(tags, "p") or Policy.NONE,
        subdomains=_policy(tags, "sp"),
        nonexistent=_policy(tags, "np"),
        suffix=_suffix(tags),
        testing=tags.get("t", "n").lower() == "y",
        strict_envelope=tags.get("aspf", "r").lower() == "s",
        strict_signature=tags.get("adkim", "r").lower() == "s",
        reports_to=reports_to,
        obsolete=tuple(tag for tag in _OBSOLETE if tag in tags),
        faults=faults if "p" in tags else ("p= is missing", *faults),
    )


def _policy(tags: Mapping[str, str], tag: str) -> Policy | None:
    value = tags.get(tag, "").lower()
    return Policy(value) if value in set(Policy) else None


def _suffix(tags: Mapping[str, str]) -> SuffixFlag:
    value = tags.get("psd", "u").lower()
    return SuffixFlag(value) if value in set(SuffixFlag) else SuffixFlag.UNDECIDED


def _is_mailto(uri: str) -> bool:
    return uri.lower().startswith("mailto:") and 0 < uri.find("@") < len(uri) - 1

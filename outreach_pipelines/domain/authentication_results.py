"""What a receiver's server says of a message in its Authentication-Results field (RFC 8601).

Belongs here: reading it. Does not: what is concluded (`seed_proof`).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.names import parse_domain_name

_COMMENT = re.compile(r"\([^()]*\)")
_METHOD = re.compile(r"^\s*([a-z0-9-]+)(?:/\d+)?\s*=\s*([a-z]+)", re.IGNORECASE)
_PROPERTY = re.compile(r"([a-z]+\.[a-z-]+)\s*=\s*(\"[^\"]*\"|[^\s;]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ServerResult:
    """One method's result in an Authentication-Results field; names in lower case."""

    method: str
    result: str
    properties: tuple[tuple[str, str], ...] = ()

    def domain(self, *names: str) -> DomainName | None:
        """The domain that the first of these properties names, of an address its domain."""
        for name, value in self.properties:
            if name in names:
                return parse_domain_name(value.strip('"').rpartition("@")[2])
        return None

    @property
    def signer(self) -> DomainName | None:
        """Of a DKIM result, whose signature it is about; None where that is left out."""
        return self.domain("header.d", "header.i")


def server_results(fields: Sequence[tuple[str, str]], trusted: frozenset[str]) -> tuple[ServerResult, ...] | None:
    """What the inbox's server says; None where it says nothing."""
    for name, value in fields:
        if name != "authentication-results":
            continue
        first, *methods = _without_comments(value).split(";")
        if _METHOD.match(first):
            # Microsoft 365 leaves its name out.
            methods, identity = [first, *methods], ""
        else:
            identity = first.split()[0].lower() if first.split() else ""
        if not trusted or identity in trusted:
            return tuple(_results(methods))
    return None


def _results(methods: Sequence[str]) -> Iterator[ServerResult]:
    for text in methods:
        found = _METHOD.match(text)
        if found:
            properties = tuple((key.lower(), value) for key, value in _PROPERTY.findall(text[found.end() :]))
            yield ServerResult(found[1].lower(), found[2].lower(), properties)


def _without_comments(text: str) -> str:
    before = None
    while before != text:
        before, text = text, _COMMENT.sub(" ", text)
    return text

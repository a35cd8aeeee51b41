"""A raw message as the rules read it: header fields, addresses, texts, links.

Here: reading, with a bound on size, never raising for what stands in a message. Not here: any judgement.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.headerregistry import Address as MailAddress
from email.message import EmailMessage
from email.policy import default
from functools import cached_property
from html import unescape
from typing import Final
from urllib.parse import urlsplit

from outreach_pipelines.domain.address import Address, DomainName, parse_address
from outreach_pipelines.domain.dkim_verification import header_fields
from outreach_pipelines.domain.dns_audit.names import parse_domain_name

LARGEST: Final = 50 * 1024 * 1024
_LINK: Final = re.compile(r"https?://[^\s<>\"')\]]+", re.IGNORECASE)
_ANCHOR: Final = re.compile(
    r"<a\s[^<>]*?href\s*=\s*[\"']?([^\"'\s>]+)[\"']?[^>]*>(.{0,500}?)</a>", re.IGNORECASE | re.DOTALL
)
_ENDS: Final = ".,;:!?"


class TooLarge(ValueError):
    """More octets than any receiver takes."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link of the body; `words`: what it shows, empty in plain text."""

    url: str
    words: str = ""


@dataclass(frozen=True)
class ReadMessage:
    """A message with CRLF line ends; `had_bare_ends`: the octets held line ends that SMTP forbids."""

    octets: bytes
    had_bare_ends: bool

    @cached_property
    def fields(self) -> list[tuple[str, str]]:
        """Names in lower case and values, from the top, folds taken out."""
        header = self.octets.partition(b"\r\n\r\n")[0]
        return [
            (name.decode("latin-1").lower(), value.replace(b"\r\n", b"").decode("utf-8", "replace").strip())
            for name, value in header_fields(header)
        ]

    @cached_property
    def parsed(self) -> EmailMessage:
        """The message by the standard library."""
        return message_from_bytes(self.octets, policy=default)

    def values(self, name: str) -> list[str]:
        """All values of a field."""
        return [value for other, value in self.fields if other == name]

    def addresses(self, name: str) -> tuple[Address, ...]:
        """The addresses of all fields of this name that can be read."""
        found = (parse_address(one.addr_spec) for one in self._mail_addresses(name))
        return tuple(one for one in found if isinstance(one, Address))

    def _mail_addresses(self, name: str) -> Iterator[MailAddress]:
        for value in self.values(name):
            try:
                header = default.header_factory(name, value)
                yield from getattr(header, "addresses", ())
            except (ValueError, IndexError, AttributeError, TypeError, RecursionError):
                continue  # the standard library's parser stumbles over some broken headers; they hold no address then

    @cached_property
    def texts(self) -> tuple[tuple[str, str], ...]:
        """The bodies that people see, as (subtype, text)."""
        return tuple(_texts(self.parsed))

    @cached_property
    def links(self) -> tuple[Link, ...]:
        """All links, in order, each once."""
        found: dict[Link, None] = {}
        for kind, text in self.texts:
            if kind == "html":
                found.update((Link(unescape(url), _plain(words)), None) for url, words in _ANCHOR.findall(text))
            else:
                found.update((Link(url.rstrip(_ENDS)), None) for url in _LINK.findall(text))
        return tuple(found)

    @property
    def linked_domains(self) -> tuple[DomainName, ...]:
        """The hosts that links name, each once."""
        return tuple(dict.fromkeys(host for link in self.links if (host := _host(link.url)) is not None))

    @property
    def from_domain(self) -> DomainName | None:
        """The domain of the one From address; None where there is not exactly one."""
        found = self.addresses("from")
        return found[0].domain if len(found) == 1 else None


def read_message(raw: bytes) -> ReadMessage:
    """Read a file: line ends of a single LF throughout are what a file system made of CRLF. Raises `TooLarge`."""
    if len(raw) > LARGEST:
        message = f"{len(raw)} octets, and {LARGEST} are the most that is read"
        raise TooLarge(message)
    if b"\r" not in raw:
        return ReadMessage(raw.replace(b"\n", b"\r\n"), had_bare_ends=False)
    bare = re.search(rb"\r(?!\n)|(?<!\r)\n", raw) is not None
    return ReadMessage(raw, had_bare_ends=bare)


def _texts(message: EmailMessage) -> Iterator[tuple[str, str]]:
    for part in message.walk():
        if part.get_content_maintype() != "text" or part.get_filename() is not None:
            continue
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes):
            yield part.get_content_subtype(), _decoded(payload, part.get_content_charset("utf-8"))


def _decoded(payload: bytes, charset: str) -> str:
    try:
        return payload.decode(charset, "replace")
    except (LookupError, ValueError):  # no such charset, one that is none of text, or a NUL in its name
        return payload.decode("utf-8", "replace")


def _host(url: str) -> DomainName | None:
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return None
    return parse_domain_name(host) if host and "." in host else None


def _plain(words: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", words)).split())

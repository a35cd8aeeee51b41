"""The expansion of SPF macros for one message (RFC 7208 section 7).

Here: pieces and a message's sender to text. Not here: the validated name that `%{p}` asks the DNS for (spf_pointer.py).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.expectations import IpAddress
from outreach_pipelines.domain.dns_audit.spf_macro import Literal, Macro, Piece

_LONGEST_NAME = 253
_UNRESERVED = "-._~"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpfSender:
    """Who hands in a message: the client's address, the envelope sender's parts, the HELO name.

    `receiver` and `timestamp` (Unix seconds) appear in explanations only.
    """

    ip: IpAddress
    local: str
    domain: DomainName
    helo: str
    receiver: str = "unknown"
    timestamp: int = 0


def spf_sender(ip: IpAddress, mail_from: str, helo: str) -> SpfSender:
    """Take MAIL FROM apart; an empty one stands for postmaster at the HELO name, as does an empty local part."""
    local, _, domain = mail_from.rpartition("@")
    return SpfSender(
        ip=_unmapped(ip),
        local=local or "postmaster",
        domain=DomainName((domain or helo).removesuffix(".").lower()),
        helo=helo,
    )


def _unmapped(ip: IpAddress) -> IpAddress:
    return ip if ip.version == 4 else ip.ipv4_mapped or ip


@dataclass(frozen=True, slots=True)
class MacroValues:
    """What the letters stand for while the record of `domain` is evaluated; `validated` for `%{p}`."""

    sender: SpfSender
    domain: DomainName
    validated: str = "unknown"

    @property
    def by_letter(self) -> Mapping[str, str]:
        """The value of each letter."""
        sender = self.sender
        return {
            "s": f"{sender.local}@{sender.domain}",
            "l": sender.local,
            "o": sender.domain,
            "d": self.domain,
            "i": _dotted(sender.ip),
            "p": self.validated,
            "v": "in-addr" if sender.ip.version == 4 else "ip6",
            "h": sender.helo,
            "c": str(sender.ip),
            "r": sender.receiver,
            "t": str(sender.timestamp),
        }


def asks_for_validated_name(pieces: Sequence[Piece]) -> bool:
    """Tell whether `%{p}` stands among the pieces."""
    return any(isinstance(piece, Macro) and piece.letter.lower() == "p" for piece in pieces)


def expand(pieces: Sequence[Piece], values: MacroValues) -> str:
    """Write the pieces out."""
    by_letter = values.by_letter
    return "".join(piece.text if isinstance(piece, Literal) else _value(piece, by_letter) for piece in pieces)


def expand_name(pieces: Sequence[Piece], values: MacroValues) -> str:
    """Write a name out; labels on the left are dropped until it fits into 253 characters (RFC 7208 section 7.3)."""
    name = expand(pieces, values).removesuffix(".")
    while len(name) > _LONGEST_NAME and "." in name:
        name = name.partition(".")[2]
    return name


def _value(macro: Macro, by_letter: Mapping[str, str]) -> str:
    value = by_letter[macro.letter.lower()]
    parts = re.split(f"[{re.escape(macro.delimiters or '.')}]", value)
    if macro.reverse:
        parts.reverse()
    kept = ".".join(parts[-macro.keep :] if macro.keep else parts)
    if not (macro.reverse or macro.keep or macro.delimiters):
        kept = value
    return quote(kept, safe=_UNRESERVED) if macro.letter.isupper() else kept


def _dotted(ip: IpAddress) -> str:
    return str(ip) if ip.version == 4 else ".".join(ip.exploded.replace(":", "").upper())

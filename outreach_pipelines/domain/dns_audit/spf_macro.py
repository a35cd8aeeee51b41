"""Domain specifications and macros in SPF records: their grammar (RFC 7208 section 7.1).

Here: text to pieces. Not here: the expansion of macros, which needs a message's sender (spf_expansion.py).
"""

import re
from dataclasses import dataclass
from typing import TypeAlias

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.names import parse_domain_name

_FORM = (
    r"%%\{(?P<letter>[%s])(?P<keep>[0-9]*)(?P<reverse>r?)(?P<delimiters>[.\-+,/_=]*)\}"
    r"|(?P<escape>%%[%%_\-])"
    r"|(?P<literal>[%s\x21-\x24\x26-\x7e]+)"
)
_TOKEN = re.compile(_FORM % ("slodiphv", ""), re.IGNORECASE)
_EXPLAINING_TOKEN = re.compile(_FORM % ("slodiphvcrt", " "), re.IGNORECASE)
"""An explanation may hold spaces and three letters more (RFC 7208 sections 6.2 and 7.2)."""
_MOST_DIGITS = 3
_ESCAPES = {"%%": "%", "%_": " ", "%-": "%20"}
_TOP_LABEL = re.compile(r"\.(?=[a-z0-9-]*[a-z-])[a-z0-9]([a-z0-9-]*[a-z0-9])?\.?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Literal:
    """Text that stands for itself."""

    text: str


@dataclass(frozen=True, slots=True)
class Macro:
    """A macro: `keep` right-hand parts (None: all), after splitting at `delimiters` and reversing."""

    letter: str
    keep: int | None
    reverse: bool
    delimiters: str


Piece: TypeAlias = Literal | Macro


@dataclass(frozen=True, slots=True)
class DomainSpec:
    """A target name as the record writes it."""

    text: str
    pieces: tuple[Piece, ...]

    @property
    def depends_on_sender(self) -> bool:
        """Tell whether the name differs from message to message."""
        return any(isinstance(piece, Macro) for piece in self.pieces)

    def static_name(self) -> DomainName | None:
        """Give the name written without macros; None where it has any, or no query can be composed from it."""
        if self.depends_on_sender:
            return None
        return parse_domain_name("".join(piece.text for piece in self.pieces if isinstance(piece, Literal)))


class SpfSyntaxError(ValueError):
    """A term breaks the grammar; `term` is the term, `reason` what is wrong with it."""

    def __init__(self, term: str, reason: str) -> None:
        super().__init__(f"{term!r}: {reason}")
        self.term = term
        self.reason = reason


def parse_macro_string(text: str) -> tuple[Piece, ...]:
    """Cut a macro-string into pieces; raise `SpfSyntaxError` at the first that is none."""
    return _parse(text, _TOKEN)


def parse_explanation(text: str) -> tuple[Piece, ...]:
    """Cut the text of an explanation into pieces; raise `SpfSyntaxError` at the first that is none."""
    return _parse(text, _EXPLAINING_TOKEN)


def _parse(text: str, form: re.Pattern[str]) -> tuple[Piece, ...]:
    pieces: list[Piece] = []
    position = 0
    while position < len(text):
        token = form.match(text, position)
        if token is None:
            raise SpfSyntaxError(text, f"no macro and no visible character at position {position + 1}")
        pieces.append(_piece(token))
        position = token.end()
    return tuple(pieces)


def parse_domain_spec(text: str) -> DomainSpec:
    """Read a domain-spec: a macro-string that ends in a macro or in a dot and a top label that is not all digits."""
    pieces = parse_macro_string(text)
    if not pieces:
        raise SpfSyntaxError(text, "the domain is empty")
    ends_in_macro = re.search(r"(%\{[^}]*\}|%[%_\-])$", text) is not None
    if not ends_in_macro and not _TOP_LABEL.search(text):
        raise SpfSyntaxError(text, "the domain must end in a dot and a top-level label that is not a number")
    return DomainSpec(text, pieces)


def _piece(token: re.Match[str]) -> Piece:
    if token["literal"] is not None:
        return Literal(token["literal"])
    if token["escape"] is not None:
        return Literal(_ESCAPES[token["escape"]])
    return Macro(token["letter"], _kept_parts(token), bool(token["reverse"]), token["delimiters"])


def _kept_parts(token: re.Match[str]) -> int | None:
    digits = token["keep"].lstrip("0")
    if token["keep"] and not digits:
        raise SpfSyntaxError(token[0], "a macro must keep at least one part")
    # A name has 127 labels at most: more digits mean "all", and int() refuses thousands of them.
    return int(digits) if 0 < len(digits) <= _MOST_DIGITS else None

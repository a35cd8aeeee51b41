"""The address of a person: how it is read, compared and hashed.

Whether anybody can be reached there (DNS, MX, a refusal) is a question to the world and not asked here.
"""

import hmac
import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NewType

# The one library in the domain besides numpy and scipy: it is pure with `check_deliverability=False` (it imports no
# resolver then), and IDNA, EAI and the RFC 5322 grammar, kept current by others, beat a regular expression of ours.
from email_validator import EmailNotValidError, validate_email

DomainName = NewType("DomainName", str)
"""A host or mail domain as lower-case A-label (RFC 5890 section 2.3.2.1), no dot at the end."""

AddressHash = NewType("AddressHash", str)
"""HMAC-SHA256 in hex of a canonical address, or of a whole domain: what logs, snapshots and suppressions hold."""

LONGEST_ADDRESS: Final = 254  # RFC 5321 section 4.5.3.1.3: a path of 256 octets, less its angle brackets
LONGEST_LOCAL_PART: Final = 64  # RFC 5321 section 4.5.3.1.1, in octets
SHORTEST_KEY: Final = 32
_UNSAFE_CATEGORIES: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})


class AddressFault(StrEnum):
    EMPTY = "empty"
    UNSAFE_CHARACTER = "unsafe_character"
    TOO_LONG = "too_long"
    LOCAL_PART_TOO_LONG = "local_part_too_long"
    SYNTAX = "syntax"


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox of the world. Two addresses are one person when `local` and `domain` are equal.

    `local` is NFC and lower-cased; dots and plus signs are kept, since only the receiving host knows what they mean.
    `written_local` is what goes on the wire: RFC 5321 section 2.4 leaves the meaning of case to the receiver.
    """

    local: str
    domain: DomainName
    written_local: str = field(compare=False)

    @property
    def canonical(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def deliver_to(self) -> str:
        return f"{self.written_local}@{self.domain}"


@dataclass(frozen=True, slots=True)
class BadAddress:
    reason: AddressFault
    sentence: str


def parse_address(text: str) -> Address | BadAddress:
    """Read one bare address, ASCII or international (RFC 6531). Never raises.

    Refused: display names, quoted local parts, address literals, domains without a dot, reserved names that never carry
    mail (`.invalid`, `.local`, `.onion`). `.test` and `.example` pass, so that the lab runs on the same rules.
    """
    written = unicodedata.normalize("NFC", text.strip(" \u00a0"))
    return _early_fault(written) or _validated(written)


def _early_fault(written: str) -> BadAddress | None:
    if not written:
        return BadAddress(AddressFault.EMPTY, "There is no address.")
    if not written.isprintable() and (unsafe := _unsafe_characters(written)):
        return BadAddress(AddressFault.UNSAFE_CHARACTER, f"The address holds {', '.join(unsafe[:5])}.")
    if len(written.encode()) > LONGEST_ADDRESS:
        return BadAddress(AddressFault.TOO_LONG, f"The address has more than {LONGEST_ADDRESS} octets.")
    if len(written.rpartition("@")[0].encode()) > LONGEST_LOCAL_PART:
        sentence = f"The part before the @ has more than {LONGEST_LOCAL_PART} octets."
        return BadAddress(AddressFault.LOCAL_PART_TOO_LONG, sentence)
    return None


def _unsafe_characters(written: str) -> list[str]:
    return sorted({f"U+{ord(c):04X}" for c in written if unicodedata.category(c) in _UNSAFE_CATEGORIES})


def _validated(written: str) -> Address | BadAddress:
    try:
        parts = validate_email(written, check_deliverability=False, test_environment=True, strict=True)
    except EmailNotValidError as refused:
        return BadAddress(AddressFault.SYNTAX, str(refused))
    return _address(parts.local_part, DomainName(parts.ascii_domain.lower()))


def _address(written_local: str, domain: DomainName) -> Address | BadAddress:
    address = Address(unicodedata.normalize("NFC", written_local.lower()), domain, written_local)
    # U-labels become longer A-labels, and some letters become longer when lower-cased: the limits hold for both forms.
    if max(len(address.canonical.encode()), len(address.deliver_to.encode())) > LONGEST_ADDRESS:
        return BadAddress(AddressFault.TOO_LONG, f"The address has more than {LONGEST_ADDRESS} octets.")
    return address


def parse_domain(text: str) -> DomainName | BadAddress:
    """Read a mail domain by the same rules as the domain of an address."""
    match parse_address(f"postmaster@{text.strip()}"):
        case Address(domain=domain):
            return domain
        case BadAddress() as bad:
            return bad


def address_hmac(address: Address, key: bytes) -> AddressHash:
    """Name a person without naming them. `key` has 32 octets or more and is kept as long as the suppressions are."""
    return _keyed(address.canonical, key)


def domain_hmac(domain: DomainName, key: bytes) -> AddressHash:
    """The same for everybody at `domain`: never equal to the hash of an address, which always has a local part."""
    return _keyed(f"@{domain}", key)


def _keyed(text: str, key: bytes) -> AddressHash:
    if len(key) < SHORTEST_KEY:
        message = f"the key has {len(key)} octets, {SHORTEST_KEY} at least are needed"
        raise ValueError(message)
    return AddressHash(hmac.new(key, text.encode(), "sha256").hexdigest())

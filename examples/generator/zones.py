"""Zone files (RFC 1035 section 5) of the sending domains, the companies written to, and stand-ins for the providers.

The providers' names are the real ones, since code tells Google from Microsoft by them; the addresses are reserved ones.
"""

import base64
import hashlib
import math
from collections.abc import Iterable

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from generator.world import REGION, RELAY, SELECTOR, SENDERS, Company, Sender, companies

EDGE = "edge.outreach.example."
EXPONENT = 65_537
# Amazon SES Developer Guide, "Using a custom MAIL FROM domain": exactly one MX, and SPF.
MAIL_FROM = (
    f"bounce IN MX 10 feedback-smtp.{REGION}.amazonses.com.",
    'bounce IN TXT "v=spf1 include:amazonses.com -all"',
)
# DMARC's walk up the tree asks them too (RFC 9989 section 4.10): they say "no such record", as on the real net.
PARENTS = ("example", "test")
SMALL_PRIMES = [n for n in range(3, 2_000) if all(n % d for d in range(2, math.isqrt(n) + 1))]
SIEVE = math.prod(SMALL_PRIMES)


def zone_files() -> dict[str, str]:
    """Each zone's text under its name."""
    zones = {sender.domain: sender_zone(sender) for sender in SENDERS}
    zones |= {f"{tenant}.example": _tenant_zone(f"{tenant}.example") for tenant in ("acme", "nordwind", "kiwi")}
    zones |= {_ascii(company): _company_zone(company) for company in companies()}
    return zones | _provider_zones() | {name: _zone(name, []) for name in PARENTS}


def sender_zone(sender: Sender) -> str:
    """All that mail needs; a domain that is not ready lacks its DKIM key and DMARC record."""
    lines = [
        f"@ IN MX 10 mx.{sender.domain}.",
        "mx IN A 192.0.2.25",
        f'@ IN TXT "{_spf(sender)}"',
        f"go IN CNAME {EDGE}",
        *(MAIL_FROM if uses_ses(sender) else ()),
        *(_signing(sender) if sender.ready else ()),
    ]
    return _zone(sender.domain, lines)


def uses_ses(sender: Sender) -> bool:
    return "ses-main" in sender.accounts


def dkim_key(domain: str) -> rsa.RSAPrivateKey:
    """An RSA key of 2048 bits that follows from the name, so that the files are the same on every run."""
    p, q = _prime(domain, "p"), _prime(domain, "q")
    d = pow(EXPONENT, -1, math.lcm(p - 1, q - 1))
    public = rsa.RSAPublicNumbers(EXPONENT, p * q)
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), public)
    return numbers.private_key()


def _prime(domain: str, which: str) -> int:
    """The first prime of 1024 bits, its two highest bits set, in a sequence that follows from the name."""
    number = 0
    while True:
        octets = hashlib.shake_256(f"outreach examples {domain} {which} {number}".encode()).digest(128)
        candidate = int.from_bytes(octets) | 3 << 1022 | 1
        number += 1
        if math.gcd(candidate, SIEVE) == 1 and candidate % EXPONENT != 1 and _is_prime(candidate):
            return candidate


def _is_prime(candidate: int) -> bool:
    """Miller-Rabin with eight fixed bases: enough for a number that nobody chose to deceive."""
    odd, twos = candidate - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    return all(_passes(candidate, pow(base, odd, candidate), twos) for base in (2, 3, 5, 7, 11, 13, 17, 19))


def _passes(candidate: int, power: int, twos: int) -> bool:
    return power == 1 or any(pow(power, 2**n, candidate) == candidate - 1 for n in range(twos))


def _spf(sender: Sender) -> str:
    ses = "include:amazonses.com " if uses_ses(sender) else ""
    relay = f"ip4:{RELAY} " if "smtp" in sender.accounts else ""
    return f"v=spf1 {ses}{relay}-all"


def _signing(sender: Sender) -> Iterable[str]:
    public = dkim_key(sender.domain).public_key()
    octets = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    record = f"v=DKIM1; k=rsa; p={base64.b64encode(octets).decode()}"
    # A character-string holds 255 octets (RFC 1035 section 3.3); readers join them (RFC 6376 section 3.6.2.2).
    chunks = " ".join(f'"{record[start : start + 255]}"' for start in range(0, len(record), 255))
    return (
        f"{SELECTOR}._domainkey IN TXT {chunks}",
        f'_dmarc IN TXT "v=DMARC1; p=quarantine; rua=mailto:dmarc@{sender.domain}"',
    )


def _tenant_zone(domain: str) -> str:
    return _zone(
        domain, [f"@ IN MX 10 mx.{domain}.", "mx IN A 192.0.2.26", "@ IN A 192.0.2.80", f"links IN CNAME {EDGE}"]
    )


def _company_zone(company: Company) -> str:
    own = ["mx IN A 198.51.100.25"] if company.mail_host.startswith("mx.") else []
    return _zone(_ascii(company), [f"@ IN MX 10 {company.mail_host}", *own])


def _provider_zones() -> dict[str, str]:
    outlook = sorted(c.mail_host.partition(".")[0] for c in companies() if c.mail_host.endswith("outlook.com."))
    return {
        "amazonses.com": _zone(
            "amazonses.com",
            ['@ IN TXT "v=spf1 ip4:198.51.100.0/24 -all"', f"feedback-smtp.{REGION} IN A 198.51.100.10"],
        ),
        "l.google.com": _zone("l.google.com", ["aspmx IN A 198.51.100.20"]),
        "mail.protection.outlook.com": _zone(
            "mail.protection.outlook.com", [f"{label} IN A 198.51.100.30" for label in outlook]
        ),
        "outreach.example": _zone("outreach.example", ["edge IN A 192.0.2.80"]),
    }


def _zone(name: str, lines: Iterable[str]) -> str:
    head = [
        f"$ORIGIN {name}.",
        "$TTL 300",
        f"@ IN SOA ns1.{name}. hostmaster.{name}. 2026110100 3600 600 604800 300",
        f"@ IN NS ns1.{name}.",
        f"@ IN NS ns2.{name}.",
        "ns1 IN A 192.0.2.53",
        "ns2 IN A 198.51.100.53",
    ]
    return "\n".join([*head, *lines, ""])


def _ascii(company: Company) -> str:
    return company.domain.encode("idna").decode()

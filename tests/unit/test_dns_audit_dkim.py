"""DKIM keys and the selectors that must hold them."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from dns_audit_cases import RELAY, SES, TOKENS, audited, dns, faults_of, finding_of, rsa_key

from outreach_pipelines.domain.dns_audit.dkim_key import DkimKey, DkimKeyError, RevokedKey, parse_dkim_record
from outreach_pipelines.domain.dns_audit.expectations import KeyAlgorithm
from outreach_pipelines.domain.dns_audit.findings import Check, Fault
from outreach_pipelines.domain.dns_audit.readiness import NotReady, Ready

RELAY_KEY = "relay._domainkey"
TOKEN_KEY = f"{TOKENS[0]}._domainkey"


@pytest.mark.parametrize("bits", [1024, 2048])
def test_the_bits_of_an_rsa_key_are_those_it_was_made_with(bits: int) -> None:
    record = parse_dkim_record(f"v=DKIM1; k=rsa; p={rsa_key(bits)}".encode())

    assert isinstance(record, DkimKey)
    assert (record.algorithm, record.bits) == (KeyAlgorithm.RSA, bits)


def test_a_bare_pkcs1_key_is_read_too() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()  # noqa: S505 a weak key is the case
    text = base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.PKCS1))

    record = parse_dkim_record(b"p=" + text)

    assert isinstance(record, DkimKey)
    assert record.bits == 1024


def test_an_empty_key_is_revoked() -> None:
    assert parse_dkim_record(b"v=DKIM1; p=") == RevokedKey()


@pytest.mark.parametrize(
    "text",
    [
        b"v=DKIM1; k=rsa",
        b"v=DKIM2; p=AAAA",
        b"k=rsa; v=DKIM1; p=AAAA",
        b"v=DKIM1; k=dsa; p=AAAA",
        b"v=DKIM1; p=AAAA",
        b"v=DKIM1; p=MIIB====no",
        b"v=DKIM1; p=AAAA; p=BBBB",
        b"v=DKIM1; h=sha1; p=AAAA",
        b"v=DKIM1; s=tlsrpt; p=AAAA",
        b"v=DKIM1; k=ed25519; p=AAAA",
        b"not a key",
        b"",
        b"p=MIGfMA0G",
        b"p=MIL/////",
    ],
)
def test_what_no_verifier_could_use_is_refused(text: bytes) -> None:
    with pytest.raises(DkimKeyError):
        parse_dkim_record(text)


def test_a_missing_key_comes_with_the_record_to_publish() -> None:
    findings = audited(dns(without=[RELAY_KEY]))

    finding = finding_of(findings, Check.DKIM_RECORD)
    assert finding.fault is Fault.MISSING
    assert finding.fix is not None
    assert finding.fix.publish[0].zone_line.startswith(
        'relay._domainkey.acme.example. 3600 IN TXT "v=DKIM1; k=rsa; p=MII'
    )
    assert isinstance(findings.readiness[RELAY], NotReady)
    assert isinstance(findings.readiness[SES], Ready)


def test_a_missing_easy_dkim_alias_comes_with_the_cname_to_publish() -> None:
    finding = finding_of(audited(dns(without=[TOKEN_KEY])), Check.DKIM_RECORD)

    assert finding.fix is not None
    assert [record.zone_line for record in finding.fix.publish] == [
        f"{TOKEN_KEY}.acme.example. 3600 IN CNAME {TOKENS[0]}.dkim.amazonses.com."
    ]


def test_an_alias_to_elsewhere_is_wrong_and_names_what_to_withdraw() -> None:
    zone = dns(f"{TOKEN_KEY}.acme.example CNAME old.provider.test", without=[TOKEN_KEY])

    finding = finding_of(audited(zone), Check.DKIM_RECORD)

    assert finding.fault is Fault.WRONG
    assert finding.fix is not None
    assert finding.fix.withdraw[0].value == "old.provider.test."


def test_an_alias_whose_key_the_provider_has_not_published_is_no_missing_record_of_ours() -> None:
    zone = dns(without=[f"{TOKENS[0]}.dkim.amazonses.com"])

    assert faults_of(audited(zone)) == {(Check.DKIM_KEY, Fault.WRONG)}


@pytest.mark.parametrize(
    ("record", "fault"),
    [
        ("v=DKIM1; p=", Fault.WRONG),
        (f"v=DKIM1; p={rsa_key(1024)}", Fault.WRONG),  # another key than the inventory's
        (f"v=DKIM1; t=y; p={rsa_key(2048)}", Fault.WEAK),
    ],
)
def test_a_key_that_is_published_badly_is_found(record: str, fault: Fault) -> None:
    zone = dns(f"{RELAY_KEY}.acme.example TXT {record}", without=[RELAY_KEY])

    assert (Check.DKIM_KEY, fault) in faults_of(audited(zone))


def test_a_short_key_works_and_is_a_weakness() -> None:
    token = f"{TOKENS[0]}.dkim.amazonses.com"

    findings = audited(dns(f"{token} TXT p={rsa_key(1024)}", without=[token]))

    assert faults_of(findings) == {(Check.DKIM_KEY, Fault.WEAK)}
    assert isinstance(findings.readiness[SES], Ready)


@pytest.mark.parametrize(
    ("bits", "fault"), [(512, Fault.WRONG), (1023, Fault.WRONG), (1024, Fault.WEAK), (2047, Fault.WEAK)]
)
def test_a_key_below_1024_bits_is_wrong_and_below_2048_weak(bits: int, fault: Fault) -> None:
    token = f"{TOKENS[0]}.dkim.amazonses.com"

    findings = audited(dns(f"{token} TXT p={bare_key(bits)}", without=[token]))

    assert faults_of(findings) == {(Check.DKIM_KEY, fault)}


def bare_key(bits: int) -> str:
    """An RSAPublicKey (RFC 8017 section A.1.1) with any odd modulus: libraries refuse to make short keys."""
    numbers = der(0x02, b"\0" + (1 << bits - 1 | 1).to_bytes((bits + 7) // 8, "big")) + der(0x02, b"\1\0\1")
    return base64.b64encode(der(0x30, numbers)).decode()


def der(tag: int, content: bytes) -> bytes:
    return bytes([tag, 0x82]) + len(content).to_bytes(2, "big") + content


def test_two_keys_at_one_selector_are_one_too_many() -> None:
    zone = dns(f"{RELAY_KEY}.acme.example TXT v=DKIM1; p={rsa_key(1024)}")

    assert (Check.DKIM_RECORD, Fault.EXTRA) in faults_of(audited(zone))

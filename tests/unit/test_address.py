"""How addresses are read, compared and hashed."""

import hmac

import pytest

from outreach_pipelines.domain.address import (
    Address,
    AddressFault,
    BadAddress,
    DomainName,
    address_hmac,
    domain_hmac,
    parse_address,
    parse_domain,
)

KEY = bytes(range(32))


def parsed(text: str) -> Address:
    address = parse_address(text)
    assert isinstance(address, Address), address
    return address


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("Anna.Adler+News@Firma.EXAMPLE", "anna.adler+news@firma.example"),
        ("  anna@firma.example\u00a0", "anna@firma.example"),
        ("anna@Bäckerei.example", "anna@xn--bckerei-5wa.example"),
        ("anna@xn--bckerei-5wa.example", "anna@xn--bckerei-5wa.example"),
        ("Jo\u0308rg@firma.example", "jörg@firma.example"),
        ("用户@firma.example", "用户@firma.example"),
    ],
)
def test_the_same_person_has_one_canonical_address(written: str, canonical: str) -> None:
    assert parsed(written).canonical == canonical


def test_mail_goes_to_the_local_part_as_it_was_written() -> None:
    address = parsed("Anna.Adler@Firma.Example")

    assert address.deliver_to == "Anna.Adler@firma.example"
    assert address == parsed("anna.adler@firma.example")


def test_dots_and_plus_signs_tell_persons_apart() -> None:
    assert len({parsed(f"{local}@firma.example") for local in ("annaadler", "anna.adler", "annaadler+x")}) == 3


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", AddressFault.EMPTY),
        ("   ", AddressFault.EMPTY),
        ("anna@firma.example\r\nBcc: eve@evil.example", AddressFault.UNSAFE_CHARACTER),
        ("anna\n@firma.example", AddressFault.UNSAFE_CHARACTER),
        ("anna\0@firma.example", AddressFault.UNSAFE_CHARACTER),
        ("anna\u2028@firma.example", AddressFault.UNSAFE_CHARACTER),
        ("anna@firma.example\u2028", AddressFault.UNSAFE_CHARACTER),
        ("\u202eanna@firma.example", AddressFault.UNSAFE_CHARACTER),
        ("anna\udcff@firma.example", AddressFault.UNSAFE_CHARACTER),
        ("x" * 65 + "@firma.example", AddressFault.LOCAL_PART_TOO_LONG),
        ("é" * 33 + "@firma.example", AddressFault.LOCAL_PART_TOO_LONG),
        ("anna@" + "a." * 130 + "example", AddressFault.TOO_LONG),
        ("anna", AddressFault.SYNTAX),
        ("anna@", AddressFault.SYNTAX),
        ("anna@@firma.example", AddressFault.SYNTAX),
        ("anna@firma", AddressFault.SYNTAX),
        ("anna@localhost", AddressFault.SYNTAX),
        ("anna@firma..example", AddressFault.SYNTAX),
        ("anna@-firma.example", AddressFault.SYNTAX),
        ("anna@xn--zz.example", AddressFault.SYNTAX),
        ("anna@[192.0.2.1]", AddressFault.SYNTAX),
        ('"anna adler"@firma.example', AddressFault.SYNTAX),
        ("Anna <anna@firma.example>", AddressFault.SYNTAX),
        ("anna@firma.example, ben@firma.example", AddressFault.SYNTAX),
        ("anna@firma.invalid", AddressFault.SYNTAX),
    ],
)
def test_what_cannot_be_written_to_is_refused_with_its_reason(text: str, reason: AddressFault) -> None:
    bad = parse_address(text)

    assert isinstance(bad, BadAddress)
    assert bad.reason is reason
    assert bad.sentence.endswith(".")


def test_a_local_part_of_64_octets_is_the_longest() -> None:
    assert parsed("x" * 64 + "@firma.example").local == "x" * 64


def test_a_domain_alone_is_read_as_that_of_an_address() -> None:
    assert parse_domain("Bäckerei.Example") == "xn--bckerei-5wa.example"
    assert isinstance(parse_domain("no domain"), BadAddress)


def test_the_hash_is_hmac_sha256_of_the_canonical_address() -> None:
    expected = hmac.new(KEY, b"anna@firma.example", "sha256").hexdigest()

    assert address_hmac(parsed("ANNA@Firma.example"), KEY) == expected


def test_the_hash_of_a_domain_is_that_of_an_address_without_local_part() -> None:
    expected = hmac.new(KEY, b"@firma.example", "sha256").hexdigest()

    assert domain_hmac(DomainName("firma.example"), KEY) == expected


def test_a_persons_hash_and_their_domains_hash_differ() -> None:
    anna = parsed("anna@firma.example")

    assert domain_hmac(anna.domain, KEY) != address_hmac(anna, KEY)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="31 octets"):
        address_hmac(parsed("anna@firma.example"), KEY[:31])

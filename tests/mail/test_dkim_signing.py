"""Our DKIM signatures, judged by another implementation (dkimpy), on letters as they are written and as they arrive."""

import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from smtp_stage import Handler, serving
from transport_conformance import a_message, soon

from outreach_pipelines.adapters.dkim_signing import DkimKey, DkimSigner, SigningTransport, dkim_key
from outreach_pipelines.domain.dkim_signature import canonical_body
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.domain.send_answer import Accepted, NotSent
from outreach_pipelines.domain.wire_message import WireMessage
from outreach_pipelines.errors import SettingsFault

DOMAIN = "mail.client.example"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ED25519 = Ed25519PrivateKey.generate()


def pem(key: rsa.RSAPrivateKey | Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> Secret:
    pkcs8 = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Secret(key.private_bytes(*pkcs8).decode())


KEYS: dict[str, DkimKey] = {"rsa": dkim_key("r1", pem(RSA)), "ed25519": dkim_key("e1", pem(ED25519))}
_SPKI = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
_RAW = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)
RECORDS = {
    b"r1._domainkey.mail.client.example.": b"v=DKIM1; k=rsa; p=" + b64encode(RSA.public_key().public_bytes(*_SPKI)),
    b"e1._domainkey.mail.client.example.": b"v=DKIM1; k=ed25519; p="
    + b64encode(ED25519.public_key().public_bytes(*_RAW)),
}

HEAD = (
    "From: =?utf-8?q?B=C3=B6?= <bo@mail.client.example>\r\nTo: ada@people.example\r\nSubject: A long   subject\r\n"
    "\tthat is folded \r\nMessage-ID: <1@mail.client.example>\r\nReferences: <a@b.example>\r\n <c@d.example>\r\n"
    "List-Unsubscribe: <https://u.client.example/u/x>,\r\n <mailto:u@client.example>\r\n"
    "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nMIME-Version: 1.0\r\n\r\n"
)


def a_letter(body: str = "Hello Ada,  \r\n\r\n\tbye \r\n\r\n\r\n") -> WireMessage:
    return replace(a_message(), body=(HEAD + body).encode())


def signed(message: WireMessage, *kinds: str) -> bytes:
    signer = DkimSigner({DOMAIN: [KEYS[kind] for kind in kinds]})
    return signer.signed(message, signed_at=1_790_000_000).body


def verifies(message: bytes, *, signature: int = 0) -> bool:
    try:
        return bool(dkim.DKIM(message).verify(signature, dnsfunc=lambda name, timeout=5: RECORDS.get(name)))
    except dkim.ValidationError as refused:
        if "missing" in str(refused):  # a field that cannot be read is no broken signature
            raise
        return False


def with_field(message: bytes, field: bytes) -> bytes:
    """With a field put below the signed ones, where receivers that read the last one would see it."""
    return message.replace(b"\r\n\r\n", b"\r\n" + field + b"\r\n\r\n", 1)


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize(
    "body", ["", "\r\n", "\r\n\r\n", "Hello", "Hello\r\n", "a \t b \r\n\r\n", " \r\n \t\r\n", ".\r\n..\r\n"]
)
def test_another_implementation_verifies_what_was_signed(kind: str, body: str) -> None:
    assert verifies(signed(a_letter(body), kind))


@given(st.text(alphabet=" \tab\u00e9", max_size=12), st.lists(st.text(alphabet=" \tab.", max_size=8), max_size=6))
def test_white_space_of_any_kind_is_read_alike_by_both(subject: str, lines: list[str]) -> None:
    message = (
        f"From: bo@mail.client.example\r\nSubject: a{subject}b\r\n\r\n" + "".join(f"{line}\r\n" for line in lines)
    ).encode()

    assert verifies(signed(replace(a_message(), body=message), "ed25519"))


def test_both_kinds_of_key_make_a_signature_each_and_both_verify() -> None:
    both = signed(a_letter(), "rsa", "ed25519")

    assert both.count(b"DKIM-Signature:") == 2
    assert verifies(both, signature=0)
    assert verifies(both, signature=1)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.replace(b"Hello Ada", b"Hello Eve"),
        lambda m: m.replace(b"A long", b"A short"),
        lambda m: m.replace(b"u.client.example", b"u.other.example"),
        lambda m: m.replace(b"List-Unsubscribe=One-Click", b"List-Unsubscribe=Two-Click"),
        lambda m: m.replace(b"Message-ID: <1@", b"Message-ID: <2@"),
        lambda m: with_field(m, b"Subject: Another"),
        lambda m: with_field(m, b"From: eve@other.example"),
        lambda m: with_field(m, b"Reply-To: eve@other.example"),
        lambda m: with_field(m, b"Cc: eve@other.example"),
        lambda m: with_field(m, b"Content-Type: text/html"),
    ],
)
def test_a_change_or_an_added_field_breaks_the_signature(change: Callable[[bytes], bytes]) -> None:
    message = signed(a_letter(), "rsa")

    assert verifies(message)
    assert not verifies(change(message))


def test_folding_anew_on_the_way_keeps_the_signature() -> None:
    refolded = (
        signed(a_letter(), "rsa").replace(b"subject\r\n\tthat", b"subject that").replace(b",\r\n <mailto", b", <mailto")
    )

    assert verifies(refolded)


def test_the_one_click_fields_are_signed_and_from_is_signed_twice() -> None:
    field = re.sub(rb"\s", b"", signed(a_letter(), "rsa").partition(b"DKIM-Signature:")[2].partition(b"bh=")[0])

    names = field.partition(b"h=")[2].rstrip(b";").lower().split(b":")
    assert names.count(b"from") == names.count(b"subject") == names.count(b"list-unsubscribe-post") == 2
    assert b"list-unsubscribe" in names
    assert names.count(b"reply-to") == 1


def test_no_line_of_a_signature_is_longer_than_a_header_should_be() -> None:
    head = signed(a_letter(), "rsa", "ed25519").partition(b"From:")[0]

    assert max(map(len, head.split(b"\r\n"))) <= 100


def test_an_empty_body_is_nothing_and_a_body_of_empty_lines_too() -> None:
    assert canonical_body(b"") == canonical_body(b"\r\n") == canonical_body(b"\r\n \r\n") == b""


WEAK = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - to be refused


@pytest.mark.parametrize("key", [ec.generate_private_key(ec.SECP256R1()), WEAK])
def test_a_weak_or_foreign_key_is_a_fault_of_the_settings(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> None:
    with pytest.raises(SettingsFault, match="2048"):
        dkim_key("s1", pem(key))


def test_a_text_that_is_no_key_is_a_fault_and_is_not_repeated() -> None:
    with pytest.raises(SettingsFault) as caught:
        dkim_key("s1", Secret("canary"))

    assert "canary" not in str(caught.value)


async def test_a_letter_arrives_signed_through_a_real_server() -> None:
    handler = Handler()

    async with serving(handler) as transport:
        signing = SigningTransport(DkimSigner({DOMAIN: list(KEYS.values())}), transport)
        answer = await signing.send(a_letter("A line.\r\n.\r\n..dots\r\n"), deadline=soon())

    assert isinstance(answer, Accepted)
    assert verifies(handler.seen.bodies[0])


async def test_a_domain_without_key_sends_nothing() -> None:
    handler = Handler()

    async with serving(handler) as transport:
        answer = await SigningTransport(DkimSigner({}), transport).send(a_letter(), deadline=soon())

    assert answer == NotSent("dkim: no key signs for mail.client.example")
    assert handler.seen.bodies == []


async def test_a_message_that_cannot_be_signed_is_not_sent() -> None:
    handler, message = Handler(), replace(a_message(), body=b"To: ada@people.example\r\n\r\nHello\r\n")

    async with serving(handler) as transport:
        answer = await SigningTransport(DkimSigner({DOMAIN: [KEYS["rsa"]]}), transport).send(message, deadline=soon())

    assert isinstance(answer, NotSent)
    assert handler.seen.bodies == []

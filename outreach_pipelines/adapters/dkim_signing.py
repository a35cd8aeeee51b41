"""Signing letters where nobody else does: an own SMTP server without a signer of its own.

Belongs here: keys, and the transport that signs before it sends. Does not: what is signed (`domain.dkim_signature`); SES,
Mailgun, Postmark, Gmail and Microsoft 365 sign themselves, and a second signature that they break is worse than none.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from outreach_pipelines.application.ports import MailTransport
from outreach_pipelines.domain.dkim_signature import SignatureHead, SigningAlgorithm, unsigned_field
from outreach_pipelines.domain.secret import Secret
from outreach_pipelines.domain.send_answer import NotSent, SendAnswer
from outreach_pipelines.domain.wire_message import WireMessage
from outreach_pipelines.errors import SettingsFault

FEWEST_RSA_BITS: Final = 2048  # RFC 8301 section 3.2: signers should not use less


@dataclass(frozen=True, slots=True)
class DkimKey:
    """A key as its selector names it in DNS. Made by `dkim_key`."""

    selector: str
    algorithm: SigningAlgorithm
    sign: Callable[[bytes], bytes] = field(repr=False)


def dkim_key(selector: str, pem: Secret) -> DkimKey:
    """The key in a PEM text, RSA or Ed25519. Raises `SettingsFault` for any other, and for RSA of less than 2048 bits."""
    try:
        key = load_pem_private_key(pem.reveal().encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    match key:
        case RSAPrivateKey() if key.key_size >= FEWEST_RSA_BITS:
            return DkimKey(selector, SigningAlgorithm.RSA, lambda octets: key.sign(octets, PKCS1v15(), SHA256()))
        case Ed25519PrivateKey():
            # RFC 8463 section 3: the digest is signed, not the octets.
            return DkimKey(selector, SigningAlgorithm.ED25519, lambda octets: key.sign(_digest(octets)))
        case _:
            message = f"the DKIM key of {selector} is no PEM of Ed25519, nor of RSA with {FEWEST_RSA_BITS} bits or more"
            raise SettingsFault(message)


class NoKey(Exception):
    """Nobody signs for this domain."""


@dataclass(frozen=True, slots=True)
class DkimSigner:
    """The keys of each From domain, loaded once. Several keys make several signatures, and a receiver takes one it knows."""

    keys: Mapping[str, Sequence[DkimKey]] = field(repr=False)

    def signed(self, message: WireMessage, *, signed_at: int) -> WireMessage:
        """The message with a signature on top for each key. Raises `NoKey`; `ValueError` for a message without From."""
        domain = message.sender.rpartition("@")[2].lower()
        keys = self.keys.get(domain, ())
        if not keys:
            raise NoKey(domain)
        heads = [SignatureHead(key.algorithm, domain, key.selector, signed_at) for key in keys]
        unsigned = [unsigned_field(message.body, head) for head in heads]
        fields = [each.signed(key.sign(each.to_sign)) for key, each in zip(keys, unsigned, strict=True)]
        return replace(message, body=b"".join([*fields, message.body]))


@dataclass(frozen=True, slots=True)
class SigningTransport:
    """`MailTransport` that signs and hands on. What cannot be signed is certainly not sent."""

    signer: DkimSigner
    through: MailTransport
    now: Callable[[], float] = time.time

    async def send(self, message: WireMessage, *, deadline: float) -> SendAnswer:
        """See `MailTransport.send`."""
        try:
            signed = self.signer.signed(message, signed_at=int(self.now()))
        except NoKey as domain:
            return NotSent(f"dkim: no key signs for {domain}")
        except ValueError as fault:
            return NotSent(f"dkim: {fault}")
        return await self.through.send(signed, deadline=deadline)

    async def close(self) -> None:
        """See `MailTransport.close`."""
        await self.through.close()


def _digest(octets: bytes) -> bytes:
    digest = Hash(SHA256())
    digest.update(octets)
    return digest.finalize()

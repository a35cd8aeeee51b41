"""A person suppresses somebody, shows why somebody is suppressed, or lifts it: what that does, and that it is written down.

Belongs here: what may be lifted by whom. Does not: hashing (`domain.suppression`), locks and rows (an adapter).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from outreach_pipelines.application.acts_by_hand import ByHand
from outreach_pipelines.domain.address import (
    Address,
    AddressHash,
    BadAddress,
    DomainName,
    address_hmac,
    domain_hmac,
)
from outreach_pipelines.domain.address_keys import global_address_key, tenant_address_key
from outreach_pipelines.domain.suppression import parse_subject
from outreach_pipelines.domain.tenant import TenantId, TenantRef, TenantSlug
from outreach_pipelines.errors import NotFound, Refused


class SuppressedBy(StrEnum):
    """What a stored suppression goes back to."""

    UNSUBSCRIBE = "unsubscribe"
    COMPLAINT = "complaint"
    HARD_BOUNCE = "hard_bounce"
    OBJECTION = "objection"
    LEFT_COMPANY = "left_company"
    MANUAL = "manual"
    IMPORTED = "imported"
    ERASURE = "erasure"

    @property
    def is_persons_own(self) -> bool:
        """Whether only the person can take it back: GDPR articles 7 (3), 17 and 21 (3); a complaint is one to the provider."""
        return self in _PERSONS_OWN


_PERSONS_OWN = frozenset(
    {SuppressedBy.UNSUBSCRIBE, SuppressedBy.COMPLAINT, SuppressedBy.OBJECTION, SuppressedBy.ERASURE}
)


@dataclass(frozen=True, slots=True)
class NamedSubject:
    """Somebody, or everybody at a domain, as one tenant's rows name them; `everywhere` as the rows of all tenants do."""

    own: AddressHash
    everywhere: AddressHash
    is_domain: bool


@dataclass(frozen=True, slots=True)
class StoredSuppression:
    """`within` says for what it holds: the tenant, or one campaign or mailbox. Times are policy time."""

    kind: SuppressedBy
    within: str
    is_domain: bool
    source: str
    created_at: datetime
    expires_at: datetime | None
    lifted_at: datetime | None
    lifted_reason: str | None


class SuppressionBook(Protocol):
    """Suppressions, one tenant at a time."""

    def now(self) -> datetime:
        """Policy time."""
        ...

    def entries(self, tenant: TenantId, subjects: Sequence[AddressHash]) -> Sequence[StoredSuppression]:
        """All of these subjects, the lifted ones too, the oldest first."""
        ...

    def is_global(self, everywhere: AddressHash) -> bool:
        """Whether no tenant may write to them."""
        ...

    def waiting(self, tenant: TenantId, subject: AddressHash) -> int:
        """Messages to them that wait."""
        ...

    def add(self, tenant: TenantId, subject: NamedSubject, kind: SuppressedBy, by: ByHand) -> bool:
        """For the whole tenant. It stops every intent that begins later; none is under way when this returns."""
        ...

    def lift(self, tenant: TenantId, subject: NamedSubject, by: ByHand, *, own_too: bool) -> int:
        """Lift what stands, of persons' own only if `own_too`; how many. No suppression that comes meanwhile is lost."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """What one tenant knows of an address or domain. `standing` are its own rows in force, `of_domain` its domain's."""

    tenant: TenantSlug
    standing: tuple[StoredSuppression, ...]
    of_domain: tuple[StoredSuppression, ...]
    lifted: tuple[StoredSuppression, ...]
    is_global: bool


def subject_called(text: str) -> Address | DomainName:
    """Raises `Refused` for what is neither `anna@firma.example` nor `@firma.example`."""
    match parse_subject(text):
        case BadAddress(sentence=sentence):
            message = f"{text!r} is no address and no @DOMAIN: {sentence}"
            raise Refused(message)
        case subject:
            return subject


def named(subject: Address | DomainName, tenant: TenantSlug, installation_key: bytes) -> NamedSubject:
    """As rows of this tenant, and of all, name them."""
    own, everywhere = tenant_address_key(installation_key, tenant), global_address_key(installation_key)
    if isinstance(subject, Address):
        return NamedSubject(address_hmac(subject, own), address_hmac(subject, everywhere), is_domain=False)
    return NamedSubject(domain_hmac(subject, own), domain_hmac(subject, everywhere), is_domain=True)


def find(book: SuppressionBook, tenant: TenantRef, subject: Address | DomainName, installation_key: bytes) -> Found:
    """What stands and stood about somebody; for an address also what stands about their domain."""
    name, now = named(subject, tenant.slug, installation_key), book.now()
    rows = book.entries(tenant.id, [name.own])
    domain: Sequence[StoredSuppression] = ()
    if isinstance(subject, Address):
        domain = book.entries(tenant.id, [named(subject.domain, tenant.slug, installation_key).own])
    return Found(
        tenant.slug,
        tuple(row for row in rows if stands(row, now)),
        tuple(row for row in domain if stands(row, now)),
        tuple(row for row in rows if not stands(row, now)),
        book.is_global(name.everywhere),
    )


def stands(row: StoredSuppression, now: datetime) -> bool:
    """Whether it holds anybody back now."""
    return row.lifted_at is None and (row.expires_at is None or row.expires_at > now)


def effect_of_adding(book: SuppressionBook, tenant: TenantRef, name: NamedSubject) -> str:
    """What it will do, for a person to agree to."""
    who = "everybody at this domain" if name.is_domain else "this person"
    waiting = book.waiting(tenant.id, name.own)
    return f"{tenant.slug}: nothing more leaves to {who}, sequences end, and {waiting} waiting messages with them."


def check_lift(found: Found, *, person_asked: bool) -> None:
    """Raises `NotFound` where nothing of the subject's own stands, `Refused` where only the person may lift it."""
    if not found.standing:
        also = "; it stands on their domain: name it as @DOMAIN" if found.of_domain else ""
        message = f"{found.tenant}: nothing is suppressed under this name{also}"
        raise NotFound(message)
    own = [row.kind for row in found.standing if row.kind.is_persons_own]
    if own and not person_asked:
        message = (
            f"{found.tenant}: suppressed by {_named(own)}, which is the person's own word. "
            "If they have asked to be written to again, keep the proof and say so: --person-asked"
        )
        raise Refused(message)


def effect_of_lifting(found: Found) -> str:
    """What lifting will do, and what will still stand."""
    kinds = _named([row.kind for row in found.standing])
    lines = [
        f"{found.tenant}: lifts {len(found.standing)} ({kinds}). Sequences that ended stay ended; later imports may enroll again."
    ]
    if found.of_domain:
        lines.append("Their domain stays suppressed, and with it they are.")
    if found.is_global:
        lines.append("They stay suppressed for all tenants of this installation.")
    if any(row.kind in (SuppressedBy.IMPORTED, SuppressedBy.MANUAL) for row in found.standing):
        lines.append("A row of suppressions.csv sets it again when that file changes: take it out first.")
    return " ".join(lines)


def _named(kinds: Sequence[SuppressedBy]) -> str:
    return ", ".join(dict.fromkeys(kind.value.replace("_", " ") for kind in kinds))

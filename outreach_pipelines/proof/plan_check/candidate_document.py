"""The receiving side of a snapshot as it stands in a file: one message that might be sent, and what may stand against it.

Belongs here: the form. Does not: from where it may be sent (`sender_document`).
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from outreach_pipelines.proof.plan_check.form import Basis, Count, Document, Hmac, Provider


class Suppressed(Document):
    """In a suppression that covers this message."""

    type: Literal["Suppressed"]
    kind: str
    on: date


class Bounced(Document):
    """The address answered with a hard bounce."""

    type: Literal["Bounced"]
    on: date


class Replied(Document):
    """The person answered."""

    type: Literal["Replied"]
    on: date


class CompanyReplied(Document):
    """Somebody else of the same company answered, and policy stops the sequences to all of it."""

    type: Literal["CompanyReplied"]
    on: date


class Unsubscribed(Document):
    """The person asked for no more."""

    type: Literal["Unsubscribed"]
    on: date


class Away(Document):
    """Out of office."""

    type: Literal["Away"]
    until: date
    """The last day of absence."""


class Erased(Document):
    """The person was erased."""

    type: Literal["Erased"]
    on: date


class Undeliverable(Document):
    """Nothing can be delivered, as the DNS or the recipient's server said for certain."""

    type: Literal["Undeliverable"]
    reason: Literal["null_mx", "no_such_domain", "no_such_mailbox"]
    on: date


Block = Annotated[
    Suppressed | Bounced | Replied | CompanyReplied | Unsubscribed | Away | Erased | Undeliverable,
    Field(discriminator="type"),
]


class Candidate(Document):
    """One message that might be sent: the next step of an enrollment. No name, no address: ids and HMACs."""

    enrollment_id: int
    lead_id: int
    campaign_id: int
    step: Annotated[int, Field(ge=1)]
    round: Count
    """How often the lead has been through the campaign before."""
    recipient: Hmac
    recipient_domain: Hmac
    company: Hmac | None
    """null where a domain is no company (free mail)."""
    provider: Provider
    zone: str | None
    country: str | None
    basis: Basis
    sticky_mailbox: int | None
    """The mailbox of the thread's first message; null until something was sent."""
    due_day: date
    verified: bool
    engaged: bool
    missing_fields: tuple[str, ...]
    recent_contacts: Count
    """Messages to the person in the period of contact pressure."""
    block: Block | None

"""The receiving side of a snapshot: one message that might be sent, and what may stand between it and its person.

Persons appear as ids and HMACs only. Not here: which objection counts (`eligibility`).
"""

from dataclasses import dataclass
from datetime import date
from typing import NewType

from outreach_pipelines.domain.ids import CampaignId, EnrollmentId, LeadId, MailboxId
from outreach_pipelines.domain.lead import FieldName, LawfulBasis
from outreach_pipelines.domain.place import CountryCode, ZoneName
from outreach_pipelines.domain.recipient_mail import NoMail
from outreach_pipelines.domain.recipient_provider import RecipientProvider
from outreach_pipelines.domain.suppression import SuppressionKind

RecipientKey = NewType("RecipientKey", str)
"""HMAC of the canonical address, lower-case hex."""
RecipientDomainKey = NewType("RecipientDomainKey", str)
CompanyKey = NewType("CompanyKey", str)


@dataclass(frozen=True, slots=True)
class Suppressed:
    """In a suppression of any scope that covers this message."""

    kind: SuppressionKind
    on: date


@dataclass(frozen=True, slots=True)
class Bounced:
    """The address answered with a hard bounce."""

    on: date


@dataclass(frozen=True, slots=True)
class Replied:
    """The person answered."""

    on: date


@dataclass(frozen=True, slots=True)
class CompanyReplied:
    """Somebody else of the same company answered, and policy stops the sequences to all of it."""

    on: date


@dataclass(frozen=True, slots=True)
class Unsubscribed:
    """The person asked for no more."""

    on: date


@dataclass(frozen=True, slots=True)
class Away:
    """Out of office; `until` is the last day of absence."""

    until: date


@dataclass(frozen=True, slots=True)
class Erased:
    """The person was erased; the row is here so that its decision says so."""

    on: date


@dataclass(frozen=True, slots=True)
class Undeliverable:
    """Nothing can be delivered, as the DNS said for certain, or the recipient's server; `on` is the date (UTC) of that answer."""

    reason: NoMail
    on: date


Block = Suppressed | Bounced | Replied | CompanyReplied | Unsubscribed | Away | Erased | Undeliverable


@dataclass(frozen=True, slots=True)
class Candidate:
    """One message that might be sent: the next step of an enrollment. `sticky_mailbox` holds the thread's first
    mailbox, None until something was sent. `recent_contacts` counts messages to the person in the period of contact
    pressure that ends with the plan's day. `company` is None where a domain is no company (free mail)."""

    enrollment_id: EnrollmentId
    lead_id: LeadId
    campaign_id: CampaignId
    step: int
    round: int
    recipient: RecipientKey
    recipient_domain: RecipientDomainKey
    company: CompanyKey | None
    provider: RecipientProvider
    zone: ZoneName | None
    country: CountryCode | None
    basis: LawfulBasis
    sticky_mailbox: MailboxId | None
    due_day: date
    verified: bool
    engaged: bool
    missing_fields: frozenset[FieldName]
    recent_contacts: int
    block: Block | None

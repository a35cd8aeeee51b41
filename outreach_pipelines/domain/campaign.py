"""A campaign: whom it takes, what it says in which step, and what no campaign may do.

When a step is due is `sequence`'s; at what minute it leaves is `send_plan`'s.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final, NewType

from outreach_pipelines.domain.attachments import Attachment
from outreach_pipelines.domain.lead import FieldName, Lead, LeadColumn
from outreach_pipelines.domain.lead_header import SYSTEM_FIELDS
from outreach_pipelines.domain.place import ZoneName
from outreach_pipelines.domain.sending_policy import Hours
from outreach_pipelines.domain.suppression import CampaignName

PoolName = NewType("PoolName", str)
TemplateName = NewType("TemplateName", str)
TemplateDigest = NewType("TemplateDigest", str)
"""SHA-256 in hex of the template's UTF-8 text: under it the text is kept and a content change is seen."""

# Fields of a lead that every campaign may use, with or without a value.
LEAD_FIELDS: Final = frozenset(
    FieldName(column) for column in LeadColumn if column not in (LeadColumn.LAWFUL_BASIS, LeadColumn.TIME_ZONE)
)
# RFC 5322 section 3.6.5 keeps "Re: " for replies; the others are what mail clients of several languages write.
_PRETENDED_REPLY: Final = re.compile(r"\s*(re|aw|fwd?|wg|sv|vs|antw|tr|rv|r|i|odp|ynt)\s*(\[\d+\])?\s*:", re.IGNORECASE)
UNSUBSCRIBE: Final = FieldName("unsubscribe_url")
POSTAL_ADDRESS: Final = FieldName("postal_address")
SOURCE: Final = FieldName("source")


class CampaignState(StrEnum):
    DRAFT = "draft"
    ACTIVE = "active"
    PAUSED = "paused"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class Template:
    """`body` as written; `reads` are the fields it asks for, sorted."""

    name: TemplateName
    body: str
    reads: tuple[FieldName, ...]

    @property
    def digest(self) -> TemplateDigest:
        return TemplateDigest(hashlib.sha256(self.body.encode()).hexdigest())


@dataclass(frozen=True, slots=True)
class Variant:
    """One wording of a step. Of all people in the step, `weight` parts of the sum get this one."""

    name: str
    subject: Template
    text: Template
    html: Template | None
    weight: int = 1

    @property
    def bodies(self) -> tuple[Template, ...]:
        return (self.text,) if self.html is None else (self.text, self.html)


@dataclass(frozen=True, slots=True)
class Step:
    """`delay_business_days` after the step before, in the tenant's calendar; the first one has 0.

    `attachments` go with each variant; they were checked (`attachments.check_attachments`).
    """

    number: int
    delay_business_days: int
    variants: tuple[Variant, ...]
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class SendingWindow:
    """The recipient's hours in which the campaign may arrive. Weekdays count from Monday = 0."""

    weekdays: tuple[int, ...]
    hours: Hours


@dataclass(frozen=True, slots=True)
class LeadSelection:
    """Lead files by name (`2026-11-*.csv`) and, of their leads, those whose fields equal all of `where`."""

    files: tuple[str, ...]
    where: tuple[tuple[FieldName, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Campaign:
    """A lower `priority` comes first. A lead without one of `required_fields` is not written to, with that reason."""

    name: CampaignName
    pool: PoolName
    state: CampaignState
    priority: int
    zone: ZoneName | None
    window: SendingWindow
    leads: LeadSelection
    required_fields: tuple[FieldName, ...]
    optional_fields: tuple[FieldName, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class CampaignFault:
    field: str
    sentence: str


def takes_file(selection: LeadSelection, file_name: str) -> bool:
    """Whether leads of this file may belong to the campaign. Case counts in file names."""
    return any(fnmatchcase(file_name, pattern) for pattern in selection.files)


def takes_fields(selection: LeadSelection, fields: Mapping[FieldName, str]) -> bool:
    """Whether a lead with these fields equals all of `where`. Case does not count in values; a missing one is empty."""
    return all(fields.get(name, "").casefold() == value.casefold() for name, value in selection.where)


def fields_of(lead: Lead) -> Mapping[FieldName, str]:
    """All that a template may see of a lead."""
    own = {
        LeadColumn.EMAIL: lead.address.deliver_to,
        LeadColumn.FIRST_NAME: lead.first_name,
        LeadColumn.LAST_NAME: lead.last_name,
        LeadColumn.COMPANY: lead.company,
        LeadColumn.COUNTRY: lead.country or "",
        LeadColumn.TIME_ZONE: lead.zone or "",
        LeadColumn.LAWFUL_BASIS: lead.basis,
        LeadColumn.EVIDENCE: lead.evidence,
        LeadColumn.SOURCE: lead.source,
    }
    return {FieldName(column): value for column, value in own.items()} | dict(lead.extra)


def faults_of(campaign: Campaign) -> tuple[CampaignFault, ...]:
    """What law, provider rules and honesty forbid, for every variant of every step, all at once."""
    return (*_order_faults(campaign), *(fault for step in campaign.steps for fault in _step_faults(campaign, step)))


def _order_faults(campaign: Campaign) -> Iterable[CampaignFault]:
    if not campaign.steps:
        yield CampaignFault("steps", "A campaign needs one step at least.")
    elif campaign.steps[0].delay_business_days:
        yield CampaignFault("steps.0.delay_business_days", "The first step waits for nothing: 0.")
    for index, step in enumerate(campaign.steps[1:], 1):
        if step.delay_business_days < 1:
            yield CampaignFault(f"steps.{index}.delay_business_days", "A follow-up waits one business day at least.")


def _step_faults(campaign: Campaign, step: Step) -> Iterable[CampaignFault]:
    index = step.number - 1
    for position, variant in enumerate(step.variants):
        where = f"steps.{index}.variants.{position}"
        if index == 0 and _PRETENDED_REPLY.match(variant.subject.body):
            yield CampaignFault(f"{where}.subject", "A first message does not pretend to be a reply or a forward.")
        yield from _unknown_fields(campaign, where, variant)
        yield from _missing_parts(where, variant, first=index == 0)


def _unknown_fields(campaign: Campaign, where: str, variant: Variant) -> Iterable[CampaignFault]:
    known = SYSTEM_FIELDS | LEAD_FIELDS | {*campaign.required_fields, *campaign.optional_fields}
    for part, template in (("subject", variant.subject), ("text", variant.text), ("html", variant.html)):
        for name in template.reads if template else ():
            if name not in known:
                yield CampaignFault(f"{where}.{part}", f"{name} is neither in required_fields nor in optional_fields.")


def _missing_parts(where: str, variant: Variant, *, first: bool) -> Iterable[CampaignFault]:
    wanted = (UNSUBSCRIBE, POSTAL_ADDRESS, SOURCE) if first else (UNSUBSCRIBE, POSTAL_ADDRESS)
    parts = {"text": variant.text} | ({"html": variant.html} if variant.html else {})
    for part, template in parts.items():
        for name in wanted:
            if name not in template.reads:
                yield CampaignFault(f"{where}.{part}", f"{template.name} does not show {{{{ {name} }}}}.")

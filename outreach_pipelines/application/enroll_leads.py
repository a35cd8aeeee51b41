"""Put leads into the campaigns that take them: once, at their first step.

Belongs here: who is new to a campaign. Does not: whether and when somebody is written to (`plan_sends`), and a second
round of the same campaign, which is a person's explicit act.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NewType, Protocol

from outreach_pipelines.domain.campaign import LeadSelection, takes_fields, takes_file
from outreach_pipelines.domain.ids import CampaignId, LeadId
from outreach_pipelines.domain.lead import FieldName
from outreach_pipelines.domain.lead_file import LeadFileName
from outreach_pipelines.domain.suppression import CampaignName
from outreach_pipelines.domain.tenant import TenantId

LeadFileId = NewType("LeadFileId", int)


@dataclass(frozen=True, slots=True)
class TakingCampaign:
    """An active campaign and whom it takes."""

    id: CampaignId
    name: CampaignName
    selection: LeadSelection


@dataclass(frozen=True, slots=True)
class AppliedFile:
    """A lead file that was imported."""

    id: LeadFileId
    name: LeadFileName


@dataclass(frozen=True, slots=True)
class StoredLead:
    """A lead as a campaign chooses by it: `fields` as templates see them."""

    id: LeadId
    fields: Mapping[FieldName, str]


@dataclass(frozen=True, slots=True)
class Enrolled:
    """How many leads each active campaign newly took; 0 for one that found nobody new."""

    by_campaign: Mapping[CampaignName, int]


class EnrollmentStore(Protocol):
    """Leads in campaigns."""

    def taking(self, tenant: TenantId) -> Sequence[TakingCampaign]:
        """The active campaigns, by priority."""
        ...

    def files(self, tenant: TenantId) -> Sequence[AppliedFile]:
        """Every lead file that was applied."""
        ...

    def not_enrolled(
        self, tenant: TenantId, campaign: CampaignId, files: Sequence[LeadFileId]
    ) -> AbstractContextManager[Iterable[StoredLead]]:
        """Persons of these files who never were in the campaign, one after the other; erased ones left out."""
        ...

    def enroll(self, tenant: TenantId, campaign: CampaignId, leads: Sequence[LeadId]) -> int:
        """Put them in, at step 1 of round 1, in one transaction; how many were not yet there."""
        ...


def enroll_leads(store: EnrollmentStore, *, tenant: TenantId) -> Enrolled:
    """Enroll every lead that an active campaign takes and never had. A second run enrolls nobody.

    Suppressed and unreachable persons are enrolled too: the plan then says why nothing is sent to them.
    """
    files = store.files(tenant)
    return Enrolled({campaign.name: _taken_in(store, tenant, campaign, files) for campaign in store.taking(tenant)})


def _taken_in(store: EnrollmentStore, tenant: TenantId, campaign: TakingCampaign, files: Sequence[AppliedFile]) -> int:
    own = [file.id for file in files if takes_file(campaign.selection, file.name)]
    if not own:
        return 0
    with store.not_enrolled(tenant, campaign.id, own) as leads:
        chosen = [lead.id for lead in leads if takes_fields(campaign.selection, lead.fields)]
    return store.enroll(tenant, campaign.id, chosen) if chosen else 0

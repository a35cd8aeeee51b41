"""The key of what may leave once: a step of a campaign to a person in a round. It holds no date, so no re-plan escapes it."""

import hashlib
from typing import NewType

from outreach_pipelines.domain.ids import CampaignId, LeadId
from outreach_pipelines.domain.tenant import TenantId

SendKey = NewType("SendKey", bytes)


def send_key(tenant: TenantId, campaign: CampaignId, step: int, lead: LeadId, enrollment_round: int) -> SendKey:
    """16 bytes of BLAKE2b over the five numbers."""
    parts = "|".join(str(part) for part in (tenant, campaign, step, lead, enrollment_round))
    return SendKey(hashlib.blake2b(parts.encode("ascii"), digest_size=16, person=b"outreach send").digest())

"""The wordings that a plan places, one for each set of fields that its people have.

Belongs here: rows as sample letters that name nobody. Does not: judging them (`application.judge_letters`).
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, RowMapping

from outreach_pipelines.adapters.postgres.letter_rows import content_of, sender_of
from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.application.judge_letters import PlacedWording
from outreach_pipelines.domain.letter import ClaimedMessage, ClaimToken, Letter, Recipient
from outreach_pipelines.domain.message import MessageId, PlanId
from outreach_pipelines.domain.suppression import CampaignName
from outreach_pipelines.domain.tenant import TenantId

_SQL = statements("plans")
_VALUE: Final = "Sample"
_ADDRESS: Final = "sample@mail.example"
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


def placed_wordings(connection: Connection, tenant: TenantId, plan: PlanId) -> Sequence[PlacedWording]:
    """By campaign, step and variant. Two people whose rows fill the same fields share one letter."""
    rows = connection.execute(_SQL["placed_wordings"], {"plan_id": plan}).mappings()
    return [
        PlacedWording(CampaignName(row["campaign"]), row["variant"], _letter(tenant, row), row["people"])
        for row in rows
    ]


def _letter(tenant: TenantId, row: RowMapping) -> Letter:
    return Letter(
        claim=ClaimedMessage(tenant, _NEVER.date(), MessageId(0), 1, ClaimToken(UUID(int=0))),
        enrollment_id=0,
        campaign_id=row["campaign_id"],
        step=row["step"],
        due_at=_NEVER,
        window_end=_NEVER,
        recipient=Recipient(_ADDRESS, b"", _fields(row)),
        sender=sender_of(row, mailbox=0, address=_ADDRESS, display_name=_VALUE),
        content=content_of(row),
        thread=None,
    )


def _fields(row: RowMapping) -> dict[str, str]:
    filled = {name: _VALUE if has_value else "" for name, has_value in row["fields"].items()}
    return filled | {"email": _ADDRESS}

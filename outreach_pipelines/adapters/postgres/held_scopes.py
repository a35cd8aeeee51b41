"""Holds on parts of a tenant's sending, by what they hold: read once for a snapshot.

Belongs here: naming values. Does not: holds of whole mailboxes, which their own rows bring (`snapshot_senders`), and how
a scope is spelled (`domain.back_off.scope_key`).
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from sqlalchemy import RowMapping

from outreach_pipelines.application.constraint_words import hold_in_words
from outreach_pipelines.domain.back_off.scope import (
    CampaignScope,
    LeadFileScope,
    PathScope,
    RecipientProviderScope,
    Scope,
    TenantAccountScope,
)
from outreach_pipelines.domain.back_off.scope_key import ScopeKey, scope_of
from outreach_pipelines.domain.ids import AccountId, CampaignId, EnrollmentId
from outreach_pipelines.domain.send_plan.snapshot import Hold, LeadFileHold, LeadFileId, PathHold, ProviderHold
from outreach_pipelines.domain.tenant import TenantId


def hold_of(row: RowMapping | Mapping[str, str]) -> Hold:
    """With its reason in words: from here on it is read by people."""
    return Hold(Fraction(row["factor"]), hold_in_words(row["reason"]))


class HeldScopes:
    """Of one tenant, as of one moment."""

    def __init__(self, rows: Iterable[RowMapping], tenant: TenantId) -> None:
        self._tenant = tenant
        self._holds: dict[Scope, Hold] = {scope_of(ScopeKey(row["scope_key"]), tenant): hold_of(row) for row in rows}

    @property
    def files(self) -> list[int]:
        """Lead files that are held."""
        return sorted(scope.lead_file for scope in self._holds if isinstance(scope, LeadFileScope))

    def of_files(self, rows: Sequence[RowMapping], candidates: frozenset[EnrollmentId]) -> tuple[LeadFileHold, ...]:
        """The holds on lead files, with those of their people who are candidates; none on a file without any."""
        found = (
            LeadFileHold(
                LeadFileId(row["lead_file_id"]),
                self._holds[LeadFileScope(LeadFileId(row["lead_file_id"]))],
                tuple(EnrollmentId(each) for each in row["enrollments"] if each in candidates),
            )
            for row in rows
        )
        return tuple(hold for hold in found if hold.enrollments)

    def of_campaign(self, campaign: int) -> Hold | None:
        return self._holds.get(CampaignScope(CampaignId(campaign)))

    def of_account(self, account: int) -> Hold | None:
        """The tenant's own or that of all who share the account, whichever leaves less."""
        return self._holds.get(TenantAccountScope(self._tenant, AccountId(account)))

    def to_providers(self, mailbox: int) -> tuple[ProviderHold, ...]:
        return tuple(
            ProviderHold(scope.provider, hold)
            for scope, hold in self._holds.items()
            if isinstance(scope, RecipientProviderScope) and scope.mailbox == mailbox
        )

    def of_paths(self, mailbox: int) -> tuple[PathHold, ...]:
        return tuple(
            PathHold(scope.account, hold)
            for scope, hold in self._holds.items()
            if isinstance(scope, PathScope) and scope.mailbox == mailbox
        )

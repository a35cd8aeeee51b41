"""What a provider says of our standing with it: quota, rate, and whether we may send at all.

Belongs here: the values, and what of them stops whom. Does not: how they are asked for (an adapter).

Source: Amazon SES API v2 Reference, GetAccount (SendQuota, SendingEnabled, EnforcementStatus), GetTenant (SendingStatus).
"""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class SendQuota:
    """`per_24_hours` is None for an account without limit, `per_second` None for one without rate."""

    per_24_hours: int | None
    per_second: float | None
    sent_24_hours: int


class Enforcement(StrEnum):
    """How the provider's own reviewers see an account."""

    HEALTHY = "healthy"
    PROBATION = "probation"
    SHUTDOWN = "shutdown"
    UNKNOWN = "unknown"  # a word that did not exist when this was written: never taken for healthy, never for a stop


class TenantStatus(StrEnum):
    """Whether SES lets one client of an account send."""

    ENABLED = "enabled"
    REINSTATED = "reinstated"
    DISABLED = "disabled"


class StopReason(StrEnum):
    """Holds of these reasons follow the provider's word: set by it, and released by it."""

    ACCOUNT_DISABLED = "provider_disabled_account"
    TENANT_DISABLED = "provider_disabled_tenant"


@dataclass(frozen=True, slots=True)
class AccountStanding:
    """An account as its provider describes it now."""

    quota: SendQuota
    sending_enabled: bool
    enforcement: Enforcement


@dataclass(frozen=True, slots=True)
class Stop:
    """Sending ends, for the reason and in words for the operator."""

    reason: StopReason
    sentence: str


def stop_of_account(standing: AccountStanding) -> Stop | None:
    """A reputation stop of all who send through the account. Probation warns and stops nobody."""
    if standing.sending_enabled and standing.enforcement is not Enforcement.SHUTDOWN:
        return None
    why = "is shut down" if standing.enforcement is Enforcement.SHUTDOWN else "may not send"
    return Stop(StopReason.ACCOUNT_DISABLED, f"Amazon SES says that the account {why} (GetAccount).")


def stop_of_tenant(name: str, status: TenantStatus) -> Stop | None:
    """A reputation stop of one client alone; its neighbours on the account go on."""
    if status is not TenantStatus.DISABLED:
        return None
    return Stop(StopReason.TENANT_DISABLED, f"Amazon SES says that its tenant {name} may not send (GetTenant).")

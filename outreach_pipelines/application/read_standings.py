"""Ask providers how we stand with them, write quota and rate down for the limits, and obey a stop that they speak of.

Belongs here: what is asked, and that one account's silence keeps no other from being asked. Does not: what follows from a
status (`domain.provider_standing`), the calls (an adapter), who waits for whom at T2 (`begin_send`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.provider_standing import (
    AccountStanding,
    Stop,
    TenantStatus,
    stop_of_account,
    stop_of_tenant,
)
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.errors import OutreachError

FRESH_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class StandingDue:
    """An account whose standing is to be asked for, and its name for this client where that is to be asked for too."""

    account: AccountId
    account_due: bool
    ses_tenant: str | None


class AccountControl(Protocol):
    """The provider's own description of one account."""

    def standing(self) -> AccountStanding:
        """Raises `Unreadable` when the provider did not say."""
        ...

    def tenant_status(self, name: str) -> TenantStatus:
        """Raises `Unreadable` when the provider did not say, `NotFound` for a tenant that it does not know."""
        ...


class AccountControls(Protocol):
    """The controls of a tenant's accounts."""

    def of(self, tenant: TenantId, account: AccountId) -> AccountControl | None:
        """None where the provider's API tells nothing of this kind. Raises as `Transports.of` does."""
        ...


class StandingStore(Protocol):
    """What is known of standings."""

    def due(self, tenant: TenantId, *, older_than_seconds: float) -> Sequence[StandingDue]:
        """Accounts not asked about for so many seconds of machine time, by whichever tenant."""
        ...

    def record_account(self, tenant: TenantId, account: AccountId, standing: AccountStanding) -> None:
        """Quota and rate from now on, this tenant's share of them, and the stop of the account while it is one."""
        ...

    def record_tenant(self, tenant: TenantId, account: AccountId, name: str, status: TenantStatus) -> None:
        """The client's own status, and the stop of this client on the account while it is one."""
        ...


@dataclass(frozen=True, slots=True)
class Standings:
    """What one reading found. `faults` are sentences for the operator: what could not be read keeps its last value."""

    read: int
    stopped: tuple[str, ...]
    faults: tuple[str, ...]


def read_standings(
    store: StandingStore, controls: AccountControls, *, tenant: TenantId, fresh_seconds: float = FRESH_SECONDS
) -> Standings:
    """Ask about each account of the tenant that nobody asked about lately. Safe to repeat and to run twice at once."""
    read, stopped, faults = 0, list[str](), list[str]()
    for due in store.due(tenant, older_than_seconds=fresh_seconds):
        try:
            control = controls.of(tenant, due.account)
            if control is None:
                continue
            stops = _read(store, control, tenant, due)
        except OutreachError as fault:
            faults.append(f"account {due.account}: {fault}")
            continue
        read += 1
        stopped += [stop.sentence for stop in stops]
    return Standings(read, tuple(stopped), tuple(faults))


def _read(store: StandingStore, control: AccountControl, tenant: TenantId, due: StandingDue) -> list[Stop]:
    stops = []
    if due.account_due:
        standing = control.standing()
        store.record_account(tenant, due.account, standing)
        stops.append(stop_of_account(standing))
    if due.ses_tenant is not None:
        status = control.tenant_status(due.ses_tenant)
        store.record_tenant(tenant, due.account, due.ses_tenant, status)
        stops.append(stop_of_tenant(due.ses_tenant, status))
    return [stop for stop in stops if stop is not None]

"""Whether a domain is ready to send through an account, as one audit shows it.

Here: reading it from reports. Not here: the checks, and when a change is believed (settling.py).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from outreach_pipelines.domain.dns_audit.answers import Cause
from outreach_pipelines.domain.dns_audit.findings import CheckReport, Fault, FaultKey, Finding
from outreach_pipelines.domain.provider_account import AccountName


@dataclass(frozen=True, slots=True)
class Ready:
    """All that the account needs is published."""


@dataclass(frozen=True, slots=True)
class NotReady:
    """Definite faults stop the account; at least one member is not empty."""

    missing: tuple[Finding, ...] = ()
    wrong: tuple[Finding, ...] = ()
    extra: tuple[Finding, ...] = ()

    @property
    def faults(self) -> tuple[Finding, ...]:
        """All of them."""
        return (*self.missing, *self.wrong, *self.extra)

    @property
    def keys(self) -> frozenset[FaultKey]:
        """What the faults are recognised by on another day."""
        return frozenset(finding.key for finding in self.faults)


@dataclass(frozen=True, slots=True)
class Undecided:
    """Nothing is known to be wrong, and not all is known; `causes` in order, without repetition."""

    causes: tuple[Cause, ...]


Readiness: TypeAlias = Ready | NotReady | Undecided


def readiness_of(account: AccountName, report: CheckReport) -> Readiness:
    """Read an account's readiness from its domain's reports. A definite fault weighs more than an open question."""
    faults = [finding for finding in report.findings if account in finding.stops]
    if faults:
        return not_ready(faults)
    causes = {gap.cause for gap in report.unanswered if account in gap.stops}
    return Undecided(tuple(sorted(causes))) if causes else Ready()


def not_ready(faults: Iterable[Finding]) -> NotReady:
    """Sort faults, at least one, by their kind."""
    kept = tuple(faults)
    return NotReady(
        missing=tuple(finding for finding in kept if finding.fault is Fault.MISSING),
        wrong=tuple(finding for finding in kept if finding.fault is Fault.WRONG),
        extra=tuple(finding for finding in kept if finding.fault is Fault.EXTRA),
    )

"""Apply the fixes of a domain's audit at the host of its zones: shown first, written down, looked at afterwards.

Belongs here: the order, and the ports. Does not: what to change (`domain.dns_changes`), how the host is spoken to (an adapter).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from outreach_pipelines.application.acts_by_hand import ByHand
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.findings import ResourceRecord
from outreach_pipelines.domain.dns_audit.fix_list import FixList
from outreach_pipelines.domain.dns_changes import (
    Change,
    ChangePlan,
    Create,
    Edit,
    HostedRecord,
    Obstacle,
    TakeOut,
    plan_changes,
    same_record,
    zone_names,
)
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.errors import OutreachError, Refused, Unreadable

LOOKS = 5
"""At the host after a change, before it is said not to show: hosts answer from several places."""


class ZoneChanged(OutreachError):
    """The host would not make this change as the zone now is: another record stands in the way, or the one to edit is gone."""


@dataclass(frozen=True, slots=True)
class HostedZone:
    """A zone that the host lets us change. `id` is the host's."""

    id: str
    name: DomainName


class ZoneHost(Protocol):
    """Where zones are hosted.

    All raise `Unreadable` where the host does not say (for a change: it may have been made) and `SettingsFault` for its key.
    """

    def zone(self, name: DomainName) -> HostedZone | None:
        """The zone of exactly this name; None where the key reaches none."""
        ...

    def records(self, zone: HostedZone) -> Sequence[HostedRecord]:
        """All records of the types that fixes are made of."""
        ...

    def create(self, zone: HostedZone, record: ResourceRecord) -> None:
        """Make a record. One that is there already is not made twice. Raises `ZoneChanged`."""
        ...

    def edit(self, zone: HostedZone, hosted: HostedRecord, record: ResourceRecord) -> None:
        """Change a record in place. Raises `ZoneChanged`."""
        ...

    def take_out(self, zone: HostedZone, hosted: HostedRecord) -> None:
        """Delete a record; one that is gone is no fault."""
        ...


class ChangeStep(StrEnum):
    """How the audit log names what was done to a record."""

    CREATED = "dns record created"
    EDITED = "dns record edited"
    TAKEN_OUT = "dns record taken out"
    FAILED = "dns change failed"


class ChangeLog(Protocol):
    """The tenant's audit log."""

    def note(
        self, tenant: TenantId, by: ByHand, step: ChangeStep, subject: str, detail: Mapping[str, str | None]
    ) -> None:
        """Write a row, committed when this returns."""
        ...


@dataclass(frozen=True, slots=True)
class ZonePlan:
    """What is to be done in one zone."""

    zone: HostedZone
    plan: ChangePlan


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that the fixes ask for: shown before anything is done. `unreached` lie in no zone of this host."""

    domain: DomainName
    fixes: FixList
    zones: tuple[ZonePlan, ...]
    unreached: tuple[ResourceRecord, ...]

    @property
    def changes(self) -> tuple[Change, ...]:
        """In order."""
        return tuple(change for each in self.zones for change in each.plan.changes)

    @property
    def obstacles(self) -> tuple[Obstacle, ...]:
        """What cannot be done without touching other records."""
        return tuple(obstacle for each in self.zones for obstacle in each.plan.obstacles)


@dataclass(slots=True)
class Applied:
    """What was done, what the host would not do, and what does not show there yet."""

    done: list[Change] = field(default_factory=list)
    failed: list[tuple[Change, str]] = field(default_factory=list)
    unseen: list[Change] = field(default_factory=list)


def prepare(host: ZoneHost, domain: DomainName, fixes: FixList) -> Prepared:
    """Read the zones that the fixes name and decide what to change. Changes nothing."""
    zones = {record: _zone_of(host, record) for record in (*fixes.publish, *fixes.withdraw)}
    plans = []
    for zone in dict.fromkeys(each for each in zones.values() if each is not None):
        publish = [record for record in fixes.publish if zones[record] == zone]
        withdraw = [record for record in fixes.withdraw if zones[record] == zone]
        plans.append(ZonePlan(zone, plan_changes(publish, withdraw, host.records(zone))))
    unreached = tuple(record for record, zone in zones.items() if zone is None)
    return Prepared(domain, fixes, tuple(plans), unreached)


def carry_out(
    host: ZoneHost,
    log: ChangeLog,
    prepared: Prepared,
    *,
    tenant: TenantId,
    by: ByHand,
    wait: Callable[[float], None],
) -> Applied:
    """Make the changes that were shown, each written down before it is made, and look at the host whether they stand.

    Raises `Refused` where a zone is no longer as it was shown. A change that the host refuses is written down and hinders no
    other one. `wait` takes seconds.
    """
    again = prepare(host, prepared.domain, prepared.fixes)
    if again != prepared:
        message = f"the zone of {prepared.domain} was changed meanwhile: look at the changes again"
        raise Refused(message)
    applied = Applied()
    for each in prepared.zones:
        for change in each.plan.changes:
            _make(host, log, each.zone, change, applied, tenant=tenant, by=by)
    applied.unseen = _unseen(host, prepared, applied.done, wait)
    return applied


def _zone_of(host: ZoneHost, record: ResourceRecord) -> HostedZone | None:
    found = (host.zone(name) for name in zone_names(record.name))
    return next((zone for zone in found if zone is not None), None)


def _make(
    host: ZoneHost, log: ChangeLog, zone: HostedZone, change: Change, applied: Applied, *, tenant: TenantId, by: ByHand
) -> None:
    detail = _detail(zone, change, by)
    subject = f"{_named(change).type} {_named(change).name}"
    log.note(tenant, by, _step(change), subject, detail)
    try:
        _call(host, zone, change)
    except OutreachError as fault:
        applied.failed.append((change, str(fault)))
        log.note(tenant, by, ChangeStep.FAILED, subject, {**detail, "fault": str(fault)})
    else:
        applied.done.append(change)


def _call(host: ZoneHost, zone: HostedZone, change: Change) -> None:
    match change:
        case Create(record):
            host.create(zone, record)
        case Edit(hosted, record):
            host.edit(zone, hosted, record)
        case TakeOut(hosted):
            host.take_out(zone, hosted)


def _step(change: Change) -> ChangeStep:
    match change:
        case Create():
            return ChangeStep.CREATED
        case Edit():
            return ChangeStep.EDITED
        case TakeOut():
            return ChangeStep.TAKEN_OUT


def _named(change: Change) -> ResourceRecord:
    return change.record if isinstance(change, Create | Edit) else change.hosted.record


def _detail(zone: HostedZone, change: Change, by: ByHand) -> Mapping[str, str | None]:
    before, after = change.before, change.after
    return {
        "zone": zone.name,
        "reason": by.reason,
        "before": before.zone_line if before else None,
        "after": after.zone_line if after else None,
    }


def _unseen(host: ZoneHost, prepared: Prepared, done: Sequence[Change], wait: Callable[[float], None]) -> list[Change]:
    """What the host does not show after some looks, each after twice the time."""
    unseen = list(done)
    for look in range(LOOKS):
        if not unseen:
            break
        if look:
            wait(2.0 ** (look - 1))
        standing = _standing(host, prepared)
        unseen = [change for change in unseen if standing is None or not _shows(change, standing)]
    return unseen


def _standing(host: ZoneHost, prepared: Prepared) -> list[ResourceRecord] | None:
    """None where the host does not say: what was changed is told all the same."""
    try:
        return [each.record for zone in prepared.zones for each in host.records(zone.zone)]
    except Unreadable:
        return None


def _shows(change: Change, standing: Sequence[ResourceRecord]) -> bool:
    after, before = change.after, change.before
    if after is not None and not any(same_record(after, each) for each in standing):
        return False
    return before is None or not any(same_record(before, each) for each in standing)

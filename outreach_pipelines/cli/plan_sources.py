"""Where a command gets a plan or a snapshot from: a file, or the day's version in the database.

Belongs here: finding and reading them. Does not: showing them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from outreach_pipelines.application.plan_sends import PlanRow
from outreach_pipelines.application.stored_objects import ObjectKey, ObjectMissing
from outreach_pipelines.application.tenants import TenantRow
from outreach_pipelines.cli.wiring import tenant_rows
from outreach_pipelines.domain.send_plan.codec import BadPlanError, decode_plan, decode_snapshot
from outreach_pipelines.domain.send_plan.faults import BadSnapshotError
from outreach_pipelines.domain.send_plan.plan import Plan
from outreach_pipelines.domain.send_plan.snapshot import Snapshot
from outreach_pipelines.errors import FilesFault, NotFound
from resources import database, files


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A version of a tenant's day, as the database lists it."""

    tenant: TenantRow
    day: date
    row: PlanRow

    def plan(self) -> Plan:
        return read_plan(_stored(self.row.plan_key), self.row.plan_key)

    def snapshot(self) -> Snapshot:
        return read_snapshot(_stored(self.row.snapshot_key), self.row.snapshot_key)

    def documents(self) -> tuple[bytes, bytes]:
        """Snapshot and plan as they are kept."""
        return _stored(self.row.snapshot_key), _stored(self.row.plan_key)


def file_bytes(path: Path) -> bytes:
    """Raises `FilesFault` that names the file."""
    try:
        return path.read_bytes()
    except OSError as fault:
        message = f"{path}: {fault.strerror or fault}"
        raise FilesFault(message) from fault


def write_file(path: Path, body: bytes) -> None:
    """Raises `FilesFault` that names the file."""
    try:
        path.write_bytes(body)
    except OSError as fault:
        message = f"{path}: {fault.strerror or fault}"
        raise FilesFault(message) from fault


def read_snapshot(body: bytes, name: str) -> Snapshot:
    """Raises `FilesFault` that names every fault of the snapshot."""
    try:
        return decode_snapshot(body)
    except BadSnapshotError as fault:
        raise FilesFault(listed(f"{name}: bad snapshot", fault.faults)) from fault


def read_plan(body: bytes, name: str) -> Plan:
    """Raises `FilesFault` that names every fault of the plan."""
    try:
        return decode_plan(body)
    except BadPlanError as fault:
        raise FilesFault(listed(f"{name}: bad plan", fault.faults)) from fault


def listed(what: str, faults: Sequence[str]) -> str:
    """A line for each fault."""
    number = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    return "\n  ".join((f"{what}, {number}:", *faults))


def snapshot_file(path: Path) -> Snapshot:
    """Raises `FilesFault`."""
    return read_snapshot(file_bytes(path), str(path))


def plan_file(path: Path) -> Plan:
    """Raises `FilesFault`."""
    return read_plan(file_bytes(path), str(path))


def versions(tenant: TenantRow, day: datetime | None) -> tuple[date, list[PlanRow]]:
    """The versions of a tenant's day, the released one first; the day is today when None is given."""
    wanted = day.date() if day else database.clock().now().astimezone(ZoneInfo(tenant.zone)).date()
    return wanted, list(database.plans().plans(tenant.ref.id, wanted))


def stored_plans(day: datetime | None, tenant: str | None, version: int | None) -> Iterator[StoredPlan]:
    """For each tenant asked for, its released plan of the day, else its newest, or the version asked for."""
    for row in tenant_rows(tenant):
        wanted, plans = versions(row, day)
        chosen = next((plan for plan in plans if version in (None, plan.version)), None)
        if chosen is not None:
            yield StoredPlan(row, wanted, chosen)


def named_plan(name: str, tenant: str | None) -> Plan:
    """`FILE`, `DAY` or `DAY@VERSION`. Raises `NotFound`, `FilesFault`."""
    path = Path(name)
    if path.is_file():
        return plan_file(path)
    day, _, version = name.partition("@")
    try:
        wanted, number = datetime.fromisoformat(day), int(version) if version else None
    except ValueError:
        message = f"{name}: no such file, and neither DAY nor DAY@VERSION"
        raise NotFound(message) from None
    found = list(stored_plans(wanted, tenant, number))
    if len(found) != 1:
        message = f"{name}: {len(found)} plans; name one tenant by --tenant, and DAY@VERSION"
        raise NotFound(message)
    return found[0].plan()


def _stored(key: str) -> bytes:
    try:
        return files.object_store().get(ObjectKey(key))
    except ObjectMissing as fault:
        message = f"{key} is no longer in the object store"
        raise NotFound(message) from fault

"""A tenant's day: snapshot, plan, draft, and the release that is the gate between planning and sending.

Belongs here: the order of these steps. Does not: any decision (`domain.send_plan`), nor what a release does to messages
(`adapters/postgres/functions/060_release_plan.sql`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol
from zoneinfo import ZoneInfo

from outreach_pipelines.application.stored_objects import ObjectKey, ObjectStore, object_key
from outreach_pipelines.domain.message import PlanId
from outreach_pipelines.domain.send_plan.codec import encode_plan, encode_snapshot
from outreach_pipelines.domain.send_plan.plan import Plan
from outreach_pipelines.domain.send_plan.planner import plan as plan_day
from outreach_pipelines.domain.send_plan.snapshot import Snapshot
from outreach_pipelines.domain.tenant import TenantId


@dataclass(frozen=True, slots=True)
class PlanFiles:
    """Where snapshot and plan lie as JSON, so that any plan can be made again and compared."""

    snapshot: ObjectKey
    plan: ObjectKey


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """`new` is False when the day had this very plan: planning again inserts nothing."""

    plan_id: PlanId
    version: int
    new: bool


@dataclass(frozen=True, slots=True)
class Release:
    """Messages made, rows moved from the version before, placements kept back, rows superseded."""

    made: int
    moved: int
    kept: int
    superseded: int
    already: bool


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A plan as it is listed."""

    plan_id: PlanId
    day: date
    version: int
    status: str
    status_reason: str | None
    plan_hash: str
    snapshot_hash: str
    snapshot_key: str
    plan_key: str
    placed: int
    not_placed: int
    not_placed_by: Mapping[str, int]


class PlanStore(Protocol):
    """Where plans are kept."""

    def snapshot(self, tenant: TenantId, day: date) -> Snapshot:
        """What the plan of this tenant-local date is made from, as one moment sees it."""
        ...

    def save(self, snapshot: Snapshot, plan: Plan, files: PlanFiles) -> SavedPlan:
        """The plan as a draft with a decision for each candidate, in one transaction."""
        ...

    def blockers(self, tenant: TenantId, plan: PlanId) -> Sequence[str]:
        """What forbids a release, as sentences; empty when nothing does."""
        ...

    def release(self, tenant: TenantId, plan: PlanId, reason: str) -> Release:
        """Draft to released, once. Raises `Refused` for a day that is over or a plan that is no draft, `NotFound`."""
        ...

    def plans(self, tenant: TenantId, day: date) -> Sequence[PlanRow]:
        """The versions of a day, newest first."""
        ...


@dataclass(frozen=True, slots=True)
class PlannedDay:
    """What planning a day came to. `release` is None when the plan stays a draft; `blockers` then say why."""

    plan: Plan
    saved: SavedPlan
    files: PlanFiles
    blockers: tuple[str, ...]
    release: Release | None


def plan_sends(store: PlanStore, objects: ObjectStore, *, tenant: TenantId, day: date) -> PlannedDay:
    """Plan a tenant-local date and release the plan when nothing forbids it.

    Idempotent: the same facts give the same plan, which is saved and released once. A past day gets decisions only.
    """
    snapshot = store.snapshot(tenant, day)
    plan = plan_day(snapshot)
    files = _store_files(objects, snapshot, plan)
    saved = store.save(snapshot, plan, files)
    blockers = _blockers(store, snapshot, saved)
    release = None if blockers else store.release(tenant, saved.plan_id, "no blocker found")
    return PlannedDay(plan, saved, files, blockers, release)


def _blockers(store: PlanStore, snapshot: Snapshot, saved: SavedPlan) -> tuple[str, ...]:
    if snapshot.day < snapshot.as_of.astimezone(ZoneInfo(snapshot.policy.zone)).date():
        return ("the day is over: this plan is for reading",)
    return tuple(store.blockers(snapshot.tenant_id, saved.plan_id))


def _store_files(objects: ObjectStore, snapshot: Snapshot, plan: Plan) -> PlanFiles:
    # Named by content: writing again what is there changes nothing, and no version can be replaced unseen.
    folder = f"plans/{snapshot.tenant_slug}/{snapshot.day}"
    files = PlanFiles(
        object_key(f"{folder}/snapshot-{plan.snapshot_hash}.json"), object_key(f"{folder}/plan-{plan.plan_hash}.json")
    )
    objects.put(files.snapshot, encode_snapshot(snapshot), only_if_absent=True)
    objects.put(files.plan, encode_plan(plan), only_if_absent=True)
    return files

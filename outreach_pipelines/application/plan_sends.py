"""A tenant's day: snapshot, plan, draft, and the release that is the gate between planning and sending.

Belongs here: the order of these steps. Does not: any decision (`domain.send_plan`), nor what a release does to messages
(`adapters/postgres/functions/060_release_plan.sql`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Final, Protocol

from outreach_pipelines.application.stored_objects import ObjectKey, ObjectStore, object_key
from outreach_pipelines.domain.message import PlanId
from outreach_pipelines.domain.send_plan.codec import encode_plan, encode_snapshot
from outreach_pipelines.domain.send_plan.plan import Plan
from outreach_pipelines.domain.send_plan.planner import plan as plan_day
from outreach_pipelines.domain.send_plan.snapshot import Snapshot
from outreach_pipelines.domain.tenant import TenantId

PLANNING_HOUR: Final = 22
"""Of the tenant's own clock: in the hour from then on, the next day is planned."""


class PlanStatus(StrEnum):
    """Messages are made of a released plan alone; one of hindsight was made after its day, for reading."""

    DRAFT = "draft"
    RELEASED = "released"
    REVOKED = "revoked"
    HINDSIGHT = "hindsight"


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
    status: PlanStatus
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

    def today(self, tenant: TenantId) -> date:
        """The tenant's own date, by policy time."""
        ...

    def save(
        self, snapshot: Snapshot, plan: Plan, files: PlanFiles, *, status: PlanStatus = PlanStatus.DRAFT
    ) -> SavedPlan:
        """The plan as a draft, or one of hindsight, with a decision for each candidate, in one transaction."""
        ...

    def blockers(self, tenant: TenantId, plan: PlanId) -> Sequence[str]:
        """What forbids a release, as sentences; empty when nothing does."""
        ...

    def release(self, tenant: TenantId, plan: PlanId, reason: str) -> Release:
        """Draft to released, once. Raises `Refused` for a day that is over or a plan that is no draft, `NotFound`."""
        ...

    def plans(self, tenant: TenantId, day: date) -> Sequence[PlanRow]:
        """The versions of a day: the released one, if any, then the others, newest first."""
        ...

    def something_may_go(self, tenant: TenantId, day: date) -> bool:
        """Whether the sending window of anybody who is due opens on that date. True on holidays, which it does not know."""
        ...


@dataclass(frozen=True, slots=True)
class PlannedDay:
    """What planning a day came to. `release` is None when the plan is not released; `blockers` then say why."""

    plan: Plan
    saved: SavedPlan
    files: PlanFiles
    blockers: tuple[str, ...]
    release: Release | None
    status: PlanStatus = PlanStatus.DRAFT


@dataclass(frozen=True, slots=True)
class PastDay:
    """A day that is over and had a released plan: that one stands, and nothing was written."""

    released: PlanRow


def plan_sends(store: PlanStore, objects: ObjectStore, *, tenant: TenantId, day: date) -> PlannedDay | PastDay:
    """Plan a tenant-local date and release the plan when nothing forbids it.

    Idempotent: the same facts give the same plan, which is saved and released once. Of a past day its released plan is
    told; where there is none, decisions are made in hindsight, for reading.
    """
    is_past = day < store.today(tenant)
    released = [row for row in store.plans(tenant, day) if row.status is PlanStatus.RELEASED] if is_past else []
    if released:
        return PastDay(released[0])
    snapshot = store.snapshot(tenant, day)
    plan = plan_day(snapshot)
    files = _store_files(objects, snapshot, plan)
    if is_past:
        saved = store.save(snapshot, plan, files, status=PlanStatus.HINDSIGHT)
        return PlannedDay(
            plan, saved, files, ("the day is over: this plan is for reading",), None, PlanStatus.HINDSIGHT
        )
    return _released(store, PlannedDay(plan, store.save(snapshot, plan, files), files, (), None))


def _released(store: PlanStore, draft: PlannedDay) -> PlannedDay:
    blockers = tuple(store.blockers(draft.plan.tenant_id, draft.saved.plan_id))
    if blockers:
        return replace(draft, blockers=blockers)
    release = store.release(draft.plan.tenant_id, draft.saved.plan_id, "no blocker found")
    return replace(draft, release=release, status=PlanStatus.RELEASED)


def _store_files(objects: ObjectStore, snapshot: Snapshot, plan: Plan) -> PlanFiles:
    # Named by content: writing again what is there changes nothing, and no version can be replaced unseen.
    folder = f"plans/{snapshot.tenant_slug}/{snapshot.day}"
    files = PlanFiles(
        object_key(f"{folder}/snapshot-{plan.snapshot_hash}.json"), object_key(f"{folder}/plan-{plan.plan_hash}.json")
    )
    objects.put(files.snapshot, encode_snapshot(snapshot), only_if_absent=True)
    objects.put(files.plan, encode_plan(plan), only_if_absent=True)
    return files

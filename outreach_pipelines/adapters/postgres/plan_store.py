"""Plans on PostgreSQL: the snapshot they are made from, drafts, and the release that makes messages.

Belongs here: transactions. Does not: reading rows as values (`snapshot_reader`), the rules of a release (`functions/060_release_plan.sql`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date

from psycopg.errors import CheckViolation, NoDataFound
from sqlalchemy import Connection, Engine, RowMapping
from sqlalchemy.exc import SQLAlchemyError

from outreach_pipelines.adapters.postgres.copying import copy_rows
from outreach_pipelines.adapters.postgres.named import statements
from outreach_pipelines.adapters.postgres.placed_letters import placed_wordings
from outreach_pipelines.adapters.postgres.snapshot_reader import read_snapshot
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.judge_letters import letter_faults
from outreach_pipelines.application.plan_sends import PlanFiles, PlanRow, PlanStatus, Release, SavedPlan
from outreach_pipelines.application.ports import LetterRenderer
from outreach_pipelines.domain.ids import CampaignId, EnrollmentId
from outreach_pipelines.domain.message import PlanId
from outreach_pipelines.domain.send_key import send_key
from outreach_pipelines.domain.send_plan.plan import Decision, Placement, Plan
from outreach_pipelines.domain.send_plan.snapshot import ContentHash, Snapshot, VariantName
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.errors import NotFound, Refused

_SQL = statements("plans")
_STAGE = (
    "enrollment_id", "step", "placed", "binding_constraint", "found", "looked_through", "detail", "ends", "send_key", "mailbox_id",
    "due_at", "window_start", "window_end", "variant", "content_hash", "account_ids",
)  # fmt: skip
_LISTED = tuple(field.name for field in fields(PlanRow) if field.name not in ("status", "not_placed_by"))


@dataclass(frozen=True, slots=True)
class PostgresPlanStore:
    """`PlanStore` as role outreach_app. Without a `renderer` letters are not judged before a release."""

    engine: Engine
    renderer: LetterRenderer | None = None

    def snapshot(self, tenant: TenantId, day: date) -> Snapshot:
        """See `PlanStore.snapshot`. One REPEATABLE READ transaction, so that the rows agree with each other."""
        with tenant_session(self.engine.execution_options(isolation_level="REPEATABLE READ"), tenant) as connection:
            return read_snapshot(connection, tenant, day)

    def today(self, tenant: TenantId) -> date:
        """See `PlanStore.today`."""
        with tenant_session(self.engine, tenant) as connection:
            today: date = connection.execute(_SQL["today"]).scalar_one()
            return today

    def save(
        self, snapshot: Snapshot, plan: Plan, files: PlanFiles, *, status: PlanStatus = PlanStatus.DRAFT
    ) -> SavedPlan:
        """See `PlanStore.save`."""
        with tenant_session(self.engine, plan.tenant_id) as connection:
            connection.execute(_SQL["lock_day"], {"day": plan.day})
            known = connection.execute(_SQL["same_plan"], {"day": plan.day, "plan_hash": plan.plan_hash}).first()
            if known is not None:
                return SavedPlan(PlanId(known.plan_id), known.version, new=False)
            version = int(connection.execute(_SQL["next_version"], {"day": plan.day}).scalar_one())
            values = _plan_values(plan, version, files) | {"status": status}
            plan_id = PlanId(connection.execute(_SQL["insert_plan"], values).scalar_one())
            connection.execute(_SQL["stage_decisions"])
            copy_rows(connection, "decision_stage", _STAGE, _decision_rows(snapshot, plan))
            connection.execute(_SQL["insert_decisions"], {"plan_id": plan_id})
            connection.execute(_SQL["end_enrollments"], {"plan_id": plan_id})
        return SavedPlan(plan_id, version, new=True)

    def blockers(self, tenant: TenantId, plan: PlanId) -> Sequence[str]:
        """See `PlanStore.blockers`."""
        with tenant_session(self.engine, tenant) as connection:
            blockers = list(connection.execute(_SQL["blockers_of_release"], {"plan_id": plan}).scalars())
        return [*blockers, *self._letter_blockers(tenant, plan)]

    def _letter_blockers(self, tenant: TenantId, plan: PlanId) -> Sequence[str]:
        if self.renderer is None:
            return ()
        with tenant_session(self.engine, tenant) as connection:
            wordings = placed_wordings(connection, tenant, plan)
        # Filled in outside of the transaction: templates come from another store, which may be slow.
        return letter_faults(wordings, self.renderer)

    def release(self, tenant: TenantId, plan: PlanId, reason: str) -> Release:
        """See `PlanStore.release`."""
        try:
            with tenant_session(self.engine, tenant) as connection:
                done = connection.execute(_SQL["release"], {"plan_id": plan, "reason": reason}).scalar_one()
        except SQLAlchemyError as fault:
            raise _as_our_error(fault) from fault
        return Release(
            done.get("made", 0),
            done.get("moved", 0),
            done.get("kept", 0),
            done.get("superseded", 0),
            already=done["already"],
        )

    def plans(self, tenant: TenantId, day: date) -> Sequence[PlanRow]:
        """See `PlanStore.plans`."""
        with tenant_session(self.engine, tenant) as connection:
            rows = connection.execute(_SQL["plans_of_day"], {"day": day}).mappings().all()
            return [_plan_row(connection, row) for row in rows]

    def something_may_go(self, tenant: TenantId, day: date) -> bool:
        """See `PlanStore.something_may_go`."""
        with tenant_session(self.engine, tenant) as connection:
            return bool(connection.execute(_SQL["something_may_go"], {"day": day}).scalar_one())


def _as_our_error(fault: SQLAlchemyError) -> Exception:
    cause = getattr(fault, "orig", None)
    if isinstance(cause, NoDataFound):
        return NotFound(str(cause.diag.message_primary))
    if isinstance(cause, CheckViolation) and (cause.diag.constraint_name or "").startswith("plan_release_"):
        return Refused(str(cause.diag.message_primary))
    return fault


def _plan_row(connection: Connection, row: RowMapping) -> PlanRow:
    counts = connection.execute(_SQL["constraint_counts"], {"plan_id": row["plan_id"]}).all()
    return PlanRow(
        **{name: row[name] for name in _LISTED},
        status=PlanStatus(row["status"]),
        not_placed_by={count.binding_constraint: count.candidates for count in counts},
    )


def _plan_values(plan: Plan, version: int, files: PlanFiles) -> dict[str, object]:
    return {
        "day": plan.day,
        "version": version,
        "planner_version": plan.planner_version,
        "snapshot_hash": plan.snapshot_hash,
        "plan_hash": plan.plan_hash,
        "snapshot_key": files.snapshot,
        "plan_key": files.plan,
        "placed": len(plan.placements),
        "not_placed": len(plan.decisions) - len(plan.placements),
    }


def _decision_rows(snapshot: Snapshot, plan: Plan) -> Iterator[tuple[object, ...]]:
    rounds = {candidate.enrollment_id: candidate.round for candidate in snapshot.candidates}
    contents = {
        (c.id, step.number, v.name): v.content for c in snapshot.campaigns for step in c.steps for v in step.variants
    }
    placements = {placement.enrollment_id: placement for placement in plan.placements}
    for decision in plan.decisions:
        placement = placements.get(decision.enrollment_id)
        yield (*_reasons(decision), *_slot(plan.tenant_id, placement, rounds, contents))


def _reasons(decision: Decision) -> tuple[object, ...]:
    found = [str(constraint) for constraint in decision.found]
    placed = decision.bound_by is None
    who = (decision.enrollment_id, decision.step)
    return (*who, placed, decision.bound_by, found, decision.looked_through, decision.detail, decision.ends)


def _slot(
    tenant: TenantId,
    placement: Placement | None,
    rounds: Mapping[EnrollmentId, int],
    contents: Mapping[tuple[CampaignId, int, VariantName], ContentHash],
) -> tuple[object, ...]:
    if placement is None:
        return (None,) * 8
    key = send_key(tenant, placement.campaign_id, placement.step, placement.lead_id, rounds[placement.enrollment_id])
    content = contents[placement.campaign_id, placement.step, placement.variant]
    times = (placement.due_at, placement.window_start, placement.window_end)
    return (key, placement.mailbox_id, *times, placement.variant, content, list(placement.account_ids))

"""Whether a tenant's running day and its next have the plans that they need.

A plan is made the evening before, on the tenant's own clock. A day on which nobody's window opens needs none, and the
first evening of a new tenant has to come first.

Belongs here: which plan is missing, and which says nothing is wrong. Does not: reading plans, printing.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from outreach_pipelines.application.constraint_words import IN_WORDS
from outreach_pipelines.application.findings import Finding, fault, fine, warning
from outreach_pipelines.application.plan_sends import PLANNING_HOUR, PlanStatus, PlanStore
from outreach_pipelines.application.tenants import TenantRow
from outreach_pipelines.application.vital_signs import PlanSigns, TenantSigns
from outreach_pipelines.domain.send_plan.plan import Constraint

LATE_EVENING: Final = PLANNING_HOUR + 1
#: Reasons of people and of calendars: where no other binds, nobody can be written to, and nothing is wrong.
NOBODYS_FAULT: Final = frozenset(
    {
        *(Constraint.WINDOW, Constraint.WEEKEND, Constraint.HOLIDAY, Constraint.NOT_DUE),
        *(Constraint.SUPPRESSED, Constraint.BOUNCED, Constraint.REPLIED, Constraint.UNSUBSCRIBED, Constraint.ERASED),
        *(Constraint.OUT_OF_OFFICE, Constraint.UNDELIVERABLE),
    }
)


def unreleased(plans: PlanStore, tenant: TenantRow, *, now: datetime) -> str | None:
    """Why nothing is sent on the tenant's running day although something might; None when all is well. `now`: policy time."""
    today = now.astimezone(ZoneInfo(tenant.zone)).date()
    versions = plans.plans(tenant.ref.id, today)
    if tenant.paused or any(row.status is PlanStatus.RELEASED for row in versions):
        return None
    if not plans.something_may_go(tenant.ref.id, today):
        return None
    if versions:
        return f"{tenant.ref.slug}: version {versions[0].version} of {today} is {versions[0].status.value}"
    return None if today < first_planned_day(tenant) else f"{tenant.ref.slug}: no plan for {today}"


def first_planned_day(tenant: TenantRow) -> date:
    """The day after the first evening at which the tenant was there to be planned."""
    if tenant.founded_at is None:
        return date.min
    founded = tenant.founded_at.astimezone(ZoneInfo(tenant.zone))
    return founded.date() + timedelta(days=1 if founded.hour < PLANNING_HOUR else 2)


def about_plans(signs: TenantSigns, now: datetime) -> Iterator[Finding]:
    """The plans of today and tomorrow, and which of them is missing. `now`: policy time."""
    local = now.astimezone(ZoneInfo(signs.zone))
    today, tomorrow = local.date(), local.date() + timedelta(days=1)
    in_force = {plan.day for plan in signs.plans if plan.status == PlanStatus.RELEASED}
    planned = {plan.day for plan in signs.plans}
    for plan in signs.plans:
        yield _in_force(plan) if plan.day in in_force else _not_in_force(plan, signs)
    if today not in planned:
        yield _none_for(today, signs)
    if tomorrow not in planned and local.hour >= LATE_EVENING:
        yield warning(f"no plan for tomorrow ({tomorrow})", "see that the schedule plan_tomorrow runs")


def _none_for(today: date, signs: TenantSigns) -> Finding:
    if not signs.something_may_go_today:
        return fine(f"no plan for today ({today}), and none is needed: nobody can be written to on that day")
    row = TenantRow(signs.tenant, signs.zone, signs.paused_because is not None, signs.founded_at)
    if today < first_planned_day(row):
        return warning(
            f"no plan for today ({today}): the tenant is new",
            "nothing: plan_tomorrow makes the first one this evening; to begin today, materialize send_plan in Dagster",
        )
    return fault(f"no plan for today ({today})", "materialize send_plan in Dagster")


def _in_force(plan: PlanSigns) -> Finding:
    reasons = ", ".join(f"{count}: {IN_WORDS[Constraint(name)]}" for name, count in list(plan.not_placed.items())[:3])
    what = f"plan of {plan.day} (version {plan.version}) places {plan.placed}"
    if plan.placed or not plan.not_placed:
        return fine(f"{what}; not placed: {reasons}" if reasons else what)
    if plan.not_placed.keys() <= NOBODYS_FAULT:
        return fine(f"{what}: nobody can be written to on that day ({reasons})")
    return fault(
        f"{what}, every candidate is blocked: {reasons}", "see: outreach plan show, and outreach explain ADDRESS"
    )


def _not_in_force(plan: PlanSigns, signs: TenantSigns) -> Finding:
    what = f"plan of {plan.day} (version {plan.version}) is {plan.status}: nothing is sent from it"
    if signs.paused_because is not None:
        return warning(what, "end the pause; the day is then planned anew by materializing send_plan")
    return fault(what, "its asset names what blocks it; mend that and materialize send_plan again")

"""DNS audits that cannot wait for the schedule: the first of what an inventory has brought, without which nothing leaves from there,
those that were missed while nothing ran, and those that confirm a fault or clear it."""

from collections.abc import Iterable, Iterator

import dagster as dg

from outreach_pipelines.application.ports import Clock
from outreach_pipelines.application.tenants import TenantDirectory
from outreach_pipelines.domain.tenant import TenantSlug
from schedules.jobs import audit_dns
from schedules.tenant_runs import local_days, tenant_run
from sensors.attempts import next_attempt
from sensors.watching import watching

MOST_RUNS = 12  # of one tenant and day, the schedule's four among them


@watching(seconds=30, job=audit_dns)
def first_audits(
    context: dg.SensorEvaluationContext,
    tenants: dg.ResourceParam[TenantDirectory],
    clock: dg.ResourceParam[Clock],
) -> dg.SensorResult | dg.SkipReason:
    """Asks for today's audit of each tenant with a domain never audited, not for 13 hours, or with a fault to confirm; again where a run died."""
    known = set(context.instance.get_dynamic_partitions("tenants"))
    waiting = [row for row in tenants.with_unaudited_domains() if row.ref.slug in known]
    requests = list(_missing_runs(context.instance, local_days(clock.now(), waiting)))
    if requests:
        return dg.SensorResult(run_requests=requests)
    if waiting:
        return dg.SkipReason(f"audits run, or today's {MOST_RUNS} have: {', '.join(row.ref.slug for row in waiting)}")
    return dg.SkipReason("no sending domain waits for an audit")


def _missing_runs(instance: dg.DagsterInstance, days: Iterable[tuple[TenantSlug, str]]) -> Iterator[dg.RunRequest]:
    for slug, key in days:
        attempt = next_attempt(instance, job=audit_dns.name, partition=key, most=MOST_RUNS)
        if attempt is not None:
            yield tenant_run(slug, key, f"first audit|{key}|{attempt}")

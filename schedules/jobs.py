"""The jobs that schedules and sensors request: one selection each, in the run's own process.

A run costs seconds of CPU before its first line; another process for each step would double that.
"""

from typing import TYPE_CHECKING

import dagster as dg

from assets.analytics import campaign_performance, cost_report, deliverability_report, nothing_is_lost, reconciliation
from assets.checks import lead_files_are_read, plan_is_released
from assets.dns_audit import dns_audit
from assets.dns_checks import sending_domains_are_known, sending_domains_are_ready
from assets.inventory import tenant_inventory
from assets.leads import leads
from assets.mailbox_health import mailbox_health
from assets.send_batches import send_batch
from assets.send_plans import send_plan

if TYPE_CHECKING:
    # What define_asset_job returns has no public name.
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as AssetJob

_ONE_PROCESS = dg.in_process_executor


def _job(name: str, description: str, *selected: dg.AssetsDefinition, priority: int = 0, **tags: str) -> "AssetJob":
    return dg.define_asset_job(
        name,
        selection=list(selected),
        description=description,
        executor_def=_ONE_PROCESS,
        tags={"dagster/priority": str(priority), **tags},
    )


load_inventory = _job("load_inventory", "Load the tenants' inventory files.", tenant_inventory, priority=5)
import_new_leads = _job("import_new_leads", "Import lead files that are new, and enroll.", leads, priority=5)
audit_dns = _job("audit_dns", "Audit the DNS of every sending domain.", dns_audit)
score_health = _job("score_health", "Score mailboxes and set holds.", mailbox_health, priority=3)
plan_day = _job("plan_day", "Plan a tenant's day and release the plan when nothing forbids it.", send_plan, priority=5)
# A run that was killed keeps its tenant's slot until max_runtime; the database keeps it from sending twice.
send_hour = _job(
    "send_hour",
    "Send what is due in the running hour.",
    send_batch,
    priority=10,
    **{"outreach/kind": "send_batch", "dagster/max_runtime": "4500"},
)
reconcile_hour = _job("reconcile_hour", "Recount an hour.", reconciliation)
report_day = _job(
    "report_day", "Write the reports of a tenant's day.", deliverability_report, campaign_performance, cost_report
)

run_checks = dg.define_asset_job(
    "run_checks",
    selection=dg.AssetSelection.checks(
        plan_is_released, nothing_is_lost, lead_files_are_read, sending_domains_are_ready, sending_domains_are_known
    ),
    description="Judge what keeps silent when it fails: plans, hours that do not balance, refused files, domains that may not send.",
    executor_def=_ONE_PROCESS,
    tags={"dagster/priority": "5"},
)

ALL = [
    load_inventory,
    import_new_leads,
    audit_dns,
    score_health,
    plan_day,
    send_hour,
    reconcile_hour,
    report_day,
    run_checks,
]

"""The parts as Dagster sees them: complete, described, and joined as the table of assets says. Nothing runs here."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

import assets
from assets.partitions import (
    DAYS,
    HOURS,
    TENANT_DAYS,
    TENANT_HOURS,
    TENANTS,
    day_key,
    hour_key,
    tenant_days,
    tenant_hours,
)
from outreach_pipelines.definitions import RESOURCES, build_defs, defs
from outreach_pipelines.domain.tenant import TenantId, TenantRef, TenantSlug
from schedules.hourly_batches import batch_request

ROOT = Path(__file__).parents[2]
ACME, ZULU = TenantSlug("acme"), TenantSlug("zulu")
SPECS = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}

# Partitions begin some weeks before today.
NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=9)
THAT_DAY = NOON.date()
ONE_DAY = timedelta(days=1)

#: What each asset is made from, and for the day and hour of NOON, of which partitions.
DAY, HOUR = day_key(THAT_DAY, ACME), hour_key(NOON, ACME)
DAY_BEFORE = [day_key(THAT_DAY - ONE_DAY, ACME)]
PLAN_DAYS = [day_key(THAT_DAY + days * ONE_DAY, ACME) for days in (-1, 0, 1)]
HOURS_AROUND = [hour_key(NOON + timedelta(hours=number - 36), ACME) for number in range(72)]
GRAPH: dict[str, tuple[str, dict[str, list[str]]]] = {
    "lead_uploads": ("", {}),
    "tenant_inventory": ("acme", {}),
    "leads": ("acme", {"lead_uploads": [], "tenant_inventory": ["acme"]}),  # of all files: a test of its own
    "dns_audit": (DAY, {"tenant_inventory": ["acme"]}),
    "seed_proof": (DAY, {"dns_audit": [DAY]}),
    "mail_reports": (DAY, {"tenant_inventory": ["acme"]}),
    "mailbox_health": (DAY, {"delivery_events": ["acme"], "replies": ["acme"], "dns_audit": [DAY]}),
    "send_plan": (DAY, {"leads": ["acme"], "mailbox_health": DAY_BEFORE, "dns_audit": DAY_BEFORE}),
    "send_batch": (HOUR, {"send_plan": PLAN_DAYS}),
    "delivery_events": ("acme", {}),
    "replies": ("acme", {}),
    "reply_page": ("acme", {"replies": ["acme"]}),
    "reconciliation": (HOUR, {"send_batch": [HOUR], "delivery_events": ["acme"]}),
    **{
        report: (DAY, {"reconciliation": HOURS_AROUND, "delivery_events": ["acme"], "replies": ["acme"]})
        for report in ("deliverability_report", "campaign_performance", "cost_report")
    },
}


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("tenants", ["acme", "zulu"])
        yield instance


def test_definitions_load_without_a_setting_and_without_a_database(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OUTREACH_")}
    program = """
from outreach_pipelines.definitions import defs
from outreach_pipelines.settings import load_settings
defs.get_repository_def()
assert load_settings.cache_info().misses == 0, "settings were asked for"
"""

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
    )

    assert done.returncode == 0, done.stderr
    assert "BetaWarning" not in done.stderr


def test_the_package_assets_is_ours_and_not_a_folder_of_tests() -> None:
    assert Path(str(assets.__file__)) == ROOT / "assets" / "__init__.py"


@pytest.mark.parametrize("name", sorted(GRAPH))
def test_an_asset_says_what_it_is_and_whose_it_is(name: str) -> None:
    spec = SPECS[name]

    assert spec.group_name not in (None, "", "default")
    assert spec.owners
    assert spec.kinds
    assert len(str(spec.description)) > 40


def test_every_resource_and_check_says_what_it_is() -> None:
    silent = [name for name, make in RESOURCES.items() if not make.__doc__]
    checks = [spec for check in defs.asset_checks or [] for spec in check.check_specs]

    assert silent == []
    assert [spec.name for spec in checks if not spec.description] == []
    assert {spec.name for spec in checks} >= {"nothing_is_lost", "plan_is_released"}


def test_assets_are_made_from_what_the_table_of_assets_says() -> None:
    made_from = {name: {dep.asset_key.to_user_string() for dep in spec.deps} for name, spec in SPECS.items()}

    assert made_from == {name: set(sources) for name, (_, sources) in GRAPH.items()}


@pytest.mark.parametrize(
    ("name", "source"),
    [(name, source) for name, (_, sources) in GRAPH.items() for source in sources if source != "lead_uploads"],
)
def test_a_partition_depends_on_the_partitions_of_its_tenant_and_time(
    instance: dg.DagsterInstance, name: str, source: str
) -> None:
    key, sources = GRAPH[name]

    found = _upstream(instance, name, key, source)

    assert sorted(found) == sorted(sources[source])


def test_leads_depend_on_every_lead_file() -> None:
    (dep,) = [dep for dep in SPECS["leads"].deps if dep.asset_key == SPECS["lead_uploads"].key]

    assert isinstance(dep.partition_mapping, dg.AllPartitionMapping)


def test_the_first_hour_depends_on_the_plan_days_that_there_are(instance: dg.DagsterInstance) -> None:
    first = datetime.strptime(HOURS.get_first_partition_key() or "", "%Y-%m-%d-%H:%M").replace(tzinfo=UTC)

    found = _upstream(instance, "send_batch", hour_key(first, ACME), "send_plan")

    assert sorted(found) == [day_key(first.date() + timedelta(days=days), ACME) for days in (0, 1)]


def test_keys_of_hours_and_days_are_read_as_they_were_written(instance: dg.DagsterInstance) -> None:
    hour, day = NOON.replace(hour=23), THAT_DAY

    hours = tenant_hours([TENANT_HOURS.get_partition_key_from_str(hour_key(hour, ZULU))])
    days = tenant_days([TENANT_DAYS.get_partition_key_from_str(day_key(day, ZULU))])

    assert hours == [(hour_key(hour, ZULU), ZULU, hour)]
    assert days == [(day_key(day, ZULU), ZULU, day)]


def test_an_hour_in_another_zone_has_the_key_of_its_utc_hour() -> None:
    local = NOON.astimezone(ZoneInfo("Pacific/Auckland"))

    assert hour_key(local, ACME) == HOUR


def test_a_key_without_a_tenant_is_refused() -> None:
    with pytest.raises(TypeError, match="no key of tenant and time"):
        tenant_days(["2026-11-12"])


@pytest.mark.parametrize("minute", [0, 30, 56])
def test_the_running_hour_and_the_next_are_partitions_before_they_are_over(minute: int) -> None:
    last = HOURS.get_partition_keys(current_time=NOON + timedelta(minutes=minute))[-2:]

    assert last == [f"{THAT_DAY}-12:00", f"{THAT_DAY}-13:00"]


@pytest.mark.parametrize("hour", [0, 9, 23])
def test_today_and_tomorrow_are_partitions(hour: int) -> None:
    last = DAYS.get_partition_keys(current_time=NOON.replace(hour=hour))[-2:]

    assert last == [str(THAT_DAY), str(THAT_DAY + ONE_DAY)]


def test_every_job_of_ours_runs_in_the_process_of_its_run() -> None:
    jobs = {job.name: job.executor_def.name for job in defs.resolve_all_job_defs() if not job.name.startswith("__")}

    assert set(jobs.values()) == {"in_process"}
    assert set(jobs) >= {"load_inventory", "import_new_leads", "plan_day", "send_hour", "reconcile_hour", "report_day"}


def test_a_batch_is_asked_for_with_the_tags_that_limits_go_by(instance: dg.DagsterInstance) -> None:
    request = batch_request(TenantRef(TenantId(1), ACME), NOON)
    job = defs.resolve_job_def("send_hour")

    run = instance.create_run_for_job(job, tags={**job.tags, **request.tags})

    assert request.partition_key == HOUR
    assert run.tags["outreach/batch_tenant"] == "acme"
    assert (run.tags["outreach/kind"], run.tags["dagster/max_runtime"]) == ("send_batch", "4500")
    # A limit on this one would keep a tenant's other jobs waiting for an hour.
    assert "outreach/batch_tenant" not in job.tags


def test_two_requests_of_one_hour_are_one_run_and_a_further_attempt_is_another() -> None:
    keys = [batch_request(TenantRef(TenantId(1), ACME), NOON, attempt=attempt).run_key for attempt in (1, 1, 2)]

    assert keys[0] == keys[1] != keys[2]


def test_a_resource_can_be_replaced_by_a_plain_object() -> None:
    replaced = build_defs(address_key=b"k" * 32)

    assert replaced.resources is not None
    assert replaced.resources["address_key"] == b"k" * 32


def _upstream(instance: dg.DagsterInstance, name: str, key: str, source: str) -> list[str]:
    (dep,) = [dep for dep in SPECS[name].deps if dep.asset_key.to_user_string() == source]
    own, other = SPECS[name].partitions_def, SPECS[source].partitions_def
    assert own is not None
    assert other is not None
    mapping = dep.partition_mapping or dg.IdentityPartitionMapping()
    found = mapping.get_upstream_mapped_partitions_result_for_partitions(
        own.subset_with_partition_keys([_key(own, key)]), own, other, dynamic_partitions_store=instance
    )
    return list(found.partitions_subset.get_partition_keys())


def _key(definition: dg.PartitionsDefinition, key: str) -> str:
    return definition.get_partition_key_from_str(key) if isinstance(definition, dg.MultiPartitionsDefinition) else key


def test_tenants_are_partitions_by_name(instance: dg.DagsterInstance) -> None:
    assert TENANTS.get_partition_keys(dynamic_partitions_store=instance) == ["acme", "zulu"]

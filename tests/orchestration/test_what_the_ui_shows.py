"""What an operator reads in the UI: descriptions, names, tables, data versions, failures in one sentence."""

from datetime import UTC, datetime
from decimal import Decimal

import dagster as dg
import pytest
from fakes import Due

from assets.content_version import set_content_version
from assets.partitions import TENANTS
from assets.report_table import RATE_OF, report_table
from assets.tenants import tenant_of
from outreach_pipelines.application.write_reports import PathCounts, VariantCounts, path_row, variant_row
from outreach_pipelines.definitions import defs
from outreach_pipelines.domain.tenant import TenantId, TenantSlug
from outreach_pipelines.errors import NotFound
from schedules.hourly_batches import send_next_hour

REPOSITORY = defs.get_repository_def()
PATH = PathCounts(
    sending_domain="a.example", recipient_provider="google", sent=200, refused=0, delivered=190, hard=3, soft=2, blocked=0,
    complained=1,
)  # fmt: skip


class Nobody:
    """`TenantDirectory` that knows nobody."""

    def of(self, slug: TenantSlug) -> TenantId:
        message = f"no tenant is called {slug!r}"
        raise NotFound(message)


@pytest.mark.parametrize("schedule", REPOSITORY.schedule_defs, ids=lambda each: str(each.name))
def test_a_schedule_says_what_it_does_and_is_called_as_in_the_documentation(schedule: dg.ScheduleDefinition) -> None:
    assert schedule.description
    assert not schedule.name.endswith("_schedule")


@pytest.mark.parametrize("name", ["inventory_files_changed", "lead_files_uploaded", "provider_events", "sweeper"])
def test_a_sensor_says_what_it_does(name: str) -> None:
    assert REPOSITORY.get_sensor_def(name).description


def test_resources_are_of_the_type_that_makes_them() -> None:
    made = {name: resource.resource_fn.__name__ for name, resource in (defs.resources or {}).items()}

    assert made["tenants"] == "tenants"
    assert "<lambda>" not in made.values()


def test_a_schedule_that_asks_for_nothing_says_why() -> None:
    moment = datetime(2026, 11, 18, 12, 56, tzinfo=UTC)
    with dg.build_schedule_context(scheduled_execution_time=moment, resources={"due_hours": Due()}) as context:
        said = send_next_hour(context)

    assert isinstance(said, dg.SkipReason)
    assert said.skip_message == "no tenant has a message due in the next hour"


def test_checks_run_by_the_clock_in_a_job_of_their_own() -> None:
    job = defs.resolve_job_def("run_checks")

    checks = {name.partition("_")[2] for name in (node.name for node in job.nodes)}
    assert checks >= {"plan_plan_is_released", "nothing_is_lost", "lead_files_are_read"}
    assert job.partitions_def is None
    assert REPOSITORY.get_schedule_def("check_every_hour").job_name == "run_checks"


def test_a_partition_without_a_tenant_fails_its_run_in_one_sentence() -> None:
    with pytest.raises(dg.Failure) as caught:
        tenant_of(Nobody(), TenantSlug("phantom"))  # type: ignore[arg-type]  # the one question it asks

    assert "'phantom'" in str(caught.value.description)
    assert caught.value.__cause__ is None


def test_a_rate_stands_in_percent_beside_its_count() -> None:
    (row,) = report_table([path_row(PATH)]).records

    assert row.data == {
        "name": "a.example to google", "sent": "200", "refused": "0", "delivered": "190 (95.00%)", "hard bounces": "3 (1.50%)",
        "soft bounces": "2 (1.00%)", "blocked": "0 (0.00%)", "complained": "1 (0.50%)",
    }  # fmt: skip


def test_every_rate_of_a_report_has_its_count() -> None:
    variant = VariantCounts(
        campaign="c", step=1, variant="A", sent=1, delivered=1, replied=1, out_of_office=0, unsubscribed=0, bounced=0
    )
    names = {*path_row(PATH).numbers, *variant_row(variant).numbers}

    assert {name for name in names if name.endswith("rate")} == set(RATE_OF)
    assert set(RATE_OF.values()) <= names
    assert isinstance(path_row(PATH).numbers["hard bounce rate"], Decimal)


@pytest.mark.parametrize(("second", "same"), [("content", True), ("changed", False)])
def test_a_partition_has_a_new_data_version_only_with_new_content(second: str, *, same: bool) -> None:
    content = ["content"]

    @dg.asset(partitions_def=TENANTS)
    def imported(context: dg.AssetExecutionContext) -> None:
        set_content_version(context, context.asset_key, content)

    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("tenants", ["acme"])
        versions = []
        for each in ("content", second):
            content[:] = [each]
            result = dg.materialize([imported], instance=instance, partition_key="acme")
            (event,) = result.asset_materializations_for_node("imported")
            versions.append((event.tags or {})["dagster/data_version"])

    assert (versions[0] == versions[1]) is same

"""The sensor of first DNS audits, called as the daemon calls it: who gets a run, of which day, and how many."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import dagster as dg
import pytest

from assets.partitions import day_key
from outreach_pipelines.application.tenants import TenantRow
from outreach_pipelines.definitions import defs
from outreach_pipelines.domain.tenant import TenantId, TenantRef, TenantSlug
from sensors.attempts import LIVING, attempt_after
from sensors.first_audits import MOST_RUNS, first_audits

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
ACME = TenantSlug("acme")
TODAY = day_key(NOON.date(), ACME)
SUCCESS, FAILURE = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE


@dataclass(frozen=True)
class Unaudited:
    """`TenantDirectory` in which these wait for an audit; zones by slug."""

    zones: dict[str, str]

    def with_unaudited_domains(self) -> Sequence[TenantRow]:
        return [
            TenantRow(TenantRef(TenantId(number), TenantSlug(slug)), zone, paused=False)
            for number, (slug, zone) in enumerate(self.zones.items(), 1)
        ]


@dataclass(frozen=True)
class Standing:
    """`Clock` that stands."""

    moment: datetime = NOON
    stepped: bool = False

    def now(self) -> datetime:
        return self.moment

    async def wait_until(self, moment: datetime, stop: asyncio.Event) -> None:
        """There is nothing to wait for."""


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("tenants", ["acme", "kiwi"])
        yield instance


def asked(instance: dg.DagsterInstance, **zones: str) -> list[dg.RunRequest]:
    """What one tick asks for."""
    result = tick(instance, **zones)
    return list(result.run_requests or []) if isinstance(result, dg.SensorResult) else []


def tick(instance: dg.DagsterInstance, **zones: str) -> object:
    resources = {"tenants": Unaudited(zones), "clock": Standing()}
    with dg.build_sensor_context(instance, resources=resources, definitions=defs) as context:
        return first_audits(context)


def an_audit(instance: dg.DagsterInstance, status: dg.DagsterRunStatus, partition: str = TODAY) -> None:
    job = defs.resolve_job_def("audit_dns")
    instance.create_run_for_job(job, status=status, tags={**job.tags, "dagster/partition": partition})


def test_a_tenant_with_a_domain_never_audited_gets_an_audit_of_today(instance: dg.DagsterInstance) -> None:
    (request,) = asked(instance, acme="Etc/UTC")

    assert request.partition_key == TODAY
    assert request.tags["outreach/tenant"] == "acme"


def test_today_is_the_tenants_own(instance: dg.DagsterInstance) -> None:
    requests = asked(instance, acme="Pacific/Auckland", kiwi="Pacific/Pago_Pago")

    assert [request.partition_key for request in requests] == [
        day_key(date(2026, 11, 19), ACME),
        day_key(date(2026, 11, 18), TenantSlug("kiwi")),
    ]


def test_where_every_domain_was_audited_nothing_is_asked_for(instance: dg.DagsterInstance) -> None:
    assert isinstance(tick(instance), dg.SkipReason)


def test_a_tenant_that_is_no_partition_yet_waits_for_its_inventory_to_be_seen(instance: dg.DagsterInstance) -> None:
    early = asked(instance, newco="Etc/UTC")
    instance.add_dynamic_partitions("tenants", ["newco"])

    assert (len(early), len(asked(instance, newco="Etc/UTC"))) == (0, 1)


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED])
def test_while_an_audit_of_today_lives_no_second_one_is_asked_for(
    instance: dg.DagsterInstance, status: dg.DagsterRunStatus
) -> None:
    an_audit(instance, status)

    result = tick(instance, acme="Etc/UTC")

    assert isinstance(result, dg.SkipReason)
    assert "acme" in str(result.skip_message)


@pytest.mark.parametrize("status", [FAILURE, SUCCESS])
def test_an_audit_that_ended_with_a_domain_left_is_followed_by_another_under_a_new_key(
    instance: dg.DagsterInstance, status: dg.DagsterRunStatus
) -> None:
    (first,) = asked(instance, acme="Etc/UTC")
    an_audit(instance, status)

    (second,) = asked(instance, acme="Etc/UTC")

    assert first.run_key != second.run_key


def test_a_tick_repeated_asks_for_the_same_run(instance: dg.DagsterInstance) -> None:
    (first,), (again,) = asked(instance, acme="Etc/UTC"), asked(instance, acme="Etc/UTC")

    assert first.run_key == again.run_key


def test_an_audit_of_another_day_or_tenant_is_none_of_this_one(instance: dg.DagsterInstance) -> None:
    an_audit(instance, dg.DagsterRunStatus.STARTED, day_key(date(2026, 11, 17), ACME))
    an_audit(instance, dg.DagsterRunStatus.STARTED, day_key(NOON.date(), TenantSlug("kiwi")))

    assert [request.partition_key for request in asked(instance, acme="Etc/UTC")] == [TODAY]


def test_audits_that_die_at_once_are_not_started_for_ever(instance: dg.DagsterInstance) -> None:
    for _ in range(MOST_RUNS):
        an_audit(instance, FAILURE)

    assert asked(instance, acme="Etc/UTC") == []


# Dagster warns of the tags that it gives to runs of its own multi-dimensional partitions.
@pytest.mark.filterwarnings("ignore:Non-compliant tag keys:DeprecationWarning")
def test_an_audit_asked_for_is_a_partition_that_dagster_knows(instance: dg.DagsterInstance) -> None:
    resources = {"tenants": Unaudited({"acme": "Pacific/Kiritimati"}), "clock": Standing(datetime.now(UTC))}
    with (
        dg.partition_loading_context(dynamic_partitions_store=instance),
        dg.build_sensor_context(instance, resources=resources, definitions=defs) as context,
    ):
        ticked = first_audits.evaluate_tick(context)

    assert ticked.run_requests is not None
    (request,) = ticked.run_requests
    assert request.tags["dagster/partition"].endswith("|acme")


@pytest.mark.parametrize(
    ("statuses", "attempt"),
    [
        ([], 1),
        ([SUCCESS], 2),
        ([FAILURE, SUCCESS], 3),
        ([FAILURE] * 3, None),
        ([FAILURE, dg.DagsterRunStatus.CANCELED], 3),
        *(([FAILURE, status], None) for status in LIVING),
    ],
)
def test_one_more_run_is_asked_for_only_after_all_others_have_ended_and_they_were_few(
    statuses: list[dg.DagsterRunStatus], attempt: int | None
) -> None:
    assert attempt_after(statuses, most=3) == attempt

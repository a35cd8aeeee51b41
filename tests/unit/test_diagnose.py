from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest

from outreach_pipelines.application.diagnose import about_account, about_system, diagnose
from outreach_pipelines.application.findings import Level
from outreach_pipelines.application.vital_signs import AccountSigns, SystemSigns, TenantSigns
from outreach_pipelines.domain.tenant import TenantRef

NOW = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)


def system(last_partition: date | None = date(2027, 1, 1)) -> SystemSigns:
    return SystemSigns(
        mode="lab",
        heartbeat_age=timedelta(0),
        guard_passes=True,
        epoch=1,
        epoch_reason="first",
        last_partition=last_partition,
        unfounded_tenants=[],
    )


@dataclass(frozen=True, slots=True)
class EmptyHouse:
    """A database in which nobody has loaded anything."""

    def system(self) -> SystemSigns:
        return system()

    def accounts(self) -> Sequence[AccountSigns]:
        return []

    def tenants(self) -> Sequence[TenantRef]:
        return []

    def tenant(self, tenant: TenantRef) -> TenantSigns:
        raise AssertionError(tenant)


def test_a_database_without_tenants_says_how_to_load_some() -> None:
    faults = [finding for finding in diagnose(EmptyHouse(), now=NOW) if finding.level is Level.FAULT]

    assert [(fault.what, fault.cure) for fault in faults] == [
        ("there is no tenant", "write inventory/TENANT/ files and run: outreach inventory load")
    ]


@pytest.mark.parametrize(
    ("last", "level"),
    [
        (None, Level.FAULT),
        (date(2026, 11, 18), Level.WARNING),
        (date(2026, 11, 24), Level.WARNING),
        (date(2026, 11, 25), Level.OK),
    ],
)
def test_partitions_are_warned_of_a_week_before_they_run_out(last: date | None, level: Level) -> None:
    (finding,) = [each for each in about_system(system(last), NOW) if "partition" in each.what]

    assert finding.level is level


@pytest.mark.parametrize("kind", ["mailgun", "postmark"])
@pytest.mark.parametrize(("age", "level"), [(None, Level.FAULT), (timedelta(hours=3), Level.OK)])
def test_an_account_that_is_proven_by_its_records_is_cured_by_what_lets_us_read_them(
    kind: str, age: timedelta | None, level: Level
) -> None:
    signs = AccountSigns(name="main", kind=kind, proof_age=age, breaker="closed", stops=[])

    (finding,) = about_account(signs)

    assert finding.level is level
    assert "records" in finding.what
    if level is Level.FAULT:
        assert all(word in finding.cure for word in ("key", "region", "https"))


def test_an_open_breaker_is_a_warning_and_a_stop_for_all_tenants_a_fault() -> None:
    signs = AccountSigns(
        name="main", kind="ses", proof_age=timedelta(minutes=1), breaker="open", stops=["complaints at 0.1 %"]
    )

    assert [each.level for each in about_account(signs)] == [Level.OK, Level.WARNING, Level.FAULT]

"""Who waits for a first DNS audit, as the database tells it."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date, timedelta

import pytest
from example_zones import example_zones
from small_world import NOON
from sqlalchemy import Engine
from tenant_installation import Installation, example, fresh

from outreach_pipelines.adapters.postgres.dns_audit_store import PostgresDnsAuditStore
from outreach_pipelines.adapters.postgres.tenant_directory import PostgresTenantDirectory
from outreach_pipelines.application.audit_domains import DnsResolver, audit_tenant
from outreach_pipelines.domain.dns_audit.answers import Answer, Cause, Query, Unknown
from outreach_pipelines.domain.inventory import TenantInventory
from outreach_pipelines.domain.tenant import TenantRef

pytest_plugins = ("tenant_fixtures",)


class SilentDns:
    """Nobody answers."""

    async def resolve(self, queries: Collection[Query]) -> Mapping[Query, Answer]:
        return dict.fromkeys(queries, Unknown(Cause.TIMEOUT))


@pytest.fixture
def inventory() -> TenantInventory:
    return fresh(example("acme"))


async def audit(installation: Installation, tenant: TenantRef, resolver: DnsResolver | None = None) -> None:
    store = PostgresDnsAuditStore(installation.app)
    await audit_tenant(resolver or example_zones(), store, tenant.id, day=date(2026, 11, 16), now=NOON)


def waits(ops: Engine, tenant: TenantRef) -> bool:
    return tenant in [row.ref for row in PostgresTenantDirectory(ops).with_unaudited_domains()]


async def test_a_tenant_waits_from_its_inventory_to_its_first_audit(
    installation: Installation, ops: Engine, inventory: TenantInventory
) -> None:
    tenant, _ = installation.apply(inventory)
    before = waits(ops, tenant)

    await audit(installation, tenant)

    assert (before, waits(ops, tenant)) == (True, False)


@pytest.mark.parametrize(("hours", "wanted"), [(12, False), (14, True)])
async def test_a_tenant_whose_audits_were_missed_waits_again(
    installation: Installation, ops: Engine, inventory: TenantInventory, *, hours: int, wanted: bool
) -> None:
    tenant, _ = installation.apply(inventory)

    await audit(installation, tenant)
    installation.sql(
        "update app.dns_audit set audited_at = app.now() - %(ago)s where tenant_id = %(t)s",
        ago=timedelta(hours=hours), t=tenant.id,
    )  # fmt: skip

    assert waits(ops, tenant) is wanted


@pytest.mark.parametrize(
    ("minutes", "after_seen", "wanted"), [(60, 0, False), (80, 0, True), (80, 20, True), (80, 60, False)]
)
async def test_a_fault_that_is_to_be_confirmed_is_looked_at_again_after_an_hour_and_once(
    installation: Installation, ops: Engine, inventory: TenantInventory, *, minutes: int, after_seen: int, wanted: bool
) -> None:
    tenant, _ = installation.apply(inventory)
    await audit(installation, tenant)

    installation.sql(
        "update app.dns_audit set audited_at = app.now() - %(ago)s where tenant_id = %(t)s",
        ago=timedelta(minutes=minutes), t=tenant.id,
    )  # fmt: skip
    installation.sql(
        "update app.domain_account set standing = jsonb_set(standing, '{suspicion,at}', to_jsonb(app.now() - %(ago)s))"
        " where tenant_id = %(t)s and standing -> 'suspicion' <> 'null'",
        ago=timedelta(minutes=minutes + after_seen), t=tenant.id,
    )  # fmt: skip

    assert waits(ops, tenant) is wanted


async def test_an_audit_that_nobody_answered_was_an_audit(
    installation: Installation, ops: Engine, inventory: TenantInventory
) -> None:
    tenant, _ = installation.apply(inventory)

    await audit(installation, tenant, SilentDns())

    assert not waits(ops, tenant)


async def test_a_domain_added_later_waits_again(
    installation: Installation, ops: Engine, inventory: TenantInventory
) -> None:
    left_out = inventory.domains[0].name
    boxes = tuple(each for each in inventory.mailboxes if each.domain != left_out)
    tenant, _ = installation.apply(replace(inventory, domains=inventory.domains[1:], mailboxes=boxes))
    await audit(installation, tenant)
    between = waits(ops, tenant)

    installation.apply(inventory)

    assert (between, waits(ops, tenant)) == (False, True)


async def test_an_account_that_no_audit_looked_at_waits_too(
    installation: Installation, ops: Engine, inventory: TenantInventory
) -> None:
    tenant, _ = installation.apply(inventory)
    await audit(installation, tenant)

    installation.sql("update app.domain_account set standing = null where tenant_id = %(t)s", t=tenant.id)

    assert waits(ops, tenant)


async def test_a_domain_without_an_account_is_audited_once_like_any_other(
    installation: Installation, ops: Engine, inventory: TenantInventory
) -> None:
    tenant, _ = installation.apply(inventory)
    installation.sql("delete from app.domain_account where tenant_id = %(t)s", t=tenant.id)
    before = waits(ops, tenant)

    await audit(installation, tenant)

    assert (before, waits(ops, tenant)) == (True, False)


async def test_a_retired_domain_waits_for_nothing(
    installation: Installation, ops: Engine, inventory: TenantInventory
) -> None:
    tenant, _ = installation.apply(inventory)

    installation.sql("update app.sending_domain set state = 'retired' where tenant_id = %(t)s", t=tenant.id)

    assert not waits(ops, tenant)


async def test_one_tenants_audit_is_not_another_ones(installation: Installation, ops: Engine) -> None:
    (audited, _), (other, _) = installation.apply(fresh(example("acme"))), installation.apply(fresh(example("acme")))

    await audit(installation, audited)

    assert (waits(ops, audited), waits(ops, other)) == (False, True)

"""`outreach dns news`: what audits saw change, in the order in which they saw it."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from example_zones import example_zones
from tenant_installation import Installation, example, fresh
from typer.testing import CliRunner, Result

from outreach_pipelines.adapters.postgres.dns_audit_store import PostgresDnsAuditStore
from outreach_pipelines.application.audit_domains import audit_tenant
from outreach_pipelines.cli.main import app
from outreach_pipelines.domain.tenant import TenantRef

pytest_plugins = ("tenant_fixtures", "command_settings")
pytestmark = pytest.mark.usefixtures("command_settings")

NOW = datetime.now(UTC)
NO_KEY = ("s2026._domainkey.acme-desk.example",)


@pytest.fixture
async def tenant(installation: Installation) -> TenantRef:
    """Audited three days ago, and twice since the key of a domain is gone."""
    tenant, _ = installation.apply(fresh(example("acme")))
    store = PostgresDnsAuditStore(installation.app)
    for days, without in ((3, ()), (2, NO_KEY), (1, NO_KEY)):
        at = NOW - timedelta(days=days)
        await audit_tenant(example_zones(without=without), store, tenant.id, day=at.date(), now=at)
    return tenant


def news(tenant: TenantRef, *more: str) -> Result:
    return CliRunner().invoke(app, ["dns", "news", "--tenant", tenant.slug, *more])


def test_news_are_told_with_what_went_and_what_came(tenant: TenantRef) -> None:
    told = news(tenant).output.splitlines()
    desk = [line for line in told if "acme-desk" in line or line.startswith("  ")]

    assert told[0].startswith(f"{NOW - timedelta(days=2):%Y-%m-%d %H:%M} {tenant.slug} acme-")
    assert any(line.endswith("changed: TXT of s2026._domainkey.acme-desk.example: 1 went, 1 came") for line in desk)
    assert any(line.startswith('  - TXT "v=DKIM1;') for line in desk)
    assert "  + (the name did not exist)" in desk
    assert any("acme-desk.example: not ready to send through ses-main: dkim_record" in line for line in desk)


def test_news_as_json_are_an_object_a_line(tenant: TenantRef) -> None:
    told = [json.loads(line) for line in news(tenant, "--json").output.splitlines()]

    kinds = [(each["domain"], each["kind"]) for each in told]
    assert ("acme-desk.example", "not_ready") in kinds
    assert all(datetime.fromisoformat(each["seen_at"]) < NOW for each in told)


def test_older_news_are_left_out_and_none_is_said(tenant: TenantRef) -> None:
    since_yesterday = news(tenant, "--days", "1")

    assert since_yesterday.output.strip() == "nothing changed in 1 days"

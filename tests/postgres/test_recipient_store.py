"""Where leads' mail goes: asked once a domain, kept for all its people, silence never taken for an answer."""

from dataclasses import dataclass, field

import pytest
from dns_audit_cases import FakeDns
from tenant_installation import Installation, example, fresh

from outreach_pipelines.adapters.postgres.bootstrap import DatabaseUrls, Role
from outreach_pipelines.adapters.postgres.recipient_store import PostgresRecipientStore
from outreach_pipelines.adapters.postgres.tenant_directory import PostgresTenantDirectory
from outreach_pipelines.adapters.postgres.tenant_session import connect
from outreach_pipelines.application.resolve_recipients import ResolvedRecipients, resolve_recipients
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Query, RecordType
from outreach_pipelines.domain.tenant import TenantRef

pytest_plugins = ("tenant_fixtures",)

PEOPLE = "\n".join(
    [
        "email",
        "anna@google.example",
        "ben@GOOGLE.example",
        "cleo@teams.example",
        "dina@null.example",
        "emil@gone.example",
    ]
)
LINES = (
    "google.example MX 10 aspmx.l.google.com",
    "teams.example MX 0 teams-example.mail.protection.outlook.com",
    "null.example MX 0 .",
)
ALL = {"anna", "ben", "cleo", "dina", "emil"}


@dataclass(slots=True)
class Dns:
    lines: tuple[str, ...] = LINES
    failing: frozenset[str] = frozenset()
    served: FakeDns = field(init=False)

    def __post_init__(self) -> None:
        failing = frozenset(Query(DomainName(name), RecordType.MX) for name in self.failing)
        self.served = FakeDns(self.lines, failing)


@pytest.fixture
def tenant(installation: Installation) -> TenantRef:
    tenant, _ = installation.apply(fresh(example("kiwi")))
    installation.upload(tenant, "a-service.csv", PEOPLE)
    installation.import_leads(tenant)
    return tenant


async def resolve(installation: Installation, tenant: TenantRef, dns: Dns, batch: int = 500) -> ResolvedRecipients:
    return await resolve_recipients(dns.served, PostgresRecipientStore(installation.app), tenant=tenant.id, batch=batch)


def known(installation: Installation, tenant: TenantRef) -> dict[object, tuple[object, ...]]:
    rows = installation.sql(
        "select split_part(address, '@', 1) as who, recipient_provider, undeliverable, provider_checked_at is not null as checked"
        " from app.lead where tenant_id = %(t)s",
        t=tenant.id,
    )
    return {row.pop("who"): tuple(row.values()) for row in rows}


@pytest.mark.parametrize("batch", [1, 500])
async def test_each_domain_is_asked_once_and_its_people_know(
    installation: Installation, tenant: TenantRef, batch: int
) -> None:
    dns = Dns()

    summary = await resolve(installation, tenant, dns, batch)

    people = known(installation, tenant)
    assert summary == ResolvedRecipients(resolved=4, take_no_mail=2, unanswered=0)
    assert [query.name for query in dns.served.asked] == [
        "gone.example",
        "google.example",
        "null.example",
        "teams.example",
    ]
    assert people["anna"] == people["ben"] == ("google", None, True)
    assert people["cleo"] == ("microsoft", None, True)
    assert people["dina"] == ("other", "null_mx", True)
    assert people["emil"] == ("other", "no_such_domain", True)


async def test_what_is_known_is_not_asked_again(installation: Installation, tenant: TenantRef) -> None:
    await resolve(installation, tenant, Dns())
    again = Dns()

    summary = await resolve(installation, tenant, again)

    assert (summary.resolved, again.served.asked) == (0, [])


async def test_silence_changes_nothing_and_is_asked_again_next_time(
    installation: Installation, tenant: TenantRef
) -> None:
    silent = Dns(failing=frozenset({"gone.example", "google.example"}))

    first = await resolve(installation, tenant, silent)
    between = known(installation, tenant)
    second = await resolve(installation, tenant, Dns())

    assert (first.resolved, first.unanswered) == (2, 2)
    assert (between["anna"], between["emil"]) == (("other", None, False), ("other", None, False))
    assert (second.resolved, known(installation, tenant)["anna"]) == (2, ("google", None, True))


async def test_a_domain_that_took_no_mail_is_asked_again_after_a_week(
    installation: Installation, tenant: TenantRef
) -> None:
    await resolve(installation, tenant, Dns())
    installation.sql(
        "update app.lead set provider_checked_at = provider_checked_at - interval '8 days' where tenant_id = %(t)s",
        t=tenant.id,
    )
    later = Dns((*LINES, "gone.example MX 10 mx.gone.example"))

    summary = await resolve(installation, tenant, later)

    assert summary == ResolvedRecipients(resolved=2, take_no_mail=1, unanswered=0)
    assert known(installation, tenant)["emil"] == ("other", None, True)


async def test_an_erased_person_is_left_out_and_another_tenant_untouched(
    installation: Installation, tenant: TenantRef
) -> None:
    other, _ = installation.apply(fresh(example("kiwi")))
    installation.upload(other, "a-service.csv", PEOPLE)
    installation.import_leads(other)
    installation.sql(
        "update app.lead set address = null, erased_at = now() where tenant_id = %(t)s and address like 'cleo%%'",
        t=tenant.id,
    )

    summary = await resolve(installation, tenant, Dns())

    assert summary.resolved == 3
    assert set(known(installation, other)) == ALL
    assert set(known(installation, other).values()) == {("other", None, False)}


async def test_a_tenant_is_looked_up_again_while_something_is_unknown_and_a_week_after_a_domain_took_no_mail(
    installation: Installation, tenant: TenantRef, outreach_database: DatabaseUrls
) -> None:
    ops = connect(outreach_database[Role.OPS])
    directory = PostgresTenantDirectory(ops)

    def waits() -> bool:
        return tenant in [row.ref for row in directory.with_unresolved_recipients()]

    unknown = waits()
    await resolve(installation, tenant, Dns())
    resolved = waits()
    installation.sql(
        "update app.lead set provider_checked_at = provider_checked_at - interval '8 days' where tenant_id = %(t)s",
        t=tenant.id,
    )
    a_week_later = waits()
    ops.dispose()

    assert (unknown, resolved, a_week_later) == (True, False, True)

"""Inventories in the database: applied once, withdrawn without loss, whole or not at all."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import IntegrityError, OperationalError
from tenant_installation import EXAMPLES, GivenInventories, Installation, example, fresh

from outreach_pipelines.adapters.csv_file import read_table
from outreach_pipelines.adapters.inventory_files import InventoryFiles
from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.adapters.postgres.account_reader import read_accounts
from outreach_pipelines.adapters.templates import template_key
from outreach_pipelines.domain.address import parse_address
from outreach_pipelines.domain.inventory import TenantInventory
from outreach_pipelines.domain.inventory_item import ChangeKind, ItemKind
from outreach_pipelines.domain.provider_account import SmtpConnection
from outreach_pipelines.domain.reference import Fixed
from outreach_pipelines.domain.suppression import ListedSuppression, SuppressionKind
from outreach_pipelines.domain.tenant import TenantRef, TenantSlug

pytest_plugins = ("tenant_fixtures",)

TABLES = (
    *("tenant", "sending_policy", "provider_account_share", "inbox", "sending_domain", "domain_account", "mailbox"),
    *("template", "campaign", "campaign_step", "campaign_variant", "suppression", "inventory_item", "audit_log"),
)


def rows_of(installation: Installation, tenant: TenantRef) -> dict[str, list[object]]:
    """Everything of a tenant, with the version of each row: a rewritten row is seen too."""
    statement = "select to_jsonb(x) || jsonb_build_object('xmin', x.xmin::text) from app.{} x where tenant_id = %(t)s order by 1"
    return {table: installation.values(statement.format(table), t=tenant.id) for table in TABLES}


def states(installation: Installation, tenant: TenantRef, table: str, name: str) -> dict[object, object]:
    rows = installation.sql(f"select {name} as name, state from app.{table} where tenant_id = %(t)s", t=tenant.id)
    return {row["name"]: row["state"] for row in rows}


def test_every_part_of_the_files_is_a_row(installation: Installation) -> None:
    tenant, _ = installation.apply(fresh(example("nordwind")))

    found = {table: len(rows) for table, rows in rows_of(installation, tenant).items()}

    # 3 domains with 2 accounts and 1 with one, 16 mailboxes, 2 campaigns of 2 steps with one variant and two bodies each.
    parts = {"sending_domain": 4, "domain_account": 7, "mailbox": 16, "inbox": 4, "provider_account_share": 2}
    campaigns = {"campaign": 2, "campaign_step": 4, "campaign_variant": 4, "template": 8, "suppression": 4}
    items = {"inventory_item": 4 + 2 + 4 + 4 + 16 + 2}
    assert found == {"tenant": 1, "sending_policy": 1, **parts, **campaigns, **items, "audit_log": 32}


def test_a_second_load_of_the_same_files_touches_no_row(installation: Installation) -> None:
    inventory = fresh(example("acme"))
    tenant, _ = installation.apply(inventory)
    before = rows_of(installation, tenant)

    _, changes = installation.apply(inventory)

    assert changes == ()
    assert rows_of(installation, tenant) == before


def test_what_is_withdrawn_is_retired_and_keeps_its_row(installation: Installation) -> None:
    inventory = fresh(example("acme"))
    tenant, _ = installation.apply(inventory)
    gone = inventory.domains[-1].name
    kept = tuple(each for each in inventory.mailboxes if each.domain != gone)

    installation.apply(
        replace(inventory, domains=inventory.domains[:-1], mailboxes=kept, campaigns=inventory.campaigns[:1])
    )

    mailboxes = states(installation, tenant, "mailbox", "address")
    assert states(installation, tenant, "sending_domain", "name")[gone] == "retired"
    assert {name for name, state in mailboxes.items() if state == "retired"} == {
        each.address.canonical for each in inventory.mailboxes if each.domain == gone
    }
    finished = {name for name, state in states(installation, tenant, "campaign", "name").items() if state == "finished"}
    assert finished == {inventory.campaigns[1].name}


def test_what_comes_back_is_the_row_it_was(installation: Installation) -> None:
    inventory = fresh(example("kiwi"))
    tenant, _ = installation.apply(inventory)
    ids = "select mailbox_id from app.mailbox where tenant_id = %(t)s order by 1"
    before = installation.values(ids, t=tenant.id)
    installation.apply(replace(inventory, mailboxes=inventory.mailboxes[1:]))

    _, changes = installation.apply(inventory)

    first = inventory.mailboxes[0]
    assert [(change.item.name, change.kind) for change in changes] == [(first.address.canonical, ChangeKind.ADDED)]
    assert installation.values(ids, t=tenant.id) == before
    stated = {each.address.canonical: each.state.value for each in inventory.mailboxes}
    assert states(installation, tenant, "mailbox", "address") == stated


def test_a_withdrawn_account_lets_nothing_more_through_and_is_still_known(installation: Installation) -> None:
    inventory = fresh(example("nordwind"))
    tenant, _ = installation.apply(inventory)
    ses = inventory.accounts[0]
    domains = tuple(replace(domain, accounts=(ses.account.name,)) for domain in inventory.domains)

    installation.apply(replace(inventory, accounts=(ses,), domains=domains))

    shares = installation.sql(
        "select a.name, s.daily_share, s.withdrawn_at is not null as gone from app.provider_account_share s"
        " join app.provider_account a using (account_id) where tenant_id = %(t)s order by 1",
        t=tenant.id,
    )
    ways = "select distinct a.name from app.domain_account join app.provider_account a using (account_id) where tenant_id = %(t)s"
    assert [tuple(row.values()) for row in shares] == [("ses-main", None, False), ("smtp-nordwind", 0, True)]
    assert installation.values(ways, t=tenant.id) == ["ses-main"]
    assert [account.name for account in read_accounts(installation.app, tenant.id)] == ["ses-main", "smtp-nordwind"]


def test_an_account_that_comes_back_lets_mail_through_again(installation: Installation) -> None:
    inventory = fresh(example("nordwind"))
    tenant, _ = installation.apply(inventory)
    ses = inventory.accounts[0]
    domains = tuple(replace(domain, accounts=(ses.account.name,)) for domain in inventory.domains)
    installation.apply(replace(inventory, accounts=(ses,), domains=domains))

    installation.apply(inventory)

    shut = "select 1 from app.provider_account_share where tenant_id = %(t)s and (withdrawn_at is not null or daily_share = 0)"
    assert installation.values(shut, t=tenant.id) == []


def test_mailboxes_without_accounts_of_their_own_follow_their_domain(installation: Installation) -> None:
    inventory = fresh(example("nordwind"))
    tenant, _ = installation.apply(inventory)
    first = inventory.domains[0]
    turned = replace(first, accounts=tuple(reversed(first.accounts)))

    _, changes = installation.apply(replace(inventory, domains=(turned, *inventory.domains[1:])))

    followed = installation.values(
        "select distinct account_names from app.mailbox join app.sending_domain d using (tenant_id, domain_id)"
        " where tenant_id = %(t)s and d.name = %(d)s",
        t=tenant.id,
        d=first.name,
    )
    assert [change.item.kind for change in changes] == [ItemKind.DOMAIN]
    assert followed == [["smtp-nordwind", "ses-main"]]


def test_what_the_audit_and_the_pace_know_survives_a_change_of_the_files(installation: Installation) -> None:
    inventory = fresh(example("kiwi"))
    tenant, _ = installation.apply(inventory)
    installation.sql(
        "update app.domain_account set definite_state = 'ready', definite_at = now() where tenant_id = %(t)s",
        t=tenant.id,
    )
    installation.sql("update app.mailbox set errors_in_row = 3 where tenant_id = %(t)s", t=tenant.id)
    domains = tuple(replace(domain, region="eu-west-1") for domain in inventory.domains)
    mailboxes = tuple(replace(mailbox, daily_cap=7) for mailbox in inventory.mailboxes)

    installation.apply(replace(inventory, domains=domains, mailboxes=mailboxes))

    known = "select distinct definite_state from app.domain_account where tenant_id = %(t)s"
    pace = "select distinct (daily_cap, errors_in_row)::text from app.mailbox where tenant_id = %(t)s"
    assert installation.values(known, t=tenant.id) == ["ready"]
    assert installation.values(pace, t=tenant.id) == ["(7,3)"]


def test_a_part_that_the_database_refuses_leaves_nothing_of_the_tenant(installation: Installation) -> None:
    inventory = fresh(example("kiwi"))
    impossible = replace(inventory.mailboxes[-1], daily_cap=-1)

    with pytest.raises(IntegrityError, match="mailbox_daily_cap_check"):
        installation.apply(replace(inventory, mailboxes=(*inventory.mailboxes[:-1], impossible)))

    tenant = installation.tenant(inventory.tenant.slug)
    assert {table: len(rows) for table, rows in rows_of(installation, tenant).items() if rows} == {}


def test_only_the_tenants_asked_for_are_applied(installation: Installation) -> None:
    one, other = fresh(example("kiwi")), fresh(example("acme"))
    source = GivenInventories({each.tenant.slug: each for each in (one, other)})

    applied = installation.load(source, only=[one.tenant.slug])

    assert list(applied) == [one.tenant.slug]
    assert installation.values("select 1 from app.tenant_directory where slug = %(s)s", s=other.tenant.slug) == []


def test_a_tenant_asked_for_that_has_no_folder_is_refused_and_not_forgotten(installation: Installation) -> None:
    source = InventoryFiles(LocalObjectStore(EXAMPLES), read_table)

    applied = installation.load(source, only=[TenantSlug("nobody")])

    assert applied == {}


def test_texts_lie_in_the_object_store_under_their_digests(installation: Installation) -> None:
    inventory = fresh(example("kiwi"))
    tenant, _ = installation.apply(inventory)

    keys = installation.values("select object_key from app.template where tenant_id = %(t)s order by 1", t=tenant.id)

    bodies = {b.digest: b.body for c in inventory.campaigns for s in c.steps for v in s.variants for b in v.bodies}
    assert keys == sorted(template_key(digest) for digest in bodies)
    assert {installation.objects.get(template_key(digest)).decode() for digest in bodies} == set(bodies.values())


def test_accounts_are_read_back_as_they_were_stated_and_hold_no_secret(installation: Installation) -> None:
    inventory = fresh(example("nordwind"))
    tenant, _ = installation.apply(inventory)

    read = read_accounts(installation.app, tenant.id)

    stated = {use.account.name: (use.account.connection, use.configuration_set or None) for use in inventory.accounts}
    assert {account.name: (account.connection, account.configuration_set) for account in read} == stated


def test_a_tenant_gets_its_share_of_a_known_quota_rounded_down(installation: Installation) -> None:
    inventory = fresh(example("acme"))
    installation.apply(inventory)
    installation.sql("update app.provider_account set daily_quota = 1001 where name = 'ses-main'")
    use = replace(inventory.accounts[0], share=Decimal("0.5"))

    tenant, _ = installation.apply(replace(inventory, accounts=(use,)))

    installation.sql("update app.provider_account set daily_quota = null where name = 'ses-main'")
    share = "select daily_share from app.provider_account_share where tenant_id = %(t)s"
    assert installation.values(share, t=tenant.id) == [500]


def test_an_account_spoken_to_in_another_way_must_be_proven_anew(installation: Installation) -> None:
    inventory = fresh(example("kiwi"))
    installation.apply(inventory)
    installation.sql("update app.provider_account set proven_at = now() where name = 'smtp-kiwi'")
    proven = "select proven_at is not null from app.provider_account where name = 'smtp-kiwi'"
    use = inventory.accounts[0]

    installation.apply(replace(inventory, accounts=(replace(use, share=Decimal("0.9")),)))
    after_another_share = installation.values(proven)
    relay = use.account.connection
    assert isinstance(relay, SmtpConnection)
    moved = replace(use.account, connection=replace(relay, username=Fixed("another-login")))
    installation.apply(replace(inventory, accounts=(replace(use, account=moved),)))

    assert (after_another_share, installation.values(proven)) == ([True], [False])


def test_a_suppression_keeps_the_earlier_of_two_times_and_is_never_taken_away(installation: Installation) -> None:
    person = parse_address("anna@firma.example")
    listed = ListedSuppression(person, SuppressionKind.OBJECTION, "letter", date(2026, 6, 30))  # type: ignore[arg-type]  # it is an address
    inventory = replace(fresh(example("kiwi")), suppressions=(listed,))
    tenant, _ = installation.apply(inventory)
    times = "select created_at::date from app.suppression where tenant_id = %(t)s"

    installation.apply(replace(inventory, suppressions=(replace(listed, since=date(2026, 9, 1)),)))
    after_a_later_one = installation.values(times, t=tenant.id)
    installation.apply(replace(inventory, suppressions=(replace(listed, since=date(2026, 5, 1)),)))
    after_an_earlier_one = installation.values(times, t=tenant.id)
    installation.apply(replace(inventory, suppressions=()))

    assert (after_a_later_one, after_an_earlier_one) == ([date(2026, 6, 30)], [date(2026, 5, 1)])
    assert installation.values(times, t=tenant.id) == [date(2026, 5, 1)]


def test_every_kind_of_suppression_fits_the_table(installation: Installation) -> None:
    people = [parse_address(f"{kind.value}@firma.example") for kind in SuppressionKind]
    listed = tuple(
        ListedSuppression(person, kind, "list", date(2026, 6, 30))  # type: ignore[arg-type]  # they are addresses
        for person, kind in zip(people, SuppressionKind, strict=True)
    )

    tenant, _ = installation.apply(replace(fresh(example("kiwi")), suppressions=listed))

    kinds = installation.values("select kind from app.suppression where tenant_id = %(t)s", t=tenant.id)
    assert sorted(map(str, kinds)) == sorted(SuppressionKind)


def test_an_import_waits_for_the_intents_under_way_before_it_suppresses(
    installation: Installation, outreach_admin_url: str
) -> None:
    inventory = fresh(example("kiwi"))
    tenant, _ = installation.apply(replace(inventory, suppressions=()))
    impatient = create_engine(installation.app.url, connect_args={"options": "-c lock_timeout=50ms"})

    with psycopg.connect(outreach_admin_url) as intent:
        intent.execute("select pg_advisory_xact_lock_shared(app.lock_key('tenant', %s))", [str(tenant.id)])
        with pytest.raises(OperationalError, match="lock timeout"):
            replace(installation, app=impatient).apply(inventory)

    impatient.dispose()
    assert installation.values("select 1 from app.suppression where tenant_id = %(t)s", t=tenant.id) == []


def test_a_paused_tenant_stays_paused_and_a_resting_domain_at_rest(installation: Installation) -> None:
    inventory = fresh(example("kiwi"))
    tenant, _ = installation.apply(inventory)
    installation.sql(
        "update app.tenant set state = 'paused', pause_reason = 'test' where tenant_id = %(t)s", t=tenant.id
    )
    installation.sql("update app.sending_domain set state = 'resting' where tenant_id = %(t)s", t=tenant.id)

    installation.apply(_renamed(inventory))

    assert installation.values("select state from app.tenant where tenant_id = %(t)s", t=tenant.id) == ["paused"]
    assert set(states(installation, tenant, "sending_domain", "name").values()) == {"resting"}


def _renamed(inventory: TenantInventory) -> TenantInventory:
    domains = tuple(replace(domain, region="eu-west-1") for domain in inventory.domains)
    return replace(inventory, tenant=replace(inventory.tenant, name="Another Name"), domains=domains)

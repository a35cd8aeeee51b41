"""Whether the parts of an inventory fit together."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from outreach_pipelines.adapters.csv_file import read_table
from outreach_pipelines.adapters.inventory_files import InventoryFiles
from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.application.import_inventory import SoundInventory
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.inventory import Direction, InboxName, MailboxState, TenantInventory
from outreach_pipelines.domain.inventory_check import Misfit, Severity, misfits, misfits_between
from outreach_pipelines.domain.inventory_item import ItemKind
from outreach_pipelines.domain.lead import LawfulBasis
from outreach_pipelines.domain.provider_account import AccountName
from outreach_pipelines.domain.sending_policy import PoolShape
from outreach_pipelines.domain.tenant import TenantSlug

EXAMPLES = Path(__file__).parents[2] / "examples"


def inventory_of(tenant: str) -> TenantInventory:
    loaded = InventoryFiles(LocalObjectStore(EXAMPLES), read_table).load(TenantSlug(tenant))
    assert isinstance(loaded, SoundInventory)
    return loaded.inventory


@pytest.fixture(scope="module")
def acme() -> TenantInventory:
    return inventory_of("acme")


@pytest.fixture(scope="module")
def nordwind() -> TenantInventory:
    return inventory_of("nordwind")


def errors(found: object) -> list[tuple[str, str]]:
    assert isinstance(found, list)
    return [(misfit.item.kind.value, misfit.field) for misfit in found if misfit.severity is Severity.ERROR]


def warnings(inventory: TenantInventory) -> list[Misfit]:
    return [misfit for misfit in misfits(inventory) if misfit.severity is Severity.WARNING]


def test_the_parts_of_a_good_inventory_fit(acme: TenantInventory) -> None:
    assert misfits(acme) == []


def test_a_part_that_stands_twice_is_told_once(acme: TenantInventory) -> None:
    doubled = replace(acme, mailboxes=(*acme.mailboxes, acme.mailboxes[3]), inboxes=(*acme.inboxes, acme.inboxes[0]))

    assert errors(misfits(doubled)) == [("inbox", "name"), ("mailbox", "address")]


def test_a_domain_sends_through_known_accounts(acme: TenantInventory) -> None:
    without = replace(acme.domains[0], accounts=())
    unknown = replace(acme.domains[1], accounts=(AccountName("nowhere"),))

    found = misfits(replace(acme, domains=(without, unknown, *acme.domains[2:])))

    assert errors(found) == [("domain", "accounts"), ("domain", "accounts")]


def test_the_domains_of_a_pool_go_in_one_direction(acme: TenantInventory) -> None:
    astray = replace(acme.domains[1], direction=Direction("elsewhere"))

    assert errors(misfits(replace(acme, domains=(acme.domains[0], astray, *acme.domains[2:])))) == [
        ("domain", "direction")
    ]


def test_a_mailbox_is_at_home_in_its_domain(acme: TenantInventory) -> None:
    stray = replace(acme.mailboxes[0], domain=acme.domains[1].name)
    homeless = replace(acme.mailboxes[1], domain=DomainName("gone.example"))

    found = misfits(replace(acme, mailboxes=(stray, homeless, *acme.mailboxes[2:])))

    assert errors(found) == [("mailbox", "domain")] * 3


def test_a_mailbox_uses_accounts_of_its_domain_only(acme: TenantInventory) -> None:
    foreign = replace(acme.mailboxes[0], accounts=(AccountName("smtp-kiwi"),))

    assert errors(misfits(replace(acme, mailboxes=(foreign, *acme.mailboxes[1:])))) == [("mailbox", "accounts")]


@pytest.mark.parametrize("inbox", ["nowhere", "acme-tools"])
def test_a_mailbox_has_an_inbox_that_receives_its_replies(acme: TenantInventory, inbox: str) -> None:
    deaf = replace(acme.mailboxes[0], inbox=InboxName(inbox))

    assert errors(misfits(replace(acme, mailboxes=(deaf, *acme.mailboxes[1:])))) == [("mailbox", "inbox")]


def test_a_longest_gap_is_no_shorter_than_the_shortest(acme: TenantInventory) -> None:
    odd = replace(acme.mailboxes[0], shortest_gap=400, longest_gap=300)

    assert errors(misfits(replace(acme, mailboxes=(odd, *acme.mailboxes[1:])))) == [("mailbox", "max_gap_seconds")]


def test_an_unusual_pace_is_a_warning(acme: TenantInventory) -> None:
    greedy = replace(acme.mailboxes[0], daily_cap=51)
    hasty = replace(acme.mailboxes[1], shortest_gap=119)

    found = warnings(replace(acme, mailboxes=(greedy, hasty, *acme.mailboxes[2:])))

    assert [warning.field for warning in found] == ["daily_cap", "min_gap_seconds"]


def test_pools_out_of_shape_are_warnings_by_default_and_none_when_the_shape_says_so(acme: TenantInventory) -> None:
    usual = warnings(replace(acme, shape=PoolShape()))

    assert {(warning.item.kind, warning.field) for warning in usual} == {(ItemKind.DOMAIN, "pool")}
    assert warnings(acme) == []


def test_a_retired_mailbox_does_not_count_for_the_shape(acme: TenantInventory) -> None:
    retired = [replace(mailbox, state=MailboxState.RETIRED) for mailbox in acme.mailboxes[:2]]

    found = warnings(replace(acme, mailboxes=(*retired, *acme.mailboxes[2:])))

    assert [(warning.item.name, warning.field) for warning in found] == [("acme-news.example", "domain")]


def test_a_domain_has_one_owner(acme: TenantInventory, nordwind: TenantInventory) -> None:
    taken = replace(nordwind, domains=(*nordwind.domains, acme.domains[0]))

    assert errors(misfits_between([acme, taken])) == [("domain", "domain")]


def test_an_account_means_the_same_to_all_its_tenants(acme: TenantInventory, nordwind: TenantInventory) -> None:
    ses = nordwind.accounts[0]
    other = replace(ses, account=replace(ses.account, allowed_basis=(LawfulBasis.CONSENT,)))

    assert misfits_between([acme, nordwind]) == []
    assert errors(misfits_between([acme, replace(nordwind, accounts=(other, *nordwind.accounts[1:]))])) == [
        ("account", "name")
    ]


def test_an_account_is_not_given_out_twice(acme: TenantInventory, nordwind: TenantInventory) -> None:
    greedy = replace(nordwind.accounts[0], share=Decimal("0.41"))

    found = misfits_between([acme, replace(nordwind, accounts=(greedy, *nordwind.accounts[1:]))])

    assert errors(found) == [("account", "share")]

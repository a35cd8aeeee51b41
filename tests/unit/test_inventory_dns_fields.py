"""What an inventory may ask of the DNS audit, and what it is told when it asks wrongly."""

import shutil
from ipaddress import ip_address
from pathlib import Path

import pytest

from outreach_pipelines.adapters.csv_file import read_table
from outreach_pipelines.adapters.inventory_files.loader import InventoryFiles
from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.application.import_inventory import FaultyInventory, InventoryFault, SoundInventory
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.audit_policy import AuditPolicy, Blocklist, DedicatedAddress, Extra, ReportsAddress
from outreach_pipelines.domain.dns_audit.expectations import OF_THE_DNS
from outreach_pipelines.domain.dns_audit.from_inventory import expectations_of
from outreach_pipelines.domain.inventory_item import digests_of
from outreach_pipelines.domain.reference import SecretRef, SecretScheme
from outreach_pipelines.domain.tenant import TenantSlug

EXAMPLES = Path(__file__).parents[2] / "examples"
RELAY = "    sending_addresses: [{ip: 203.0.113.25, helo: mail.kiwi.example}]\n"


def load(root: Path, dns: str = "", account: str = "", inbox: str = "") -> SoundInventory | FaultyInventory:
    """Kiwi's inventory with its own wishes replaced by these, and lines put into its account and its inbox."""
    for folder in ("inventory/kiwi", "templates/kiwi"):
        shutil.copytree(EXAMPLES / folder, root / folder)
    path = root / "inventory/kiwi/tenant.yaml"
    text = "\n".join(_without_wishes(path.read_text().splitlines())) + "\n" + (f"dns:\n{dns}" if dns else "")
    text = text.replace("    allowed_basis:", f"{account}    allowed_basis:", 1)
    path.write_text(text.replace("    receives:", f"{inbox}    receives:", 1))
    return InventoryFiles(LocalObjectStore(root), read_table).load(TenantSlug("kiwi"))


def _without_wishes(lines: list[str]) -> list[str]:
    kept, inside = [], False
    for line in lines:
        inside = line.startswith("dns:") or (inside and line.startswith((" ", "#")))
        if not inside and "sending_addresses" not in line and "authserv_ids" not in line:
            kept.append(line)
    return kept


def sound(loaded: SoundInventory | FaultyInventory) -> SoundInventory:
    assert isinstance(loaded, SoundInventory), loaded.faults
    return loaded


def fault_of(loaded: SoundInventory | FaultyInventory) -> InventoryFault:
    assert isinstance(loaded, FaultyInventory)
    (fault,) = loaded.faults
    return fault


def test_an_inventory_without_wishes_is_sound_and_asks_for_nothing(tmp_path: Path) -> None:
    inventory = sound(load(tmp_path)).inventory

    assert inventory.audit == AuditPolicy()
    assert {use.addresses for use in inventory.accounts} == {()}
    assert {inbox.authserv_ids for inbox in inventory.inboxes} == {()}


def test_every_wish_becomes_a_value(tmp_path: Path) -> None:
    dns = (
        "  reports_to: dmarc@*\n  blocklists: [IPS.lists.example, 'domain:names.lists.example', ips.lists.example]\n"
        "  also: [secondaries, greeting, secondaries]\n  cloudflare_token: env:CLOUDFLARE\n  probe_recipients: true\n"
    )

    inventory = sound(load(tmp_path, dns, RELAY, "    authserv_ids: [MX.kiwi.example]\n")).inventory

    assert inventory.audit == AuditPolicy(
        reports_to=ReportsAddress("dmarc", "*"),
        blocklists=(
            Blocklist(DomainName("ips.lists.example")),
            Blocklist(DomainName("names.lists.example"), lists_domains=True),
        ),
        also=(Extra.GREETING, Extra.SECONDARIES),
        cloudflare_token=SecretRef(SecretScheme.ENVIRONMENT, "CLOUDFLARE"),
        probe_recipients=True,
    )
    assert inventory.accounts[0].addresses == (
        DedicatedAddress(ip_address("203.0.113.25"), DomainName("mail.kiwi.example")),
    )
    assert inventory.inboxes[0].authserv_ids == ("mx.kiwi.example",)


def test_a_domain_is_expected_to_be_what_the_wishes_say(tmp_path: Path) -> None:
    dns = "  reports_to: dmarc@*\n  blocklists: [ips.lists.example]\n  also: [policy]\n"
    inventory = sound(load(tmp_path, dns, RELAY)).inventory
    domain = inventory.domains[0]

    expected = expectations_of(domain, {use.account.name: use for use in inventory.accounts}, policy=inventory.audit)

    assert expected.reports_to == f"dmarc@{domain.name}"
    assert expected.extras == OF_THE_DNS | {Extra.POLICY}
    assert [str(each.ip) for each in expected.dedicated] == ["203.0.113.25"]
    assert [str(network) for network in expected.accounts[0].spf_networks] == ["203.0.113.25/32"]
    assert expected.blocklists == inventory.audit.blocklists


@pytest.mark.parametrize(
    ("dns", "field", "wanted"),
    [
        ("  reports_to: nobody\n", "dns.reports_to", "an e-mail address"),
        ("  reports_to: 'a!b@kiwi.example'\n", "dns.reports_to", "an e-mail address"),
        ("  blocklists: [lists]\n", "dns.blocklists.0", "zone"),
        ("  blocklists: ['not a name.example']\n", "dns.blocklists.0", "zone"),
        ("  also: [everything]\n", "dns.also.0", "one of authorities, brand, greeting, policy, secondaries"),
        ("  also: [dnssec]\n", "dns.also.0", "one of"),
        ("  cloudflare_token: hunter2\n", "dns.cloudflare_token", "never the secret"),
        ("  resolver: 192.0.2.1\n", "dns.resolver", ""),
    ],
)
def test_a_wish_that_cannot_be_read_is_told_with_line_and_field(
    tmp_path: Path, dns: str, field: str, wanted: str
) -> None:
    fault = fault_of(load(tmp_path, dns))

    lines = (tmp_path / "inventory/kiwi/tenant.yaml").read_text().splitlines()
    assert fault.field == field
    assert fault.line == len(lines)
    assert wanted.lower() in fault.sentence.lower()
    assert "hunter2" not in str(fault)


@pytest.mark.parametrize(
    "address", ["ip: mail.kiwi.example", "ip: 127.0.0.1", "ip: 224.0.0.1", "ip: 203.0.113.25, helo: kiwi"]
)
def test_an_address_that_nobody_sends_from_is_told(tmp_path: Path, address: str) -> None:
    fault = fault_of(load(tmp_path, account=f"    sending_addresses: [{{{address}}}]\n"))

    assert fault.field.startswith("accounts.0.sending_addresses.0.")


def test_an_address_that_stands_twice_is_told(tmp_path: Path) -> None:
    twice = "    sending_addresses: [{ip: 203.0.113.25}, {ip: 203.0.113.25, helo: mail.kiwi.example}]\n"

    fault = fault_of(load(tmp_path, account=twice))

    assert (fault.field, fault.sentence) == ("sending_addresses", "203.0.113.25 stands 2 times.")


@pytest.mark.parametrize(
    ("dns", "field", "says"),
    [
        ("  reports_to: dmarc@elsewhere.example\n", "reports_to", "No inbox receives dmarc@elsewhere.example"),
        ("  blocklists: [ips.lists.example]\n", "blocklists", "no account names its sending_addresses"),
    ],
)
def test_a_wish_that_leads_nowhere_is_a_warning_at_its_line(tmp_path: Path, dns: str, field: str, says: str) -> None:
    (warning,) = sound(load(tmp_path, dns)).warnings

    lines = (tmp_path / "inventory/kiwi/tenant.yaml").read_text().splitlines()
    assert (warning.field, warning.line) == (field, len(lines))
    assert says in warning.sentence


def test_reports_that_an_inbox_receives_warn_nobody(tmp_path: Path) -> None:
    assert sound(load(tmp_path, "  reports_to: dmarc@*\n")).warnings == ()


def test_wishes_in_another_order_are_no_change(tmp_path: Path) -> None:
    one = load(tmp_path / "one", "  also: [brand, policy]\n")
    other = load(tmp_path / "other", "  also: [policy, brand]\n")

    assert digests_of(sound(one).inventory) == digests_of(sound(other).inventory)

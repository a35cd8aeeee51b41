"""The examples are what their README says: sound, complete, and the same as their generator writes."""

import hashlib
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import dns.name
import dns.rdatatype
import dns.zone
import pytest

from outreach_pipelines.adapters.csv_file import CsvLeadFiles, read_table
from outreach_pipelines.adapters.inventory_files import InventoryFiles
from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.application.import_inventory import SoundInventory
from outreach_pipelines.application.import_leads import LeadRecord, LeadsWritten, import_leads
from outreach_pipelines.domain.address import address_hmac, domain_hmac
from outreach_pipelines.domain.campaign import fields_of, takes_fields, takes_file
from outreach_pipelines.domain.inventory import TenantInventory
from outreach_pipelines.domain.lead import LawfulBasis, Lead, Rejection
from outreach_pipelines.domain.lead_file import FileDigest, FileRefused, ImportSummary, LeadFile
from outreach_pipelines.domain.suppression import hashed
from outreach_pipelines.domain.tenant import TenantId, TenantRef

EXAMPLES = Path(__file__).parents[2] / "examples"
KEY = bytes(range(32))
# RFC 2606 section 2 and 3, and the real names that stand for providers.
RESERVED = (".example", ".test", ".invalid")
PROVIDERS = {"amazonses.com", "l.google.com", "mail.protection.outlook.com"}


@dataclass
class Gathered:
    """Keeps the leads of each file."""

    leads: dict[str, list[Lead]] = field(default_factory=dict)

    def knows_file(self, tenant: TenantId, digest: FileDigest) -> bool:
        return not tenant or not digest

    def apply_file(self, tenant: TenantId, file: LeadFile, records: Iterable[LeadRecord]) -> LeadsWritten:
        assert tenant
        before = {lead.address for leads in self.leads.values() for lead in leads}
        leads = self.leads[file.name] = [record for record in records if isinstance(record, Lead)]
        known = sum(lead.address in before for lead in leads)
        return LeadsWritten(len(leads) - known, known)

    def refuse_file(self, tenant: TenantId, refusal: FileRefused) -> None:
        raise AssertionError((tenant, refusal))


@pytest.fixture(scope="module")
def inventories() -> list[TenantInventory]:
    files = InventoryFiles(LocalObjectStore(EXAMPLES), read_table)
    loaded = [files.load(slug) for slug in files.tenants()]
    assert all(isinstance(each, SoundInventory) and not each.warnings for each in loaded), loaded
    return [each.inventory for each in loaded if isinstance(each, SoundInventory)]


@pytest.fixture(scope="module")
def imported(inventories: list[TenantInventory]) -> dict[str, tuple[Gathered, ImportSummary]]:
    found = {}
    for number, inventory in enumerate(inventories, 1):
        gathered = Gathered()
        tenant = TenantRef(TenantId(number), inventory.tenant.slug)
        found[str(tenant.slug)] = (gathered, import_leads(CsvLeadFiles(LocalObjectStore(EXAMPLES)), gathered, tenant))
    return found


@pytest.fixture(scope="module")
def zones() -> dict[str, dns.zone.Zone]:
    files = sorted((EXAMPLES / "zones").glob("*.zone"))
    return {path.stem: dns.zone.from_file(str(path), origin=f"{path.stem}.", relativize=False) for path in files}


def test_three_tenants_send_from_12_domains_and_48_mailboxes(inventories: list[TenantInventory]) -> None:
    assert [inventory.tenant.slug for inventory in inventories] == ["acme", "kiwi", "nordwind"]
    assert sum(len(inventory.domains) for inventory in inventories) == 12
    assert sum(len(inventory.mailboxes) for inventory in inventories) == 48


def test_1200_rows_show_every_reason_a_row_is_refused(imported: dict[str, tuple[Gathered, ImportSummary]]) -> None:
    summaries = [summary for _, summary in imported.values()]

    rejected = sum((Counter(summary.rejected) for summary in summaries), Counter())
    assert sum(summary.read for summary in summaries) == 1_200
    assert set(rejected) == set(Rejection)
    assert 30 <= rejected.total() <= 40
    assert all(file.balanced for summary in summaries for file in summary.applied)


def test_leads_live_in_many_zones_and_gave_consent_or_a_contract(
    imported: dict[str, tuple[Gathered, ImportSummary]],
) -> None:
    leads = [lead for gathered, _ in imported.values() for batch in gathered.leads.values() for lead in batch]

    assert len({lead.zone for lead in leads if lead.zone}) >= 14
    assert {lead.basis for lead in leads} == {LawfulBasis.CONSENT, LawfulBasis.CONTRACT}
    assert len({lead.address.domain for lead in leads}) == 60
    assert all(lead.address.domain.endswith(RESERVED) for lead in leads)


def test_some_people_stand_in_two_files_and_some_are_suppressed(
    inventories: list[TenantInventory], imported: dict[str, tuple[Gathered, ImportSummary]]
) -> None:
    assert imported["acme"][1].already_known == 20
    for inventory in inventories:
        batches = imported[str(inventory.tenant.slug)][0].leads.values()
        subjects = {hashed(listed, KEY).subject for listed in inventory.suppressions}
        people = {address_hmac(lead.address, KEY) for batch in batches for lead in batch}
        companies = {domain_hmac(lead.address.domain, KEY) for batch in batches for lead in batch}
        assert subjects <= people | companies


def test_every_lead_belongs_to_one_campaign_that_has_all_it_needs(
    inventories: list[TenantInventory], imported: dict[str, tuple[Gathered, ImportSummary]]
) -> None:
    for inventory in inventories:
        for file, leads in imported[str(inventory.tenant.slug)][0].leads.items():
            for lead in leads:
                own = fields_of(lead)
                campaigns = [
                    campaign
                    for campaign in inventory.campaigns
                    if takes_file(campaign.leads, file) and takes_fields(campaign.leads, own)
                ]
                assert len(campaigns) == 1
                assert all(own.get(name) for name in campaigns[0].required_fields)


def test_every_account_of_a_lead_may_carry_its_basis(
    inventories: list[TenantInventory], imported: dict[str, tuple[Gathered, ImportSummary]]
) -> None:
    for inventory in inventories:
        allowed = [set(use.account.allowed_basis) for use in inventory.accounts]
        batches = imported[str(inventory.tenant.slug)][0].leads.values()
        assert all(lead.basis in basis for batch in batches for lead in batch for basis in allowed)


def test_all_names_are_reserved_or_a_providers(zones: dict[str, dns.zone.Zone]) -> None:
    assert {name for name in zones if not f".{name}".endswith(RESERVED)} == PROVIDERS


def test_every_company_has_a_mail_host_with_an_address(
    zones: dict[str, dns.zone.Zone], imported: dict[str, tuple[Gathered, ImportSummary]]
) -> None:
    domains = {lead.address.domain for gathered, _ in imported.values() for b in gathered.leads.values() for lead in b}
    hosts = [rdata.exchange for domain in domains for rdata in zones[domain].find_rdataset(f"{domain}.", "MX")]

    everything = {name for zone in zones.values() for name in zone.nodes}
    assert set(hosts) <= everything
    assert {"l.google.com", "mail.protection.outlook.com"} <= {
        host.parent().to_text(omit_final_dot=True) for host in hosts
    }


def test_exactly_one_sending_domain_is_not_ready(
    zones: dict[str, dns.zone.Zone], inventories: list[TenantInventory]
) -> None:
    missing = [
        domain.name
        for inventory in inventories
        for domain in inventory.domains
        for selector in domain.dkim_selectors
        if dns.name.from_text(f"{selector}._domainkey.{domain.name}.") not in zones[domain.name].nodes
    ]

    assert missing == ["acme-letters.example"]


def test_the_generator_writes_these_very_files() -> None:
    # One zone stands for all: each costs seconds, since its key is searched for.
    code = """
import hashlib, json, generate
from generator.world import SENDERS
from generator.zones import sender_zone
zone = {"zones/kiwi-mail.example.zone": sender_zone(SENDERS[9]).encode()}
files = generate.store_files() | zone
print(json.dumps({path: hashlib.sha256(octets).hexdigest() for path, octets in files.items()}))
"""
    generated = subprocess.run([sys.executable, "-B", "-c", code], cwd=EXAMPLES, check=True, stdout=subprocess.PIPE)

    written: dict[str, str] = json.loads(generated.stdout)
    assert len(written) == 14
    assert {path for path, digest in written.items() if _digest(EXAMPLES / path) != digest} == set()


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()

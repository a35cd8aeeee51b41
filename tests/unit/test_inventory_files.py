"""An inventory is read whole, and every fault of it is told with file, line and field."""

import shutil
from datetime import time
from decimal import Decimal
from pathlib import Path

import pytest

from outreach_pipelines.adapters.csv_file import read_table
from outreach_pipelines.adapters.inventory_files import InventoryFiles
from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.application.import_inventory import FaultyInventory, InventoryFault, SoundInventory
from outreach_pipelines.application.stored_objects import ObjectStoreUnreachable
from outreach_pipelines.domain.provider_account import SesConnection, SmtpConnection
from outreach_pipelines.domain.reference import Fixed, FromEnvironment, SecretRef, SecretScheme
from outreach_pipelines.domain.sending_policy import BackOffThresholds, Hours, SendingPolicy
from outreach_pipelines.domain.tenant import TenantSlug

EXAMPLES = Path(__file__).parents[2] / "examples"
ACME = TenantSlug("acme")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("inventory/acme", "inventory/nordwind", "templates/acme", "templates/nordwind"):
        shutil.copytree(EXAMPLES / folder, tmp_path / folder)
    return tmp_path


def load(root: Path, tenant: str = "acme") -> SoundInventory | FaultyInventory:
    return InventoryFiles(LocalObjectStore(root), read_table).load(TenantSlug(tenant))


def sound(root: Path, tenant: str = "acme") -> SoundInventory:
    loaded = load(root, tenant)
    assert isinstance(loaded, SoundInventory), loaded.faults
    return loaded


def faults(root: Path) -> tuple[InventoryFault, ...]:
    loaded = load(root)
    assert isinstance(loaded, FaultyInventory)
    return loaded.faults


def change(root: Path, file: str, old: str, new: str) -> int:
    """Replace and tell the line on which `old` stood."""
    path = root / "inventory/acme" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return text[: text.index(old)].count("\n") + 1


def test_a_sound_inventory_becomes_values_of_the_domain(root: Path) -> None:
    inventory = sound(root).inventory

    ses = inventory.accounts[0]
    assert isinstance(ses.account.connection, SesConnection)
    assert (ses.share, ses.configuration_set) == (Decimal("0.6"), "acme")
    assert ses.account.connection.endpoint == FromEnvironment("OUTREACH_LAB_SES_URL")
    assert ses.account.connection.access_key_id == SecretRef(SecretScheme.ENVIRONMENT, "OUTREACH_LAB_SES_ACCESS_KEY_ID")
    assert inventory.policy.quiet_hours == Hours(time(20), time(8))
    assert {pool.name: len(pool.domains) for pool in inventory.pools} == {"customers": 3, "webinar": 2}


def test_hosts_and_ports_may_be_fixed_or_set_by_the_machine(root: Path) -> None:
    path = root / "inventory/nordwind/tenant.yaml"
    path.write_text(path.read_text().replace("env:OUTREACH_LAB_SMTP_HOST", "relay.nordwind.example", 1))

    connection = sound(root, "nordwind").inventory.accounts[1].account.connection

    assert isinstance(connection, SmtpConnection)
    assert connection.host == Fixed("relay.nordwind.example")
    assert connection.port == FromEnvironment("OUTREACH_LAB_SMTP_PORT")


def test_what_a_policy_leaves_out_has_the_default_and_null_is_unlimited(root: Path) -> None:
    change(root, "tenant.yaml", "daily_cap: 600 ", "daily_cap: null ")
    change(root, "tenant.yaml", "quiet_hours: 20:00-08:00", "quiet_hours: null")

    policy = sound(root).inventory.policy

    assert (policy.daily_cap, policy.quiet_hours) == (None, None)
    assert policy.company_daily_cap == SendingPolicy().company_daily_cap
    assert policy.thresholds == BackOffThresholds()


def test_zero_is_none_and_not_unlimited(root: Path) -> None:
    change(root, "tenant.yaml", "daily_cap: 600 ", "daily_cap: 0 ")

    assert sound(root).inventory.policy.daily_cap == 0


def test_norway_is_a_country_and_half_past_eight_a_time(root: Path) -> None:
    change(root, "tenant.yaml", "holiday_countries: [US]", "holiday_countries: [NO]")
    change(root, "tenant.yaml", "quiet_hours: 20:00-08:00", "quiet_hours: 20:30-08:30")

    policy = sound(root).inventory.policy

    assert policy.holiday_countries == ("NO",)
    assert policy.quiet_hours == Hours(time(20, 30), time(8, 30))


@pytest.mark.parametrize(
    ("file", "old", "new", "field"),
    [
        ("tenant.yaml", "slug: acme", "slug: other", "slug"),
        ("tenant.yaml", "zone: America/New_York", "zone: New York", "zone"),
        ("tenant.yaml", "country: US", "country: USA", "country"),
        ("tenant.yaml", "  website: https://acme.example/", "  website: javascript:alert(1)", "sender.website"),
        ("tenant.yaml", "  contact: hello@acme.example", "  contact: hello", "sender.contact"),
        ("tenant.yaml", "unsubscribe_host: links.acme.example", "unsubscribe_host: 192.0.2.1", "unsubscribe_host"),
        ("tenant.yaml", "  daily_cap: 600 ", "  daily_cap: -1 ", "policy.daily_cap"),
        ("tenant.yaml", "  daily_cap: 600 ", "  dayly_cap: 600 ", "policy.dayly_cap"),
        ("tenant.yaml", "quiet_hours: 20:00-08:00", "quiet_hours: late", "policy.quiet_hours"),
        ("tenant.yaml", "quiet_hours: 20:00-08:00", "quiet_hours: 20:00-25:00", "policy.quiet_hours"),
        ("tenant.yaml", "[sat, sun]", "[sat, holiday]", "policy.weekend.1"),
        ("tenant.yaml", "    region: eu-central-1", "    region: here", "accounts.0.region"),
        ("tenant.yaml", "    share: 0.6", "    share: 60", "accounts.0.share"),
        ("tenant.yaml", "    kind: ses", "    kind: pigeon", "accounts.0"),
        ("tenant.yaml", "allowed_basis: [consent, contract]", "allowed_basis: [any]", "accounts.0.allowed_basis.0"),
        ("tenant.yaml", 'receives: ["*@acme-news.example"]', "receives: []", "inboxes.0.receives"),
        ("tenant.yaml", "port: env:OUTREACH_LAB_IMAP_PORT", "port: 70000", "inboxes.0.port"),
        ("tenant.yaml", "host: env:OUTREACH_LAB_IMAP_HOST", "host: env:lower", "inboxes.0.host"),
        ("tenant.yaml", "stop: 0.05", "stop: 0.5", "policy.thresholds"),
        ("tenant.yaml", "warn: 0.02", "warn: 0.04", "policy.thresholds.hard_bounces"),
        ("domains.csv", "acme-news.example,webinar", "acme news,webinar", "domain"),
        ("domains.csv", "go.acme-tools.example", "https://go", "tracking_host"),
        ("mailboxes.csv", "dana.reed@acme-tools.example,Dana Reed", "dana,Dana Reed", "address"),
        (
            "mailboxes.csv",
            "luis.ortega@acme-desk.example,Luis Ortega",
            "luis.ortega@acme-desk.example,",
            "display_name",
        ),
        ("mailboxes.csv", "40,120,300", "forty,120,300", "daily_cap"),
        ("mailboxes.csv", "08:00-18:00,ramping", "08:00-18:00,new", "state"),
        ("suppressions.csv", "hard_bounce", "dislikes us", "kind"),
        ("suppressions.csv", "2026-06-30", "yesterday", "since"),
        ("campaigns/trial-tips.yaml", "state: active", "state: running", "state"),
        ("campaigns/trial-tips.yaml", "hours: 10:00-16:00", "hours: 10:00-10:00", "window.hours"),
        ("campaigns/trial-tips.yaml", "text: trial-2.txt", "text: nowhere.txt", "steps.1.variants.0.text"),
        ("campaigns/trial-tips.yaml", "text: trial-2.txt", "text: ../nordwind/fair-1.txt", "steps.1.variants.0.text"),
        ("campaigns/trial-tips.yaml", 'subject: "Your trial', 'subject: "{{ Your trial', "steps.1.variants.0.subject"),
        ("campaigns/trial-tips.yaml", "pool: customers", "pool: nobody", "pool"),
    ],
)
def test_a_fault_is_told_with_file_line_and_field(root: Path, file: str, old: str, new: str, field: str) -> None:
    line = change(root, file, old, new)

    found = faults(root)

    assert (f"inventory/acme/{file}", field) in {(fault.file, fault.field) for fault in found}
    told = next(fault for fault in found if fault.field == field)
    assert told.line is not None
    # A missing or misnamed field is told on the line of what should hold it, at most a few lines above.
    assert told.line == line or (file.endswith(".yaml") and line - 3 <= told.line < line)
    assert told.sentence.endswith(".")


def test_a_field_no_lead_must_have_is_told_where_a_text_reads_it(root: Path) -> None:
    change(root, "campaigns/trial-tips.yaml", "[first_name, trial_ends]", "[first_name]")
    text = (root / "inventory/acme/campaigns/trial-tips.yaml").read_text()

    told = faults(root)[0]

    assert told.line == text[: text.index("subject:")].count("\n") + 1
    assert "trial_ends" in told.sentence


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ("", 1, "empty"),
        ("a: [", 1, "no YAML"),
        ("slug: acme\nname: x\nslug: kiwi\n", 3, "second time"),
        ("slug: &a acme\nname: *a\n", 1, "aliases"),
        ("a: &a [x]\nb: [*a, *a]\n", 1, "aliases"),
        ("[" * 200_000, 1, "nested deeper"),
        ("- " * 30 + "x", 1, "nested deeper"),
        ("? [x]\n: y\n", 1, "plain word"),
        ("x: " + "y" * (1 << 20), 1, "octets"),
        ("--- a\n--- b\n", 2, "no YAML"),
    ],
)
def test_what_is_no_plain_yaml_is_told_with_its_line(root: Path, text: str, line: int, sentence: str) -> None:
    (root / "inventory/acme/tenant.yaml").write_text(text)

    told = faults(root)[0]

    assert told.file == "inventory/acme/tenant.yaml"
    assert sentence in told.sentence
    assert told.line is not None
    assert told.line >= line


def test_a_yaml_file_in_another_encoding_is_told_with_its_line(root: Path) -> None:
    (root / "inventory/acme/tenant.yaml").write_bytes(b"slug: acme\nname: Caf\xe9\n")

    assert [(fault.line, fault.sentence) for fault in faults(root)] == [(2, "This line is not UTF-8.")]


def test_every_fault_of_every_file_is_told_at_once(root: Path) -> None:
    change(root, "tenant.yaml", "country: US", "country: USA")
    change(root, "tenant.yaml", "  daily_cap: 600 ", "  daily_cap: -1 ")
    change(root, "domains.csv", "acme-news.example,webinar", "acme news,webinar")
    change(root, "mailboxes.csv", "08:00-18:00,ramping", "08:00-18:00,new")
    change(root, "campaigns/trial-tips.yaml", "state: active", "state: running")
    change(root, "campaigns/webinar-follow-up.yaml", "priority: 10", "priority: first")

    assert {(fault.file.removeprefix("inventory/acme/"), fault.field) for fault in faults(root)} == {
        ("tenant.yaml", "country"),
        ("tenant.yaml", "policy.daily_cap"),
        ("domains.csv", "domain"),
        ("mailboxes.csv", "state"),
        ("campaigns/trial-tips.yaml", "state"),
        ("campaigns/webinar-follow-up.yaml", "priority"),
    }


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("password: env:OUTREACH_LAB_IMAP_PASSWORD", "inboxes.0.password"),
        ("secret_access_key: env:OUTREACH_LAB_SES_SECRET_ACCESS_KEY", "accounts.0.secret_access_key"),
    ],
)
def test_a_secret_written_down_is_refused_and_not_repeated(root: Path, key: str, field: str) -> None:
    change(root, "tenant.yaml", key, f"{key.partition(':')[0]}: hunter2-canary")

    found = faults(root)

    assert field in {fault.field for fault in found}
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize("file", ["tenant.yaml", "domains.csv", "mailboxes.csv"])
def test_a_missing_file_is_told(root: Path, file: str) -> None:
    (root / "inventory/acme" / file).unlink()

    assert (f"inventory/acme/{file}", None) in {(fault.file, fault.line) for fault in faults(root)}


def test_a_tenant_needs_no_list_of_suppressions(root: Path) -> None:
    (root / "inventory/acme/suppressions.csv").unlink()

    assert sound(root).inventory.suppressions == ()


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("display_name", "nickname", "nickname"),
        ("display_name", "nickname", "display_name"),
        ("inbox\n", "inbox,inbox\n", "inbox"),
    ],
)
def test_unknown_missing_and_doubled_columns_are_told_once(root: Path, old: str, new: str, field: str) -> None:
    change(root, "mailboxes.csv", old, new)

    assert [fault.line for fault in faults(root) if fault.field == field] == [1]


def test_the_order_and_case_of_columns_do_not_matter(root: Path) -> None:
    (root / "inventory/acme/suppressions.csv").write_text("Since;SOURCE;Subject\n2026-01-02;letter;@firma.example\n")

    listed = sound(root).inventory.suppressions

    assert [(entry.subject, entry.kind) for entry in listed] == [("firma.example", "imported")]


def test_tenants_are_the_folders(root: Path) -> None:
    assert InventoryFiles(LocalObjectStore(root), read_table).tenants() == ["acme", "nordwind"]


def test_an_unreachable_store_is_no_empty_inventory(tmp_path: Path) -> None:
    files = InventoryFiles(LocalObjectStore(tmp_path / "gone"), read_table)

    with pytest.raises(ObjectStoreUnreachable):
        files.tenants()
    with pytest.raises(ObjectStoreUnreachable):
        files.load(ACME)

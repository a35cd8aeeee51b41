"""Accounts at Mailgun and Postmark in `tenant.yaml`."""

import shutil
from pathlib import Path

import pytest

from outreach_pipelines.adapters.csv_file import read_table
from outreach_pipelines.adapters.inventory_files.loader import InventoryFiles
from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.application.import_inventory import FaultyInventory, SoundInventory
from outreach_pipelines.domain.provider_account import MailgunConnection, PostmarkConnection
from outreach_pipelines.domain.reference import Fixed, FromEnvironment, SecretRef, SecretScheme
from outreach_pipelines.domain.tenant import TenantSlug

EXAMPLES = Path(__file__).parents[2] / "examples"
KEY = SecretRef(SecretScheme.ENVIRONMENT, "KEY")


def load(root: Path, account: str) -> SoundInventory | FaultyInventory:
    """Acme's inventory with one account more, before all others."""
    for folder in ("inventory/acme", "templates/acme"):
        shutil.copytree(EXAMPLES / folder, root / folder)
    path = root / "inventory/acme/tenant.yaml"
    path.write_text(path.read_text().replace("accounts:\n", f"accounts:\n  - {{name: more, {account}}}\n", 1))
    return InventoryFiles(LocalObjectStore(root), read_table).load(TenantSlug("acme"))


@pytest.mark.parametrize(
    ("account", "connection"),
    [
        ("kind: mailgun, region: eu, api_key: env:KEY", MailgunConnection("eu", KEY)),
        (
            "kind: mailgun, region: us, api_key: env:KEY, base_url: env:LAB_URL, require_tls: true",
            MailgunConnection("us", KEY, FromEnvironment("LAB_URL"), require_tls=True),
        ),
        (
            "kind: postmark, server_token: env:KEY, account_token: env:KEY",
            PostmarkConnection(KEY, "broadcast", account_token=KEY),
        ),
        ("kind: postmark, server_token: env:KEY", PostmarkConnection(KEY, "broadcast")),
        (
            "kind: postmark, server_token: env:KEY, stream: news, base_url: 'http://127.0.0.1:8025'",
            PostmarkConnection(KEY, "news", Fixed("http://127.0.0.1:8025")),
        ),
    ],
)
def test_an_account_is_read_with_where_it_answers(
    tmp_path: Path, account: str, connection: MailgunConnection | PostmarkConnection
) -> None:
    loaded = load(tmp_path, account)

    assert isinstance(loaded, SoundInventory), loaded.faults
    assert loaded.inventory.accounts[0].account.connection == connection


@pytest.mark.parametrize(
    ("account", "field"),
    [
        ("kind: mailgun, region: asia, api_key: env:KEY", "region"),
        ("kind: mailgun, region: eu, api_key: hunter2", "api_key"),
        ("kind: mailgun, region: eu, api_key: env:KEY, base_url: 'http://api.mailgun.example'", "base_url"),
        ("kind: mailgun, region: eu, api_key: env:KEY, base_url: 'https://api.mailgun.example/v3'", "base_url"),
        ("kind: postmark, server_token: env:KEY, stream: 'Two words'", "stream"),
        ("kind: postmark, server_token: env:KEY, base_url: api.postmark.example", "base_url"),
    ],
)
def test_a_fault_of_such_an_account_is_told_with_its_field_and_never_with_what_was_written(
    tmp_path: Path, account: str, field: str
) -> None:
    loaded = load(tmp_path, account)

    assert isinstance(loaded, FaultyInventory)
    (fault,) = loaded.faults
    assert fault.field == f"accounts.0.{field}"
    assert "hunter2" not in str(fault)

"""A lab's configuration from an inventory: the lab itself reads it."""

import json
import shutil
from pathlib import Path

import pytest

from outreach_pipelines.adapters.csv_file import read_table
from outreach_pipelines.adapters.inventory_files.loader import InventoryFiles
from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.application.import_inventory import SoundInventory
from outreach_pipelines.domain.inventory import TenantInventory
from outreach_pipelines.domain.tenant import TenantSlug
from outreach_pipelines.errors import FilesFault
from outreach_pipelines.lab.config import LabConfig, parse_config
from outreach_pipelines.local_stack.event_feed import ConfigurationSetName
from outreach_pipelines.local_stack.lab_of_inventory import MAILGUN_KEY, POSTMARK_TOKEN, lab_config

EXAMPLES = Path(__file__).parents[2] / "examples"
MAILGUN = "{name: mailgun-%s, kind: mailgun, region: eu, api_key: env:KEY}"
POSTMARK = "{name: postmark-%s, kind: postmark, server_token: env:KEY, stream: news}"
DOMAINS = {"acme-desk.example", "acme-news.example", "acme-tools.example"}


def acme(root: Path, *accounts: str) -> TenantInventory:
    """Acme's inventory with these accounts more."""
    for folder in ("inventory/acme", "templates/acme"):
        shutil.copytree(EXAMPLES / folder, root / folder)
    path = root / "inventory/acme/tenant.yaml"
    more = "".join(f"  - {account}\n" for account in accounts)
    path.write_text(path.read_text().replace("accounts:\n", f"accounts:\n{more}", 1))
    loaded = InventoryFiles(LocalObjectStore(root), read_table).load(TenantSlug("acme"))
    assert isinstance(loaded, SoundInventory), loaded.faults
    return loaded.inventory


def read_by_the_lab(inventory: TenantInventory) -> LabConfig:
    topics = {ConfigurationSetName("acme"): "arn:aws:sns:eu-central-1:000000000000:events"}
    of_the_stack = {
        "data_dir": "data",
        "zones_dir": "zones",
        "aws": {"endpoint_url": "http://127.0.0.1:1", "region": "r", "access_key_id": "k", "secret_access_key": "s"},
    }
    config = lab_config([inventory], topics, web_url="http://127.0.0.1:2")
    return parse_config(json.dumps({**config, **of_the_stack}).encode())


def test_the_lab_plays_each_account_of_the_inventory(tmp_path: Path) -> None:
    config = read_by_the_lab(acme(tmp_path, MAILGUN % "a", POSTMARK % "a"))

    (mailgun,), (postmark,) = config.mailgun_accounts, config.postmark_accounts
    assert (mailgun.name, mailgun.api_key) == ("mailgun-a", MAILGUN_KEY)
    assert (postmark.name, postmark.server_token, postmark.streams) == ("postmark-a", POSTMARK_TOKEN, ("news",))
    assert set(mailgun.domains) >= DOMAINS
    assert set(postmark.identities) == set(config.ses.identities) == set(mailgun.domains)
    assert config.web_hosts == {"links.acme.example": "http://127.0.0.1:2"}


def test_without_such_accounts_the_lab_plays_none(tmp_path: Path) -> None:
    config = read_by_the_lab(acme(tmp_path))

    assert (config.mailgun_accounts, config.postmark_accounts) == ((), ())


@pytest.mark.parametrize("account", [MAILGUN, POSTMARK])
def test_two_accounts_at_one_of_these_providers_are_refused_by_name(tmp_path: Path, account: str) -> None:
    inventory = acme(tmp_path, account % "a", account % "b")

    with pytest.raises(FilesFault, match=r"one account at (Mailgun|Postmark).*-a, .*-b"):
        read_by_the_lab(inventory)

"""This system on a local stack: database, keys, settings, and a lab that plays the world of the inventory's files.

Belongs here: what joins the parts of the stack to our settings. Does not: starting them (`stack`), or what the CLI says.
"""

import base64
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine, text

from outreach_pipelines.adapters.csv_file import read_table
from outreach_pipelines.adapters.inventory_files.loader import InventoryFiles
from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.adapters.postgres.bootstrap import DatabaseUrls, Role, bootstrap
from outreach_pipelines.adapters.postgres.migrate import migrate
from outreach_pipelines.application.import_inventory import FaultyInventory
from outreach_pipelines.domain.inventory import TenantInventory
from outreach_pipelines.errors import FilesFault
from outreach_pipelines.local_stack.event_feed import ConfigurationSetName
from outreach_pipelines.local_stack.lab import JsonValue
from outreach_pipelines.local_stack.lab_of_inventory import (
    IMAP_PASSWORD,
    MAILGUN_KEY,
    POSTMARK_TOKEN,
    SES_KEY,
    SMTP_PASSWORD,
    lab_config,
)
from outreach_pipelines.local_stack.postgres import ServerAddress
from outreach_pipelines.local_stack.stack import Part, StackAddresses, StackConfig, StackPorts, Wiring

KEYS_FILE = "keys.json"
SETTINGS_FILE = Path("run/outreach.env")
EXAMPLES = ("inventory", "templates", "uploads")


@dataclass(frozen=True, slots=True)
class Folders:
    """Where a local system keeps what: `base` for data, `checkout` for code and examples."""

    base: Path
    checkout: Path

    @property
    def files(self) -> Path:
        """The object store's folder."""
        return self.base / "files"

    @property
    def settings(self) -> Path:
        """What other commands read to reach the running stack."""
        return self.base / SETTINGS_FILE


class LocalSystem:
    """Configuration and wiring of one local system; its URLs are known once the database is prepared."""

    def __init__(self, folders: Folders, *, stepped: bool, partitions_start: str | None = None) -> None:
        self.folders = folders
        self._stepped = stepped
        self._partitions_start = partitions_start
        self._keys = _keys(folders.base / KEYS_FILE)
        self._urls: DatabaseUrls | None = None

    def config(self, ports: StackPorts, parts: frozenset[Part]) -> StackConfig:
        """What the stack shall start; copies the examples into an empty store first."""
        _copy_examples(self.folders)
        sets = {
            ConfigurationSetName(a.configuration_set)
            for each in self.inventories()
            for a in each.accounts
            if a.configuration_set
        }
        zones = self.folders.checkout / "examples" / "zones"
        return StackConfig(self.folders.base, self.folders.checkout, zones, ports, tuple(sorted(sets)), parts)

    def wiring(self) -> Wiring:
        """What the stack asks back while it starts."""
        return Wiring(self._prepare_database, self._lab_config, self.environment, self._forget_environment)

    def inventories(self) -> list[TenantInventory]:
        """The tenants' inventories. Raises `FilesFault` that names every fault."""
        return inventories_below(self.folders.files)

    def environment(self, addresses: StackAddresses) -> Mapping[str, str]:
        """All settings of this system's processes; also written to a file of this user's own."""
        urls = self._database_urls()
        values = {
            "OUTREACH_DATABASE_URL": urls[Role.APP],
            "OUTREACH_OPS_URL": urls[Role.OPS],
            "OUTREACH_INGEST_URL": urls[Role.INGEST],
            "OUTREACH_WEB_URL": urls[Role.WEB],
            "OUTREACH_DAGSTER_URL": urls[Role.DAGSTER],
            "OUTREACH_DAGSTER_DIR": str((self.folders.base / "dagster").absolute()),
            "DAGSTER_HOME": str(self.folders.checkout.absolute()),
            # Dagster's 60 s run out where a backfill plans hundreds of partitions on busy cores, and its runs are dropped.
            "DAGSTER_GRPC_TIMEOUT_SECONDS": "300",
            "OUTREACH_FILES": str(self.folders.files.absolute()),
            "OUTREACH_AWS_ENDPOINT_URL": addresses.aws.endpoint_url,
            "OUTREACH_AWS_REGION": addresses.aws.region,
            "AWS_ACCESS_KEY_ID": addresses.aws.access_key_id,
            "AWS_SECRET_ACCESS_KEY": addresses.aws.secret_access_key,
            "OUTREACH_EVENT_QUEUE_URL": addresses.events.queue_url,
            "OUTREACH_EVIDENCE_HORIZON_SECONDS": "20" if self._stepped else "3600",
            "OUTREACH_SENDING": "lab",
            **({"OUTREACH_PARTITIONS_START": self._partitions_start} if self._partitions_start else {}),
            **self._keys,
            **self._lab_environment(addresses),
        }
        Path(values["OUTREACH_DAGSTER_DIR"]).mkdir(parents=True, exist_ok=True)
        _write_private(self.folders.settings, "".join(f"{name}={value}\n" for name, value in values.items()))
        return values

    def _forget_environment(self) -> None:
        # Left behind, it would send every other command to servers that are gone.
        self.folders.settings.unlink(missing_ok=True)

    def _prepare_database(self, address: ServerAddress) -> None:
        self._urls = bootstrap(address.url())
        migrate(self._urls[Role.MIGRATE])
        engine = create_engine(self._urls[Role.OPS])
        with engine.begin() as connection:
            # Starting a local stack is the confirmation that the clock guard asks of a person in production.
            connection.execute(text("update app.environment set heartbeat_at = clock_timestamp()"))
            if not self._stepped:
                connection.execute(text("delete from app.clock"))
        engine.dispose()

    def _database_urls(self) -> DatabaseUrls:
        if self._urls is None:
            message = "the database is prepared before settings are asked for"
            raise RuntimeError(message)
        return self._urls

    def _lab_environment(self, addresses: StackAddresses) -> Mapping[str, str]:
        lab = addresses.lab
        if lab is None:
            return {}
        return {
            "OUTREACH_NAMESERVER": f"127.0.0.1:{lab.dns}",
            "OUTREACH_LAB_CONTROL_URL": f"http://127.0.0.1:{lab.control}",
            "OUTREACH_LAB_SES_URL": f"http://127.0.0.1:{lab.ses}",
            "OUTREACH_LAB_SES_ACCESS_KEY_ID": SES_KEY,
            "OUTREACH_LAB_SES_SECRET_ACCESS_KEY": "lab-secret-access-key",
            "OUTREACH_LAB_SMTP_HOST": "127.0.0.1",
            "OUTREACH_LAB_SMTP_PORT": str(lab.smtp),
            "OUTREACH_LAB_SMTP_PASSWORD": SMTP_PASSWORD,
            "OUTREACH_LAB_MAILGUN_URL": f"http://127.0.0.1:{lab.mailgun}",
            "OUTREACH_LAB_MAILGUN_KEY": MAILGUN_KEY,
            "OUTREACH_LAB_POSTMARK_URL": f"http://127.0.0.1:{lab.postmark}",
            "OUTREACH_LAB_POSTMARK_TOKEN": POSTMARK_TOKEN,
            "OUTREACH_LAB_IMAP_HOST": "127.0.0.1",
            "OUTREACH_LAB_IMAP_PORT": str(lab.imap),
            "OUTREACH_LAB_IMAP_PASSWORD": IMAP_PASSWORD,
        }

    def _lab_config(self, addresses: StackAddresses) -> Mapping[str, JsonValue]:
        return lab_config(self.inventories(), addresses.events.configuration_sets, web_url=addresses.web_url or "")


def inventories_below(files: Path) -> list[TenantInventory]:
    """The inventories of an object store's folder. Raises `FilesFault` that names every fault."""
    source = InventoryFiles(LocalObjectStore(files), read_table)
    loaded = [source.load(slug) for slug in source.tenants()]
    faults = [str(fault) for each in loaded if isinstance(each, FaultyInventory) for fault in each.faults]
    if faults:
        raise FilesFault("\n".join(["The inventory's files have faults:", *faults]))
    return [each.inventory for each in loaded if not isinstance(each, FaultyInventory)]


def _copy_examples(folders: Folders) -> None:
    for name in EXAMPLES:
        if not (folders.files / name).exists():
            shutil.copytree(folders.checkout / "examples" / name, folders.files / name)


def _keys(path: Path) -> Mapping[str, str]:
    """The installation's keys: made once and kept, since links and suppressions must outlive any start."""
    if not path.exists():
        made = {
            name: base64.b64encode(secrets.token_bytes(32)).decode()
            for name in ("OUTREACH_TAG_KEY", "OUTREACH_ADDRESS_KEY")
        }
        made["OUTREACH_TOKEN_KEYS"] = "1:" + base64.b64encode(secrets.token_bytes(64)).decode()
        _write_private(path, json.dumps(made))
    found: Mapping[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _write_private(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(content)

"""Files that a campaign's steps name: read beside the templates, or told with file, line and field."""

import hashlib
import shutil
from pathlib import Path

import pytest

from outreach_pipelines.adapters.csv_file import read_table
from outreach_pipelines.adapters.inventory_files import InventoryFiles
from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.application.import_inventory import FaultyInventory, SoundInventory
from outreach_pipelines.domain.tenant import TenantSlug

EXAMPLES = Path(__file__).parents[2] / "examples"
PDF = b"%PDF-1.7 a brochure"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("inventory/acme", "templates/acme"):
        shutil.copytree(EXAMPLES / folder, tmp_path / folder)
    return tmp_path


def load(root: Path, *named: str) -> SoundInventory | FaultyInventory:
    """With these files named in the first step of the first campaign."""
    campaign = next((root / "inventory/acme/campaigns").glob("*.yaml"))
    text = campaign.read_text()
    names = ", ".join(named)
    campaign.write_text(
        text.replace("delay_business_days: 0\n", f"delay_business_days: 0\n    attachments: [{names}]\n", 1)
    )
    return InventoryFiles(LocalObjectStore(root), read_table).load(TenantSlug("acme"))


def test_a_file_beside_the_templates_goes_with_its_step(root: Path) -> None:
    (root / "templates/acme/files").mkdir()
    (root / "templates/acme/files/brochure.pdf").write_bytes(PDF)

    loaded = load(root, "files/brochure.pdf")

    assert isinstance(loaded, SoundInventory), loaded.faults
    (file,) = next(
        step.attachments for campaign in loaded.inventory.campaigns for step in campaign.steps if step.attachments
    )
    assert (file.name, file.body, file.sha256) == ("brochure.pdf", PDF, hashlib.sha256(PDF).hexdigest())


@pytest.mark.parametrize(
    ("named", "stored", "sentence"),
    [
        (("gone.pdf",), {}, "There is no file gone.pdf."),
        (("run.exe",), {"run.exe": b"MZ"}, "It cannot be attached"),
        (("a.pdf",), {"a.pdf": b"MZ"}, "does not hold what its ending says"),
        (("a.txt", "b/a.txt"), {"a.txt": b"x", "b/a.txt": b"y"}, "There are two files named a.txt."),
    ],
)
def test_a_file_that_cannot_go_is_told_at_its_place(
    root: Path, named: tuple[str, ...], stored: dict[str, bytes], sentence: str
) -> None:
    for name, body in stored.items():
        path = root / "templates/acme" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(body)

    loaded = load(root, *named)

    assert isinstance(loaded, FaultyInventory)
    (fault,) = loaded.faults
    assert fault.field == f"steps.0.attachments.{len(named) - 1}"
    assert sentence in fault.sentence
    assert fault.line is not None

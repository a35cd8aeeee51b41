"""Files of operators and of the system.

Every run loads this module, and few read files of operators: what parses these is imported when asked for.
"""

from functools import cache
from typing import TYPE_CHECKING

from outreach_pipelines.adapters.object_store import object_store_at
from outreach_pipelines.application.stored_objects import ObjectStore
from outreach_pipelines.settings import load_settings

if TYPE_CHECKING:
    from outreach_pipelines.adapters.csv_file import CsvLeadFiles
    from outreach_pipelines.adapters.inventory_files.loader import InventoryFiles


@cache
def object_store() -> ObjectStore:
    """Inventories, uploads, templates, plans, received mail."""
    settings = load_settings()
    return object_store_at(settings.files, endpoint_url=settings.aws_endpoint_url, region=settings.aws_region)


def inventory_files() -> "InventoryFiles":
    """The inventories below inventory/."""
    from outreach_pipelines.adapters.csv_file import read_table
    from outreach_pipelines.adapters.inventory_files.loader import InventoryFiles

    return InventoryFiles(object_store(), read_table)


def lead_files() -> "CsvLeadFiles":
    """The lead files below uploads/."""
    from outreach_pipelines.adapters.csv_file import CsvLeadFiles

    return CsvLeadFiles(object_store())

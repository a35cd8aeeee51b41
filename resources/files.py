"""Files of operators and of the system."""

from functools import cache

from outreach_pipelines.adapters.csv_file import CsvLeadFiles, read_table
from outreach_pipelines.adapters.inventory_files.loader import InventoryFiles
from outreach_pipelines.adapters.object_store import object_store_at
from outreach_pipelines.application.stored_objects import ObjectStore
from outreach_pipelines.settings import load_settings


@cache
def object_store() -> ObjectStore:
    """Inventories, uploads, templates, plans, received mail."""
    settings = load_settings()
    return object_store_at(settings.files, endpoint_url=settings.aws_endpoint_url, region=settings.aws_region)


def inventory_files() -> InventoryFiles:
    """The inventories below inventory/."""
    return InventoryFiles(object_store(), read_table)


def lead_files() -> CsvLeadFiles:
    """The lead files below uploads/."""
    return CsvLeadFiles(object_store())

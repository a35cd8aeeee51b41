"""The inventory as people write it: YAML and CSV below `inventory/TENANT/`, texts below `templates/TENANT/`.

Every fault is told with file, line and field, all at once. Whether the parts fit together is the domain's to say.
"""

from outreach_pipelines.adapters.inventory_files.loader import InventoryFiles

__all__ = ["InventoryFiles"]

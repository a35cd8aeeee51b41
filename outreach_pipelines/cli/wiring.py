"""What commands need of the system: made by the resources, as Dagster gets it."""

from outreach_pipelines.application.tenants import TenantRow
from outreach_pipelines.domain.tenant import TenantSlug
from outreach_pipelines.errors import NotFound
from resources import database


def tenant_rows(slug: str | None) -> list[TenantRow]:
    """One tenant by its name, or all of them. Raises `NotFound`."""
    rows = [row for row in database.tenants().all() if slug is None or row.ref.slug == TenantSlug(slug)]
    if not rows:
        message = "there is no tenant yet: outreach inventory load" if slug is None else f"no tenant is called {slug!r}"
        raise NotFound(message)
    return rows

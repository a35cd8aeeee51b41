"""What commands need of the system: made by the resources, as Dagster gets it."""

from outreach_pipelines.application.tenants import TenantRow
from outreach_pipelines.domain.tenant import TenantSlug
from outreach_pipelines.errors import NotFound
from resources import database


def tenant_rows(slug: str | None) -> list[TenantRow]:
    """One tenant by its name, or all of them. Raises `NotFound`."""
    known = database.tenants().all()
    rows = [row for row in known if slug is None or row.ref.slug == TenantSlug(slug)]
    if not known:
        message = "there is no tenant yet: outreach inventory load"
        raise NotFound(message)
    if not rows:
        message = f"no tenant is called {slug!r}; there are {', '.join(row.ref.slug for row in known)}"
        raise NotFound(message)
    return rows

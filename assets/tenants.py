"""A partition's tenant. Which partitions there are is `partitions`'."""

import dagster as dg

from outreach_pipelines.application.tenants import TenantDirectory
from outreach_pipelines.domain.tenant import TenantId, TenantSlug
from outreach_pipelines.errors import NotFound


def tenant_of(tenants: TenantDirectory, slug: TenantSlug) -> TenantId:
    """The tenant's number. A partition without a tenant fails its run in one sentence, without a trace."""
    try:
        return tenants.of(slug)
    except NotFound:
        message = (
            f"no inventory of a tenant {slug!r} was ever applied: outreach inventory check, then load tenant_inventory"
        )
        raise dg.Failure(message, allow_retries=False) from None

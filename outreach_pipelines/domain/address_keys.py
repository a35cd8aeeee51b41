"""The keys under which persons are hashed, derived from the installation's one.

Belongs here: which key is whose. Does not: hashing (`address`), nor where the installation's key is kept.
"""

import hmac

from outreach_pipelines.domain.tenant import TenantSlug


def tenant_address_key(installation_key: bytes, tenant: TenantSlug) -> bytes:
    """The key of one tenant's leads and suppressions: two tenants' hashes of one person have nothing in common.

    It follows from the slug, which stays the same in another database, and not from the tenant's number there.
    """
    return _derived(installation_key, f"tenant:{tenant}")


def global_address_key(installation_key: bytes) -> bytes:
    """The key of the suppressions that hold for all tenants."""
    return _derived(installation_key, "global")


def _derived(key: bytes, purpose: str) -> bytes:
    # HMAC as a key derivation function in counter mode with one block (NIST SP 800-108r1 section 4.1).
    return hmac.new(key, purpose.encode(), "sha256").digest()

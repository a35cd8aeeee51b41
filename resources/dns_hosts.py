"""Where zones are hosted, by a reference to the key; and where changes of them are written down."""

from typing import TYPE_CHECKING

from outreach_pipelines.domain.reference import parse_secret_ref
from outreach_pipelines.errors import SettingsFault
from outreach_pipelines.settings import load_settings
from resources.accounts import secret_source
from resources.database import app_engine

if TYPE_CHECKING:
    from outreach_pipelines.adapters.cloudflare import CloudflareZones
    from outreach_pipelines.adapters.postgres.dns_change_log import PostgresDnsChangeLog


def cloudflare(token: str, url: str) -> "CloudflareZones":
    """The zones that a token reaches. Raises `SettingsFault` for what is no reference, and for one that leads nowhere."""
    from outreach_pipelines.adapters.cloudflare import CloudflareZones, cloudflare_access

    reference = parse_secret_ref(token)
    if reference is None:
        message = "--token is a reference to the token, such as env:CLOUDFLARE_API_TOKEN, and never the token itself"
        raise SettingsFault(message)
    return CloudflareZones(cloudflare_access(secret_source(load_settings()).resolve(reference), url))


def dns_change_log() -> "PostgresDnsChangeLog":
    """Each tenant's audit log."""
    from outreach_pipelines.adapters.postgres.dns_change_log import PostgresDnsChangeLog

    return PostgresDnsChangeLog(app_engine())

"""Who asks servers of recipients about addresses, from which host, and where the answers are kept. Off unless it was switched on."""

from typing import TYPE_CHECKING

from outreach_pipelines.errors import Refused
from outreach_pipelines.settings import SendingMode, load_settings
from resources.database import app_engine
from resources.fences import refuse_a_copy

if TYPE_CHECKING:
    from outreach_pipelines.adapters.postgres.recipient_probe_store import PostgresProbeStore
    from outreach_pipelines.adapters.rcpt_probe import RcptCaller


def rcpt_caller() -> "RcptCaller":
    """Raises `Refused` on a host that is not named for it, in a lab, and as `refuse_a_copy` does."""
    settings = load_settings()
    if settings.rcpt_probe_helo is None:
        message = "this host asks no server about addresses: OUTREACH_RCPT_PROBE_HELO is unset"
        raise Refused(message)
    if settings.sending is SendingMode.LAB:
        message = "OUTREACH_SENDING=lab reaches loopback only, and servers of recipients are elsewhere"
        raise Refused(message)
    refuse_a_copy()
    from outreach_pipelines.adapters.rcpt_probe import RcptCaller

    return RcptCaller(helo=settings.rcpt_probe_helo)


def probes() -> "PostgresProbeStore":
    """Who is to be asked about, and what was said."""
    from outreach_pipelines.adapters.postgres.recipient_probe_store import PostgresProbeStore

    return PostgresProbeStore(app_engine())

"""Clients of Amazon SES's API v2, for sending and for asking.

Belongs here: where SES is, with which keys, and how a question is bounded. Does not: any call (`ses`, `ses_account`, `ses_domains`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from boto3.session import Session
from botocore.config import Config

from outreach_pipelines.domain.secret import Secret

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

SesClients = Callable[[Config], "SESV2Client"]
"""Makes a client with this configuration: the caller's own, since a retry inside of the SDK could send twice."""

SECONDS_BETWEEN_QUESTIONS: Final = 1.0
"""SES answers most questions once a second at most (API v2 Reference, e.g. GetTenant)."""
CONNECT_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class SesAccess:
    """Where SES is. Without keys boto3's own chain finds them; `endpoint_url` is None for the region's public one."""

    region: str
    endpoint_url: str | None = None
    access_key_id: Secret | None = None
    secret_access_key: Secret | None = None


def ses_clients(access: SesAccess) -> SesClients:
    """Clients of one account, each with a session of its own (boto3's default session is not made for threads)."""

    def make(config: Config) -> "SESV2Client":
        return Session().client(
            "sesv2",
            region_name=access.region,
            endpoint_url=access.endpoint_url,
            aws_access_key_id=access.access_key_id.reveal() if access.access_key_id else None,
            aws_secret_access_key=access.secret_access_key.reveal() if access.secret_access_key else None,
            config=config,
        )

    return make


def asking(timeout: float) -> Config:
    """For questions, which change nothing: each is made once and waited for `timeout` seconds at most."""
    return Config(
        retries={"total_max_attempts": 1, "mode": "standard"}, connect_timeout=CONNECT_SECONDS, read_timeout=timeout
    )


def has_keys(access: SesAccess) -> bool:
    """Whether there are keys to ask with: the account's own, or those that boto3 finds on this machine."""
    return access.access_key_id is not None or Session().get_credentials() is not None

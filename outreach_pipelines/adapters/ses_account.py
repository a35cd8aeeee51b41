"""What Amazon SES tells of an account and of its tenants.

Belongs here: two calls, one a second at most. Does not: sending (`ses`), what follows from an answer (`domain.provider_standing`).

Source: Amazon SES API v2 Reference, GetAccount and GetTenant ("You can execute this operation no more than once per second").
"""

import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

from botocore.exceptions import ClientError

from outreach_pipelines.adapters.ses_client import SECONDS_BETWEEN_QUESTIONS, SesClients, asking
from outreach_pipelines.domain.provider_standing import AccountStanding, Enforcement, SendQuota, TenantStatus
from outreach_pipelines.errors import NotFound, Unreadable

T = TypeVar("T")

_UNLIMITED: Final = -1  # GetAccount, SendQuota: "you can send an unlimited amount of email"
_WORDS: Final = {"HEALTHY": Enforcement.HEALTHY, "PROBATION": Enforcement.PROBATION, "SHUTDOWN": Enforcement.SHUTDOWN}


class SesAccountControl:
    """`AccountControl` of one account and region. Safe for threads; a call may wait for its turn."""

    def __init__(
        self,
        clients: SesClients,
        *,
        timeout: float = 10.0,
        seconds_between: float = SECONDS_BETWEEN_QUESTIONS,
    ) -> None:
        self._client = clients(asking(timeout))
        self._turn = threading.Lock()
        self._seconds_between = seconds_between
        self._next_at = 0.0

    def standing(self) -> AccountStanding:
        """See `AccountControl.standing`."""
        answer = self._asked(self._client.get_account)
        try:
            quota = answer["SendQuota"]
            most, rate, sent = (float(quota[name]) for name in ("Max24HourSend", "MaxSendRate", "SentLast24Hours"))
            enabled, word = bool(answer["SendingEnabled"]), str(answer.get("EnforcementStatus", ""))
        except (KeyError, TypeError, ValueError) as fault:
            message = f"GetAccount was answered without {fault}"
            raise Unreadable(message) from None
        limit = None if most == _UNLIMITED else max(0, int(most))
        limits = SendQuota(limit, rate if rate > 0 else None, max(0, int(sent)))
        return AccountStanding(limits, enabled, _WORDS.get(word, Enforcement.UNKNOWN))

    def tenant_status(self, name: str) -> TenantStatus:
        """See `AccountControl.tenant_status`."""
        answer = self._asked(lambda: self._client.get_tenant(TenantName=name))
        try:
            return TenantStatus(str(answer["Tenant"]["SendingStatus"]).lower())
        except (KeyError, TypeError, ValueError):
            message = f"GetTenant told no sending status of {name}"
            raise Unreadable(message) from None

    def close(self) -> None:
        """End connections."""
        self._client.close()

    def _asked(self, call: Callable[[], T]) -> T:
        with self._turn:
            time.sleep(max(0.0, self._next_at - time.monotonic()))
            self._next_at = time.monotonic() + self._seconds_between
        try:
            return call()
        except ClientError as refused:
            name = str(refused.response.get("Error", {}).get("Code", ""))
            message = f"SES said {name or 'no'}"
            raise (NotFound if name == "NotFoundException" else Unreadable)(message) from None
        except Exception as broken:  # noqa: BLE001 - nothing was changed by asking: whatever broke, there is no answer
            message = f"SES did not answer: {type(broken).__name__}"
            raise Unreadable(message) from None

"""Sending through Amazon SES by its API v2 (SendEmail with a raw message).

Belongs here: the one call, and which of the four answers each of its ends is. Does not: what a refusal asks for
(`domain/provider_answers.toml`), SES's events (they come by queue).

Source: Amazon SES API v2 Reference, SendEmail and Common Errors.
"""

import asyncio
import re
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ProxyConnectionError,
    SSLError,
)

from outreach_pipelines.adapters.ses_client import SesClients
from outreach_pipelines.domain.send_answer import Accepted, NotSent, Refused, ReplyLost, SendAnswer
from outreach_pipelines.domain.wire_message import WireMessage

if TYPE_CHECKING:
    from mypy_boto3_sesv2.type_defs import SendEmailRequestTypeDef, SendEmailResponseTypeDef

LONGEST_TEXT: Final = 500
_TAG_NAME: Final = "outreach"
_MESSAGE_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,200}")
_ERROR_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{1,99}")
_NEVER_CONNECTED: Final = (EndpointConnectionError, ConnectTimeoutError, ProxyConnectionError)


@dataclass(frozen=True, slots=True)
class SesPath:
    """How one tenant's mail goes through the account. `tenant_name` where the account has SES tenants."""

    configuration_set: str | None
    tenant_name: str | None = None


class _DeadlinePassedError(Exception):
    """Raised between signing and the first byte."""


@dataclass(slots=True)
class _Call:
    """One call as its thread sees it. `began` turns true when nothing is left before the connection and the bytes."""

    deadline: float
    began: bool = False


class SesTransport:
    """One account for one tenant; `connections` calls at once, each in a thread of its own.

    `timeout` is in seconds: the longest silence of SES, and what a whole call may take beyond connecting.
    """

    def __init__(
        self,
        clients: SesClients,
        *,
        region: str,
        path: SesPath,
        timeout: float = 25.0,
        connect_timeout: float = 5.0,
        connections: int = 32,
    ) -> None:
        self._region = region
        self._path = path
        self._most_seconds = timeout + connect_timeout
        self._threads = ThreadPoolExecutor(connections, "ses")
        self._in_thread = threading.local()
        self._client = clients(_configuration(timeout, connect_timeout, connections))
        self._client.meta.events.register("before-send.sesv2.SendEmail", self._check_deadline)

    async def send(self, message: WireMessage, *, deadline: float) -> SendAnswer:
        """Make one call and say what came of it; never raises for what SES or the network does.

        `deadline` (`CLOCK_BOOTTIME`, seconds) is checked after signing, before a connection is made or used.
        """
        if not message.recipient.isascii():
            return Refused("SMTPUTF8", "5.6.7", "SES takes ASCII addresses only (SES Developer Guide, SendEmail)")
        call = _Call(deadline)
        future = self._threads.submit(self._answer, message, call)
        done, _ = await asyncio.wait({asyncio.wrap_future(future)}, timeout=self._most_seconds)
        if done:
            return future.result()
        if future.cancel():
            return NotSent("timeout: no thread was free")
        # An answer that trickles keeps each read short of its time-out.
        return ReplyLost(f"timeout: no whole answer within {self._most_seconds:g} s")

    async def close(self) -> None:
        """End connections. A call under way goes on in its thread; nobody learns of its end."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    def _answer(self, message: WireMessage, call: _Call) -> SendAnswer:
        self._in_thread.call = call
        try:
            answer = self._client.send_email(**_request(message, self._path))
        except ClientError as refused:
            return _refusal(refused)
        except _DeadlinePassedError:
            return NotSent("deadline")
        except Exception as broken:  # noqa: BLE001 - whatever broke, it broke before the bytes or it is doubt
            return _broken(broken, call)
        return _acceptance(answer, self._region)

    def _check_deadline(self, **_: object) -> None:
        call: _Call = self._in_thread.call
        if time.clock_gettime(time.CLOCK_BOOTTIME) >= call.deadline:
            raise _DeadlinePassedError
        call.began = True


def wire_message_id(message_id: str, region: str) -> str:
    """The Message-ID that SES writes in place of ours (SES Developer Guide, "Raw email": header fields)."""
    host = "email.amazonses.com" if region == "us-east-1" else f"{region}.amazonses.com"
    return f"<{message_id}@{host}>"


def _configuration(timeout: float, connect_timeout: float, connections: int) -> Config:
    return Config(
        retries={"total_max_attempts": 1, "mode": "standard"},
        connect_timeout=connect_timeout,
        read_timeout=timeout,
        max_pool_connections=connections,
    )


def _request(message: WireMessage, path: SesPath) -> "SendEmailRequestTypeDef":
    request: SendEmailRequestTypeDef = {
        "FromEmailAddress": message.sender,
        "Destination": {"ToAddresses": [message.recipient]},
        "Content": {"Raw": {"Data": message.body}},
        "EmailTags": [{"Name": _TAG_NAME, "Value": message.tag}],
    }
    if path.configuration_set is not None:
        request["ConfigurationSetName"] = path.configuration_set
    if path.tenant_name is not None:
        request["TenantName"] = path.tenant_name
    return request


def _acceptance(answer: "SendEmailResponseTypeDef", region: str) -> SendAnswer:
    message_id: object = answer.get("MessageId")
    if not isinstance(message_id, str) or not _MESSAGE_ID.fullmatch(message_id):
        return ReplyLost("unreadable: a success without a MessageId")
    return Accepted(message_id, wire_message_id(message_id, region))


def _refusal(refused: ClientError) -> SendAnswer:
    error = refused.response.get("Error", {})
    name, text = str(error.get("Code", "")), str(error.get("Message", ""))
    status = refused.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    # A fault of the server's own tells nothing of what it had done before; botocore puts a number where no name is.
    if 400 <= status < 500 and _ERROR_NAME.fullmatch(name):
        return Refused(name, "", _clean(text))
    return ReplyLost(_clean(f"http {status}: {name} {text}"))


def _broken(broken: Exception, call: _Call) -> SendAnswer:
    cause = _clean(f"{type(broken).__name__}: {broken}")
    never_left = not call.began or isinstance(broken, _NEVER_CONNECTED) or _is_distrust(broken)
    return NotSent(f"connection: {cause}") if never_left else ReplyLost(f"reply lost: {cause}")


def _is_distrust(broken: BaseException | None) -> bool:
    """Whether the server's certificate was refused: that ends a connection before any request."""
    if not isinstance(broken, SSLError):
        return False
    cause: BaseException | None = broken
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    return cause is not None


def _clean(text: str) -> str:
    readable = text[: 2 * LONGEST_TEXT].encode("utf-8", "replace").decode()
    return "".join(c if c.isprintable() else " " for c in readable).strip()[:LONGEST_TEXT]

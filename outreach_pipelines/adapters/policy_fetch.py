"""MTA-STS policies over HTTPS (RFC 8461 section 3.3): no redirects, a valid certificate, plain text, small.

Here: the fetch. Not here: what a policy says (domain/dns_audit/mta_sts_policy.py).
"""

import ssl
from dataclasses import dataclass
from typing import Final

import httpx

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Answer, Cause, NoData, PolicyText, Records, Unknown

_LARGEST: Final = 64 * 1024
_GONE: Final = frozenset({httpx.codes.NOT_FOUND, httpx.codes.GONE})


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpsPolicies:
    """The port `PolicySource`. `trust`: the machine's authorities when left out; `port` is 443 but in tests."""

    timeout_seconds: float = 10.0
    trust: ssl.SSLContext | None = None
    port: int = 443

    async def policy(self, host: DomainName) -> Answer:
        """See `PolicySource.policy`."""
        url = f"https://{host}:{self.port}/.well-known/mta-sts.txt"
        verify = self.trust or ssl.create_default_context()
        try:
            async with (
                httpx.AsyncClient(verify=verify, timeout=self.timeout_seconds, trust_env=False) as client,
                client.stream("GET", url) as response,
            ):
                return await _read(response)
        except httpx.TimeoutException:
            return Unknown(Cause.TIMEOUT)
        except httpx.HTTPError as error:
            fault = _certificate_fault(error)
            return _told("", f"the certificate is not valid: {fault}") if fault else Unknown(Cause.UNREACHABLE)


async def _read(response: httpx.Response) -> Answer:
    if response.status_code in _GONE:
        return NoData()
    if response.is_redirect:
        return _told("", f"it redirects to {response.headers.get('location', 'nowhere')}")
    if response.status_code != httpx.codes.OK:
        return Unknown(Cause.SERVER_FAILURE)
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > _LARGEST:
            return _told("", f"it is larger than {_LARGEST} bytes")
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return _told(
        body.decode("ascii", "replace"), "" if kind == "text/plain" else f"its media type is {kind or 'missing'}"
    )


def _told(text: str, fault: str) -> Records:
    return Records((PolicyText(text, fault),), 0)


def _certificate_fault(error: BaseException | None) -> str:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message
        error = error.__cause__ or error.__context__
    return ""

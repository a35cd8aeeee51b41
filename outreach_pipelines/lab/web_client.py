"""How the lab's people use the web: one-click unsubscribe (RFC 8058). Nothing is opened or clicked."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx

from outreach_pipelines.lab.wire_message import WireMessage

_HTTPS_URI = re.compile(r"<(https://[^>\s]+)>", re.IGNORECASE)


class WebClient:
    """Posts to https URIs of known hosts. `web_hosts` stands for DNS and for the proxy that ends TLS."""

    def __init__(self, web_hosts: Mapping[str, str]) -> None:
        self._web_hosts = {host.lower(): base for host, base in web_hosts.items()}
        self._client = httpx.AsyncClient(timeout=10, trust_env=False)

    async def unsubscribe(self, message: WireMessage) -> str:
        """Ask by the message's List-Unsubscribe header to be removed; how that went, in words."""
        uri = one_click_uri(message)
        if uri is None:
            return "the message offers no one-click unsubscribe"
        parts = urlsplit(uri)
        base = self._web_hosts.get((parts.hostname or "").lower())
        if base is None:
            return f"no web host {parts.hostname}"
        target = base.rstrip("/") + parts.path + (f"?{parts.query}" if parts.query else "")
        headers = {"Host": parts.netloc, "X-Forwarded-Proto": "https"}
        try:
            answer = await self._client.post(target, data={"List-Unsubscribe": "One-Click"}, headers=headers)
        except httpx.HTTPError as error:
            return f"{type(error).__name__} at {parts.hostname}"
        return f"HTTP {answer.status_code}"

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def one_click_uri(message: WireMessage) -> str | None:
    """The https URI of List-Unsubscribe, if List-Unsubscribe-Post allows a POST to it (RFC 8058 section 3.1)."""
    parsed = message.parsed()
    if str(parsed.get("List-Unsubscribe-Post", "")).replace(" ", "").lower() != "list-unsubscribe=one-click":
        return None
    found = _HTTPS_URI.search(str(parsed.get("List-Unsubscribe", "")))
    return found.group(1) if found else None

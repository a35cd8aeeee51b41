"""What is spoken to without TLS: this machine itself, and nothing else. A lab reaches no further either."""

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """`localhost`, or an address of 127.0.0.0/8 or ::1. Another name may lead anywhere, so it is not."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_private_origin(url: str) -> bool:
    """Whether a key may be sent there: `https://HOST[:PORT]`, or http where that is loopback; no user, no path."""
    try:
        parts = urlsplit(url)
        host, whole = parts.hostname or "", parts.port != 0 and not (parts.path.strip("/") or parts.query)
    except ValueError:
        return False
    return (
        whole
        and bool(host)
        and parts.username is None
        and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))
    )

"""What the web edge needs to know: its own database URL and the keys of the links. It is given nothing else.

Belongs here: reading and checking them. Does not: the other processes' settings (`outreach_pipelines.settings`).
"""

import base64
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from outreach_pipelines.domain.tracking_token import TokenKeyId, TokenKeys
from outreach_pipelines.errors import SettingsFault

URL_NAME: Final = "OUTREACH_WEB_URL"
KEYS_NAME: Final = "OUTREACH_TOKEN_KEYS"


@dataclass(frozen=True, slots=True)
class WebSettings:
    """`database_url` is the SQLAlchemy URL of role outreach_web, with its password: left out of `repr`."""

    database_url: str = field(repr=False)
    token_keys: TokenKeys


def read_web_settings(environment: Mapping[str, str]) -> WebSettings:
    """From OUTREACH_WEB_URL and OUTREACH_TOKEN_KEYS. Raises `SettingsFault` that names every fault and no value."""
    faults: list[str] = []
    url, keys = environment.get(URL_NAME, ""), None
    if not _is_url(url):
        faults.append(f"{URL_NAME}: the SQLAlchemy URL of role outreach_web, such as postgresql+psycopg://...")
    try:
        keys = parse_token_keys(environment.get(KEYS_NAME, ""))
    except ValueError as wrong:
        faults.append(f"{KEYS_NAME}: {wrong}")
    if faults or keys is None:
        raise SettingsFault("\n".join(["The web edge cannot start:", *faults]))
    return WebSettings(url, keys)


def parse_token_keys(text: str) -> TokenKeys:
    """Keys as `id:base64,id:base64,...`; the first is the current one. Raises `ValueError`, which repeats no key."""
    pairs = [_parse_key(position, part) for position, part in enumerate(text.split(","), 1)]
    if len(dict(pairs)) != len(pairs):
        message = "an id stands there twice"
        raise ValueError(message)
    return TokenKeys(pairs[0][0], dict(pairs))


def _parse_key(position: int, part: str) -> tuple[TokenKeyId, bytes]:
    key_id, _, encoded = part.strip().partition(":")
    try:
        return TokenKeyId(int(key_id)), base64.b64decode(encoded, validate=True)
    except (ValueError, Base64Error):
        message = f"entry {position} is not `id:base64key` (id 0 to 255, key of 64 octets, the current one first)"
        raise ValueError(message) from None


def _is_url(text: str) -> bool:
    try:
        return make_url(text).drivername.startswith("postgresql")
    except ArgumentError:
        return False

"""Tenants with messages that are due now, written set by set; every limit has a value, so that each is counted.

Belongs here: rows. Does not: who sends them.
"""

import hashlib
import json
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import psycopg

TEXT: Final = (
    "Hello {{ first_name }},\n\n"
    + "we plan outreach for teams such as {{ company }}, and wrote down how. " * 8
    + "\n\nYours,\n{{ sender_name }}\n{{ postal_address }}\n\nNo further mail: {{ unsubscribe_url }}\n"
)
HTML: Final = (
    "<p>Hello {{ first_name }},</p>\n"
    + "<p>we plan outreach for teams such as <b>{{ company }}</b>, and wrote down how.</p>\n" * 8
    + '<p>{{ sender_name }}, {{ postal_address }}. <a href="{{ unsubscribe_url }}">No further mail</a></p>\n'
)
SUBJECT: Final = "A question about {{ company }}"
MESSAGES_PER_MAILBOX: Final = 10


def sha256(text: bytes) -> str:
    """As hexadecimal digits."""
    return hashlib.sha256(text).hexdigest()


@dataclass(frozen=True, slots=True)
class DueTenant:
    """A tenant, and the hour in which its messages are due."""

    tenant: int
    account: int
    hour: datetime


def new_account(admin: "psycopg.Connection[tuple[int]]", kind: str, settings: dict[str, object]) -> int:
    """An account with a quota and a rate that leave room: both are leased in blocks."""
    return _id(
        admin,
        """insert into app.provider_account (name, kind, region, secret_ref, allowed_basis, proven_at, settings, daily_quota, rate_per_second)
           values (%(name)s, %(kind)s, 'us-east-1', 'env:X', '{consent}', clock_timestamp(), %(settings)s, 10000000, 100000) returning account_id""",
        name=f"bench-{secrets.token_hex(4)}", kind=kind, settings=json.dumps(settings),
    )  # fmt: skip


def wait_for_room_in_hour(seconds: float) -> None:
    """Messages belong to their UTC hour: with less than that left of this one, wait for the next."""
    left = 3600 - time.time() % 3600
    if left < seconds:
        time.sleep(left + 1)


def due_tenant(admin: "psycopg.Connection[tuple[int]]", account: int, messages: int) -> DueTenant:
    """A new tenant of `account`, with so many messages due in this hour."""
    now = datetime.now(UTC)
    slug = f"b{secrets.token_hex(4)}"
    tenant = _id(admin, "insert into app.tenant_directory (slug) values (%(slug)s) returning id", slug=slug)
    values = {
        "t": tenant, "a": account, "slug": slug, "day": now.date(), "now": now, "messages": messages,
        "mailboxes": -(-messages // MESSAGES_PER_MAILBOX), "per": MESSAGES_PER_MAILBOX, "subject": SUBJECT,
        "text": sha256(TEXT.encode()), "html": sha256(HTML.encode()),
        "start": now - timedelta(hours=3), "end": now + timedelta(hours=3),
    }  # fmt: skip
    for statement in _ROWS:
        admin.execute(statement, values)
    return DueTenant(tenant, account, now.replace(minute=0, second=0, microsecond=0))


def _id(admin: "psycopg.Connection[tuple[int]]", statement: str, **values: object) -> int:
    row = admin.execute(statement, values).fetchone()
    assert row is not None
    return row[0]


_ROWS: Final = tuple(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").split(";\n"))[:-1]

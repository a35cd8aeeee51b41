"""Seeds of a test's own: a desk whose mail goes to a list, and inboxes that hold what is laid in."""

import hashlib
import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from tenant_installation import Installation

from outreach_pipelines.adapters.postgres.seed_store import PostgresSeedStore
from outreach_pipelines.application.prove_domains import SeedDesk, SeedSummary, send_seeds
from outreach_pipelines.application.seeds import SeedMark
from outreach_pipelines.application.stored_objects import object_key
from outreach_pipelines.domain.dns_audit.answers import Answer, Cause, Query, Unknown
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.letter import Letter
from outreach_pipelines.domain.message_tag import MessageTag, WireTag, write_tag
from outreach_pipelines.domain.send_answer import Accepted, SendAnswer
from outreach_pipelines.domain.tenant import TenantId, TenantRef
from outreach_pipelines.domain.wire_message import WireMessage

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
WEEK = date(2026, 11, 23)
KEY = bytes(32)


@dataclass
class Outbox:
    """Transports, and the one transport of all accounts."""

    answer: SendAnswer = field(default_factory=lambda: Accepted("p1", "<w1@x.example>"))
    sent: list[WireMessage] = field(default_factory=list)

    def of(self, tenant: TenantId, account: AccountId) -> "Outbox":
        return self

    def kind(self, tenant: TenantId, account: AccountId) -> str:
        return "ses"

    async def send(self, message: WireMessage, *, deadline: float) -> SendAnswer:
        self.sent.append(message)
        return self.answer

    async def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True)
class Tags:
    def tag(self, tag: MessageTag) -> WireTag:
        return write_tag(tag, KEY)

    def unsubscribe_url(self, letter: Letter, tag: WireTag) -> str:
        raise AssertionError


@dataclass(frozen=True)
class Fence:
    closed: str | None = None

    def may_begin(self) -> str | None:
        return self.closed

    def first_byte_by(self) -> float:
        return float("inf")

    @contextmanager
    def watching(self) -> Iterator[None]:
        yield


@dataclass(frozen=True)
class SilentDns:
    async def resolve(self, queries: Collection[Query]) -> Mapping[Query, Answer]:
        return dict.fromkeys(queries, Unknown(Cause.TIMEOUT))


async def send(
    store: PostgresSeedStore, tenant: TenantRef, outbox: Outbox, *, fence: Fence = Fence(), epoch: int = 1
) -> SeedSummary:
    desk = SeedDesk(store, outbox, Tags(), fence, epoch, lambda: SeedMark(secrets.token_hex(16)))
    return await send_seeds(desk, tenant=tenant.id, now=NOW)


def seeds(installation: Installation, tenant: TenantRef, column: str) -> list[object]:
    return installation.values(
        f"select {column} from app.seed_attempt where tenant_id = %(t)s order by domain_id", t=tenant.id
    )


def lay_in(installation: Installation, tenant: TenantRef, raw: bytes, folder: str) -> None:
    """As a sync leaves own mail: kept, and parked in every inbox."""
    key = f"inbound/{tenant.id}/{hashlib.sha256(raw).hexdigest()}.eml"
    installation.objects.put(object_key(key), raw)
    installation.sql(
        """insert into app.inbound_message (tenant_id, inbox_id, folder, uid_validity, uid, dedupe_key, class, routed, park_reason, confidence,
                                            evidence, object_key, received_at)
           select tenant_id, inbox_id, %(f)s, 1, 1, %(k)s, 'human_reply', false, 'own_mail', 'certain', '', %(k)s, clock_timestamp()
             from app.inbox where tenant_id = %(t)s""",
        t=tenant.id,
        f=folder,
        k=key,
    )


def arrived(message: WireMessage, results: str) -> bytes:
    hop = "Received: from out.provider.example by mx.inbox.example with ESMTPS id 1\r\n"
    return f"{hop}Authentication-Results: {results}\r\n".encode() + message.body


def signed(
    message: WireMessage, result: str = "pass", *, covers: str = "from:list-unsubscribe:list-unsubscribe-post"
) -> bytes:
    """As it arrives with a signature of which the inbox's server says this."""
    domain = message.sender.rpartition("@")[2]
    field = f"DKIM-Signature: v=1; a=rsa-sha256; d={domain}; s=s1; h={covers}; bh=eA==; b=eA==\r\n"
    told = f"mx.inbox.example; dkim={result} header.d={domain}; spf=pass smtp.mailfrom={domain}"
    return arrived(message, told).replace(b"From:", field.encode() + b"From:", 1)

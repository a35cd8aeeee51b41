"""Weekly seeds on a database: once a week and way, to own mailboxes only, and judged by what inboxes hold."""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import count

import pytest
from tenant_installation import Installation, example, fresh

from outreach_pipelines.adapters.postgres.seed_store import PostgresSeedStore
from outreach_pipelines.application.prove_domains import (
    SeedDesk,
    SeedMark,
    SeedSummary,
    judge_seeds,
    monday_of,
    send_seeds,
)
from outreach_pipelines.application.stored_objects import object_key
from outreach_pipelines.domain.dns_audit.answers import Answer, Cause, Query, Unknown
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.letter import Letter
from outreach_pipelines.domain.message_tag import MessageTag, WireTag, write_tag
from outreach_pipelines.domain.send_answer import Accepted, ReplyLost, SendAnswer
from outreach_pipelines.domain.tenant import TenantId, TenantRef
from outreach_pipelines.domain.wire_message import WireMessage

pytest_plugins = ("tenant_fixtures",)

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


@pytest.fixture
def tenant(installation: Installation) -> TenantRef:
    return installation.apply(fresh(example("acme")))[0]


@pytest.fixture
def store(installation: Installation) -> PostgresSeedStore:
    return PostgresSeedStore(installation.app, installation.objects)


async def send(
    store: PostgresSeedStore, tenant: TenantRef, outbox: Outbox, *, fence: Fence = Fence(), epoch: int = 1
) -> SeedSummary:
    numbers = count(1)

    def new_mark() -> SeedMark:
        return SeedMark(
            hashlib.md5(f"{tenant.id} {id(outbox)} {next(numbers)}".encode(), usedforsecurity=False).hexdigest()
        )

    return await send_seeds(SeedDesk(store, outbox, Tags(), fence, epoch, new_mark), tenant=tenant.id, now=NOW)


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


async def test_each_way_sends_one_seed_a_week_to_a_mailbox_of_our_own(
    installation: Installation, tenant: TenantRef, store: PostgresSeedStore
) -> None:
    outbox = Outbox()

    first = await send(store, tenant, outbox)
    second = await send(store, tenant, outbox)

    own = set(installation.values("select address from app.mailbox where tenant_id = %(t)s", t=tenant.id))
    assert (first.sent, second.sent) == ({"accepted": 5}, {})
    assert {message.recipient for message in outbox.sent} <= own
    assert len({message.message_id for message in outbox.sent}) == 5
    assert all(b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in message.body for message in outbox.sent)
    assert seeds(installation, tenant, "state") == ["accepted"] * 5


async def test_seeds_count_as_no_send(installation: Installation, tenant: TenantRef, store: PostgresSeedStore) -> None:
    await send(store, tenant, Outbox())

    for table in ("message", "send_attempt", "mailbox_day", "rate_bucket"):
        assert installation.values(f"select count(*) from app.{table} where tenant_id = %(t)s", t=tenant.id) == [0]


async def test_a_lost_answer_is_a_doubt_and_never_a_second_seed(
    installation: Installation, tenant: TenantRef, store: PostgresSeedStore
) -> None:
    outbox = Outbox(ReplyLost("connection: cut"))

    await send(store, tenant, outbox)
    await send(store, tenant, outbox)

    assert len(outbox.sent) == 5
    assert seeds(installation, tenant, "state") == ["in_doubt"] * 5


def test_an_address_that_is_no_mailbox_of_the_tenant_is_refused(tenant: TenantRef, store: PostgresSeedStore) -> None:
    path = store.due(tenant.id, WEEK)[0]

    begun = store.begin(tenant.id, replace(path, recipient="bea@lead.example"), WEEK, SeedMark("0" * 32), epoch=1)

    assert begun is False


@pytest.mark.parametrize("why", ["paused", "epoch", "fence", "account held"])
async def test_what_stops_sending_stops_seeds(
    installation: Installation, tenant: TenantRef, store: PostgresSeedStore, why: str
) -> None:
    outbox, due = Outbox(), store.due(tenant.id, WEEK)
    if why == "paused":
        installation.sql(
            "update app.tenant set state = 'paused', pause_reason = 'test' where tenant_id = %(t)s", t=tenant.id
        )
    if why == "account held":
        installation.sql(
            "insert into app.account_hold (account_id, factor, reason, since) values (%(a)s, 0, 'test', clock_timestamp())",
            a=due[0].account,
        )

    try:
        await send(
            store, tenant, outbox, fence=Fence("no lease" if why == "fence" else None), epoch=2 if why == "epoch" else 1
        )
    finally:
        installation.sql("delete from app.account_hold where reason = 'test'")

    assert len(due) == 5
    assert outbox.sent == []
    assert seeds(installation, tenant, "1") == []


async def test_a_seed_that_arrived_is_judged_once_with_its_folder_and_checks(
    installation: Installation, tenant: TenantRef, store: PostgresSeedStore
) -> None:
    outbox = Outbox()
    await send(store, tenant, outbox)
    domain = outbox.sent[0].sender.rpartition("@")[2]
    lay_in(
        installation,
        tenant,
        arrived(outbox.sent[0], f"mx; dkim=pass header.d={domain}; spf=pass smtp.mailfrom={domain}"),
        "INBOX",
    )
    lay_in(installation, tenant, arrived(outbox.sent[1], "mx; dkim=fail header.d=x.example"), "Junk")

    first = await judge_seeds(SilentDns(), store, tenant=tenant.id)
    second = await judge_seeds(SilentDns(), store, tenant=tenant.id)

    rows = installation.sql(
        "select verdict, folder, checks from app.seed_attempt where tenant_id = %(t)s and verdict is not null order by folder",
        t=tenant.id,
    )
    assert sum(first.judged.values()) == 2
    assert second.judged == {}
    assert [row["folder"] for row in rows] == ["INBOX", "Junk"]
    assert rows[1]["verdict"] == "failed"
    assert any("dkim=fail" in fault for fault in first.faults)


async def test_a_seed_is_missing_only_when_its_inbox_was_read_long_after(
    installation: Installation, tenant: TenantRef, store: PostgresSeedStore
) -> None:
    await send(store, tenant, Outbox())
    soon = await judge_seeds(SilentDns(), store, tenant=tenant.id)
    installation.sql(
        "update app.inbox set last_complete_read = clock_timestamp() + interval '7 hours' where tenant_id = %(t)s",
        t=tenant.id,
    )

    late = await judge_seeds(SilentDns(), store, tenant=tenant.id)

    assert soon.judged == {}
    assert late.judged == {"not_arrived": 5}


def test_a_week_begins_on_its_monday() -> None:
    assert [monday_of(date(2026, 11, day)) for day in (22, 23, 29, 30)] == [
        date(2026, 11, 16),
        WEEK,
        WEEK,
        date(2026, 11, 30),
    ]


async def test_the_newest_judgement_of_a_way_is_what_stands(
    installation: Installation, tenant: TenantRef, store: PostgresSeedStore
) -> None:
    outbox = Outbox()
    await send(store, tenant, outbox)
    lay_in(installation, tenant, arrived(outbox.sent[0], "mx; dkim=fail header.d=x.example"), "Junk")
    await judge_seeds(SilentDns(), store, tenant=tenant.id)

    (standing,) = store.standings(tenant.id, since=WEEK)

    assert (standing.passed, standing.account, standing.week) == (False, "ses-main", WEEK)
    assert "dkim: the inbox's server says dkim=fail" in standing.sentence
    assert store.standings(tenant.id, since=date(2026, 11, 30)) == []

"""Weekly seeds on a database: once a week and way, to own mailboxes only, and judged by what inboxes hold."""

from dataclasses import replace
from datetime import date

import pytest
from seed_desk import WEEK, Fence, Outbox, SilentDns, arrived, lay_in, seeds, send
from tenant_installation import Installation, example, fresh

from outreach_pipelines.adapters.postgres.seed_store import PostgresSeedStore
from outreach_pipelines.application.prove_domains import judge_seeds, monday_of
from outreach_pipelines.application.seeds import SeedMark
from outreach_pipelines.domain.send_answer import ReplyLost
from outreach_pipelines.domain.tenant import TenantRef

pytest_plugins = ("tenant_fixtures",)


@pytest.fixture
def tenant(installation: Installation) -> TenantRef:
    return installation.apply(fresh(example("acme")))[0]


@pytest.fixture
def store(installation: Installation) -> PostgresSeedStore:
    return PostgresSeedStore(installation.app, installation.objects)


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

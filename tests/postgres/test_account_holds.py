from dataclasses import replace

import pytest
from judged_world import DAY, begin_one, evidence_of, judge_now
from sent_mail import SentMail
from small_world import HOUR, NOON, SmallWorld
from sqlalchemy import Engine, text
from world_fixtures import NewWorld

from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.apply_back_off import BackOffSummary
from outreach_pipelines.application.ports import NotBegun


@pytest.fixture
def neighbour(new_world: NewWorld, world: SmallWorld) -> SmallWorld:
    """Another tenant that sends through the first one's account."""
    other = new_world()
    world.sql(
        "insert into app.provider_account_share (tenant_id, account_id) values (%(t)s, %(a)s)",
        t=other.tenant,
        a=world.account,
    )
    return replace(other, account=world.account)


def fill_account(world: SmallWorld, *, accepted: int, hard: int) -> None:
    row = "insert into app.account_day (tenant_id, account_id, day, learnt_on, accepted, reporting, hard) values (%(t)s, %(a)s, %(d)s, %(d)s, %(s)s, %(s)s, %(h)s)"
    world.sql(row, t=world.tenant, a=world.account, d=(NOON - DAY).date(), s=accepted, h=hard)


def test_an_account_is_stopped_for_all_by_what_its_tenants_did_together(
    engine: Engine, world: SmallWorld, neighbour: SmallWorld
) -> None:
    fill_account(world, accepted=400, hard=16)
    fill_account(neighbour, accepted=400, hard=32)

    summary = judge_now(engine, world)

    row = world.one(
        "select level, factor, until, evidence from app.account_hold where account_id = %(a)s", a=world.account
    )
    assert (row["level"], row["factor"], row["until"]) == ("stop", 0, None)
    assert evidence_of(row)["trials"] == 800
    assert any(line.startswith(f"shared_account:{world.account} stop imposed") for line in summary.changed)
    assert judge_now(engine, neighbour) == BackOffSummary(1, ())
    outcome = begin_one(engine, world, 1)
    assert isinstance(outcome, NotBegun)
    assert outcome.reason == "path_held"


def test_a_tenants_sends_enter_the_record_of_its_account_once(
    engine: Engine, world: SmallWorld, mail: SentMail
) -> None:
    mail.sends(3, at=NOON - DAY, provider="google")
    mail.heard(mail.send(NOON - DAY), "bounced", "hard", "unknown_user", at=NOON - HOUR)

    judge_now(engine, world)
    judge_now(engine, world)

    rows = world.sql(
        "select day, learnt_on, accepted, reporting, hard from app.account_day where tenant_id = %(t)s order by learnt_on",
        t=world.tenant,
    )
    yesterday, today = (NOON - DAY).date(), NOON.date()
    assert [tuple(row.values()) for row in rows] == [(yesterday, yesterday, 4, 1, 0), (yesterday, today, 0, 0, 1)]


def test_a_tenant_sees_sums_of_an_account_and_no_other_tenants_rows(
    engine: Engine, world: SmallWorld, neighbour: SmallWorld
) -> None:
    fill_account(world, accepted=1, hard=0)
    fill_account(neighbour, accepted=2, hard=1)

    with tenant_session(engine, world.tenant) as connection:
        own = connection.execute(text("select accepted from app.account_day")).scalars().all()
        both = connection.execute(
            text("select accepted, hard from app.account_days(:a, '2026-11-01')"), {"a": world.account}
        ).all()

    assert own == [1]
    assert [tuple(row) for row in both] == [(3, 1)]


def test_a_tenant_cannot_hold_an_account_it_does_not_send_through(
    engine: Engine, world: SmallWorld, new_world: NewWorld
) -> None:
    stranger = new_world()

    with pytest.raises(Exception, match="does not send through"), tenant_session(engine, stranger.tenant) as connection:
        connection.execute(text("select app.release_account_hold(:a, 'complaints', 'x', now())"), {"a": world.account})


def test_another_tenants_bounces_hold_nobody_else(engine: Engine, world: SmallWorld, neighbour: SmallWorld) -> None:
    SentMail(neighbour).hard_bounces(4)

    assert judge_now(engine, world) == BackOffSummary(0, ())
    assert len(judge_now(engine, neighbour).changed) == 3

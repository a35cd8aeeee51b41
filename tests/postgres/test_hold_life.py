"""How a hold lives on, on real PostgreSQL: in force, carried on, eased, ended, and what of it others see."""

from decimal import Decimal

import pytest
from judged_world import DAY, MINUTE, begin_one, holds, judge_now
from sent_mail import SentMail
from small_world import HOUR, NOON, SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.plan_store import PostgresPlanStore
from outreach_pipelines.application.apply_back_off import BackOffSummary
from outreach_pipelines.application.ports import Begun, NotBegun
from outreach_pipelines.domain.ids import AccountId


def test_a_hold_in_force_hands_the_claim_back_with_its_reason_and_its_end(
    engine: Engine, world: SmallWorld, mail: SentMail
) -> None:
    mail.hard_bounces(4)
    judge_now(engine, world)
    world.sql("delete from app.hold where tenant_id = %(t)s and scope_key not like 'mailbox:%%'", t=world.tenant)

    outcome = begin_one(engine, world, 1)

    assert outcome == NotBegun("released", "held: hard_bounces_in_a_row", NOON + 3 * DAY)


def test_a_hold_that_ends_goes_on_in_probation(engine: Engine, world: SmallWorld, mail: SentMail) -> None:
    mailbox, later = world.mailboxes[0], NOON + 3 * DAY
    mail.hard_bounces(4)
    judge_now(engine, world)

    judge_now(engine, world, later)

    assert holds(world, at=later)[f"mailbox:{mailbox}", "hard_bounces"] == Decimal("0.1")
    world.sql("delete from app.hold where tenant_id = %(t)s and scope_key not like 'mailbox:%%'", t=world.tenant)
    world.sql("select app.ensure_partitions(%(d)s, 1)", d=later.date())
    world.sql("update app.mailbox set min_gap_seconds = 60 where mailbox_id = %(m)s", m=mailbox)
    assert begin_one(engine, world, 1, later) == Begun(AccountId(world.account))
    assert (
        world.one("select next_at from app.mailbox where mailbox_id = %(m)s", m=mailbox)["next_at"]
        == later + 10 * MINUTE
    )


def test_clean_days_after_a_stop_open_it_step_by_step_up_to_full_pace(
    engine: Engine, world: SmallWorld, mail: SentMail
) -> None:
    key = (f"mailbox:{world.mailboxes[0]}", "hard_bounces")
    mail.hard_bounces(4)
    judge_now(engine, world)
    eased = []

    for day in range(4, 17):
        mail.send(NOON + day * DAY)
        judge_now(engine, world, NOON + (day + 1) * DAY)
        eased.append(holds(world, at=NOON + (day + 1) * DAY)[key])

    tenth = Decimal("0.1")
    assert eased == [tenth, tenth, *(tenth * step for step in range(2, 11)), 1, 1]


def test_judging_twice_changes_nothing(engine: Engine, world: SmallWorld, mail: SentMail) -> None:
    mail.hard_bounces(4)
    blocked = mail.send(NOON - HOUR, mailbox=world.mailboxes[1])
    mail.heard(blocked, "bounced", "block", "ip_reputation", diagnostic="550 5.7.1 S3150")
    first = judge_now(engine, world)
    everything = "select (select jsonb_agg(h order by hold_id) from app.hold h where tenant_id = %(t)s) as holds, (select count(*) from app.audit_log where tenant_id = %(t)s) as log"
    before = world.one(everything, t=world.tenant)

    again = judge_now(engine, world)

    assert len(first.changed) > 3
    assert again == BackOffSummary(first.in_force, ())
    assert world.one(everything, t=world.tenant) == before
    assert before["log"] == len(first.changed)


def test_a_minute_later_a_slow_carries_on_without_another_entry_in_the_log(
    engine: Engine, world: SmallWorld, mail: SentMail
) -> None:
    mail.sends(58, at=NOON - DAY)
    for number in range(2):
        mail.heard(mail.send(NOON - DAY + HOUR * (number + 1)), "bounced", "hard", "unknown_user")
    first = judge_now(engine, world)
    key = f"mailbox:{world.mailboxes[0]}"
    since = world.one("select since, until from app.hold where scope_key = %(k)s", k=key)

    later = judge_now(engine, world, NOON + MINUTE)

    row = world.one("select factor, since, until from app.hold where scope_key = %(k)s", k=key)
    assert first.changed
    assert later.changed == ()
    assert (row["factor"], row["since"], row["until"]) == (Decimal("0.5"), since["since"], NOON + MINUTE + DAY)


def test_a_persons_hold_is_left_alone_and_counted(engine: Engine, world: SmallWorld, mail: SentMail) -> None:
    mail.hard_bounces(4)
    by_hand = "insert into app.hold (tenant_id, scope_key, factor, level, reason, since) values (%(t)s, 'domain:1', 0.5, 'manual', 'asked by the client', %(n)s) returning hold_id"
    hold = world.one(by_hand, t=world.tenant, n=NOON - DAY)["hold_id"]

    summary = judge_now(engine, world)

    row = world.one("select factor, released_at, reason from app.hold where hold_id = %(h)s", h=hold)
    assert row == {"factor": Decimal("0.5"), "released_at": None, "reason": "asked by the client"}
    assert summary.in_force == 1 + sum(factor < 1 for (_, signal), factor in holds(world).items() if signal != "manual")


def test_a_hold_nothing_asks_for_any_more_ends_with_its_reason_and_its_row_remains(
    engine: Engine, world: SmallWorld, mail: SentMail
) -> None:
    mailbox = world.mailboxes[0]
    world.sql("update app.mailbox set errors_in_row = 3 where mailbox_id = %(m)s", m=mailbox)
    judge_now(engine, world)
    world.sql("update app.mailbox set errors_in_row = 0 where mailbox_id = %(m)s", m=mailbox)

    summary = judge_now(engine, world, NOON + MINUTE)

    row = world.one("select released_at, released_reason from app.hold where tenant_id = %(t)s", t=world.tenant)
    assert row == {"released_at": NOON + MINUTE, "released_reason": "over: nothing asks for it any more"}
    assert summary == BackOffSummary(0, (f"mailbox:{mailbox} warn ended: 3 errors in a row, and 3 warn",))
    actions = world.sql("select action from app.audit_log where tenant_id = %(t)s order by audit_id", t=world.tenant)
    assert [row["action"] for row in actions] == ["hold imposed", "hold ended"]


def test_a_warning_that_becomes_a_stop_keeps_both_rows(engine: Engine, world: SmallWorld, mail: SentMail) -> None:
    mailbox = world.mailboxes[0]
    mail.send(NOON - MINUTE, outcome="refused", answer="421 4.3.2 not now")
    world.sql("update app.mailbox set errors_in_row = 3 where mailbox_id = %(m)s", m=mailbox)
    judge_now(engine, world)
    world.sql("update app.mailbox set errors_in_row = 5 where mailbox_id = %(m)s", m=mailbox)

    judge_now(engine, world, NOON + MINUTE)

    rows = world.sql(
        "select level, set_at, released_at, released_reason from app.hold where tenant_id = %(t)s order by hold_id",
        t=world.tenant,
    )
    assert [tuple(row.values()) for row in rows] == [
        ("warn", NOON, NOON + MINUTE, "replaced: stop, errors_in_a_row"),
        ("stop", NOON + MINUTE, None, None),
    ]


def test_the_planner_sees_what_probation_leaves_of_a_mailbox(engine: Engine, world: SmallWorld, mail: SentMail) -> None:
    later = NOON + 3 * DAY
    mail.hard_bounces(4)
    judge_now(engine, world)
    world.sql("delete from app.hold where tenant_id = %(t)s and scope_key not like 'mailbox:%%'", t=world.tenant)
    world.at(later)

    snapshot = PostgresPlanStore(engine).snapshot(world.tenant, later.date())

    by_mailbox = {mailbox.id: mailbox.hold and mailbox.hold.factor for mailbox in snapshot.mailboxes}
    assert by_mailbox == {world.mailboxes[0]: pytest.approx(0.1), world.mailboxes[1]: None, world.mailboxes[2]: None}

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from judged_world import begin_one, evidence_of, holds, judge_now
from sent_mail import SentMail
from small_world import HOUR, NOON, SmallWorld, build_world
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.bootstrap import DatabaseUrls, Role
from outreach_pipelines.adapters.postgres.plan_store import PostgresPlanStore
from outreach_pipelines.adapters.postgres.tenant_session import connect
from outreach_pipelines.application.apply_back_off import BackOffSummary
from outreach_pipelines.application.ports import Begun, NotBegun
from outreach_pipelines.domain.send_plan.snapshot import AccountId

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def engine(outreach_database: DatabaseUrls) -> Iterator[Engine]:
    engine = connect(outreach_database[Role.APP])
    yield engine
    engine.dispose()


@pytest.fixture
def world(outreach_admin_url: str, outreach_database: DatabaseUrls) -> Iterator[SmallWorld]:
    world = build_world(outreach_admin_url)
    yield world
    world.admin.close()


@pytest.fixture
def mail(world: SmallWorld) -> SentMail:
    return SentMail(world)


def test_four_hard_bounces_in_a_row_stop_the_mailbox(engine: Engine, world: SmallWorld, mail: SentMail) -> None:
    mailbox = world.mailboxes[0]
    mail.hard_bounces(4)

    summary = judge_now(engine, world)

    assert holds(world)[f"mailbox:{mailbox}", "hard_bounces"] == 0
    assert any(
        f"mailbox:{mailbox} stop imposed: 4 hard bounces in a row, and 4 stop" in line for line in summary.changed
    )
    row = world.one(
        "select level, reason, sentence, evidence, until, probation_factor, counts_from from app.hold where scope_key = %(k)s",
        k=f"mailbox:{mailbox}",
    )
    assert (row["level"], row["reason"]) == ("stop", "hard_bounces_in_a_row")
    assert row["evidence"] == {"events": 4, "trials": 4, "not_observable": 0, "median": None, "bound": None}
    assert (row["until"], row["probation_factor"], row["counts_from"]) == (NOON + 3 * DAY, Decimal("0.1"), NOON)


def test_three_hard_bounces_in_a_row_stop_nothing(engine: Engine, world: SmallWorld, mail: SentMail) -> None:
    mail.hard_bounces(3)

    assert judge_now(engine, world) == BackOffSummary(0, ())
    assert holds(world) == {}


def test_bounces_of_one_send_reported_twice_count_once(engine: Engine, world: SmallWorld, mail: SentMail) -> None:
    mail.hard_bounces(2)
    again = mail.send(NOON - HOUR)
    for second in range(4):
        mail.heard(again, "bounced", "hard", "unknown_user", at=NOON - HOUR + timedelta(seconds=second))

    judge_now(engine, world)

    assert holds(world) == {}


def test_sends_that_arrive_between_the_bounces_break_the_run(engine: Engine, world: SmallWorld, mail: SentMail) -> None:
    mail.hard_bounces(2, at=NOON - 3 * HOUR)
    mail.sends(12, at=NOON - 2 * HOUR)
    mail.hard_bounces(2, at=NOON - HOUR)

    judge_now(engine, world)

    assert holds(world) == {}


def test_bounces_of_one_list_over_several_mailboxes_stop_the_list_until_a_person_acts(
    engine: Engine, world: SmallWorld, mail: SentMail
) -> None:
    files = world.sql(
        "insert into app.lead_file (tenant_id, sha256, object_key, row_count, accepted, already_known, rejected) values (%(t)s, %(s)s, 'k', 4, 4, 0, 0) returning lead_file_id",
        t=world.tenant,
        s="b" * 64,
    )
    for number in range(4):
        sent = mail.send(NOON - HOUR + number * MINUTE, mailbox=world.mailboxes[number % 3])
        mail.heard(sent, "bounced", "hard", "unknown_user")
        world.sql(
            "insert into app.lead_source values (%(t)s, %(f)s, %(l)s, %(lead)s)",
            t=world.tenant,
            f=files[0]["lead_file_id"],
            l=number + 1,
            lead=sent.lead,
        )

    judge_now(engine, world)

    stopped = {key for (key, _), factor in holds(world).items() if factor == 0}
    assert stopped == {f"lead_file:{files[0]['lead_file_id']}", f"campaign:{world.campaign}", f"domain:{world.domain}"}
    rows = world.sql(
        "select scope_key from app.hold where tenant_id = %(t)s and until is null order by 1", t=world.tenant
    )
    assert [row["scope_key"] for row in rows] == [f"campaign:{world.campaign}", f"lead_file:{files[0]['lead_file_id']}"]


def test_a_warning_slows_nothing(engine: Engine, world: SmallWorld, mail: SentMail) -> None:
    mailbox = world.mailboxes[0]
    world.sql("update app.mailbox set errors_in_row = 3 where mailbox_id = %(m)s", m=mailbox)
    mail.send(NOON - MINUTE * 30, outcome="refused", answer="451 4.3.0 try later")

    summary = judge_now(engine, world)

    assert holds(world) == {(f"mailbox:{mailbox}", "errors"): Decimal(1)}
    assert summary.in_force == 0
    assert begin_one(engine, world, 1) == Begun(AccountId(world.account))


def test_five_errors_in_a_row_stop_the_mailbox_for_an_hour_from_the_last(
    engine: Engine, world: SmallWorld, mail: SentMail
) -> None:
    world.sql("update app.mailbox set errors_in_row = 5 where mailbox_id = %(m)s", m=world.mailboxes[0])
    mail.send(NOON - MINUTE * 30, outcome="refused", answer="421 4.3.2 not now")

    judge_now(engine, world)

    row = world.one("select factor, until from app.hold where tenant_id = %(t)s and signal = 'errors'", t=world.tenant)
    assert (row["factor"], row["until"]) == (0, NOON + MINUTE * 30)


def test_the_tenants_own_threshold_is_the_one_that_stops(engine: Engine, world: SmallWorld, mail: SentMail) -> None:
    world.sql(
        "update app.sending_policy set thresholds = %(j)s where tenant_id = %(t)s",
        j=json.dumps({"hard_bounces_in_a_row": 2}),
        t=world.tenant,
    )
    mail.hard_bounces(2)

    judge_now(engine, world)

    assert holds(world)[f"mailbox:{world.mailboxes[0]}", "hard_bounces"] == 0


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


def test_an_ip_reputation_block_holds_the_path_and_not_the_recipient(
    engine: Engine, world: SmallWorld, mail: SentMail
) -> None:
    mailbox = world.mailboxes[0]
    sent = mail.send(NOON - HOUR, provider="microsoft")
    mail.heard(sent, "bounced", "block", "ip_reputation", diagnostic="550 5.7.1 (S3150) banned sending IP")

    judge_now(engine, world)

    assert holds(world) == {
        (f"path:{mailbox}:{world.account}", "reputation"): 0,
        (f"provider:{mailbox}:microsoft", "reputation"): 0,
    }
    assert (
        world.one("select until from app.hold where scope_key = %(k)s", k=f"path:{mailbox}:{world.account}")["until"]
        == NOON - MINUTE * 30 + 2 * HOUR
    )
    assert world.sql("select from app.suppression where tenant_id = %(t)s", t=world.tenant) == []
    outcome = begin_one(engine, world, 1)
    assert isinstance(outcome, NotBegun)
    assert outcome.reason == "path_held"


def test_a_rate_limit_halves_the_pace_of_its_path(engine: Engine, world: SmallWorld, mail: SentMail) -> None:
    sent = mail.send(NOON - HOUR, provider="google")
    mail.heard(sent, "bounced", "rate_limited", None, diagnostic="421 4.7.28 unusual rate")

    judge_now(engine, world)

    assert begin_one(engine, world, 1) == Begun(AccountId(world.account))
    assert (
        world.one("select next_at from app.mailbox where mailbox_id = %(m)s", m=world.mailboxes[0])["next_at"]
        == NOON + 4 * MINUTE
    )


def test_three_mailboxes_refused_for_reputation_stop_the_tenant_on_the_account(
    engine: Engine, world: SmallWorld, mail: SentMail
) -> None:
    for mailbox in world.mailboxes:
        mail.heard(
            mail.send(NOON - HOUR, mailbox=mailbox), "bounced", "block", "blocklist", diagnostic="554 5.7.1 listed"
        )

    judge_now(engine, world)

    assert holds(world)[f"account:{world.account}", "reputation"] == 0


def test_a_refusal_of_the_content_holds_nothing(engine: Engine, world: SmallWorld, mail: SentMail) -> None:
    mail.heard(mail.send(NOON - HOUR), "bounced", "block", "content", diagnostic="550 5.7.1 spam content")

    assert judge_now(engine, world) == BackOffSummary(0, ())


def test_complaints_are_counted_over_sends_whose_provider_reports_them(
    engine: Engine, world: SmallWorld, mail: SentMail
) -> None:
    sent = mail.sends(20, at=NOON - 2 * DAY, provider="google") + mail.sends(10, at=NOON - DAY, provider="yahoo")
    mail.heard(sent[-1], "complained")

    judge_now(engine, world)

    row = world.one("select level, evidence from app.hold where scope_key = %(k)s", k=f"domain:{world.domain}")
    assert evidence_of(row)["trials"] == 10
    assert evidence_of(row)["not_observable"] == 20


def test_three_complaints_within_a_day_stop_the_domain(engine: Engine, world: SmallWorld, mail: SentMail) -> None:
    for sent in mail.sends(3, at=NOON - DAY):
        mail.heard(sent, "complained", at=NOON - HOUR)

    judge_now(engine, world)

    row = world.one(
        "select factor, level from app.hold where scope_key = %(k)s and signal = 'complaints'",
        k=f"domain:{world.domain}",
    )
    assert (row["factor"], row["level"]) == (0, "stop")


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

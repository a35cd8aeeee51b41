import json
from datetime import timedelta
from decimal import Decimal

from judged_world import DAY, MINUTE, begin_one, evidence_of, holds, judge_now
from sent_mail import SentMail
from small_world import HOUR, NOON, SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.application.apply_back_off import BackOffSummary
from outreach_pipelines.application.ports import Begun, NotBegun
from outreach_pipelines.domain.ids import AccountId


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

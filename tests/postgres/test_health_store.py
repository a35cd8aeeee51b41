from datetime import date, datetime, timedelta

import pytest
from sent_mail import SentMail
from small_world import HOUR, NOON, SmallWorld
from sqlalchemy import Engine
from world_fixtures import NewWorld

from outreach_pipelines.adapters.postgres.back_off_store import PostgresBackOffStore
from outreach_pipelines.adapters.postgres.health_store import PostgresHealthStore
from outreach_pipelines.adapters.postgres.plan_store import PostgresPlanStore
from outreach_pipelines.application.apply_back_off import apply_back_off
from outreach_pipelines.application.score_mailboxes import ScoredMailbox, score_mailboxes
from outreach_pipelines.domain.mailbox_health import HEALTH_VERSION, HealthPart

DAY = timedelta(days=1)
TODAY = NOON.date()


@pytest.fixture
def world(world: SmallWorld) -> SmallWorld:
    world.sql("update app.mailbox set state = 'ramping' where tenant_id = %(t)s", t=world.tenant)
    return world


def score_first(engine: Engine, world: SmallWorld, day: date = TODAY) -> ScoredMailbox:
    return score_mailboxes(PostgresHealthStore(engine), tenant=world.tenant, day=day).mailboxes[0]


def earned(scored: ScoredMailbox, part: HealthPart) -> float:
    (found,) = [each for each in scored.health.parts if each.part is part]
    return float(found.points / found.weight)


def stored(world: SmallWorld, day: date = TODAY) -> list[dict[str, object]]:
    return world.sql(
        "select * from app.health_score where tenant_id = %(t)s and day = %(d)s order by mailbox_id",
        t=world.tenant,
        d=day,
    )


def test_a_new_mailbox_is_in_good_health_and_starts_its_ramp_at_five(engine: Engine, world: SmallWorld) -> None:
    scored = score_first(engine, world)

    assert (scored.mailbox_id, scored.cap_today, scored.stage) == (world.mailboxes[0], 5, "ramping")
    assert scored.total >= 90
    row = stored(world)[0]
    assert (row["total"], row["cap_today"], row["ramp_stage"], row["version"]) == (
        scored.total,
        5,
        "ramping",
        HEALTH_VERSION,
    )


def test_the_planner_reads_the_newest_score_and_cap(engine: Engine, world: SmallWorld) -> None:
    scored = score_first(engine, world)

    snapshot = PostgresPlanStore(engine).snapshot(world.tenant, TODAY + DAY)

    assert (snapshot.mailboxes[0].health, snapshot.mailboxes[0].daily_cap) == (scored.total, 5)


def test_a_day_that_used_its_step_raises_the_next_one(engine: Engine, world: SmallWorld, mail: SentMail) -> None:
    mail.sends(4, at=NOON - DAY)

    scored = score_first(engine, world)

    assert scored.cap_today == 7


def test_a_mailbox_that_the_inventory_calls_active_is_at_its_cap(engine: Engine, world: SmallWorld) -> None:
    world.sql("update app.mailbox set state = 'active' where tenant_id = %(t)s", t=world.tenant)

    scored = score_first(engine, world)

    assert (scored.cap_today, scored.stage) == (40, "at_cap")


def test_the_tenants_own_ramp_is_the_one_that_counts(engine: Engine, world: SmallWorld, mail: SentMail) -> None:
    world.sql(
        """update app.sending_policy set ramp_up = '{"start": 8, "step": 3, "used_share": "0.5", "idle_days": 30}' where tenant_id = %(t)s""",
        t=world.tenant,
    )
    mail.sends(4, at=NOON - DAY)

    assert score_first(engine, world).cap_today == 11


def test_a_retired_mailbox_is_not_scored(engine: Engine, world: SmallWorld) -> None:
    world.sql("update app.mailbox set state = 'retired' where mailbox_id = %(m)s", m=world.mailboxes[0])

    assert score_first(engine, world).mailbox_id == world.mailboxes[1]


@pytest.mark.parametrize(
    ("kind", "bounce", "cause", "part"),
    [
        ("bounced", "hard", "unknown_user", HealthPart.HARD_BOUNCES),
        ("bounced", "block", "ip_reputation", HealthPart.BLOCKS),
        ("bounced", "soft", "network", HealthPart.SOFT_BOUNCES),
        ("bounced", "full", None, HealthPart.SOFT_BOUNCES),
        ("complained", None, None, HealthPart.COMPLAINTS),
    ],
)
def test_each_kind_of_news_costs_its_own_part(
    engine: Engine,
    world: SmallWorld,
    mail: SentMail,
    kind: str,
    bounce: str | None,
    cause: str | None,
    part: HealthPart,
) -> None:
    sent = mail.sends(10, at=NOON - DAY)
    before = score_first(engine, world)
    for each in sent:
        mail.heard(each, kind, bounce, cause)

    after = score_first(engine, world)

    assert earned(after, part) < earned(before, part)
    assert {each.part for each in after.health.parts if earned(after, each.part) != earned(before, each.part)} == {part}


def test_a_reply_earns_points(engine: Engine, world: SmallWorld, mail: SentMail) -> None:
    sent = mail.sends(10, at=NOON - DAY)
    before = score_first(engine, world)
    mail.heard(sent[0], "replied")

    assert earned(score_first(engine, world), HealthPart.REPLIES) > earned(before, HealthPart.REPLIES)


def test_an_unsubscribe_by_link_counts_at_the_last_send_before_it(
    engine: Engine, world: SmallWorld, mail: SentMail
) -> None:
    sent = mail.sends(10, at=NOON - DAY)
    before = score_first(engine, world)
    world.sql(
        """insert into app.suppression (tenant_id, scope, subject, subject_hmac, kind, source, created_at)
           select tenant_id, 'tenant', 'address', recipient_hmac, 'unsubscribe', 'link', %(at)s from app.message where message_id = %(m)s""",
        at=NOON - HOUR,
        m=sent[0].message,
    )

    assert earned(score_first(engine, world), HealthPart.UNSUBSCRIBES) < earned(before, HealthPart.UNSUBSCRIBES)


def test_a_refused_login_costs_and_a_refused_recipient_does_not(
    engine: Engine, world: SmallWorld, mail: SentMail
) -> None:
    mail.send(NOON - DAY, outcome="refused", answer="550 5.1.1 no such user")
    before = score_first(engine, world)
    mail.send(NOON - HOUR, outcome="refused", answer="535 5.7.8 bad credentials")

    after = score_first(engine, world)

    assert earned(before, HealthPart.LOGINS) == 1
    assert earned(after, HealthPart.LOGINS) == pytest.approx(0.8)


def audit(world: SmallWorld, *, stops: list[str], unanswered: list[str], day: date = TODAY) -> None:
    world.sql(
        "insert into app.dns_audit (tenant_id, domain_id, day, audited_at, score, queries, unanswered) values (%(t)s, %(d)s, %(day)s, now(), 50, 9, %(u)s)",
        t=world.tenant, d=world.domain, day=day, u=unanswered,
    )  # fmt: skip
    world.sql(
        """insert into app.dns_finding (tenant_id, domain_id, day, position, check_name, fault, severity, name, evidence, stops)
           values (%(t)s, %(d)s, %(day)s, 1, 'spf', 'missing', 'critical', 'x', 'y', %(s)s)""",
        t=world.tenant, d=world.domain, day=day, s=stops,
    )  # fmt: skip


def test_a_domain_that_no_account_may_send_from_costs_the_part_of_dns(engine: Engine, world: SmallWorld) -> None:
    names = [
        row["name"]
        for row in world.sql(
            "select unnest(account_names) as name from app.mailbox where mailbox_id = %(m)s", m=world.mailboxes[0]
        )
    ]
    audit(world, stops=[f"{name}" for name in names], unanswered=[])

    assert earned(score_first(engine, world), HealthPart.DNS) == 0


@pytest.mark.parametrize("unanswered", [[], ["dkim"]])
def test_what_the_audit_could_not_read_costs_nothing(engine: Engine, world: SmallWorld, unanswered: list[str]) -> None:
    audit(world, stops=[], unanswered=unanswered)

    assert earned(score_first(engine, world), HealthPart.DNS) == 1


def test_a_stop_costs_its_part_and_steps_the_ramp_back(engine: Engine, world: SmallWorld, mail: SentMail) -> None:
    for day in range(6, 1, -1):
        mail.sends(15, at=NOON - day * DAY)
    before = score_first(engine, world, TODAY - DAY)
    mail.hard_bounces(4, at=NOON - DAY)
    apply_back_off(PostgresBackOffStore(engine), tenant=world.tenant, now=NOON - DAY + HOUR)

    after = score_first(engine, world)

    assert (before.cap_today, after.cap_today, after.stage) == (15, 7, "stepped_back")
    assert (earned(before, HealthPart.HOLDS), earned(after, HealthPart.HOLDS)) == (1, 0)


def test_a_past_day_is_recomputed_from_what_was_known_then(engine: Engine, world: SmallWorld, mail: SentMail) -> None:
    day = TODAY - 2 * DAY
    sent = mail.sends(10, at=NOON - 4 * DAY)
    mail.heard(sent[0], "bounced", "hard", "unknown_user", at=NOON - 3 * DAY)
    then = score_first(engine, world, day)
    first = stored(world, day)
    for each in sent[1:]:
        mail.heard(each, "bounced", "hard", "unknown_user", at=NOON - HOUR)
    mail.sends(20, at=NOON - 3 * HOUR)
    apply_back_off(PostgresBackOffStore(engine), tenant=world.tenant, now=NOON)

    again = score_first(engine, world, day)

    assert again == then
    assert stored(world, day) == first
    assert score_first(engine, world).total < then.total


def test_a_hold_that_was_released_since_still_counts_on_the_day_it_stood(
    engine: Engine, world: SmallWorld, mail: SentMail
) -> None:
    mail.hard_bounces(4, at=NOON - 3 * DAY)
    apply_back_off(PostgresBackOffStore(engine), tenant=world.tenant, now=NOON - 3 * DAY + HOUR)
    world.sql(
        "update app.hold set released_at = %(n)s, released_reason = 'a person' where tenant_id = %(t)s",
        n=NOON - DAY,
        t=world.tenant,
    )

    then, now = score_first(engine, world, TODAY - 2 * DAY), score_first(engine, world)

    assert (earned(then, HealthPart.HOLDS), earned(now, HealthPart.HOLDS)) == (0, 1)


def test_scoring_twice_writes_nothing(engine: Engine, world: SmallWorld, mail: SentMail) -> None:
    mail.sends(3, at=NOON - DAY)
    score_first(engine, world)
    first = stored(world)

    score_first(engine, world)

    assert len(first) == len(world.mailboxes)
    assert stored(world) == first


def test_another_tenants_mail_moves_no_score(engine: Engine, world: SmallWorld, new_world: NewWorld) -> None:
    before = score_first(engine, world)
    other = new_world()
    SentMail(other).hard_bounces(4)

    assert score_first(engine, world) == before


def test_a_bounce_in_few_sends_is_no_verdict(engine: Engine, world: SmallWorld, mail: SentMail) -> None:
    before = score_first(engine, world)
    mail.heard(
        mail.sends(5, at=NOON - DAY)[0], "bounced", "hard", "unknown_user", at=datetime.combine(TODAY, NOON.timetz())
    )

    assert before.total - score_first(engine, world).total < 15

from datetime import date, timedelta

import pytest
from sent_mail import Sent, SentMail
from small_world import HOUR, NOON, SmallWorld
from sqlalchemy import Engine, text

from outreach_pipelines.adapters.postgres.back_off_store import PostgresBackOffStore
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.apply_back_off import EvidenceAsked
from outreach_pipelines.domain.back_off import Evidence, MailboxScope, Scope

DAY = timedelta(days=1)


def evidence(engine: Engine, world: SmallWorld) -> dict[Scope, Evidence]:
    """What is known of each scope over 29 days, in an order of its own."""
    asked = EvidenceAsked(
        now=NOON,
        since=(NOON - 29 * DAY).date(),
        runs_since=NOON - 7 * DAY,
        answers_since=NOON - DAY,
        bounces_for_runs=1,
        errors_from=1,
        keep=frozenset(),
    )
    with PostgresBackOffStore(engine).judging(world.tenant) as case:
        found = case.evidence(asked)
    return {scope: Evidence(days=tuple(sorted(each.days, key=repr))) for scope, each in found.items()}


def accepted_of_mailbox(engine: Engine, world: SmallWorld) -> dict[date, int]:
    days = next(each.days for scope, each in evidence(engine, world).items() if isinstance(scope, MailboxScope))
    return {day.day: day.accepted for day in days if day.accepted}


def learn_of_acceptance(engine: Engine, world: SmallWorld, sent: Sent) -> None:
    statement = text("select app.record_acceptance(:day, :message, cast(1 as smallint), null, null, null, null)")
    with tenant_session(engine, world.tenant) as connection:
        outcome = connection.execute(statement, {"day": sent.plan_day, "message": sent.message}).scalar_one()
    assert outcome == "accepted"


@pytest.fixture
def mail(world: SmallWorld) -> SentMail:
    """Two sends on each of some days, of which one bounced; more than three days ago is over."""
    mail = SentMail(world)
    for days in (0, 1, 3, 4, 20):
        at = NOON - days * DAY - 2 * HOUR
        mail.heard(mail.sends(2, at=at, provider="microsoft")[0], "bounced", "hard", "unknown_user", at=at + HOUR)
    return mail


def test_closing_days_changes_nothing_that_is_known(engine: Engine, world: SmallWorld, mail: SentMail) -> None:
    before = evidence(engine, world)

    after = evidence(engine, world)

    assert after == before
    assert accepted_of_mailbox(engine, world) == {(NOON - days * DAY).date(): 2 for days in (0, 1, 3, 4, 20)}


def test_sends_of_closed_days_are_not_counted_again(engine: Engine, world: SmallWorld, mail: SentMail) -> None:
    before = evidence(engine, world)
    world.sql(
        "update app.send_attempt set outcome = 'unknown' where tenant_id = %(t)s and begun_policy_at < %(at)s",
        t=world.tenant,
        at=NOON - 5 * DAY,
    )

    after = evidence(engine, world)

    assert after == before


def test_an_acceptance_that_is_learnt_late_counts_on_its_closed_day(
    engine: Engine, world: SmallWorld, mail: SentMail
) -> None:
    doubtful = mail.send(NOON - 4 * DAY, outcome="unknown")
    world.sql("update app.message set state = 'unknown', reason = 'test' where message_id = %(m)s", m=doubtful.message)
    evidence(engine, world)

    learn_of_acceptance(engine, world, doubtful)

    assert accepted_of_mailbox(engine, world)[(NOON - 4 * DAY).date()] == 3
    assert accepted_of_mailbox(engine, world)[(NOON - 4 * DAY).date()] == 3


def test_days_of_another_zone_are_counted_anew(engine: Engine, world: SmallWorld, mail: SentMail) -> None:
    evidence(engine, world)
    world.sql("update app.sent_closed set zone = 'Asia/Tokyo' where tenant_id = %(t)s", t=world.tenant)
    world.sql("update app.sent_day set accepted = 99 where tenant_id = %(t)s", t=world.tenant)

    anew = accepted_of_mailbox(engine, world)

    assert anew == {(NOON - days * DAY).date(): 2 for days in (0, 1, 3, 4, 20)}

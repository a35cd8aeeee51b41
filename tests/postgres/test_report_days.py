import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from planned_world import PlannedWorld
from small_world import HOUR, NOON
from sqlalchemy import Engine
from world_fixtures import NewWorld

from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.report_store import PostgresReportStore
from outreach_pipelines.application.write_reports import Number, ReportKind, write_report
from outreach_pipelines.domain.delivery_event import BounceFacts, EventKind
from outreach_pipelines.domain.inbound.verdict import BlockCause, BounceClass, HardCause, SoftCause
from outreach_pipelines.domain.send_answer import RefusalAction, RefusalVerdict, Refused

TODAY = NOON.date()
HARD = BounceFacts(BounceClass.HARD, HardCause.UNKNOWN_USER, "5.1.1", "no such user", "rule")
SOFT = BounceFacts(BounceClass.SOFT, SoftCause.RECEIVING_SYSTEM, "4.3.0", "later", "rule")
BLOCK = BounceFacts(BounceClass.BLOCK, BlockCause.DOMAIN_REPUTATION, "5.7.1", "reputation", "rule")


@pytest.fixture
def planned(new_world: NewWorld, engine: Engine, ingest: Engine) -> PlannedWorld:
    return PlannedWorld(new_world(kind="ses"), engine, ingest)


def report(planned: PlannedWorld, kind: ReportKind, day: date = TODAY) -> dict[str, dict[str, Number]]:
    rows = write_report(PostgresReportStore(planned.engine), tenant=planned.world.tenant, day=day, kind=kind)
    return {row.name: dict(row.numbers) for row in rows}


def sent(planned: PlannedWorld, count: int) -> list:  # type: ignore[type-arg]  # letters
    planned.release([planned.enrolled(number) for number in range(count)])
    return planned.send()


def slug(planned: PlannedWorld) -> object:
    return planned.world.one("select slug from app.tenant_directory where id = %(t)s", t=planned.world.tenant)["slug"]


def test_deliverability_counts_each_message_by_its_fate_per_domain_and_provider(planned: PlannedWorld) -> None:
    letters = sent(planned, 8)
    for letter in letters[:3]:
        planned.tell(letter, EventKind.DELIVERED)
    planned.tell(letters[0], EventKind.COMPLAINED)
    for letter, bounce in zip(letters[3:6], (HARD, SOFT, BLOCK), strict=True):
        planned.tell(letter, EventKind.BOUNCED, bounce)
    planned.world.sql(
        "update app.message set recipient_provider = 'google' where message_id = %(m)s", m=letters[7].claim.message_id
    )

    told = report(planned, ReportKind.DELIVERABILITY)

    assert told == {
        f"{slug(planned)}.example to google": {
            "sent": 1, "refused": 0, "delivered": 0, "hard bounces": 0, "soft bounces": 0, "blocked": 0, "complained": 0,
            "delivered rate": 0, "hard bounce rate": 0, "soft bounce rate": 0, "blocked rate": 0, "complaint rate": 0,
        },
        f"{slug(planned)}.example to other": {
            "sent": 7, "refused": 0, "delivered": 3, "hard bounces": 1, "soft bounces": 1, "blocked": 1, "complained": 1,
            "delivered rate": Decimal("0.4286"), "hard bounce rate": Decimal("0.1429"), "soft bounce rate": Decimal("0.1429"),
            "blocked rate": Decimal("0.1429"), "complaint rate": Decimal("0.1429"),
        },
    }  # fmt: skip


def test_a_refusal_for_good_counts_as_refused_and_never_as_sent(planned: PlannedWorld) -> None:
    planned.release([planned.enrolled(1)])
    (letter,) = planned.claim()
    planned.begin(letter)
    PostgresMessageStore(planned.engine).record_refused(
        letter.claim, Refused("554", "5.7.1", "no"), RefusalVerdict(RefusalAction.FAIL, 0, "policy")
    )

    (numbers,) = report(planned, ReportKind.DELIVERABILITY).values()

    assert (numbers["sent"], numbers["refused"], numbers["complaint rate"]) == (0, 1, 0)


def test_a_send_belongs_to_the_day_of_the_tenants_own_zone(planned: PlannedWorld) -> None:
    sent(planned, 1)
    # Noon in UTC is one in the morning of the next day in Auckland (UTC+13 in November).
    planned.world.sql("update app.tenant set zone = 'Pacific/Auckland' where tenant_id = %(t)s", t=planned.world.tenant)

    days = {
        day: len(report(planned, ReportKind.DELIVERABILITY, day)) for day in (date(2026, 11, 18), date(2026, 11, 19))
    }

    assert days == {date(2026, 11, 18): 0, date(2026, 11, 19): 1}


@pytest.mark.parametrize(
    ("minute", "day"),
    [(datetime(2026, 11, 17, 23, 59, 59, tzinfo=UTC), 17), (datetime(2026, 11, 18, 0, 0, tzinfo=UTC), 18)],
)
def test_midnight_belongs_to_the_new_day(planned: PlannedWorld, minute: datetime, day: int) -> None:
    (letter,) = sent(planned, 1)
    planned.world.sql(
        "update app.send_attempt set begun_policy_at = %(at)s where message_id = %(m)s",
        at=minute,
        m=letter.claim.message_id,
    )

    found = [number for number in (16, 17, 18, 19) if report(planned, ReportKind.COST, date(2026, 11, number))]

    assert found == [day]


def test_campaigns_count_replies_absences_and_unsubscribes_of_either_way(planned: PlannedWorld) -> None:
    replied, away, by_mail, by_link, bounced = sent(planned, 5)
    planned.tell(replied, EventKind.REPLIED)
    planned.tell(away, EventKind.OUT_OF_OFFICE)
    planned.tell(by_mail, EventKind.UNSUBSCRIBE_REQUESTED)
    planned.tell(bounced, EventKind.BOUNCED, HARD)
    planned.world.sql(
        """insert into app.suppression (tenant_id, scope, subject, subject_hmac, kind, source, created_at)
           select m.tenant_id, 'tenant', 'address', m.recipient_hmac, 'unsubscribe', a.tag, app.now()
             from app.message m join app.send_attempt a using (tenant_id, plan_day, message_id) where m.message_id = %(m)s""",
        m=by_link.claim.message_id,
    )

    told = report(planned, ReportKind.CAMPAIGN_PERFORMANCE)

    assert told == {
        "c, step 1, A": {
            "sent": 5,
            "delivered": 0,
            "replied": 1,
            "out of office": 1,
            "unsubscribed": 2,
            "bounced": 1,
            "reply rate": Decimal("0.2000"),
        }
    }


def test_cost_prices_each_accepted_attempt_and_divides_by_replies(planned: PlannedWorld) -> None:
    letters = sent(planned, 4)
    planned.tell(letters[0], EventKind.REPLIED)
    planned.world.sql(
        """insert into app.send_attempt (tenant_id, plan_day, message_id, attempt, account_id, mailbox_id, domain_id, tag, begun_policy_at, mailbox_day, outcome, ended_at)
           select tenant_id, plan_day, message_id, 2, account_id, mailbox_id, domain_id, 'again', begun_policy_at, mailbox_day, 'accepted_twice', ended_at
             from app.send_attempt where message_id = %(m)s""",
        m=letters[0].claim.message_id,
    )

    (row,) = report(planned, ReportKind.COST).items()

    # $0.10 per 1,000: five attempts, the duplicate included, cost $0.0005, and one reply bears them.
    assert row == (
        f"account-{slug(planned)} (ses)",
        {"sent": 5, "unpriced": 0, "cost": Decimal("0.0005"), "replies": 1, "cost per reply": Decimal("0.0005")},
    )


def test_a_send_without_a_known_price_is_unpriced_and_not_free(planned: PlannedWorld) -> None:
    planned.world.sql("update app.provider_account set kind = 'smtp' where account_id = %(a)s", a=planned.world.account)
    (letter,) = sent(planned, 1)
    planned.tell(letter, EventKind.REPLIED)

    (numbers,) = report(planned, ReportKind.COST).values()

    assert numbers == {"sent": 1, "unpriced": 1, "cost": 0, "replies": 1}


def test_a_report_is_rewritten_and_its_decimals_are_text(planned: PlannedWorld) -> None:
    (letter,) = sent(planned, 1)
    report(planned, ReportKind.COST)
    planned.tell(letter, EventKind.REPLIED)
    report(planned, ReportKind.COST)

    rows = planned.world.sql(
        "select body from app.report where tenant_id = %(t)s and kind = 'cost' and day = %(d)s",
        t=planned.world.tenant,
        d=NOON.date(),
    )

    ((row,),) = [json.loads(json.dumps(each["body"])) for each in rows]
    assert row["numbers"] == {"sent": 1, "unpriced": 0, "cost": "0.0001", "replies": 1, "cost per reply": "0.0001"}


def test_a_day_without_sends_has_no_rows(planned: PlannedWorld) -> None:
    planned.world.message(1, due_at=NOON + HOUR)

    assert [report(planned, kind) for kind in ReportKind] == [{}, {}, {}]


def test_each_kind_names_the_asset_that_shows_it() -> None:
    assert [kind.asset_name for kind in ReportKind] == ["deliverability_report", "campaign_performance", "cost_report"]

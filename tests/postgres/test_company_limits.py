"""What a company is: its mail domain, and none where anybody may have an address; to the plan as to the intent."""

import pytest
from send_steps import begin, claim
from small_world import NOON, SmallWorld
from sqlalchemy import Engine, text

from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.plan_store import PostgresPlanStore
from outreach_pipelines.application.ports import Begun, NotBegun
from outreach_pipelines.domain.free_mail import free_mail_domains
from outreach_pipelines.domain.send_plan.snapshot import Candidate, CompanyUse

FREE = min(free_mail_domains())


def move_to(world: SmallWorld, domain: str) -> None:
    """All leads of the world live at this mail domain."""
    world.sql(
        "update app.lead set address = split_part(address, '@', 1) || '@' || %(d)s where tenant_id = %(t)s",
        d=domain,
        t=world.tenant,
    )


def outcomes(engine: Engine, world: SmallWorld, domain: str) -> list[str]:
    """What the intents of two messages to people of this domain came to, from two mailboxes."""
    store = PostgresMessageStore(engine)
    for number in (1, 2):
        world.message(number, mailbox=world.mailboxes[number - 1])
    move_to(world, domain)
    return [_named(begin(store, letter)) for letter in claim(store, world)]


def _named(outcome: Begun | NotBegun) -> str:
    return "begun" if isinstance(outcome, Begun) else outcome.reason


def cap(world: SmallWorld, *, company: int | None, domain: int | None) -> None:
    world.sql(
        "update app.sending_policy set company_daily_cap = %(c)s, recipient_domain_daily_cap = %(d)s where tenant_id = %(t)s",
        c=company, d=domain, t=world.tenant,
    )  # fmt: skip


def candidate(engine: Engine, world: SmallWorld, enrollment: int) -> Candidate:
    rows = PostgresPlanStore(engine).snapshot(world.tenant, NOON.date()).candidates
    return next(row for row in rows if row.enrollment_id == enrollment)


@pytest.mark.parametrize(
    ("domain", "company_cap", "domain_cap", "second"),
    [
        ("works.example", 1, None, "company_daily_cap"),
        ("works.example", 1, 9, "company_daily_cap"),
        ("works.example", 1, 1, "recipient_domain_daily_cap"),
        ("works.example", 9, 1, "recipient_domain_daily_cap"),
        (FREE, 1, None, "begun"),
        (FREE, 1, 9, "begun"),
        (FREE, 9, 1, "recipient_domain_daily_cap"),
    ],
)
def test_people_of_a_free_mail_domain_share_the_cap_of_the_domain_and_not_that_of_a_company(
    engine: Engine, world: SmallWorld, domain: str, company_cap: int, domain_cap: int | None, second: str
) -> None:
    cap(world, company=company_cap, domain=domain_cap)

    found = outcomes(engine, world, domain)

    assert found == ["begun", second]


def test_a_plan_is_told_that_free_mail_is_no_company(engine: Engine, world: SmallWorld) -> None:
    enrollment = world.enroll(1)
    move_to(world, FREE)

    found = candidate(engine, world, enrollment)

    assert found.company is None


def test_a_plan_is_told_what_has_gone_to_a_company_today(engine: Engine, world: SmallWorld) -> None:
    cap(world, company=9, domain=None)
    outcomes(engine, world, "works.example")
    enrollment = world.enroll(3)
    move_to(world, "works.example")

    snapshot = PostgresPlanStore(engine).snapshot(world.tenant, NOON.date())

    company = candidate(engine, world, enrollment).company
    assert company is not None
    assert snapshot.used_today.companies == (CompanyUse(company, 2),)


def test_the_database_knows_the_same_free_mail_as_the_domain(engine: Engine) -> None:
    domains = sorted(free_mail_domains())
    statement = text("select array_agg(app.is_free_mail(d)) from unnest(cast(:domains as text[])) as d")

    with engine.connect() as connection:
        found = connection.execute(statement, {"domains": [*domains, "works.example"]}).scalar_one()

    assert found == [*[True] * len(domains), False]

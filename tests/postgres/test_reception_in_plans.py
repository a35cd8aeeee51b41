"""How providers receive domains, from sends and their news to the weights that a plan rotates by."""

from datetime import timedelta

from sent_mail import SentMail
from small_world import NOON, SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.health_store import PostgresHealthStore
from outreach_pipelines.adapters.postgres.plan_store import PostgresPlanStore
from outreach_pipelines.application.score_mailboxes import score_mailboxes
from outreach_pipelines.domain.recipient_provider import RecipientProvider

DAY = timedelta(days=1)
TODAY = NOON.date()


def weights(engine: Engine, world: SmallWorld) -> dict[RecipientProvider, int]:
    (domain,) = PostgresPlanStore(engine).snapshot(world.tenant, TODAY + DAY).domains
    return {row.provider: row.weight for row in domain.health}


def score(engine: Engine, world: SmallWorld) -> None:
    score_mailboxes(PostgresHealthStore(engine), tenant=world.tenant, day=TODAY)


def test_a_domain_that_was_never_scored_has_no_weight_of_its_own(engine: Engine, world: SmallWorld) -> None:
    assert weights(engine, world) == {}


def test_the_plan_rotates_by_what_each_provider_did_with_the_domains_mail(
    engine: Engine, world: SmallWorld, mail: SentMail
) -> None:
    for sent in mail.sends(20, at=NOON - DAY, provider="yahoo"):
        mail.heard(sent, "bounced", "hard", "unknown_user", at=NOON - DAY + timedelta(hours=1))
    mail.sends(20, at=NOON - 2 * DAY, provider="microsoft")

    score(engine, world)
    found = weights(engine, world)

    assert set(found) == set(RecipientProvider)
    assert found[RecipientProvider.YAHOO] < found[RecipientProvider.MICROSOFT]


def test_scoring_a_day_again_leaves_its_rows_as_they_are(engine: Engine, world: SmallWorld) -> None:
    score(engine, world)
    rows = "select *, xmin from app.reception_score where tenant_id = %(t)s order by recipient_provider"
    before = world.sql(rows, t=world.tenant)

    score(engine, world)

    assert len(before) == 4
    assert world.sql(rows, t=world.tenant) == before

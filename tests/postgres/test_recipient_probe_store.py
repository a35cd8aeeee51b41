"""Whom servers of recipients may be asked about, as the database keeps it."""

from datetime import timedelta

import pytest
from small_world import SmallWorld
from sqlalchemy import Engine, text
from sqlalchemy.exc import ProgrammingError
from world_fixtures import NewWorld

from outreach_pipelines.adapters.postgres.recipient_probe_store import MOST_CALLS_AN_HOUR, PostgresProbeStore
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.ids import LeadId
from outreach_pipelines.domain.recipient_probe import ProbeResult

DOMAIN = DomainName("example.test")
OPERATOR = "hoster.example"


@pytest.fixture
def store(engine: Engine) -> PostgresProbeStore:
    return PostgresProbeStore(engine)


@pytest.fixture(autouse=True)
def no_calls(world: SmallWorld) -> None:
    """Calls are counted over all tenants, those of other tests too."""
    world.sql("delete from app.recipient_call")


@pytest.fixture
def willing(world: SmallWorld) -> SmallWorld:
    """A tenant that wants it, with a new lead whose domain has a host of its own."""
    world.sql("insert into app.audit_policy (tenant_id, probe_recipients) values (%(t)s, true)", t=world.tenant)
    known(world, 1)
    return world


def known(world: SmallWorld, number: int) -> None:
    world.enroll(number)
    world.sql("update app.lead set provider_checked_at = clock_timestamp() where tenant_id = %(t)s", t=world.tenant)


def due(store: PostgresProbeStore, world: SmallWorld, *, most: int = 50) -> list[str]:
    return [each.address.canonical for each in store.due(world.tenant, most_an_hour=most)]


def leads(store: PostgresProbeStore, world: SmallWorld) -> list[LeadId]:
    return [each.lead for each in store.due(world.tenant, most_an_hour=50)]


def pass_hours(world: SmallWorld, hours: float) -> None:
    world.sql(
        "update app.recipient_probe set asked_at = asked_at - %(h)s where tenant_id = %(t)s",
        h=timedelta(hours=hours),
        t=world.tenant,
    )
    world.sql("update app.recipient_call set called_at = called_at - %(h)s", h=timedelta(hours=hours))


def test_a_new_lead_of_a_willing_tenant_is_due(store: PostgresProbeStore, willing: SmallWorld) -> None:
    assert due(store, willing) == ["person1@example.test"]


@pytest.mark.parametrize(
    "change",
    [
        "update app.audit_policy set probe_recipients = false where tenant_id = %(t)s",
        "delete from app.audit_policy where tenant_id = %(t)s",
        "update app.lead set provider_checked_at = null where tenant_id = %(t)s",
        "update app.lead set undeliverable = 'null_mx' where tenant_id = %(t)s",
        "update app.lead set recipient_provider = 'google' where tenant_id = %(t)s",
        "update app.lead set address = 'person1@gmail.com' where tenant_id = %(t)s",
        "update app.lead set address = null, erased_at = clock_timestamp() where tenant_id = %(t)s",
        "update app.enrollment set state = 'replied' where tenant_id = %(t)s",
        """insert into app.suppression (tenant_id, subject, subject_hmac, scope, kind, source, created_at)
           select tenant_id, 'address', address_hmac, 'tenant', 'manual', 'test', clock_timestamp() from app.lead where tenant_id = %(t)s""",
        """insert into app.suppression (tenant_id, subject, subject_hmac, scope, kind, source, created_at)
           select tenant_id, 'domain', domain_hmac, 'tenant', 'manual', 'test', clock_timestamp() from app.lead where tenant_id = %(t)s""",
        "update app.tenant set state = 'paused', pause_reason = 'test' where tenant_id = %(t)s",
    ],
)
def test_nobody_else_is(store: PostgresProbeStore, willing: SmallWorld, change: str) -> None:
    willing.sql(change, t=willing.tenant)

    assert due(store, willing) == []


def test_a_suppression_that_was_lifted_keeps_nobody_back(store: PostgresProbeStore, willing: SmallWorld) -> None:
    willing.sql(
        """insert into app.suppression (tenant_id, subject, subject_hmac, scope, kind, source, created_at, lifted_at, lifted_reason)
           select tenant_id, 'address', address_hmac, 'tenant', 'manual', 'test', clock_timestamp(), clock_timestamp(), 'a mistake'
             from app.lead where tenant_id = %(t)s""",
        t=willing.tenant,
    )

    assert due(store, willing) == ["person1@example.test"]


def test_nobody_who_was_written_to_is(store: PostgresProbeStore, willing: SmallWorld) -> None:
    willing.message(2, state="unknown")
    willing.sql("update app.lead set provider_checked_at = clock_timestamp() where tenant_id = %(t)s", t=willing.tenant)

    assert due(store, willing) == ["person1@example.test"]


def test_of_a_domain_only_a_few_are_due_at_once(store: PostgresProbeStore, willing: SmallWorld) -> None:
    for number in range(2, 9):
        known(willing, number)

    assert due(store, willing) == [f"person{number}@example.test" for number in range(1, 6)]
    assert len(due(store, willing, most=2)) == 2


def test_a_domain_is_called_once_within_the_hour_whoever_asks(store: PostgresProbeStore, willing: SmallWorld) -> None:
    first = leads(store, willing)
    known(willing, 2)
    both = leads(store, willing)

    begun = [store.begin(willing.tenant, DOMAIN, OPERATOR, first), store.begin(willing.tenant, DOMAIN, OPERATOR, both)]
    within = due(store, willing)
    pass_hours(willing, 1.1)

    assert begun == [True, False]
    assert (within, due(store, willing)) == ([], ["person2@example.test"])


def test_what_was_said_counts_for_thirty_days_and_a_broken_call_too(
    store: PostgresProbeStore, willing: SmallWorld
) -> None:
    (lead,) = leads(store, willing)
    store.begin(willing.tenant, DOMAIN, OPERATOR, [lead])
    broken = willing.one("select result from app.recipient_probe where lead_id = %(l)s", l=lead)

    store.save(willing.tenant, {lead: ProbeResult.REJECTED})
    pass_hours(willing, 29 * 24)
    kept = due(store, willing)
    pass_hours(willing, 2 * 24)

    said = willing.one("select result from app.recipient_probe where lead_id = %(l)s", l=lead)
    assert (broken["result"], said["result"]) == ("unknown", "rejected")
    assert (kept, due(store, willing)) == ([], ["person1@example.test"])


def test_a_refusal_to_a_question_suppresses_nobody(store: PostgresProbeStore, willing: SmallWorld) -> None:
    (lead,) = leads(store, willing)

    store.begin(willing.tenant, DOMAIN, OPERATOR, [lead])
    store.save(willing.tenant, {lead: ProbeResult.REJECTED})

    assert willing.sql("select 1 from app.suppression where tenant_id = %(t)s", t=willing.tenant) == []
    assert willing.one("select state from app.enrollment where lead_id = %(l)s", l=lead) == {"state": "active"}


def test_calls_of_another_tenant_count(store: PostgresProbeStore, willing: SmallWorld, new_world: NewWorld) -> None:
    other = new_world()
    known(other, 1)
    (theirs,) = other.sql("select lead_id from app.lead where tenant_id = %(t)s", t=other.tenant)

    begun = [
        store.begin(other.tenant, DOMAIN, OPERATOR, [LeadId(int(str(theirs["lead_id"])))]),
        store.begin(willing.tenant, DOMAIN, OPERATOR, leads(store, willing)),
    ]

    assert begun == [True, False]
    assert due(store, willing) == ["person1@example.test"]


def test_an_operator_is_called_a_few_times_an_hour_whatever_the_domains(
    store: PostgresProbeStore, willing: SmallWorld
) -> None:
    domains = [DomainName(f"firm{number}.example") for number in range(MOST_CALLS_AN_HOUR + 1)]

    begun = [store.begin(willing.tenant, domain, OPERATOR, []) for domain in domains]
    elsewhere = store.begin(willing.tenant, domains[-1], "other.example", [])
    pass_hours(willing, 1.1)

    assert (begun, elsewhere) == ([True] * MOST_CALLS_AN_HOUR + [False], True)
    assert store.begin(willing.tenant, domains[0], OPERATOR, [])


def test_a_tenant_asks_about_so_many_an_hour_and_no_more(store: PostgresProbeStore, willing: SmallWorld) -> None:
    for number in range(2, 5):
        known(willing, number)
    store.pass_over(willing.tenant, leads(store, willing)[:1])
    willing.sql("update app.lead set domain_hmac = sha256('other') where address = 'person1@example.test'")

    assert due(store, willing, most=3) == ["person2@example.test", "person3@example.test"]


def test_who_cannot_be_asked_about_is_not_due_for_thirty_days(store: PostgresProbeStore, willing: SmallWorld) -> None:
    store.pass_over(willing.tenant, leads(store, willing))
    pass_hours(willing, 29 * 24)
    kept = due(store, willing)
    pass_hours(willing, 2 * 24)

    assert (kept, due(store, willing)) == ([], ["person1@example.test"])


def test_a_tenant_cannot_read_whom_others_had_called(store: PostgresProbeStore, willing: SmallWorld) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), store.engine.connect() as connection:
        connection.execute(text("select * from app.recipient_call"))

from collections.abc import Iterator
from datetime import timedelta

import pytest
from planned_world import PlannedWorld
from small_world import HOUR, NOON, SmallWorld, build_world
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.bootstrap import DatabaseUrls, Role
from outreach_pipelines.adapters.postgres.diagnosis_reader import PostgresDiagnosisReader
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.tenant_session import connect
from outreach_pipelines.application.diagnose import Finding, Level, diagnose
from outreach_pipelines.domain.tenant import TenantSlug
from outreach_pipelines.errors import NotFound


@pytest.fixture(scope="module")
def engines(outreach_database: DatabaseUrls) -> Iterator[tuple[Engine, Engine]]:
    made = connect(outreach_database[Role.APP]), connect(outreach_database[Role.INGEST])
    yield made
    for engine in made:
        engine.dispose()


@pytest.fixture
def planned(outreach_admin_url: str, engines: tuple[Engine, Engine]) -> Iterator[PlannedWorld]:
    world = build_world(outreach_admin_url, kind="ses")
    world.sql("update app.environment set heartbeat_at = clock_timestamp()")
    yield PlannedWorld(world, *engines)
    world.admin.close()


def slug(world: SmallWorld) -> TenantSlug:
    return TenantSlug(str(world.one("select slug from app.tenant_directory where id = %(t)s", t=world.tenant)["slug"]))


def findings(planned: PlannedWorld) -> tuple[Finding, ...]:
    """Of the tenant and its account alone: the module's tests share a database."""
    name = slug(planned.world)
    found = diagnose(PostgresDiagnosisReader(planned.engine), now=NOON, only=name)
    return tuple(each for each in found if name in each.what)


def troubles(planned: PlannedWorld) -> list[tuple[Level, str]]:
    prefix = f"{slug(planned.world)}: "
    return [(each.level, each.what.removeprefix(prefix)) for each in findings(planned) if each.level is not Level.OK]


def ready(planned: PlannedWorld) -> None:
    planned.release([planned.enrolled(1)])


def test_a_tenant_that_can_send_has_no_trouble_and_every_finding_says_so(planned: PlannedWorld) -> None:
    ready(planned)

    found = findings(planned)

    assert {each.level for each in found} == {Level.OK}
    told = [each.what.removeprefix(f"{slug(planned.world)}: ") for each in found]
    assert told[1:4] == [
        "1 of 1 sending domains are ready",
        "3 mailboxes may send, each with an inbox",
        "inbox in was read to its end less than a minute ago",
    ]


DEFECTS = [
    ("update app.tenant set state = 'paused', pause_reason = 'asked to' where tenant_id = %(t)s", Level.FAULT, "paused: asked to"),
    ("update app.sending_domain set state = 'resting' where tenant_id = %(t)s", Level.FAULT, "no active sending domain"),
    ("update app.domain_account set state = 'not_ready', definite_state = 'not_ready' where tenant_id = %(t)s", Level.FAULT, "no sending domain is ready for any account"),
    ("update app.mailbox set state = 'resting' where tenant_id = %(t)s", Level.FAULT, "no mailbox is active or ramping"),
    ("update app.mailbox set inbox_id = null where tenant_id = %(t)s", Level.FAULT, "3 of 3 mailboxes have no inbox"),
    ("update app.mailbox set inbox_id = null where tenant_id = %(t)s and address like 'box1%%'", Level.WARNING, "1 of 3 mailboxes have no inbox and take no new lead: box1@"),
    ("update app.inbox set last_complete_read = null where tenant_id = %(t)s", Level.FAULT, "inbox in was never read to its end"),
    ("update app.inbox set last_complete_read = last_complete_read - interval '45 minutes' where tenant_id = %(t)s", Level.WARNING, "inbox in was read to its end 45 min ago"),
    ("update app.inbox set last_error = 'login failed', last_error_at = clock_timestamp() where tenant_id = %(t)s", Level.FAULT, "inbox in cannot be read: login failed"),
    ("update app.campaign set state = 'paused' where tenant_id = %(t)s", Level.FAULT, "no campaign is active"),
    ("update app.enrollment set state = 'replied' where tenant_id = %(t)s", Level.WARNING, "none of 1 leads is in a sequence that goes on"),
    ("update app.plan set status = 'revoked' where tenant_id = %(t)s", Level.FAULT, "plan of 2026-11-18 (version 2) is revoked: nothing is sent from it"),
    ("insert into app.hold (tenant_id, scope_key, factor, level, reason, since) values (%(t)s, 'tenant', 0, 'stop', 'complaints', now())", Level.FAULT, "hold on tenant, nothing may leave: complaints"),
    ("insert into app.hold (tenant_id, scope_key, factor, level, reason, since) values (%(t)s, 'domain:1', 0.5, 'slow', 'bounces', now())", Level.WARNING, "hold on domain:1, slowed to 50%: bounces"),
    ("update app.message set state = 'in_doubt', state_at = clock_timestamp() - interval '5 minutes' where tenant_id = %(t)s", Level.WARNING, "1 messages are in doubt, the oldest for 5 min"),
    ("update app.message set state = 'in_doubt', state_at = clock_timestamp() - interval '3 hours' where tenant_id = %(t)s", Level.FAULT, "1 messages are in doubt, the oldest for 3 h"),
    ("update app.message set state = 'unknown', reason = 'reply_lost' where tenant_id = %(t)s", Level.WARNING, "1 messages of the last days are unknown"),
    ("update app.message set window_start = %(at)s - interval '9 hours', due_at = %(at)s - interval '8 hours', window_end = %(at)s - interval '2 hours' where tenant_id = %(t)s", Level.WARNING, "1 messages stand open though their window is over"),
    ("insert into app.event_inbox (tenant_id, source, dedupe_key, kind, occurred_at, received_at, body) values (%(t)s, 's', 'k', 'sent', now(), clock_timestamp() - interval '1 hour', '{}')", Level.WARNING, "1 provider events wait for more than 10 minutes"),
]  # fmt: skip


@pytest.mark.parametrize(("defect", "level", "what"), DEFECTS, ids=[what[:40] for _, _, what in DEFECTS])
def test_each_thing_that_is_missing_is_named_with_a_cure(
    planned: PlannedWorld, defect: str, level: Level, what: str
) -> None:
    ready(planned)
    planned.world.sql(defect, t=planned.world.tenant, at=NOON)

    found = troubles(planned)

    assert [each_level for each_level, text in found if text.startswith(what)] == [level]
    assert all(each.cure for each in findings(planned) if each.level is not Level.OK)


def test_a_domain_that_is_not_ready_names_the_records_to_publish(planned: PlannedWorld) -> None:
    world = planned.world
    world.sql(
        "update app.domain_account set definite_state = 'not_ready', state = 'not_ready', reason = 'DKIM is missing' where tenant_id = %(t)s",
        t=world.tenant,
    )
    world.sql(
        "insert into app.dns_audit (tenant_id, domain_id, day, audited_at, score, queries) values (%(t)s, %(d)s, '2026-11-18', now(), 50, 9)",
        t=world.tenant,
        d=world.domain,
    )
    world.sql(
        """insert into app.dns_finding (tenant_id, domain_id, day, position, check_name, fault, severity, name, evidence, stops, publish)
           values (%(t)s, %(d)s, '2026-11-18', 1, 'dkim', 'missing', 'critical', 'k._domainkey', 'nothing there', array[%(a)s], array['k._domainkey TXT "v=DKIM1"'])""",
        t=world.tenant, d=world.domain, a=f"account-{slug(world)}",
    )  # fmt: skip

    (stuck,) = [each for each in findings(planned) if "DKIM is missing" in each.what]

    assert stuck.cure == 'publish k._domainkey TXT "v=DKIM1"; then materialize dns_audit in Dagster'


def test_a_plan_that_places_nobody_names_what_blocks_the_candidates(planned: PlannedWorld) -> None:
    planned.release([], refused=[planned.enrolled(1), planned.enrolled(2)])

    (blocked,) = [what for level, what in troubles(planned) if level is Level.FAULT]

    assert (
        blocked
        == "plan of 2026-11-18 (version 2) places 0, every candidate is blocked: 2: the daily caps of the mailboxes are used up"
    )


def test_a_tenant_without_leads_is_told_to_import_some(planned: PlannedWorld) -> None:
    assert (Level.FAULT, "there are no leads") in troubles(planned)


def test_neither_today_nor_tomorrow_planned_is_a_fault(planned: PlannedWorld) -> None:
    planned.world.at(NOON + timedelta(days=3))

    found = diagnose(PostgresDiagnosisReader(planned.engine), now=NOON + timedelta(days=3), only=slug(planned.world))

    assert (
        Finding(
            Level.FAULT,
            f"{slug(planned.world)}: no plan for today (2026-11-21) or tomorrow",
            "materialize send_plan in Dagster",
        )
        in found
    )


def test_tomorrow_without_a_plan_is_a_warning_only_late_in_the_tenants_evening(planned: PlannedWorld) -> None:
    ready(planned)
    reader = PostgresDiagnosisReader(planned.engine)

    at_noon, late = (
        [each for each in diagnose(reader, now=moment, only=slug(planned.world)) if "no plan for tomorrow" in each.what]
        for moment in (NOON, NOON + 11 * HOUR)
    )

    assert (at_noon, [each.level for each in late]) == ([], [Level.WARNING])


@pytest.mark.parametrize(
    ("proven_at", "kind", "level", "what"),
    [
        ("null", "ses", Level.FAULT, "is not proven: nothing has ever come back from it"),
        ("clock_timestamp() - interval '3 hours'", "ses", Level.OK, "a probe asks again when a batch starts"),
        (
            "clock_timestamp() - interval '3 hours'",
            "smtp",
            Level.WARNING,
            "was last proven 3 h ago: it takes no new lead",
        ),
        ("clock_timestamp()", "smtp", Level.OK, "was proven less than a minute ago"),
    ],
)
def test_an_account_is_judged_by_what_came_back_from_it(
    planned: PlannedWorld, proven_at: str, kind: str, level: Level, what: str
) -> None:
    planned.world.sql(
        f"update app.provider_account set kind = %(k)s, proven_at = {proven_at} where account_id = %(a)s",
        k=kind,
        a=planned.world.account,
    )

    (account,) = [each for each in findings(planned) if each.what.startswith("account ")]

    assert (account.level, what in account.what) == (level, True)


def test_a_closed_clock_guard_is_a_fault_and_a_quiet_heartbeat_a_warning(planned: PlannedWorld) -> None:
    reader = PostgresDiagnosisReader(planned.engine)

    def guard(age: str) -> Finding:
        planned.world.sql(
            "update app.environment set heartbeat_at = clock_timestamp() - cast(%(age)s as interval)", age=age
        )
        return diagnose(reader, now=NOON, only=slug(planned.world))[0]

    assert [guard(age).level for age in ("10 seconds", "20 minutes", "73 hours", "-1 minute")] == [
        Level.OK,
        Level.WARNING,
        Level.FAULT,
        Level.FAULT,
    ]


def test_partitions_count_only_up_to_the_first_gap(planned: PlannedWorld) -> None:
    system = PostgresDiagnosisReader(planned.engine).system()

    # The world has 17 to 19 November; those that the migration made for the machine's own today lie elsewhere.
    assert system.last_partition == NOON.date() + timedelta(days=1)
    assert "partitions reach to 2026-11-19, 1 days from now" in [
        each.what for each in diagnose(PostgresDiagnosisReader(planned.engine), now=NOON, only=slug(planned.world))
    ]


def test_all_tenants_are_looked_at_and_one_tenants_troubles_are_its_own(
    planned: PlannedWorld, outreach_admin_url: str
) -> None:
    other = build_world(outreach_admin_url)
    other.sql("update app.tenant set state = 'paused', pause_reason = 'rest' where tenant_id = %(t)s", t=other.tenant)
    paused, fine = slug(other), slug(planned.world)
    other.admin.close()

    whats = [each.what for each in diagnose(PostgresDiagnosisReader(planned.engine), now=NOON)]

    assert f"{paused}: paused: rest" in whats
    assert f"{fine}: 1 of 1 sending domains are ready" in whats
    assert not any(what.startswith(f"{fine}: paused") for what in whats)


def test_a_name_without_an_inventory_is_told_and_an_unknown_name_is_not_found(planned: PlannedWorld) -> None:
    planned.world.sql("insert into app.tenant_directory (slug) values ('nobody-yet') on conflict do nothing")
    reader = PostgresDiagnosisReader(planned.engine)

    assert "tenant nobody-yet has a name and no inventory" in [each.what for each in diagnose(reader, now=NOON)]
    with pytest.raises(NotFound, match="no tenant is called 'strange'"):
        diagnose(reader, now=NOON, only=TenantSlug("strange"))


def test_a_message_in_real_doubt_is_seen(planned: PlannedWorld) -> None:
    ready(planned)
    (letter,) = planned.claim()
    planned.begin(letter)
    PostgresMessageStore(planned.engine).record_doubt(letter.claim, "timeout")

    assert troubles(planned) == [(Level.WARNING, "1 messages are in doubt, the oldest for less than a minute")]

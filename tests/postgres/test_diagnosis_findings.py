from datetime import datetime, timedelta

import pytest
from planned_world import PlannedWorld
from small_world import HOUR, NOON, SmallWorld
from sqlalchemy import Engine
from world_fixtures import NewWorld

from outreach_pipelines.adapters.postgres.diagnosis_reader import PostgresDiagnosisReader
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.application.diagnose import diagnose
from outreach_pipelines.application.findings import Finding, Level
from outreach_pipelines.domain.tenant import TenantSlug
from outreach_pipelines.errors import NotFound


@pytest.fixture
def planned(new_world: NewWorld, engine: Engine, ingest: Engine) -> PlannedWorld:
    world = new_world(kind="ses")
    world.sql("update app.environment set heartbeat_at = clock_timestamp()")
    return PlannedWorld(world, engine, ingest)


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
        "ready: 1 of 1 sending domain",
        "3 mailboxes with an inbox may send",
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
    ("update app.enrollment set state = 'replied' where tenant_id = %(t)s", Level.WARNING, "none of 1 lead is in a sequence that goes on"),
    ("update app.plan set status = 'revoked' where tenant_id = %(t)s", Level.FAULT, "plan of 2026-11-18 (version 2) is revoked: nothing is sent from it"),
    ("insert into app.hold (tenant_id, scope_key, factor, level, reason, since) values (%(t)s, 'tenant', 0, 'stop', 'complaints', now())", Level.FAULT, "hold on tenant, nothing may leave: complaints"),
    ("insert into app.hold (tenant_id, scope_key, factor, level, reason, since) values (%(t)s, 'domain:1', 0.5, 'slow', 'bounces', now())", Level.WARNING, "hold on domain:1, slowed to 50%: bounces"),
    ("update app.message set state = 'in_doubt', state_at = clock_timestamp() - interval '5 minutes' where tenant_id = %(t)s", Level.WARNING, "1 message in doubt, the oldest for 5 min"),
    ("update app.message set state = 'in_doubt', state_at = clock_timestamp() - interval '3 hours' where tenant_id = %(t)s", Level.FAULT, "1 message in doubt, the oldest for 3 h"),
    ("update app.message set state = 'unknown', reason = 'reply_lost' where tenant_id = %(t)s", Level.WARNING, "1 message of the last days unknown"),
    ("update app.message set window_start = %(at)s - interval '9 hours', due_at = %(at)s - interval '8 hours', window_end = %(at)s - interval '2 hours' where tenant_id = %(t)s", Level.WARNING, "1 message still open after the end of the window"),
    ("insert into app.event_inbox (tenant_id, source, dedupe_key, kind, occurred_at, received_at, body) values (%(t)s, 's', 'k', 'sent', now(), clock_timestamp() - interval '1 hour', '{}')", Level.WARNING, "1 provider event waiting for more than 10 minutes"),
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


def test_a_domain_that_a_seed_stopped_is_mended_at_the_provider_and_proved_by_another_seed(
    planned: PlannedWorld,
) -> None:
    planned.world.sql(
        """update app.domain_account set definite_state = 'not_ready', reason = 'All that the account needs is published.',
                  seed_fault = 'Its mail arrives unsigned.', seed_fault_until = now() + interval '1 day' where tenant_id = %(t)s""",
        t=planned.world.tenant,
    )

    (stuck,) = [each for each in findings(planned) if "unsigned. All that" in each.what]

    assert (
        stuck.cure
        == "mend what the provider signs its mail with; then materialize dns_audit, then seed_proof, in Dagster"
    )


def test_a_plan_that_places_nobody_names_what_blocks_the_candidates(planned: PlannedWorld) -> None:
    planned.release([], refused=[planned.enrolled(1), planned.enrolled(2)])

    (blocked,) = [what for level, what in troubles(planned) if level is Level.FAULT]

    assert (
        blocked
        == "plan of 2026-11-18 (version 2) places 0, every candidate is blocked: 2: the daily caps of the mailboxes leave no room"
    )


def test_a_tenant_without_leads_is_told_to_import_some(planned: PlannedWorld) -> None:
    assert (Level.FAULT, "there are no leads") in troubles(planned)


SATURDAY, MONDAY = NOON + timedelta(days=3), NOON + timedelta(days=5)


@pytest.mark.parametrize(
    ("today", "founded_at", "level", "what"),
    [
        (MONDAY, "2026-11-01", Level.FAULT, "no plan for today (2026-11-23)"),
        (MONDAY, "2026-11-23 08:00", Level.WARNING, "no plan for today (2026-11-23): the tenant is new"),
        (MONDAY, "2026-11-22 23:00", Level.WARNING, "no plan for today (2026-11-23): the tenant is new"),
        (SATURDAY, "2026-11-01", Level.OK, "no plan for today (2026-11-21), and none is needed"),
    ],
)
def test_a_day_without_a_plan_is_a_fault_where_something_may_go_and_an_evening_has_passed(
    planned: PlannedWorld, today: datetime, founded_at: str, level: Level, what: str
) -> None:
    planned.enrolled(1)
    planned.world.at(today)
    planned.world.sql(
        "update app.tenant set founded_at = cast(%(f)s as timestamp) at time zone 'UTC' where tenant_id = %(t)s",
        f=founded_at,
        t=planned.world.tenant,
    )

    found = diagnose(PostgresDiagnosisReader(planned.engine), now=today, only=slug(planned.world))

    (told,) = [each for each in found if "no plan for today" in each.what]
    assert (told.level, told.what.startswith(f"{slug(planned.world)}: {what}")) == (level, True)


def test_a_hold_is_told_by_the_name_of_what_it_is_on(planned: PlannedWorld) -> None:
    world = planned.world
    world.sql(
        """insert into app.hold (tenant_id, scope_key, factor, level, reason, since)
           values (%(t)s, %(c)s, 0.5, 'slow', 'x', now()), (%(t)s, %(d)s, 0.5, 'slow', 'x', now()), (%(t)s, %(m)s, 0.5, 'slow', 'x', now()),
                  (%(t)s, %(p)s, 0.5, 'slow', 'x', now())""",
        t=world.tenant, c=f"campaign:{world.campaign}", d=f"domain:{world.domain}", m=f"mailbox:{world.mailboxes[0]}",
        p=f"path:{world.mailboxes[0]}:{world.account}",
    )  # fmt: skip

    held = {what.partition(",")[0] for _, what in troubles(planned) if what.startswith("hold on")}

    name, box = slug(world), f"mailbox box0@{slug(world)}.example"
    assert held == {
        "hold on campaign c",
        f"hold on domain {name}.example",
        f"hold on {box}",
        f"hold on {box} through account account-{name}",
    }


def test_a_plan_that_places_nobody_since_nobody_can_be_written_to_is_fine(planned: PlannedWorld) -> None:
    planned.release([], refused=[planned.enrolled(1), planned.enrolled(2)])
    planned.world.sql(
        "update app.decision set binding_constraint = case when enrollment_id %% 2 = 0 then 'weekend' else 'suppressed' end where tenant_id = %(t)s",
        t=planned.world.tenant,
    )

    told = [each for each in findings(planned) if "nobody can be written to on that day" in each.what]

    assert [each.level for each in told] == [Level.OK]


def test_a_draft_of_a_paused_tenant_is_no_second_fault(planned: PlannedWorld) -> None:
    ready(planned)
    planned.world.sql(
        "update app.plan set status = 'draft', released_at = null where tenant_id = %(t)s", t=planned.world.tenant
    )
    planned.world.sql(
        "update app.tenant set state = 'paused', pause_reason = 'asked' where tenant_id = %(t)s", t=planned.world.tenant
    )

    levels = [level for level, what in troubles(planned) if "is draft" in what]

    assert levels == [Level.WARNING]


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
    # This week and the next but one; those of the machine's own days lie before.
    wednesday = NOON.replace(year=2028, month=1, day=12)
    planned.world.sql("select app.ensure_partitions('2028-01-12', 1), app.ensure_partitions('2028-01-26', 1)")
    planned.world.at(wednesday)

    system = PostgresDiagnosisReader(planned.engine).system()

    assert system.last_partition == wednesday.date() + timedelta(days=4)
    assert "partitions reach to 2028-01-16, 4 days from now" in [
        each.what for each in diagnose(PostgresDiagnosisReader(planned.engine), now=wednesday, only=slug(planned.world))
    ]


def test_all_tenants_are_looked_at_and_one_tenants_troubles_are_its_own(
    planned: PlannedWorld, new_world: NewWorld
) -> None:
    other = new_world()
    other.sql("update app.tenant set state = 'paused', pause_reason = 'rest' where tenant_id = %(t)s", t=other.tenant)
    paused, fine = slug(other), slug(planned.world)

    whats = [each.what for each in diagnose(PostgresDiagnosisReader(planned.engine), now=NOON)]

    assert f"{paused}: paused: rest" in whats
    assert f"{fine}: ready: 1 of 1 sending domain" in whats
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

    assert troubles(planned) == [(Level.WARNING, "1 message in doubt, the oldest for less than a minute")]

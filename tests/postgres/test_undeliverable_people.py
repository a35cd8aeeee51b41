"""People whose domain takes no mail: what the DNS said goes into the plan as its reason, and silence goes nowhere."""

from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from dns_audit_cases import FakeDns
from small_world import NOON, SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.plan_store import PostgresPlanStore
from outreach_pipelines.adapters.postgres.recipient_store import PostgresRecipientStore
from outreach_pipelines.application.plan_sends import PlannedDay, plan_sends
from outreach_pipelines.application.ports import NotBegun
from outreach_pipelines.application.resolve_recipients import resolve_recipients
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Query, RecordType
from outreach_pipelines.domain.letter import ClaimToken
from outreach_pipelines.domain.message_tag import WireTag
from outreach_pipelines.domain.recipient_mail import NoMail
from outreach_pipelines.domain.send_plan.plan import Constraint
from outreach_pipelines.domain.send_plan.snapshot import Block, Erased, Replied, Suppressed, Undeliverable
from outreach_pipelines.domain.suppression import SuppressionKind

TOMORROW = NOON.date() + timedelta(days=1)
# Half past midnight of the 17th in Berlin is still the 16th in UTC.
ASKED_AT = datetime.fromisoformat("2026-11-17T00:30:00+01:00")
ASKED_ON = date(2026, 11, 16)
TAKES_NONE = FakeDns(("example.test MX 0 .",))
SILENT = FakeDns((), failing=frozenset({Query(DomainName("example.test"), RecordType.MX)}))


@pytest.fixture
def store(engine: Engine) -> PostgresPlanStore:
    return PostgresPlanStore(engine)


def take_no_mail(world: SmallWorld, enrollment: int, reason: str | None) -> None:
    """What a lookup keeps; without a reason, of a domain that takes mail."""
    world.sql(
        """update app.lead l set undeliverable = %(r)s, provider_checked_at = %(at)s from app.enrollment e
            where e.enrollment_id = %(e)s and l.tenant_id = e.tenant_id and l.lead_id = e.lead_id""",
        r=reason, at=ASKED_AT, e=enrollment,
    )  # fmt: skip


def blocks(store: PostgresPlanStore, world: SmallWorld) -> dict[int, Block | None]:
    return {each.enrollment_id: each.block for each in store.snapshot(world.tenant, TOMORROW).candidates}


def planned(store: PostgresPlanStore, folder: Path, world: SmallWorld) -> PlannedDay:
    done = plan_sends(store, LocalObjectStore(folder), tenant=world.tenant, day=TOMORROW)
    assert isinstance(done, PlannedDay)
    return done


@pytest.mark.parametrize("reason", sorted(set(NoMail) - {NoMail.NO_SUCH_MAILBOX}))
def test_what_the_dns_said_for_certain_blocks_the_person_with_its_reason_and_day(
    store: PostgresPlanStore, world: SmallWorld, reason: NoMail
) -> None:
    lost, other = world.enroll(1), world.enroll(2)
    take_no_mail(world, lost, reason.value)

    assert blocks(store, world) == {lost: Undeliverable(reason, ASKED_ON), other: None}


@pytest.mark.parametrize(
    ("wanted", "result", "days", "kept_back"),
    [
        (True, "rejected", 29, True),
        (True, "rejected", 31, False),
        (False, "rejected", 1, False),
        (True, "unknown", 1, False),
        (True, "catch_all", 1, False),
    ],
)
def test_an_address_that_its_server_denied_is_kept_back_while_that_is_wanted(
    store: PostgresPlanStore, world: SmallWorld, *, wanted: bool, result: str, days: int, kept_back: bool
) -> None:
    denied, other = world.enroll(1), world.enroll(2)
    world.sql(
        "insert into app.audit_policy (tenant_id, probe_recipients) values (%(t)s, %(w)s)", t=world.tenant, w=wanted
    )
    world.sql(
        """insert into app.recipient_probe (tenant_id, lead_id, asked_at, result)
           select tenant_id, lead_id, clock_timestamp() - %(d)s, %(r)s from app.enrollment where enrollment_id = %(e)s""",
        d=timedelta(days=days), r=result, e=denied,
    )  # fmt: skip

    found = blocks(store, world)

    assert found[other] is None
    assert (getattr(found[denied], "reason", None) is NoMail.NO_SUCH_MAILBOX) is kept_back


def test_a_domain_that_was_never_asked_or_takes_mail_blocks_nobody(store: PostgresPlanStore, world: SmallWorld) -> None:
    unknown, fine = world.enroll(1), world.enroll(2)
    take_no_mail(world, fine, None)

    assert blocks(store, world) == {unknown: None, fine: None}


def test_such_a_person_gets_a_decision_and_no_message(
    store: PostgresPlanStore, world: SmallWorld, tmp_path: Path
) -> None:
    lost, other = world.enroll(1), world.enroll(2)
    take_no_mail(world, lost, "null_mx")

    done = planned(store, tmp_path, world)

    decision = world.one(
        "select placed, binding_constraint, detail, ends from app.decision where plan_id = %(p)s and enrollment_id = %(e)s",
        p=done.saved.plan_id,
        e=lost,
    )
    messages = world.sql("select enrollment_id from app.message where tenant_id = %(t)s", t=world.tenant)
    assert decision == {
        "placed": False,
        "binding_constraint": Constraint.UNDELIVERABLE.value,
        "detail": "the recipient's domain takes no mail (null MX), as the DNS said on 2026-11-16",
        "ends": None,
    }
    assert messages == [{"enrollment_id": other}]


async def test_silence_of_the_dns_keeps_nobody_back_and_a_later_answer_does(
    store: PostgresPlanStore, world: SmallWorld, engine: Engine, tmp_path: Path
) -> None:
    world.enroll(1)
    leads = PostgresRecipientStore(engine)
    await resolve_recipients(SILENT, leads, tenant=world.tenant)
    after_silence = planned(store, tmp_path, world)

    await resolve_recipients(TAKES_NONE, leads, tenant=world.tenant)
    after_answer = planned(store, tmp_path, world)

    assert [len(each.plan.placements) for each in (after_silence, after_answer)] == [1, 0]
    assert after_answer.release is not None
    assert after_answer.release.superseded == 1


def test_a_domain_that_takes_mail_again_is_written_to(
    store: PostgresPlanStore, world: SmallWorld, tmp_path: Path
) -> None:
    back = world.enroll(1)
    take_no_mail(world, back, "no_such_domain")
    planned(store, tmp_path, world)
    take_no_mail(world, back, None)

    done = planned(store, tmp_path, world)

    assert [each.enrollment_id for each in done.plan.placements] == [back]


def test_what_the_person_said_or_asked_for_is_the_stronger_reason(store: PostgresPlanStore, world: SmallWorld) -> None:
    erased, suppressed, replied, away = (world.enroll(number) for number in range(4))
    for enrollment in (erased, suppressed, replied, away):
        take_no_mail(world, enrollment, "null_mx")
    lead_of = "(select lead_id from app.enrollment where enrollment_id = %(e)s)"
    world.sql(f"update app.lead set address = null, erased_at = %(n)s where lead_id = {lead_of}", n=NOON, e=erased)
    world.sql(
        f"select app.suppress(%(t)s, 'address', (select address_hmac from app.lead where lead_id = {lead_of}), 'tenant', 0, 'complaint', 'test')",
        t=world.tenant,
        e=suppressed,
    )
    world.sql("update app.enrollment set state = 'replied' where enrollment_id = %(e)s", e=replied)
    world.sql("update app.enrollment set out_of_office_until = %(d)s where enrollment_id = %(e)s", d=TOMORROW, e=away)

    found = blocks(store, world)

    assert found[erased] == Erased(NOON.date())
    assert isinstance(found[suppressed], Suppressed)
    assert found[suppressed].kind is SuppressionKind.COMPLAINT
    assert isinstance(found[replied], Replied)
    # An absence ends; what the DNS says of the domain does not end with it.
    assert found[away] == Undeliverable(NoMail.NULL_MX, ASKED_ON)


def test_a_claimed_message_is_not_begun_once_its_domain_takes_no_mail(world: SmallWorld, engine: Engine) -> None:
    message = world.message(1)
    store = PostgresMessageStore(engine)
    (letter,) = store.claim(world.tenant, hour=NOON, token=ClaimToken(uuid4()), most=1, ahead_seconds=0)
    take_no_mail(world, int(str(world.state(message)["enrollment_id"])), "null_mx")

    outcome = store.begin(letter.claim, hour=NOON, epoch=store.epoch(), tag=WireTag(f"tag{message}"))

    assert isinstance(outcome, NotBegun)
    assert (world.state(message)["state"], world.state(message)["reason"]) == ("cancelled", "undeliverable")
    assert world.sql("select 1 from app.send_attempt where message_id = %(m)s", m=message) == []

"""`outreach pause`, `resume` and `hold` on a real database, as a person calls them and as the next intent obeys."""

import json
import threading
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import uuid4

import pytest
from judged_world import DAY, MINUTE, begin_one, holds, judge_now
from sent_mail import SentMail
from small_world import NOON, SmallWorld
from sqlalchemy import Engine
from tenant_installation import Installation, example, fresh
from typer.testing import CliRunner, Result
from world_fixtures import NewWorld

from outreach_pipelines.adapters.postgres.hand_store import PostgresHandStore
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.plan_store import PostgresPlanStore
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.acts_by_hand import Actor, ByHand
from outreach_pipelines.application.operate import hold_by_hand, pause
from outreach_pipelines.application.places import Place, PlaceKind, find_place
from outreach_pipelines.application.ports import Begun, NotBegun
from outreach_pipelines.cli.main import app
from outreach_pipelines.domain.back_off import MailboxScope
from outreach_pipelines.domain.ids import MailboxId
from outreach_pipelines.domain.letter import ClaimToken
from outreach_pipelines.domain.send_plan.snapshot import Hold
from outreach_pipelines.domain.tenant import TenantRef, TenantSlug
from outreach_pipelines.errors import NotFound, Refused

pytest_plugins = ("command_settings", "tenant_fixtures")
pytestmark = pytest.mark.usefixtures("command_settings")

ROBERTA = ("--actor", "roberta")


def slug_of(world: SmallWorld) -> TenantSlug:
    return TenantSlug(str(world.one("select slug from app.tenant_directory where id = %(t)s", t=world.tenant)["slug"]))


def say(world: SmallWorld, *words: str, reason: str = "wrong price", answer: str | None = None) -> Result:
    rest = ("--tenant", slug_of(world), *(("--reason", reason) if "list" not in words else ()))
    return CliRunner().invoke(app, [*words, *rest], input=answer)


def do(world: SmallWorld, *words: str, reason: str = "wrong price") -> str:
    said = say(world, *words, "--yes", *ROBERTA, reason=reason)
    assert said.exit_code == 0, (said.output, said.exception)
    return said.output


def named(world: SmallWorld, kind: str) -> str:
    """What an operator calls the parts of a small world."""
    slug = slug_of(world)
    return {"tenant": slug, "mailbox": f"box0@{slug}.example", "domain": f"{slug}.example", "campaign": "c"}[kind]


def log(world: SmallWorld) -> list[tuple[object, ...]]:
    rows = world.sql(
        "select actor, action, subject, detail ->> 'reason' as reason from app.audit_log where tenant_id = %(t)s and actor <> 'back_off' order by audit_id",
        t=world.tenant,
    )
    return [tuple(row.values()) for row in rows]


KINDS = ["tenant", "mailbox", "domain", "campaign"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_pause_stops_the_next_intent_until_it_is_ended(engine: Engine, world: SmallWorld, kind: str) -> None:
    do(world, "pause", named(world, kind))
    paused = begin_one(engine, world, 1)
    do(world, "resume", named(world, kind))
    world.sql("delete from app.message where tenant_id = %(t)s", t=world.tenant)
    resumed = begin_one(engine, world, 2)

    reason, minutes = ("tenant_paused", 5) if kind == "tenant" else ("held: manual", 15)
    assert paused == NotBegun("released", reason, NOON + minutes * MINUTE)
    assert isinstance(resumed, Begun)


@pytest.mark.parametrize("kind", KINDS)
def test_each_act_is_written_down_with_who_and_why(world: SmallWorld, kind: str) -> None:
    do(world, "pause", named(world, kind), reason="wrong price")
    do(world, "resume", named(world, kind), reason="price put right")

    key = {"tenant": "tenant", "mailbox": f"mailbox:{world.mailboxes[0]}", "domain": f"domain:{world.domain}", "campaign": f"campaign:{world.campaign}"}[kind]  # fmt: skip
    assert log(world) == [
        ("roberta", "paused", key, "wrong price"),
        ("roberta", "resumed", key, "price put right"),
    ]


def test_what_is_ended_keeps_its_row_with_both_reasons(world: SmallWorld) -> None:
    do(world, "pause", named(world, "mailbox"), reason="wrong price")
    do(world, "resume", named(world, "mailbox"), reason="price put right")

    row = world.one("select sentence, factor, released_at, released_reason from app.hold where tenant_id = %(t)s", t=world.tenant)  # fmt: skip
    assert tuple(row.values()) == ("wrong price", 0, NOON, "roberta: price put right")


def test_a_pause_is_shown_first_and_done_only_when_it_is_agreed_to(world: SmallWorld) -> None:
    world.message(1)

    no = say(world, "pause", named(world, "mailbox"), answer="n\n")
    after_no = holds(world)
    yes = say(world, "pause", named(world, "mailbox"), answer="y\n")

    assert "Messages waiting there: 1, the next due at 2026-11-18 12:00 UTC" in no.output
    assert (no.exit_code, after_no) == (1, {})
    assert (yes.exit_code, holds(world)) == (0, {(f"mailbox:{world.mailboxes[0]}", "manual"): Decimal(0)})


def test_what_waits_is_counted_where_it_waits(world: SmallWorld) -> None:
    world.message(1)
    world.message(2, mailbox=world.mailboxes[1])
    world.sql("insert into app.sending_domain (tenant_id, name, pool, direction) values (%(t)s, 'emptied.example', 'p', 'd')", t=world.tenant)  # fmt: skip

    counted = {
        name: say(world, "pause", name, answer="n\n").output.partition("waiting there: ")[2][:1]
        for name in (
            named(world, "mailbox"),
            f"box2@{named(world, 'domain')}",
            named(world, "campaign"),
            "emptied.example",
        )
    }

    assert list(counted.values()) == ["1", "0", "2", "0"]


@pytest.mark.parametrize("kind", KINDS)
def test_pausing_twice_changes_nothing_and_says_so(world: SmallWorld, kind: str) -> None:
    do(world, "pause", named(world, kind), reason="first")

    again = do(world, "pause", named(world, kind), reason="second")

    assert "nothing was changed" in again
    assert "(first)" in again
    assert len(log(world)) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_paused_cannot_be_resumed(world: SmallWorld, kind: str) -> None:
    said = say(world, "resume", named(world, kind), "--yes")

    assert isinstance(said.exception, Refused)
    assert "is not paused by hand" in str(said.exception)
    assert log(world) == []


def test_resume_leaves_an_automatic_hold_and_names_the_command_for_it(
    engine: Engine, world: SmallWorld, mail: SentMail
) -> None:
    mail.hard_bounces(4)
    judge_now(engine, world)

    said = say(world, "resume", named(world, "mailbox"), "--yes")

    assert f"outreach hold release mailbox:{named(world, 'mailbox')}" in str(said.exception)
    assert holds(world)[f"mailbox:{world.mailboxes[0]}", "hard_bounces"] == 0


def test_a_resumed_mailboxs_messages_are_asked_again_at_once(engine: Engine, world: SmallWorld) -> None:
    do(world, "pause", named(world, "mailbox"))
    begin_one(engine, world, 1)

    said = do(world, "resume", named(world, "mailbox"))

    (letter,) = PostgresMessageStore(engine).claim(
        world.tenant, hour=NOON, token=ClaimToken(uuid4()), most=5, ahead_seconds=0
    )
    assert "1 messages are asked again" in said
    assert letter.recipient.address == "person1@example.test"


def test_a_paused_campaign_is_planned_as_held_and_a_resumed_one_is_not(engine: Engine, world: SmallWorld) -> None:
    do(world, "pause", named(world, "campaign"))
    paused = PostgresPlanStore(engine).snapshot(world.tenant, NOON.date())
    do(world, "resume", named(world, "campaign"))
    resumed = PostgresPlanStore(engine).snapshot(world.tenant, NOON.date())

    assert [campaign.hold for campaign in paused.campaigns] == [Hold(Fraction(0), "a person holds it")]
    assert [campaign.hold for campaign in resumed.campaigns] == [None]


@pytest.mark.parametrize("kind", ["tenant", "mailbox", "domain", "campaign"])
def test_a_pause_outlives_the_next_load_of_changed_files(installation: Installation, kind: str) -> None:
    inventory = fresh(example("nordwind"))
    tenant, _ = installation.apply(inventory)
    box, domain = inventory.mailboxes[0].address.canonical, inventory.domains[0].name
    name = {"tenant": tenant.slug, "mailbox": box, "domain": domain, "campaign": inventory.campaigns[0].name}[kind]
    store = PostgresHandStore(installation.app)
    pause(store, find_place(f"{kind}:{name}", store.places(tenant)), ByHand(Actor("roberta"), "wrong price"))

    _, changes = installation.apply(
        replace(
            inventory,
            tenant=replace(inventory.tenant, name="Another Name"),
            mailboxes=tuple(replace(each, daily_cap=7) for each in inventory.mailboxes),
            domains=tuple(replace(each, region="eu-west-1") for each in inventory.domains),
            campaigns=tuple(replace(each, priority=7) for each in inventory.campaigns),
        )
    )

    stands = [line.sentence for line in store.in_force(tenant) if line.factor == 0]
    assert len(changes) > 3
    assert stands == ["wrong price"]


def test_a_mailbox_that_its_file_rests_is_said_to_rest_on(world: SmallWorld) -> None:
    do(world, "pause", named(world, "mailbox"))
    world.sql("update app.mailbox set state = 'resting' where tenant_id = %(t)s", t=world.tenant)

    said = do(world, "resume", named(world, "mailbox"))

    assert "`state: resting`" in said


@pytest.mark.parametrize(
    ("word", "near"), [("campagne", "campaign:"), ("box0", "mailbox:box0@"), ("shared-account:nobody", "shared-account:account-")]
)  # fmt: skip
def test_what_does_not_exist_is_refused_with_what_does(world: SmallWorld, word: str, near: str) -> None:
    said = say(world, "pause", word, "--yes")

    assert isinstance(said.exception, NotFound)
    assert near in str(said.exception)


def test_a_name_of_two_tenants_is_refused_until_one_is_named(world: SmallWorld, new_world: NewWorld) -> None:
    new_world()

    said = CliRunner().invoke(app, ["pause", "campaign:c", "--reason", "x", "--yes"])

    assert isinstance(said.exception, Refused)
    assert "campaign c of t" in str(said.exception)
    assert "--tenant" in str(said.exception)


@pytest.mark.parametrize("words", [("pause", "c"), ("resume", "c"), ("hold", "set", "c"), ("hold", "release", "c")])
def test_nothing_is_done_without_a_reason(world: SmallWorld, words: tuple[str, ...]) -> None:
    said = say(world, *words, "--yes", reason="  ")

    assert isinstance(said.exception, Refused)
    assert (holds(world), log(world)) == ({}, [])


def test_a_hold_by_hand_slows_and_ends_by_itself(engine: Engine, world: SmallWorld) -> None:
    mailbox = world.mailboxes[0]
    world.sql("update app.mailbox set min_gap_seconds = 60 where mailbox_id = %(m)s", m=mailbox)

    do(world, "hold", "set", f"mailbox:{named(world, 'mailbox')}", "--factor", "1/2", "--until", "2026-11-19T12:00:00")

    assert isinstance(begin_one(engine, world, 1), Begun)
    gap = world.one("select next_at from app.mailbox where mailbox_id = %(m)s", m=mailbox)["next_at"]
    assert gap == NOON + 2 * MINUTE
    assert holds(world, at=NOON + DAY) == {(f"mailbox:{mailbox}", "manual"): Decimal(1)}


def test_a_second_hold_by_hand_replaces_the_first(world: SmallWorld) -> None:
    scope = f"domain:{named(world, 'domain')}"
    do(world, "hold", "set", scope, "--factor", "0.5", reason="first")

    do(world, "hold", "set", scope, "--factor", "0.25", reason="second")

    rows = world.sql("select factor, released_reason from app.hold where tenant_id = %(t)s order by hold_id", t=world.tenant)  # fmt: skip
    assert [tuple(row.values()) for row in rows] == [
        (Decimal("0.5"), "replaced by roberta: second"),
        (Decimal("0.25"), None),
    ]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--factor", "1"), "below 1"),
        (("--factor", "-0.1"), "below 1"),
        (("--factor", "half"), "no share"),
        (("--factor", "1/0"), "no share"),
        (("--until", "2026-11-18T12:00:00"), "has passed"),
    ],
)
def test_a_hold_that_holds_nothing_is_refused(world: SmallWorld, words: tuple[str, ...], why: str) -> None:
    said = say(world, "hold", "set", "campaign:c", "--yes", *words)

    assert isinstance(said.exception, Refused)
    assert why in str(said.exception)
    assert holds(world) == {}


def test_an_automatic_hold_is_released_into_probation_and_its_evidence_is_paid_for(
    engine: Engine, world: SmallWorld, mail: SentMail
) -> None:
    mail.hard_bounces(4)
    judge_now(engine, world)
    scope = f"mailbox:{named(world, 'mailbox')}"

    said = do(world, "hold", "release", scope, reason="the list was cleaned")
    judge_now(engine, world, NOON + MINUTE)

    found = holds(world, at=NOON + MINUTE)
    assert "comes back from 10% of the cap" in said
    assert found[f"mailbox:{world.mailboxes[0]}", "hard_bounces"] == Decimal("0.1")
    assert found[f"domain:{world.domain}", "hard_bounces"] == 0
    assert log(world) == [("roberta", "hold released", f"mailbox:{world.mailboxes[0]}", "the list was cleaned")]


def test_a_message_that_a_long_hold_put_off_leaves_after_its_release(
    engine: Engine, world: SmallWorld, mail: SentMail
) -> None:
    mail.hard_bounces(4)
    judge_now(engine, world)
    world.sql("delete from app.hold where tenant_id = %(t)s and scope_key not like 'mailbox:%%'", t=world.tenant)
    put_off = begin_one(engine, world, 1)

    do(world, "hold", "release", named(world, "mailbox"))

    claimed = PostgresMessageStore(engine).claim(world.tenant, hour=NOON, token=ClaimToken(uuid4()), most=5, ahead_seconds=0)  # fmt: skip
    assert put_off == NotBegun("released", "held: hard_bounces_in_a_row", NOON + 3 * DAY)
    assert [letter.recipient.address for letter in claimed] == ["person1@example.test"]


def test_one_that_comes_back_already_is_left_on_its_way(engine: Engine, world: SmallWorld, mail: SentMail) -> None:
    mail.hard_bounces(4)
    judge_now(engine, world)
    do(world, "hold", "release", named(world, "mailbox"))

    again = say(world, "hold", "release", named(world, "mailbox"), "--yes")

    assert isinstance(again.exception, NotFound)
    assert len(log(world)) == 1


def test_errors_in_a_row_are_forgotten_with_the_hold_that_they_set(
    engine: Engine, world: SmallWorld, mail: SentMail
) -> None:
    mail.send(NOON - MINUTE, outcome="refused", answer="421 4.3.2 not now")
    world.sql("update app.mailbox set errors_in_row = 5 where mailbox_id = %(m)s", m=world.mailboxes[0])
    judge_now(engine, world)

    do(world, "hold", "release", named(world, "mailbox"))

    assert isinstance(begin_one(engine, world, 1), Begun)


@pytest.mark.parametrize("kind", ["path", "account"])
def test_what_a_providers_refusal_has_stopped_is_tried_again_after_a_release(
    engine: Engine, world: SmallWorld, kind: str
) -> None:
    account, slug = world.account, slug_of(world)
    key = {"path": f"path:{world.mailboxes[0]}:{account}", "account": f"account:{account}"}[kind]
    words = {"path": f"path:{named(world, 'mailbox')}:account-{slug}", "account": f"account:account-{slug}"}[kind]
    world.sql(
        """insert into app.hold (tenant_id, scope_key, signal, level, factor, reason, since, until)
           values (%(t)s, %(k)s, 'answer', 'stop', 0, 'provider_refused', %(n)s, %(n)s + interval '2 hours')""",
        t=world.tenant, k=key, n=NOON,
    )  # fmt: skip
    held = begin_one(engine, world, 1)

    listed = say(world, "hold", "list").output
    do(world, "hold", "release", words)

    world.sql("delete from app.message where tenant_id = %(t)s", t=world.tenant)
    assert held == NotBegun("released", "path_held", NOON + 15 * MINUTE)
    assert words in listed
    assert isinstance(begin_one(engine, world, 2), Begun)


def test_a_hold_on_an_account_of_all_tenants_is_listed_and_released(engine: Engine, world: SmallWorld) -> None:
    words = f"shared-account:account-{slug_of(world)}"
    numbers = json.dumps({"events": 3, "trials": 9, "not_observable": 0, "median": None, "bound": None})
    world.sql(
        """insert into app.account_hold (account_id, signal, level, factor, reason, sentence, evidence, since)
           values (%(a)s, 'complaints', 'stop', 0, 'complaint_rate', 'complaints at 1 %%', %(e)s, %(n)s)""",
        a=world.account, n=NOON, e=numbers,
    )  # fmt: skip

    listed = say(world, "hold", "list").output
    do(world, "hold", "release", words)

    row = world.one("select until, probation_factor from app.account_hold where account_id = %(a)s", a=world.account)
    assert words in listed
    assert (row["until"], row["probation_factor"]) == (NOON, Decimal("0.1"))
    assert isinstance(begin_one(engine, world, 1), Begun)


def test_an_account_of_all_tenants_is_held_tenant_by_tenant(engine: Engine, world: SmallWorld) -> None:
    name = f"account-{slug_of(world)}"

    refused = say(world, "hold", "set", f"shared-account:{name}", "--yes")
    do(world, "hold", "set", f"account:{name}")

    assert isinstance(refused.exception, Refused)
    assert begin_one(engine, world, 1) == NotBegun("released", "path_held", NOON + 15 * MINUTE)


@pytest.mark.parametrize(("words", "verdict"), [("other", NotBegun), ("google", Begun)])
def test_a_hold_on_a_recipient_provider_holds_that_provider_alone(
    engine: Engine, world: SmallWorld, words: str, verdict: type
) -> None:
    do(world, "hold", "set", f"provider:{named(world, 'mailbox')}:{words}")

    assert isinstance(begin_one(engine, world, 1), verdict)


def test_the_list_shows_holds_and_pauses_with_the_words_that_release_them(world: SmallWorld) -> None:
    do(world, "pause", named(world, "tenant"), reason="the client asked")
    do(world, "hold", "set", "campaign:c", "--factor", "0.25", reason="new text")

    listed = say(world, "hold", "list").output

    for word in (f"tenant:{slug_of(world)}", "the client asked", "campaign:c", "25%", "new text", "hand"):
        assert word in listed


def test_without_a_hold_the_list_says_so(world: SmallWorld) -> None:
    assert "nothing is held" in say(world, "hold", "list").output


def test_done_is_said_only_when_no_intent_is_left_that_has_not_seen_it(engine: Engine, world: SmallWorld) -> None:
    store, mailbox = PostgresHandStore(engine), MailboxScope(MailboxId(world.mailboxes[0]))
    place = Place(TenantRef(world.tenant, slug_of(world)), PlaceKind.MAILBOX, "box", mailbox)
    said: list[str] = []
    by = ByHand(Actor("roberta"), "x")
    act = threading.Thread(target=lambda: said.append(hold_by_hand(store, place, Fraction(0), until=None, by=by)))

    with tenant_session(engine, world.tenant) as intent:
        # An intent under way holds this lock shared, as begin_send takes it.
        intent.exec_driver_sql("select pg_advisory_xact_lock_shared(app.lock_key('tenant', app.tenant()::text))")
        act.start()
        while not holds(world):  # committed, so that the next intent sees it
            act.join(0.02)
        waits = act.is_alive() and said == []
    act.join(timedelta(seconds=20).total_seconds())

    assert waits
    assert said[0].startswith("done")

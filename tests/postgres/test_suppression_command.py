"""`outreach suppression` on a real database: who is suppressed, who may be written to again, and what the next intent does."""

import threading
import time

import pytest
from news_of_sends import claimed
from small_world import NOON, SmallWorld
from sqlalchemy import Engine
from typer.testing import CliRunner, Result
from world_fixtures import NewWorld

from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.suppression_book import PostgresSuppressionBook
from outreach_pipelines.application.acts_by_hand import Actor, ByHand
from outreach_pipelines.application.ports import Begun, NotBegun
from outreach_pipelines.application.suppress_by_hand import NamedSubject, SuppressedBy, named, subject_called
from outreach_pipelines.cli.main import app
from outreach_pipelines.domain.message_tag import WireTag
from outreach_pipelines.domain.tenant import TenantSlug
from outreach_pipelines.errors import NotFound, Refused
from resources import keys

pytest_plugins = ("command_settings",)
pytestmark = pytest.mark.usefixtures("command_settings")

ADA, HER_DOMAIN = "person1@example.test", "@example.test"
OWN = ["unsubscribe", "complaint", "objection", "erasure"]
OTHERS = ["hard_bounce", "left_company", "manual", "imported"]


def slug_of(world: SmallWorld) -> TenantSlug:
    return TenantSlug(str(world.one("select slug from app.tenant_directory where id = %(t)s", t=world.tenant)["slug"]))


def name_of(world: SmallWorld, subject: str) -> NamedSubject:
    return named(subject_called(subject), slug_of(world), keys.address_key())


def named_by_key(world: SmallWorld) -> None:
    """Messages and leads of the world, all of one person, as the installation's key names her."""
    address, domain = (bytes.fromhex(name_of(world, each).own) for each in (ADA, HER_DOMAIN))
    world.sql("update app.lead set address_hmac = %(a)s, domain_hmac = %(d)s where tenant_id = %(t)s", a=address, d=domain, t=world.tenant)  # fmt: skip
    world.sql("update app.message set recipient_hmac = %(a)s, domain_hmac = %(d)s where tenant_id = %(t)s", a=address, d=domain, t=world.tenant)  # fmt: skip


def suppressed(world: SmallWorld, kind: str, subject: str = ADA, *, scope: str = "tenant", scope_id: int = 0) -> None:
    name = name_of(world, subject)
    world.sql(
        """insert into app.suppression (tenant_id, scope, scope_id, subject, subject_hmac, kind, source, created_at)
           values (%(t)s, %(s)s, %(i)s, %(w)s, %(h)s, %(k)s, 'event', %(n)s)""",
        t=world.tenant, s=scope, i=scope_id, w="domain" if name.is_domain else "address", h=bytes.fromhex(name.own), k=kind, n=NOON,
    )  # fmt: skip


def say(world: SmallWorld, *words: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(app, ["suppression", *words, "--tenant", slug_of(world)], input=answer)


def act(world: SmallWorld, *words: str, reason: str = "asked by mail", answer: str | None = None) -> Result:
    return say(world, *words, "--reason", reason, "--actor", "roberta", *(() if answer else ("--yes",)), answer=answer)


def standing(world: SmallWorld) -> list[object]:
    found = world.sql("select kind from app.suppression where tenant_id = %(t)s and lifted_at is null", t=world.tenant)
    return [row["kind"] for row in found]


def log(world: SmallWorld) -> list[tuple[object, ...]]:
    rows = world.sql("select actor, action, subject, detail ->> 'reason' as reason from app.audit_log where tenant_id = %(t)s", t=world.tenant)  # fmt: skip
    return [tuple(row.values()) for row in rows]


@pytest.mark.parametrize("subject", [ADA, "PERSON1@example.test", HER_DOMAIN, "example.test"])
def test_who_is_added_is_not_written_to_and_her_sequence_ends(world: SmallWorld, subject: str) -> None:
    message = world.message(1)
    named_by_key(world)

    shown = act(world, "add", subject, answer="y\n")

    state = world.one("select state from app.enrollment where tenant_id = %(t)s", t=world.tenant)["state"]
    assert "1 waiting messages" in shown.output
    assert (standing(world), state) == (["manual"], "unsubscribed")
    assert world.state(message)["state"] == "planned"  # until its intent, or the sweeper


@pytest.mark.parametrize(("subject", "why"), [(ADA, "manual"), (HER_DOMAIN, "domain_manual")])
def test_an_added_person_is_stopped_at_the_next_intent(
    messages: PostgresMessageStore, world: SmallWorld, subject: str, why: str
) -> None:
    world.message(1)
    named_by_key(world)
    letter = claimed(messages, world)
    act(world, "add", subject)
    world.sql("update app.enrollment set state = 'active' where tenant_id = %(t)s", t=world.tenant)

    outcome = messages.begin(letter.claim, hour=NOON, epoch=messages.epoch(), tag=WireTag("tag1"))

    assert outcome == NotBegun("closed", why, None)


def test_a_lifted_person_can_be_written_to_again(messages: PostgresMessageStore, world: SmallWorld) -> None:
    world.message(1)
    named_by_key(world)
    suppressed(world, "hard_bounce")
    letter = claimed(messages, world)

    act(world, "lift", ADA)

    outcome = messages.begin(letter.claim, hour=NOON, epoch=messages.epoch(), tag=WireTag("tag1"))
    assert isinstance(outcome, Begun)


def test_an_act_is_written_down_without_naming_the_person(world: SmallWorld) -> None:
    act(world, "add", ADA, reason="asked by mail")
    act(world, "lift", ADA, reason="a mistake")

    subject = f"address {name_of(world, ADA).own}"
    assert log(world) == [
        ("roberta", "suppression added", subject, "asked by mail"),
        ("roberta", "suppression lifted", subject, "a mistake"),
    ]


def test_what_the_person_asked_for_is_kept_as_an_objection(world: SmallWorld) -> None:
    act(world, "add", ADA, "--person-asked")

    assert standing(world) == ["objection"]


def test_adding_twice_is_once_and_says_so(world: SmallWorld) -> None:
    act(world, "add", ADA)

    again = act(world, "add", ADA)

    assert "was suppressed before" in again.output
    assert standing(world) == ["manual"]


@pytest.mark.parametrize("kind", OTHERS)
def test_what_was_not_the_persons_own_word_can_be_lifted_and_keeps_its_row(world: SmallWorld, kind: str) -> None:
    suppressed(world, kind)

    said = act(world, "lift", ADA, reason="a mistake")

    row = world.one("select lifted_at, lifted_reason from app.suppression where tenant_id = %(t)s", t=world.tenant)
    assert said.exit_code == 0, said.exception
    assert tuple(row.values()) == (NOON, "roberta: a mistake")


@pytest.mark.parametrize("kind", OWN)
def test_what_was_the_persons_own_word_is_lifted_only_when_they_ask(world: SmallWorld, kind: str) -> None:
    suppressed(world, kind)

    refused = act(world, "lift", ADA)
    after_refusal = standing(world)
    asked = act(world, "lift", ADA, "--person-asked")

    assert isinstance(refused.exception, Refused)
    assert "--person-asked" in str(refused.exception)
    assert (after_refusal, asked.exit_code, standing(world)) == ([kind], 0, [])


def test_every_kind_in_the_table_is_one_of_the_two() -> None:
    assert {kind.value: kind.is_persons_own for kind in SuppressedBy} == {
        **dict.fromkeys(OWN, True),
        **dict.fromkeys(OTHERS, False),
    }


def test_lifting_is_shown_and_done_only_when_it_is_agreed_to(world: SmallWorld) -> None:
    suppressed(world, "imported")

    no = act(world, "lift", ADA, answer="n\n")

    assert "suppressions.csv sets it again" in no.output
    assert (no.exit_code, standing(world)) == (1, ["imported"])


def test_whose_domain_alone_is_suppressed_is_told_so(world: SmallWorld) -> None:
    suppressed(world, "manual", HER_DOMAIN)

    said = act(world, "lift", ADA)

    assert isinstance(said.exception, NotFound)
    assert "name it as @DOMAIN" in str(said.exception)


def test_lifting_an_address_leaves_its_domain(world: SmallWorld) -> None:
    suppressed(world, "hard_bounce")
    suppressed(world, "manual", HER_DOMAIN)

    said = act(world, "lift", ADA)

    assert "Their domain stays suppressed" in said.output
    assert standing(world) == ["manual"]


def test_several_tenants_suppressions_are_lifted_one_by_one_and_added_at_once(
    world: SmallWorld, new_world: NewWorld
) -> None:
    other = new_world()
    words = ["person77@example.test", "--reason", "x", "--yes"]
    everywhere = CliRunner().invoke(app, ["suppression", "add", *words])

    lifted = CliRunner().invoke(app, ["suppression", "lift", *words])

    assert everywhere.exit_code == 0, everywhere.exception
    assert (standing(world), standing(other)) == (["manual"], ["manual"])
    assert isinstance(lifted.exception, Refused)
    assert "--tenant" in str(lifted.exception)


@pytest.mark.parametrize("words", [("add", "no address"), ("lift", "a@b@c"), ("show", "@")])
def test_what_is_no_address_and_no_domain_is_refused(world: SmallWorld, words: tuple[str, str]) -> None:
    said = say(world, *words) if words[0] == "show" else act(world, *words)

    assert isinstance(said.exception, Refused)


@pytest.mark.parametrize("command", ["add", "lift"])
def test_nothing_is_done_without_a_reason(world: SmallWorld, command: str) -> None:
    suppressed(world, "manual")

    said = act(world, command, ADA, reason=" ")

    assert isinstance(said.exception, Refused)
    assert log(world) == []


def test_it_shows_what_stands_what_was_lifted_and_the_domain(world: SmallWorld) -> None:
    suppressed(world, "hard_bounce")
    act(world, "lift", ADA, reason="typo of ours")
    suppressed(world, "unsubscribe", scope="campaign", scope_id=world.campaign)
    suppressed(world, "imported", HER_DOMAIN)

    shown = say(world, "show", ADA).output

    for word in ("hard bounce", "typo of ours", "unsubscribe", "campaign c", "imported", "domain"):
        assert word in shown


def test_who_is_not_suppressed_is_said_not_to_be(world: SmallWorld) -> None:
    assert "not suppressed" in say(world, "show", ADA).output


def test_who_is_suppressed_for_the_installation_is_shown_and_stays_so(world: SmallWorld) -> None:
    everywhere = bytes.fromhex(name_of(world, "gone@example.test").everywhere)
    world.sql("insert into app.global_suppression (subject_hmac, kind, source) values (%(h)s, 'erasure', 'test')", h=everywhere)  # fmt: skip
    suppressed(world, "manual", "gone@example.test")

    shown, lifted = say(world, "show", "gone@example.test"), act(world, "lift", "gone@example.test")

    assert "installation" in shown.output
    assert "stay suppressed for all tenants" in lifted.output


def wait_until_blocked(world: SmallWorld, *, at_least: int) -> None:
    deadline = time.monotonic() + 20
    while int(str(world.one("select count(*) as n from pg_locks where not granted")["n"])) < at_least:
        assert time.monotonic() < deadline


def test_an_unsubscribe_that_comes_while_an_older_entry_is_lifted_is_not_lost(
    engine: Engine, world: SmallWorld
) -> None:
    suppressed(world, "hard_bounce")
    name, by = name_of(world, ADA), ByHand(Actor("roberta"), "typo")
    book = PostgresSuppressionBook(engine)
    lift = threading.Thread(target=lambda: book.lift(world.tenant, name, by, own_too=False))
    unsubscribe = threading.Thread(target=lambda: book.add(world.tenant, name, SuppressedBy.UNSUBSCRIBE, by))

    with world.admin.transaction():
        # Lifting stands still before its last statement, its row changed and not committed.
        world.sql("lock table app.audit_log in access exclusive mode")
        lift.start()
        wait_until_blocked(world, at_least=1)
        unsubscribe.start()
        wait_until_blocked(world, at_least=2)
    lift.join(20)
    unsubscribe.join(20)

    assert standing(world) == ["unsubscribe"]

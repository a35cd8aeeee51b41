"""A person's word on an attempt in doubt, on real PostgreSQL: what it does, what it refuses, what is written down."""

import pytest
from news_of_sends import about, begun, enrollment, row
from small_world import NOON, SmallWorld
from sqlalchemy import Engine
from sqlalchemy.exc import ProgrammingError

from outreach_pipelines.adapters.postgres.doubt_store import PostgresDoubtStore
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.tenant_session import tenant_session
from outreach_pipelines.application.rule_on_doubt import Ruling, attempt_to_rule, effect_of_ruling, rule_on_doubt
from outreach_pipelines.domain.doubt import GiveUpReason
from outreach_pipelines.domain.letter import Letter
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.send_answer import Accepted
from outreach_pipelines.errors import NotFound, Refused


@pytest.fixture
def store(engine: Engine) -> PostgresDoubtStore:
    return PostgresDoubtStore(engine)


def doubted(messages: PostgresMessageStore, world: SmallWorld) -> Letter:
    world.message(1)
    letter = begun(messages, world)
    messages.record_doubt(letter.claim, "timeout")
    return letter


def rule(store: PostgresDoubtStore, letter: Letter, ruling: Ruling, reason: str = "seen in the console") -> str:
    attempt = attempt_to_rule(store, letter.claim.tenant, None, letter.claim.message_id)
    return rule_on_doubt(store, attempt, ruling, reason=reason, by="ada")


def written(world: SmallWorld) -> list[tuple[object, ...]]:
    rows = world.sql("select ruling, reason, ruled_by, outcome_before, came_of_it from app.doubt_ruling where tenant_id = %(t)s order by ruling_id", t=world.tenant)  # fmt: skip
    return [tuple(each.values()) for each in rows]


def test_a_message_ruled_as_accepted_goes_on_with_its_sequence(
    store: PostgresDoubtStore, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    letter = doubted(messages, world)

    rule(store, letter, Ruling.ACCEPTED)

    assert (row(world, letter)["state"], enrollment(world, letter)["step"]) == ("accepted", 2)
    assert written(world) == [("accepted", "seen in the console", "ada", "in_doubt", "accepted")]


@pytest.mark.parametrize("given_up", [False, True])
def test_a_message_ruled_as_not_sent_may_be_sent_once_more_also_after_it_was_given_up(
    store: PostgresDoubtStore, messages: PostgresMessageStore, world: SmallWorld, *, given_up: bool
) -> None:
    letter = doubted(messages, world)
    if given_up:
        store.give_up(about(letter), GiveUpReason.NOTHING_WILL_TELL)

    rule(store, letter, Ruling.NOT_SENT)

    message = row(world, letter)
    assert (message["state"], message["released_on_absence"]) == ("planned", 1)
    assert enrollment(world, letter)["state"] == "active"
    assert [each[-1] for each in written(world)] == ["released"]


def test_an_accepted_message_is_not_ruled_on(
    store: PostgresDoubtStore, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    letter = doubted(messages, world)
    attempt = attempt_to_rule(store, world.tenant, None, letter.claim.message_id)
    messages.record_accepted(letter.claim, Accepted("q", "<q@box.example>"), subject="Hello", next_due_day=None)

    with pytest.raises(Refused, match="not in doubt"):
        rule(store, letter, Ruling.NOT_SENT)
    with pytest.raises(Refused, match="settled meanwhile"):
        rule_on_doubt(store, attempt, Ruling.NOT_SENT, reason="too late", by="ada")

    assert row(world, letter)["state"] == "accepted"
    assert [each[-1] for each in written(world)] == ["settled_before"]


def test_a_ruling_without_a_reason_is_refused(
    store: PostgresDoubtStore, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    letter = doubted(messages, world)

    with pytest.raises(Refused, match="reason"):
        rule(store, letter, Ruling.NOT_SENT, reason="  ")

    assert (row(world, letter)["state"], written(world)) == ("in_doubt", [])


def test_a_message_that_is_not_there_or_was_never_begun_cannot_be_ruled_on(
    store: PostgresDoubtStore, world: SmallWorld
) -> None:
    planned = MessageId(world.message(1))

    for message in (planned, MessageId(2**40)):
        with pytest.raises(NotFound):
            attempt_to_rule(store, world.tenant, None, message)


def test_what_a_ruling_will_do_is_told_before_it_is_done(
    store: PostgresDoubtStore, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    letter = doubted(messages, world)

    attempt = attempt_to_rule(store, world.tenant, NOON.date(), letter.claim.message_id)
    world.at(NOON.replace(hour=23))
    late = attempt_to_rule(store, world.tenant, NOON.date(), letter.claim.message_id)

    assert "may leave at once" in effect_of_ruling(attempt, Ruling.NOT_SENT)
    assert "it expires" in effect_of_ruling(late, Ruling.NOT_SENT)
    assert "never sent again" in effect_of_ruling(attempt, Ruling.ACCEPTED)


def test_the_book_of_rulings_is_only_added_to(
    store: PostgresDoubtStore, messages: PostgresMessageStore, world: SmallWorld, engine: Engine
) -> None:
    letter = doubted(messages, world)
    rule(store, letter, Ruling.ACCEPTED)

    for statement in ("update app.doubt_ruling set reason = 'another'", "delete from app.doubt_ruling"):
        with pytest.raises(ProgrammingError), tenant_session(engine, world.tenant) as connection:
            connection.exec_driver_sql(statement)

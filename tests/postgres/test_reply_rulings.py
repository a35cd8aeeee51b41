"""`outreach replies review decide` on a real database: a person's verdict does what a certain reading would have done."""

import json
from pathlib import Path

import pytest
from inbox_reading import FakeInbox
from mail_back import Sent, bounce, enrollment, kept, mail, send, sync, sync_and_record, waiting
from reply_desk_world import decide, last_mail, log, say, store_of, suppressions, told
from small_world import NOON, SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.reply_store import PostgresReplyStore
from outreach_pipelines.application.record_events import record_events
from outreach_pipelines.errors import NotFound, Refused
from resources import database

pytest_plugins = ("command_settings",)
pytestmark = pytest.mark.usefixtures("command_settings")


@pytest.fixture
def store(engine: Engine, tmp_path: Path, environment: pytest.MonkeyPatch) -> PostgresReplyStore:
    return store_of(engine, tmp_path, environment)


def untied_bounce(world: SmallWorld, store: PostgresReplyStore, sent: Sent) -> str:
    """A report of which nothing names a send of ours."""
    sync(store, world, FakeInbox([bounce(sent).replace(sent.tag.encode(), b"a" * 39)]))
    return last_mail(world)


def test_what_waits_for_a_verdict_is_listed_with_why(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    sent = send(engine, world)
    sync(store, world, FakeInbox([mail(sent), bounce(sent).replace(sent.tag.encode(), b"a" * 39)]))

    (row,) = told(world, "review")

    why = {"why": "untied", "in_words": "nothing in it names a message of ours"}
    assert (str(row["id"]), row["kind"], row["parked"]) == (last_mail(world), "delivery_report", "untied")
    assert row["review"] == why | {"verdict": None, "by": None, "reason": None}


def test_an_untied_bounce_suppresses_nobody_until_a_person_says_whom_it_is_about(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    sent = send(engine, world)
    which = untied_bounce(world, store, sent)
    before = suppressions(world)

    said = decide(world, which, "hard", "--about", "Person1@example.test")

    assert said.exit_code == 0, said.exception
    assert (before, suppressions(world)) == ([], ["hard_bounce"])
    assert (world.state(sent.message)["outcome"], enrollment(world, sent)["state"]) == ("hard_bounced", "bounced")
    assert told(world, "review") == []
    assert log(world) == [("roberta", "reply ruled on", f"mail {which}")]


@pytest.mark.parametrize(
    ("verdict", "suppressed", "state"),
    [
        ("human_reply", [], "replied"),
        ("unsubscribe_request", ["unsubscribe"], "unsubscribed"),
        ("complaint", ["complaint"], "complained"),
        ("left_company", [], "finished"),
        ("hard:unknown_user", ["hard_bounce"], "bounced"),
        ("soft", [], "active"),
        ("block:content", [], "active"),
        ("other_auto_reply", [], "active"),
        ("challenge", [], "active"),
        ("unknown", [], "active"),
    ],
)
def test_a_verdict_does_what_its_class_does(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore, verdict: str, suppressed: list[str], state: str
) -> None:
    sent = send(engine, world)
    tied_and_parked(engine, store, world, sent)

    said = decide(world, last_mail(world), verdict)

    assert said.exit_code == 0, said.exception
    assert (suppressions(world), enrollment(world, sent)["state"]) == (suppressed, state)
    assert kept(world)[0]["reviewed_as"] == verdict


def test_out_of_office_moves_the_next_step_behind_the_day_of_return(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    sent = send(engine, world)
    tied_and_parked(engine, store, world, sent)

    decide(world, last_mail(world), "out_of_office", "--until", "2026-12-14")

    row = enrollment(world, sent)
    assert str(row["out_of_office_until"]) == "2026-12-13"
    assert str(row["due_day"]) >= "2026-12-14"


def test_the_same_verdict_twice_is_one_and_another_is_refused(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    which = untied_bounce(world, store, send(engine, world))

    said = [decide(world, which, *words, "--about", "person1@example.test") for words in (("hard",), ("soft",))]
    again = decide(world, which, "hard", "--about", "person1@example.test")

    assert (said[0].exit_code, again.exit_code) == (0, 0)
    assert isinstance(said[1].exception, Refused)
    assert "called hard by roberta" in str(said[1].exception)
    assert len(world.sql("select kind from app.message_event where tenant_id = %(t)s", t=world.tenant)) == 1


def test_a_verdict_whose_event_was_not_applied_takes_effect_with_the_next_try(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    """The process may end between the verdict and its effect."""
    sent = send(engine, world)
    tied_and_parked(engine, store, world, sent)
    which = last_mail(world)
    decide(world, which, "human_reply")
    world.sql("update app.enrollment set state = 'active' where tenant_id = %(t)s", t=world.tenant)
    world.sql("delete from app.message_event where tenant_id = %(t)s", t=world.tenant)
    world.sql(
        """insert into app.event_inbox (tenant_id, source, dedupe_key, kind, occurred_at, plan_day, message_id, attempt, body)
           values (%(t)s, 'by_hand', %(k)s, 'replied', %(n)s, %(d)s, %(m)s, 1, '{}')""",
        t=world.tenant, k=f"ruled:{which}", n=NOON, d=sent.claim.plan_day, m=sent.message,
    )  # fmt: skip

    decide(world, which, "human_reply")

    assert (waiting(world), enrollment(world, sent)["state"]) == ([], "replied")


@pytest.mark.parametrize(
    ("words", "why"), [((), "--about"), (("--about", "stranger@example.org"), "was ever accepted")]
)
def test_news_of_nobody_is_refused_and_stays_in_the_list(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore, words: tuple[str, ...], why: str
) -> None:
    which = untied_bounce(world, store, send(engine, world))

    said = decide(world, which, "hard", *words)

    assert isinstance(said.exception, Refused)
    assert why in str(said.exception)
    assert ([str(row["id"]) for row in told(world, "review")], log(world)) == ([which], [])


def test_who_a_tied_mail_is_about_is_not_said_anew(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    sent = send(engine, world)
    tied_and_parked(engine, store, world, sent)

    said = decide(world, last_mail(world), "hard", "--about", "person2@example.test")

    assert isinstance(said.exception, Refused)
    assert suppressions(world) == []


@pytest.mark.parametrize("words", [("spam",), ("hard:content",), ("unknown:x",), ("hard", "--until", "2026-12-14")])
def test_what_is_no_class_is_refused(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore, words: tuple[str, ...]
) -> None:
    which = untied_bounce(world, store, send(engine, world))

    said = decide(world, which, *words)

    assert isinstance(said.exception, Refused)


def test_mail_that_nobody_asked_about_can_be_ruled_on_too(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    """A reader may be sure and wrong: "take us off" in words it does not know."""
    sent = send(engine, world)
    sync_and_record(engine, store, world, mail(sent, "We have heard enough of you."))
    before = suppressions(world)

    decide(world, last_mail(world), "unsubscribe_request")

    assert (before, suppressions(world)) == ([], ["unsubscribe"])
    assert told(world, "list")[0]["kind"] == "unsubscribe_request"


def test_what_the_reader_told_of_a_mail_is_not_told_twice(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    sync_and_record(engine, store, world, mail(send(engine, world)))

    said = decide(world, last_mail(world), "human_reply")

    events = world.sql("select source from app.message_event where tenant_id = %(t)s", t=world.tenant)
    assert said.exit_code == 0, said.exception
    assert [row["source"] for row in events] == ["imap"]


def test_who_rules_is_told_what_becomes_of_what_followed_before(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    sync_and_record(engine, store, world, mail(send(engine, world)))

    said = decide(world, last_mail(world), "unknown", answer="n\n")

    assert "What followed when it counted as human_reply is taken back" in said.output


def test_a_mail_that_is_not_there_is_not_ruled_on(world: SmallWorld, store: PostgresReplyStore) -> None:
    assert isinstance(decide(world, "999999", "hard").exception, NotFound)


def test_nothing_is_done_without_agreement_or_a_reason(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    which = untied_bounce(world, store, send(engine, world))

    no = decide(world, which, "hard", "--about", "person1@example.test", answer="n\n")
    blank = decide(world, which, "hard", "--about", "person1@example.test", reason=" ")

    assert "person1@example.test is not written to again by this tenant (hard bounce)." in no.output
    assert (no.exit_code, type(blank.exception), suppressions(world)) == (1, Refused, [])


def test_as_json_it_is_done_only_with_a_yes_and_prints_the_mail(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    which = untied_bounce(world, store, send(engine, world))
    words = ("review", "decide", which, "--as", "unknown", "--reason", "x", "--json")

    refused, done = say(world, *words), say(world, *words, "--yes")

    assert isinstance(refused.exception, Refused)
    assert json.loads(done.output)["review"]["verdict"] == "unknown"


def tied_and_parked(engine: Engine, store: PostgresReplyStore, world: SmallWorld, sent: Sent) -> None:
    """A mail that is tied to a send, and from which nothing followed."""
    sync(store, world, FakeInbox([mail(sent, "?")]))
    world.sql("delete from app.event_inbox where tenant_id = %(t)s", t=world.tenant)
    world.sql(
        "update app.inbound_message set routed = false, park_reason = 'for_people: unclear', class = 'challenge', review = 'unclear' where tenant_id = %(t)s",
        t=world.tenant,
    )
    assert record_events(database.event_store(), tenant=world.tenant).applied.total() == 0

"""A verdict, or a reading, that was wrong: what followed from it is taken back, and nothing that somebody asked for."""

from pathlib import Path

import pytest
from inbox_reading import FakeInbox
from mail_back import Sent, bounce, enrollment, kept, mail, send, sync, sync_and_record
from reply_desk_world import decide, last_mail, log, say, store_of, told
from small_world import NOON, SmallWorld
from sqlalchemy import Engine
from typer.testing import Result
from world_fixtures import NewWorld

from outreach_pipelines.adapters.postgres.reply_store import PostgresReplyStore
from outreach_pipelines.application.record_events import record_events
from outreach_pipelines.errors import NotFound, Refused
from resources import database

pytest_plugins = ("command_settings",)
pytestmark = pytest.mark.usefixtures("command_settings")
PERSON = "person1@example.test"


@pytest.fixture
def store(engine: Engine, tmp_path: Path, environment: pytest.MonkeyPatch) -> PostgresReplyStore:
    return store_of(engine, tmp_path, environment)


@pytest.fixture
def sent(engine: Engine, world: SmallWorld) -> Sent:
    return send(engine, world)


def untied(world: SmallWorld, store: PostgresReplyStore, sent: Sent) -> str:
    sync(store, world, FakeInbox([bounce(sent).replace(sent.tag.encode(), b"a" * 39)]))
    return last_mail(world)


def undo(world: SmallWorld, which: str, *words: str) -> Result:
    return say(world, "review", "undo", which, "--reason", "I was wrong", "--actor", "roberta", "--yes", *words)


def standing(world: SmallWorld) -> list[object]:
    rows = world.sql(
        "select kind from app.suppression where tenant_id = %(t)s and lifted_at is null order by kind", t=world.tenant
    )
    return [row["kind"] for row in rows]


def suppress(world: SmallWorld, sent: Sent, kind: str, source: str) -> None:
    """As the web edge, a file or an operator does."""
    world.sql(
        """select app.suppress(%(t)s, 'address', m.recipient_hmac, 'tenant', 0, %(k)s, %(s)s)
             from app.message m where m.tenant_id = %(t)s and m.message_id = %(m)s""",
        t=world.tenant,
        k=kind,
        s=source,
        m=sent.message,
    )


@pytest.mark.parametrize("verdict", ["hard", "complaint", "unsubscribe_request"])
def test_a_wrong_verdict_is_taken_back_with_all_that_followed(
    world: SmallWorld, store: PostgresReplyStore, sent: Sent, verdict: str
) -> None:
    which = untied(world, store, sent)
    before = kept(world)
    decide(world, which, verdict, "--about", PERSON)

    said = undo(world, which)

    assert said.exit_code == 0, said.exception
    assert "may be written to again" in said.output
    message, row = world.state(sent.message), enrollment(world, sent)
    assert standing(world) == []
    assert (message["outcome"], message["outcome_rank"], message["bounced_at"], message["unsubscribed_at"]) == (
        None,
        0,
        None,
        None,
    )
    assert (row["state"], row["reason"]) == ("finished", "verdict_taken_back")
    assert kept(world) == before
    assert [str(each["id"]) for each in told(world, "review")] == [which]
    assert log(world)[-1] == ("roberta", "verdict taken back", f"mail {which}")


@pytest.mark.parametrize("verdict", ["hard", "complaint", "unsubscribe_request"])
@pytest.mark.parametrize("first", [True, False])
def test_what_a_person_asked_for_themselves_outlives_every_verdict(
    world: SmallWorld, store: PostgresReplyStore, sent: Sent, verdict: str, first: bool
) -> None:
    which = untied(world, store, sent)
    if first:
        suppress(world, sent, "unsubscribe", "link of message 7")
    decide(world, which, verdict, "--about", PERSON)
    if not first:
        suppress(world, sent, "unsubscribe", "link of message 7")

    said = undo(world, which)

    (row,) = world.sql("select kind, source, lifted_at from app.suppression where tenant_id = %(t)s", t=world.tenant)
    assert (row["kind"], row["source"], row["lifted_at"]) == ("unsubscribe", "link of message 7", None)
    assert "they stay suppressed" in said.output
    assert enrollment(world, sent)["state"] in ("unsubscribed", "complained")


def test_a_row_of_a_file_that_a_verdict_found_in_force_stands_again(
    world: SmallWorld, store: PostgresReplyStore, sent: Sent
) -> None:
    suppress(world, sent, "imported", "suppressions.csv")
    which = untied(world, store, sent)
    decide(world, which, "hard", "--about", PERSON)

    undo(world, which)

    assert standing(world) == ["imported"]


def test_one_that_stood_before_grounds_were_kept_is_not_lifted(
    world: SmallWorld, store: PostgresReplyStore, sent: Sent
) -> None:
    suppress(world, sent, "imported", "suppressions.csv")
    world.sql("delete from app.suppression_ground where tenant_id = %(t)s", t=world.tenant)
    which = untied(world, store, sent)
    decide(world, which, "hard", "--about", PERSON)

    undo(world, which)

    assert standing(world) == ["imported"]


def test_a_bounce_that_another_feed_tells_too_still_suppresses(
    world: SmallWorld, store: PostgresReplyStore, sent: Sent
) -> None:
    which = untied(world, store, sent)
    decide(world, which, "hard", "--about", PERSON)
    world.sql(
        """insert into app.event_inbox (tenant_id, source, dedupe_key, kind, occurred_at, plan_day, message_id, attempt, body)
           values (%(t)s, 'ses', 'ses:1', 'bounced', %(n)s, %(d)s, %(m)s, 1,
                   '{"bounce": {"class": "hard", "cause": "unknown_user", "enhanced_code": "5.1.1", "diagnostic": "", "evidence": ""}}')""",
        t=world.tenant, n=NOON, d=sent.claim.plan_day, m=sent.message,
    )  # fmt: skip
    record_events(database.event_store(), tenant=world.tenant)

    undo(world, which)

    assert standing(world) == ["hard_bounce"]
    assert (world.state(sent.message)["outcome"], enrollment(world, sent)["state"]) == ("hard_bounced", "bounced")


def test_a_verdict_stands_in_the_place_of_a_misread_bounce_and_undone_gives_it_back(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore, sent: Sent
) -> None:
    sync_and_record(engine, store, world, bounce(sent))
    which, read = last_mail(world), standing(world)

    said = decide(world, which, "soft")
    ruled = standing(world), world.state(sent.message)["outcome"]
    undo(world, which)

    assert said.exit_code == 0, said.exception
    assert (read, ruled) == (["hard_bounce"], ([], "soft_bounced"))
    assert (standing(world), world.state(sent.message)["outcome"]) == (["hard_bounce"], "hard_bounced")
    assert enrollment(world, sent)["state"] == "bounced"


def test_a_request_to_stop_that_was_read_is_lifted_by_no_verdict(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore, sent: Sent
) -> None:
    sync_and_record(engine, store, world, mail(sent, "Please unsubscribe me."))
    which = last_mail(world)

    decided = decide(world, which, "human_reply", answer="y\n")
    ruled = standing(world)
    undo(world, which)

    assert "nobody but the person takes it back" in decided.output
    assert (ruled, standing(world)) == (["unsubscribe"], ["unsubscribe"])


def test_another_verdict_comes_instead_and_is_about_the_same_person(
    world: SmallWorld, store: PostgresReplyStore, sent: Sent
) -> None:
    which = untied(world, store, sent)
    decide(world, which, "hard", "--about", PERSON)

    refused, done = decide(world, which, "human_reply"), decide(world, which, "human_reply", "--instead")

    assert isinstance(refused.exception, Refused)
    assert done.exit_code == 0, done.exception
    events = world.sql("select kind from app.message_event where tenant_id = %(t)s", t=world.tenant)
    assert ([row["kind"] for row in events], standing(world)) == (["replied"], [])
    assert enrollment(world, sent)["state"] == "replied"
    assert [action for _, action, _ in log(world)] == ["reply ruled on", "verdict taken back", "reply ruled on"]


def test_a_day_of_return_that_was_wrong_holds_no_step_back(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore, sent: Sent
) -> None:
    which = untied(world, store, sent)
    decide(world, which, "out_of_office", "--until", "2062-12-14", "--about", PERSON)
    far = str(enrollment(world, sent)["due_day"])

    same = decide(world, which, "out_of_office", "--until", "2062-12-14")
    decide(world, which, "out_of_office", "--until", "2026-12-14", "--instead")
    nearer = enrollment(world, sent)
    undo(world, which)

    row = enrollment(world, sent)
    assert far >= "2062"
    assert "nothing changes" in same.output
    assert ("2026-12-14" <= str(nearer["due_day"]) < "2027", str(nearer["out_of_office_until"])) == (True, "2026-12-13")
    assert (str(row["due_day"]) < "2026-12-14", row["out_of_office_until"], row["state"]) == (True, None, "active")


def test_an_answer_that_was_none_leaves_nobody_engaged(
    world: SmallWorld, store: PostgresReplyStore, sent: Sent
) -> None:
    which = untied(world, store, sent)
    decide(world, which, "human_reply", "--about", PERSON)
    before = engaged(world)

    undo(world, which)

    assert (before, engaged(world)) == ([PERSON], [])
    assert (enrollment(world, sent)["state"], enrollment(world, sent)["reason"]) == ("finished", "verdict_taken_back")
    assert world.state(sent.message)["replied_at"] is None


def engaged(world: SmallWorld) -> list[object]:
    rows = world.sql("select address from app.lead where tenant_id = %(t)s and engaged", t=world.tenant)
    return [row["address"] for row in rows]


def test_taking_back_twice_or_what_nobody_ruled_on_changes_nothing(
    world: SmallWorld, store: PostgresReplyStore, sent: Sent
) -> None:
    which = untied(world, store, sent)
    never = undo(world, which)
    decide(world, which, "hard", "--about", PERSON)

    said = [undo(world, which) for _ in range(2)]

    assert [each.exit_code for each in (never, *said)] == [0, 0, 0]
    assert all("has no verdict; nothing changes" in each.output for each in (never, said[1]))


def test_a_verdict_that_was_undone_may_be_given_again(world: SmallWorld, store: PostgresReplyStore, sent: Sent) -> None:
    which = untied(world, store, sent)
    decide(world, which, "hard", "--about", PERSON)
    undo(world, which)

    again = decide(world, which, "hard", "--about", PERSON)

    assert again.exit_code == 0, again.exception
    assert standing(world) == ["hard_bounce"]


def test_an_operators_lift_meanwhile_is_no_obstacle(world: SmallWorld, store: PostgresReplyStore, sent: Sent) -> None:
    which = untied(world, store, sent)
    decide(world, which, "hard", "--about", PERSON)
    world.sql(
        "update app.suppression set lifted_at = clock_timestamp(), lifted_reason = 'x' where tenant_id = %(t)s",
        t=world.tenant,
    )

    said = undo(world, which)

    assert said.exit_code == 0, said.exception
    assert standing(world) == []


def test_a_verdict_of_which_nothing_was_kept_is_not_taken_back(
    world: SmallWorld, store: PostgresReplyStore, sent: Sent
) -> None:
    which = untied(world, store, sent)
    decide(world, which, "hard", "--about", PERSON)
    world.sql("update app.inbound_message set read_before_verdict = null where tenant_id = %(t)s", t=world.tenant)

    said = undo(world, which)

    assert isinstance(said.exception, Refused)
    assert standing(world) == ["hard_bounce"]


def test_no_tenant_takes_back_a_verdict_of_another(
    world: SmallWorld, store: PostgresReplyStore, sent: Sent, new_world: NewWorld
) -> None:
    which = untied(world, store, sent)
    decide(world, which, "hard", "--about", PERSON)

    said = undo(new_world(), which)

    assert isinstance(said.exception, NotFound)
    assert standing(world) == ["hard_bounce"]


def test_what_another_mail_has_told_of_the_same_sequence_stays(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore, sent: Sent
) -> None:
    tied, other = mail(sent, "Yes, gladly."), bounce(sent).replace(sent.tag.encode(), b"a" * 39)
    sync_and_record(engine, store, world, tied, other)
    which = last_mail(world)
    decide(world, which, "human_reply", "--about", PERSON)

    undo(world, which)

    assert log(world)[-1] == ("roberta", "verdict taken back", f"mail {which}")
    assert (enrollment(world, sent)["state"], engaged(world)) == ("replied", [PERSON])
    assert world.state(sent.message)["replied_at"] is not None

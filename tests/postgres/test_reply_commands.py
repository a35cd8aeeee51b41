"""`outreach replies` on a real database: lists and threads, who answers, and what a person's verdict does."""

import hashlib
from pathlib import Path

import pytest
from mail_back import Sent, bounce, kept, mail, send, sync_and_record
from reply_desk_world import log, say, store_of, told
from small_world import NOON, SmallWorld
from sqlalchemy import Engine
from world_fixtures import NewWorld

from outreach_pipelines.adapters.postgres.reply_store import PostgresReplyStore
from outreach_pipelines.adapters.templates import template_key
from outreach_pipelines.errors import NotFound, Refused

pytest_plugins = ("command_settings",)
pytestmark = pytest.mark.usefixtures("command_settings")


@pytest.fixture
def store(engine: Engine, tmp_path: Path, environment: pytest.MonkeyPatch) -> PostgresReplyStore:
    return store_of(engine, tmp_path, environment)


def number(world: SmallWorld, which: int = -1) -> str:
    return str(kept(world)[which]["inbound_id"])


def test_replies_are_listed_newest_first(engine: Engine, world: SmallWorld, store: PostgresReplyStore) -> None:
    first, second = send(engine, world, 1), send(engine, world, 2)
    sync_and_record(engine, store, world, mail(first, "One."), mail(second, "Two."))
    world.sql(
        "update app.inbound_message set received_at = received_at + interval '1 hour' where reply_text = 'Two.' and tenant_id = %(t)s",
        t=world.tenant,
    )

    found = told(world, "list")

    assert [(row["text"], row["person"]) for row in found] == [
        ("Two.", "person2@example.test"),
        ("One.", "person1@example.test"),
    ]


def test_reports_are_listed_only_when_they_are_asked_for(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    sent = send(engine, world)
    sync_and_record(engine, store, world, bounce(sent), mail(sent))

    kinds = [[row["kind"] for row in told(world, "list", *words)] for words in ((), ("--kind", "delivery_report"))]

    assert kinds == [["human_reply"], ["delivery_report"]]


def test_a_list_is_filtered_by_who_answers_and_whether_that_is_done(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    sent = send(engine, world)
    sync_and_record(engine, store, world, mail(sent, "One."), mail(sent, "Two."))
    mine, other = number(world, 0), number(world, 1)
    told(world, "assign", mine, "--to", "ada@example.com", "--done", "--actor", "roberta")

    found = {
        words: [str(row["id"]) for row in told(world, "list", *words)]
        for words in [
            ("--assigned", "Ada@example.com"),
            ("--assigned", "nobody"),
            ("--done",),
            ("--open",),
            ("--since", "2026-11-19"),
        ]
    }

    assert list(found.values()) == [[mine], [other], [mine], [other], []]


def test_a_thread_shows_what_was_sent_and_what_came_in_order(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    sent = send(engine, world)
    world.sql("update app.thread_root set accepted_at = %(n)s where tenant_id = %(t)s", n=NOON, t=world.tenant)
    sync_and_record(engine, store, world, mail(sent, "Yes, gladly.", Subject="Re: Hello there"))

    (shown,) = told(world, "show", number(world))

    thread = shown["thread"]
    assert isinstance(thread, list)
    assert [(each["direction"], each["subject"]) for each in thread] == [("sent", "Hello"), ("came", "Re: Hello there")]
    assert (thread[1]["from"], thread[1]["text"], shown["kind"]) == (
        "person1@example.test",
        "Yes, gladly.",
        "human_reply",
    )


def test_a_letter_is_shown_as_its_template_says_it_without_the_persons_link(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    sent = send(engine, world)
    body = b"Dear {{ first_name }}, leave here: {{ unsubscribe_url }}"
    wording(world, store, sent, body)
    sync_and_record(engine, store, world, mail(sent))

    (shown,) = told(world, "show", number(world))

    thread = shown["thread"]
    assert isinstance(thread, list)
    assert thread[0]["text"] == "Dear Ada, leave here: https://unsubscribe.invalid/"


def test_a_wording_that_was_changed_since_is_not_shown_as_what_was_sent(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    sent = send(engine, world)
    wording(world, store, sent, b"Dear {{ first_name }}")
    world.sql("update app.campaign_variant set subject = 'Another' where tenant_id = %(t)s", t=world.tenant)
    sync_and_record(engine, store, world, mail(sent))

    (shown,) = told(world, "show", number(world))

    thread = shown["thread"]
    assert isinstance(thread, list)
    assert (thread[0]["text"], "changed since" in thread[0]["lacks"]) == (None, True)


def test_a_thread_whose_original_is_gone_still_shows_its_text(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore, tmp_path: Path
) -> None:
    sync_and_record(engine, store, world, mail(send(engine, world), "Still here."))
    for file in tmp_path.rglob("*.eml"):
        file.unlink()

    (shown,) = told(world, "show", number(world))

    thread = shown["thread"]
    assert isinstance(thread, list)
    assert (thread[-1]["text"], thread[-1]["lacks"]) == ("Still here.", "the original is no longer kept")


def test_the_history_that_a_mail_quotes_is_shown_when_it_is_asked_for(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    quoting = "Yes, gladly.\n\nOn Tue, 17 Nov 2026 at 12:00, Box <box@example.com> wrote:\n> How are you?"
    sync_and_record(engine, store, world, mail(send(engine, world), quoting))

    shown, whole = (say(world, "show", number(world), *words).output for words in ((), ("--whole",)))

    assert "> How are you?" not in shown
    assert "> How are you?" in whole


def test_no_escape_sequence_of_a_reply_reaches_the_terminal(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    sync_and_record(
        engine, store, world, mail(send(engine, world), "\x1b[2Jgone [bold]x[/bold]", Subject="\x1b]0;t\x07Re")
    )

    said = [say(world, "show", number(world)).output, say(world, "list").output]

    assert all("\x1b" not in each and "\x07" not in each for each in said)
    assert "[bold]x[/bold]" in said[0]


def test_an_assignment_is_written_down_and_its_note_is_not(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    sync_and_record(engine, store, world, mail(send(engine, world)))
    which = number(world)

    (row,) = told(world, "assign", which, "--to", "Ada", "--note", "call her first", "--actor", "roberta")
    (done,) = told(world, "assign", which, "--done", "--actor", "roberta")

    assert (row["assigned_to"], row["note"], row["done_at"]) == ("Ada", "call her first", None)
    assert (done["assigned_to"], done["note"], done["done_at"] is not None) == ("Ada", "call her first", True)
    assert log(world) == [("roberta", "reply assigned", f"mail {which}")] * 2
    assert "call her first" not in str(
        world.sql("select detail from app.audit_log where tenant_id = %(t)s", t=world.tenant)
    )


def test_doing_it_again_keeps_the_time_and_opening_it_takes_it_back(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    sync_and_record(engine, store, world, mail(send(engine, world)))
    which = number(world)

    done = [told(world, "assign", which, word)[0]["done_at"] for word in ("--done", "--done", "--open")]

    assert done[0] == done[1] is not None
    assert done[2] is None


def test_another_tenants_reply_is_not_there(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore, new_world: NewWorld
) -> None:
    sync_and_record(engine, store, world, mail(send(engine, world)))
    other = new_world()

    said = [say(other, "show", number(world)), say(other, "assign", number(world), "--done")]

    assert [type(each.exception) for each in said] == [NotFound, NotFound]


@pytest.mark.parametrize(
    "words",
    [
        ("assign", "ID"),
        ("assign", "ID", "--to", " "),
        ("list", "--intent", "angry"),
        ("list", "--kind", "fax"),
        ("list", "--open", "--done"),
    ],
)
def test_what_asks_for_nothing_or_for_what_there_is_not_is_refused(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore, words: tuple[str, ...]
) -> None:
    sync_and_record(engine, store, world, mail(send(engine, world)))

    said = say(world, *(number(world) if word == "ID" else word for word in words))

    assert isinstance(said.exception, Refused)


def wording(world: SmallWorld, store: PostgresReplyStore, sent: Sent, body: bytes) -> None:
    """The message as one of this text."""
    sha = hashlib.sha256(body).hexdigest()
    store.objects.put(template_key(sha), body)
    world.sql(
        "insert into app.template (tenant_id, sha256, name, object_key) values (%(t)s, %(s)s, 'x', 'k')",
        t=world.tenant,
        s=sha,
    )
    world.sql("update app.campaign_variant set text_sha256 = %(s)s where tenant_id = %(t)s", t=world.tenant, s=sha)
    world.sql(
        "update app.message set content_hash = md5('Hello' || %(s)s) where message_id = %(m)s", s=sha, m=sent.message
    )


def test_a_reply_is_taken_from_whom_it_was_given_to(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    sync_and_record(engine, store, world, mail(send(engine, world)))
    which = number(world)
    told(world, "assign", which, "--to", "Ada", "--note", "call", "--actor", "roberta")

    (row,) = told(world, "assign", which, "--to", "nobody", "--actor", "roberta")

    assert (row["assigned_to"], row["note"]) == (None, "call")
    assert [str(each["id"]) for each in told(world, "list", "--assigned", "nobody")] == [which]
    assert isinstance(say(world, "assign", which, "--to", "anybody").exception, Refused)

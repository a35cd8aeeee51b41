"""Notices of replies on real PostgreSQL: once a reply and target, tried again when they fail, and never in the way of mail."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from mail_back import mail, send, sync_and_record
from reply_desk_world import slug_of
from small_world import SmallWorld
from sqlalchemy import Engine

from outreach_pipelines.adapters.postgres.reply_intents import PostgresIntentBook
from outreach_pipelines.adapters.postgres.reply_notices import PostgresNoticeBook
from outreach_pipelines.adapters.postgres.reply_store import PostgresReplyStore
from outreach_pipelines.application.acts_by_hand import Actor
from outreach_pipelines.application.decide_intents import IntentDesk, decide_intents
from outreach_pipelines.application.inbox_mail import InboundId
from outreach_pipelines.application.notify_replies import (
    MOST_TRIES,
    Notice,
    NoticePolicy,
    Notified,
    NotTold,
    Told,
    notify_replies,
)
from outreach_pipelines.domain.inbound.message import Intent
from outreach_pipelines.domain.reference import SecretRef, SecretScheme
from outreach_pipelines.domain.tenant import TenantRef, TenantSlug

SLACK = SecretRef(SecretScheme.ENVIRONMENT, "SLACK")
MAIL = SecretRef(SecretScheme.FILE, "/run/secrets/mail")
POLICY = NoticePolicy((SLACK,))


@dataclass
class People:
    """A notifier that keeps what it is given."""

    answer: Callable[[], Told | NotTold] = Told
    told: list[tuple[SecretRef, Notice]] = field(default_factory=list)

    def tell(self, target: SecretRef, notice: Notice) -> Told | NotTold:
        self.told.append((target, notice))
        return self.answer()


def came(engine: Engine, store: PostgresReplyStore, world: SmallWorld, *texts: str) -> None:
    """Replies, with their intents decided."""
    sent = send(engine, world)
    sync_and_record(engine, store, world, *(mail(sent, text) for text in texts))
    decide_intents(IntentDesk(PostgresIntentBook(engine), store.objects), tenant=world.tenant)


def look(engine: Engine, world: SmallWorld, people: People, policy: NoticePolicy = POLICY) -> Notified:
    tenant = TenantRef(world.tenant, TenantSlug(slug_of(world)))
    return notify_replies(PostgresNoticeBook(engine), people, policy, tenant=tenant)


def later(world: SmallWorld) -> None:
    """The time of the next try has come."""
    world.sql(
        "update app.reply_notice set next_try_at = clock_timestamp() where tenant_id = %(t)s and state = 'waiting'",
        t=world.tenant,
    )


def rows(world: SmallWorld) -> list[tuple[object, ...]]:
    found = world.sql(
        "select target, state, tries, last_error from app.reply_notice where tenant_id = %(t)s order by inbound_id, target",
        t=world.tenant,
    )
    return [tuple(row.values()) for row in found]


def test_a_reply_that_wants_more_is_told_once_to_each_target(
    engine: Engine, world: SmallWorld, replies: PostgresReplyStore
) -> None:
    came(engine, replies, world, "Sounds great!", "Not interested.", "How much is it?")
    people, both = People(), NoticePolicy((SLACK, MAIL))

    done = [look(engine, world, people, both) for _ in range(3)]

    assert [target for target, _ in people.told] == [SLACK, MAIL]
    assert done == [Notified(told=2), Notified(), Notified()]
    assert rows(world) == [("env:SLACK", "sent", 1, None), ("file:/run/secrets/mail", "sent", 1, None)]


def test_a_notice_names_no_person_and_quotes_nobody_unless_that_is_set(
    engine: Engine, world: SmallWorld, replies: PostgresReplyStore
) -> None:
    came(engine, replies, world, "Sounds great, says <!channel> [x](https://evil.example) @here *b* \x1b[2J")
    people = People()
    look(engine, world, people)
    world.sql("delete from app.reply_notice where tenant_id = %(t)s", t=world.tenant)
    look(engine, world, people, replace(POLICY, with_excerpt=True))

    plain, quoting = (notice for _, notice in people.told)

    assert "person1" not in plain.title + plain.body + quoting.body
    assert "outreach replies show" in plain.body
    assert "great" not in plain.body
    quoted = quoting.body.partition("it says: ")[2]
    assert quoted.startswith("Sounds great")
    assert not set("<>@[]*|\x1b") & set(quoted)
    assert "https://" not in quoted


def test_what_was_not_told_is_tried_again_later_each_time_and_given_up_at_last(
    engine: Engine, world: SmallWorld, replies: PostgresReplyStore
) -> None:
    came(engine, replies, world, "Sounds great!")
    people = People(lambda: NotTold("the service answered 500"))
    waits = []

    for _ in range(MOST_TRIES + 3):
        look(engine, world, people)
        look(engine, world, people)
        row = world.one(
            "select extract(epoch from next_try_at - clock_timestamp())::int as wait, state from app.reply_notice where tenant_id = %(t)s",
            t=world.tenant,
        )
        waits.append(round(int(str(row["wait"])) / 60) if row["state"] == "waiting" else None)
        later(world)

    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, None, None, None, None]
    assert len(people.told) == MOST_TRIES
    assert rows(world) == [("env:SLACK", "given_up", MOST_TRIES, "the service answered 500")]


def test_what_failed_first_is_told_once_it_can_be(
    engine: Engine, world: SmallWorld, replies: PostgresReplyStore
) -> None:
    came(engine, replies, world, "Sounds great!")
    look(engine, world, People(lambda: NotTold("no")))
    later(world)

    done = look(engine, world, People())

    assert (done, rows(world)) == (Notified(told=1), [("env:SLACK", "sent", 2, None)])


def test_a_process_that_dies_while_telling_tells_once_more_and_no_other_tells_meanwhile(
    engine: Engine, world: SmallWorld, replies: PostgresReplyStore
) -> None:
    came(engine, replies, world, "Sounds great!")

    class DiedError(Exception):
        pass

    def die() -> Told:
        raise DiedError

    with pytest.raises(DiedError):
        look(engine, world, People(die))
    meanwhile = look(engine, world, People())
    later(world)

    assert (meanwhile, look(engine, world, People())) == (Notified(), Notified(told=1))


def test_a_first_switch_on_tells_no_old_news(engine: Engine, world: SmallWorld, replies: PostgresReplyStore) -> None:
    came(engine, replies, world, "Sounds great!")
    world.sql(
        "update app.inbound_message set recorded_at = recorded_at - interval '3 days' where tenant_id = %(t)s",
        t=world.tenant,
    )

    assert look(engine, world, People()) == Notified()


def test_what_is_done_is_not_told(engine: Engine, world: SmallWorld, replies: PostgresReplyStore) -> None:
    came(engine, replies, world, "Sounds great!")
    world.sql(
        "insert into app.reply_work (tenant_id, inbound_id, done_at, changed_by) select tenant_id, inbound_id, clock_timestamp(), 'ada' from app.inbound_message where tenant_id = %(t)s",
        t=world.tenant,
    )

    assert look(engine, world, People()) == Notified()


def test_replies_without_an_intent_are_told_where_that_is_set(
    engine: Engine, world: SmallWorld, replies: PostgresReplyStore
) -> None:
    came(engine, replies, world, "Zounds.")
    people = People()

    look(engine, world, people, replace(POLICY, intents=("positive", "none")))

    assert [": reply, mail" in notice.title for _, notice in people.told] == [True]


def test_without_a_target_nothing_is_written(engine: Engine, world: SmallWorld, replies: PostgresReplyStore) -> None:
    came(engine, replies, world, "Sounds great!")

    look(engine, world, People(), NoticePolicy(()))

    assert rows(world) == []


def test_a_slow_service_ends_the_look_and_the_next_goes_on(
    engine: Engine, world: SmallWorld, replies: PostgresReplyStore
) -> None:
    came(engine, replies, world, "Sounds great!", "Sounds good!")
    people, tenant = People(), TenantRef(world.tenant, TenantSlug(slug_of(world)))

    late = notify_replies(PostgresNoticeBook(engine), people, POLICY, tenant=tenant, seconds=0)

    assert (late, look(engine, world, people)) == (Notified(), Notified(told=2))


def test_what_a_person_calls_wanted_is_told_before_any_rule_has_looked(
    engine: Engine, world: SmallWorld, replies: PostgresReplyStore
) -> None:
    sync_and_record(engine, replies, world, mail(send(engine, world), "Zounds, forsooth."))
    number = world.one("select inbound_id from app.inbound_message where tenant_id = %(t)s", t=world.tenant)
    book = PostgresIntentBook(engine)
    book.label(world.tenant, InboundId(int(str(number["inbound_id"]))), Intent.POSITIVE, Actor("roberta"))
    people = People()

    done = look(engine, world, people)

    assert done == Notified(told=1)
    assert "positive" in people.told[0][1].title


def test_a_reply_without_words_is_told_where_replies_without_an_intent_are(
    engine: Engine, world: SmallWorld, replies: PostgresReplyStore
) -> None:
    came(engine, replies, world, "")
    people = People()

    done = [look(engine, world, people, policy) for policy in (POLICY, replace(POLICY, intents=("none",)))]

    assert done == [Notified(), Notified(told=1)]

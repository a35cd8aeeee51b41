"""Doubt on real PostgreSQL: probes, watermark, releases and their refusals, each by the store that production uses."""

from datetime import timedelta

import pytest
from news_of_sends import about, apply, begun, enrollment, item, row
from small_world import NOON, SmallWorld
from sqlalchemy import Engine
from world_fixtures import NewWorld

from outreach_pipelines.adapters.postgres.doubt_store import PostgresDoubtStore
from outreach_pipelines.adapters.postgres.event_store import PostgresEventInbox
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.application.ingest_events import InboxRow
from outreach_pipelines.application.resolve_doubt import DoubtedAttempt, Release
from outreach_pipelines.domain.delivery_event import EventKind
from outreach_pipelines.domain.doubt import CouldNotLook, EvidenceRule, GiveUpReason, NotSeen, Seen
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.letter import Letter
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.message_tag import MessageTag
from outreach_pipelines.domain.send_answer import Accepted, RefusalAction, RefusalVerdict, Refused

MINUTE = timedelta(minutes=1)
TAKEN = Accepted("ses-1", "<ses-1@email.amazonses.com>")


@pytest.fixture
def store(engine: Engine) -> PostgresDoubtStore:
    return PostgresDoubtStore(engine)


@pytest.fixture
def world(new_world: NewWorld) -> SmallWorld:
    world = new_world(kind="ses")
    world.sql(
        "update app.provider_account_share set configuration_set = 'main' where tenant_id = %(t)s", t=world.tenant
    )
    world.sql("update app.provider_account_share set configuration_set_since = '-infinity' where tenant_id = %(t)s", t=world.tenant)  # fmt: skip
    return world


def doubted(messages: PostgresMessageStore, world: SmallWorld, number: int = 1) -> Letter:
    """A send whose answer was lost."""
    world.message(number)
    world.sql("update app.mailbox set next_at = default where tenant_id = %(t)s", t=world.tenant)
    letter = begun(messages, world)
    messages.record_doubt(letter.claim, "timeout")
    return letter


def again(messages: PostgresMessageStore, world: SmallWorld) -> Letter:
    """The next attempt of what was released."""
    world.sql("update app.mailbox set next_at = default where tenant_id = %(t)s", t=world.tenant)
    return begun(messages, world)


def only(store: PostgresDoubtStore, world: SmallWorld) -> DoubtedAttempt:
    (attempt,) = store.open_doubts(world.tenant).attempts
    return attempt


def outcomes(world: SmallWorld, letter: Letter) -> list[object]:
    found = world.sql("select outcome from app.send_attempt where message_id = %(m)s order by attempt", m=letter.claim.message_id)  # fmt: skip
    return [each["outcome"] for each in found]


def probe_home(store: PostgresDoubtStore, inbox: PostgresEventInbox, world: SmallWorld) -> None:
    probe = store.note_probe(world.tenant, AccountId(world.account))
    assert probe is not None
    inbox.prove(MessageTag(world.tenant, NOON.date(), probe.probe, 0))


def test_a_probe_carries_the_watermark_only_once_it_is_home_and_the_queue_was_clean_after_that(
    store: PostgresDoubtStore, messages: PostgresMessageStore, inbox: PostgresEventInbox, world: SmallWorld
) -> None:
    doubted(messages, world)
    before_it_was_home = store.machine_now()
    store.note_probe(world.tenant, AccountId(world.account))
    probe_home(store, inbox, world)

    store.believe_probes(before_it_was_home)
    unbelieved = only(store, world).doubt
    store.believe_probes(store.machine_now())
    believed = only(store, world).doubt

    assert unbelieved.last_probe is not None
    assert unbelieved.watermark is None
    assert believed.watermark == believed.last_probe
    assert believed.watermark is not None
    assert believed.watermark > believed.intended_at


def test_the_watermark_is_the_intent_of_the_probe_and_not_its_return(
    store: PostgresDoubtStore, messages: PostgresMessageStore, inbox: PostgresEventInbox, world: SmallWorld
) -> None:
    probe = store.note_probe(world.tenant, AccountId(world.account))
    doubted(messages, world)
    assert probe is not None

    inbox.prove(MessageTag(world.tenant, NOON.date(), probe.probe, 0))
    store.believe_probes(store.machine_now())

    doubt = only(store, world).doubt
    assert doubt.watermark is not None
    assert doubt.watermark < doubt.intended_at


def test_a_probe_through_another_configuration_set_says_nothing(
    store: PostgresDoubtStore, messages: PostgresMessageStore, inbox: PostgresEventInbox, world: SmallWorld
) -> None:
    doubted(messages, world)
    world.sql("insert into app.account_canary (account_id, configuration_set, home_at, believed_at) values (%(a)s, 'other', now(), now())", a=world.account)  # fmt: skip

    assert only(store, world).doubt.watermark is None


def test_a_configuration_set_that_was_changed_after_the_intent_closes_the_way_of_probes(
    store: PostgresDoubtStore, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    doubted(messages, world)
    unchanged = only(store, world).doubt.stream_changed

    world.sql("update app.provider_account_share set configuration_set = 'new' where tenant_id = %(t)s", t=world.tenant)

    assert (unchanged, only(store, world).doubt.stream_changed) == (False, True)


def test_a_probe_that_comes_home_proves_its_account_fresh_and_a_forged_number_proves_nothing(
    store: PostgresDoubtStore, inbox: PostgresEventInbox, world: SmallWorld
) -> None:
    world.sql("update app.provider_account set proven_at = null where account_id = %(a)s", a=world.account)
    proven = "select proven_at is not null as proven from app.provider_account where account_id = %(a)s"

    inbox.prove(MessageTag(world.tenant, NOON.date(), MessageId(2**40), 0))
    before = world.one(proven, a=world.account)["proven"]
    probe_home(store, inbox, world)

    assert (before, world.one(proven, a=world.account)["proven"]) == (False, True)


def test_what_the_feed_could_not_read_is_told_to_every_tenant(
    store: PostgresDoubtStore, messages: PostgresMessageStore, inbox: PostgresEventInbox, world: SmallWorld
) -> None:
    doubted(messages, world)
    world.sql("insert into app.event_inbox (tenant_id, source, dedupe_key, kind, occurred_at, body) values (0, 'ses', 'x', 'unreadable', now(), '{}')")  # fmt: skip

    doubt = only(store, world).doubt

    world.sql("delete from app.event_inbox where tenant_id = 0")
    assert doubt.unread_at is not None
    assert doubt.unread_at > doubt.intended_at


def test_what_is_absent_is_planned_again_with_its_caps_given_back_and_sent_once_more(
    store: PostgresDoubtStore, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    letter = doubted(messages, world)

    released = store.release(about(letter), "nothing came", most_releases=2)

    message = row(world, letter)
    sent = world.one("select sent from app.mailbox_day where tenant_id = %(t)s", t=world.tenant)["sent"]
    assert (released, message["state"], message["released_on_absence"], sent) == (Release.RELEASED, "planned", 1, 0)
    second = again(messages, world)
    assert messages.record_accepted(second.claim, TAKEN, subject="Hello", next_due_day=None) == "accepted"
    assert outcomes(world, letter) == ["absent", "accepted"]


def test_a_release_that_is_repeated_changes_nothing(
    store: PostgresDoubtStore, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    letter = doubted(messages, world)

    found = [store.release(about(letter), "nothing came", most_releases=2) for _ in range(3)]

    assert found == [Release.RELEASED, Release.SETTLED_BEFORE, Release.SETTLED_BEFORE]
    assert row(world, letter)["released_on_absence"] == 1


def test_an_event_that_waits_to_be_applied_stops_a_release(
    store: PostgresDoubtStore, messages: PostgresMessageStore, inbox: PostgresEventInbox, world: SmallWorld
) -> None:
    letter = doubted(messages, world)
    inbox.add([InboxRow(item(EventKind.SENT), about(letter))])

    released = store.release(about(letter), "nothing came", most_releases=2)

    assert (released, row(world, letter)["state"]) == (Release.EVIDENCE_WAITS, "in_doubt")
    assert only(store, world).doubt.evidence_waits


def test_an_accepted_message_is_not_released(
    store: PostgresDoubtStore, messages: PostgresMessageStore, inbox: PostgresEventInbox, world: SmallWorld
) -> None:
    letter = doubted(messages, world)
    apply(inbox, letter, item(EventKind.SENT))

    released = store.release(about(letter), "nothing came", most_releases=2)

    assert (released, row(world, letter)["state"]) == (Release.SETTLED_BEFORE, "accepted")


def test_a_message_is_released_twice_and_not_a_third_time(
    store: PostgresDoubtStore, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    letter = doubted(messages, world)
    found = [store.release(about(letter), "nothing came", most_releases=2)]
    for _ in range(2):
        last = again(messages, world)
        messages.record_doubt(last.claim, "timeout")
        found.append(store.release(about(last), "nothing came", most_releases=2))

    assert found == [Release.RELEASED, Release.RELEASED, Release.RELEASED_TOO_OFTEN]
    assert row(world, letter)["state"] == "in_doubt"


def test_evidence_after_a_wrong_release_wins_before_the_second_send(
    store: PostgresDoubtStore, messages: PostgresMessageStore, inbox: PostgresEventInbox, world: SmallWorld
) -> None:
    letter = doubted(messages, world)
    store.release(about(letter), "nothing came", most_releases=2)

    apply(inbox, letter, item(EventKind.SENT))

    sent = world.one("select sent from app.mailbox_day where tenant_id = %(t)s", t=world.tenant)["sent"]
    assert (row(world, letter)["state"], outcomes(world, letter), sent) == ("accepted", ["accepted"], 1)


def test_a_second_acceptance_is_told_and_counts_against_the_caps(
    store: PostgresDoubtStore, messages: PostgresMessageStore, inbox: PostgresEventInbox, world: SmallWorld
) -> None:
    letter = doubted(messages, world)
    store.release(about(letter), "nothing came", most_releases=2)
    second = again(messages, world)
    messages.record_accepted(second.claim, TAKEN, subject="Hello", next_due_day=None)

    apply(inbox, letter, item(EventKind.SENT), attempt=1)

    sent = world.one("select sent from app.mailbox_day where tenant_id = %(t)s", t=world.tenant)["sent"]
    assert outcomes(world, letter) == ["accepted_twice", "accepted"]
    assert list(store.accepted_twice(world.tenant, within=timedelta(days=1))) == [about(letter, attempt=1)]
    assert sent == 2


def test_an_attempt_under_way_whose_message_evidence_accepted_meanwhile_is_settled_by_doubt(
    store: PostgresDoubtStore, messages: PostgresMessageStore, inbox: PostgresEventInbox, world: SmallWorld
) -> None:
    letter = doubted(messages, world)
    store.release(about(letter), "nothing came", most_releases=2)
    second = again(messages, world)
    apply(inbox, letter, item(EventKind.SENT), attempt=1)
    fresh = store.open_doubts(world.tenant).attempts
    world.sql("update app.send_attempt set begun_at = begun_at - interval '91 seconds' where tenant_id = %(t)s", t=world.tenant)  # fmt: skip

    stale = only(store, world)
    released = store.release(stale.about, "nothing came", most_releases=2)

    assert fresh == ()
    assert stale.about == about(second)
    assert (released, row(world, letter)["state"]) == (Release.ATTEMPT_SETTLED, "accepted")
    assert outcomes(world, letter) == ["accepted", "absent"]


def test_a_lease_that_ends_never_overwrites_what_was_learnt_of_an_attempt(
    messages: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1)
    letter = begun(messages, world)
    world.sql("update app.send_attempt set outcome = 'accepted_twice', ended_at = now() where message_id = %(m)s", m=letter.claim.message_id)  # fmt: skip
    world.sql("update app.message set lease_until = now() - interval '1 second' where message_id = %(m)s", m=letter.claim.message_id)  # fmt: skip

    messages.sweep(world.tenant, horizon_seconds=3600)

    assert outcomes(world, letter) == ["accepted_twice"]


def successor_of(world: SmallWorld, letter: Letter, state: str) -> int:
    """A second message of the same key, as a re-plan makes one; the key points to it."""
    successor = world.message(77)
    old = row(world, letter)
    world.sql("delete from app.send_key where message_id = %(m)s", m=successor)
    world.sql("update app.message set send_key = %(k)s, state = %(s)s, reason = 'test', enrollment_id = %(e)s where message_id = %(m)s", k=old["send_key"], s=state, e=old["enrollment_id"], m=successor)  # fmt: skip
    world.sql("update app.send_key set message_id = %(n)s where message_id = %(m)s", n=successor, m=letter.claim.message_id)  # fmt: skip
    return successor


@pytest.mark.parametrize("closed", ["expired", "cancelled", "superseded", "failed", "suppressed", "unknown"])
def test_evidence_opens_a_closed_message_takes_its_key_back_and_stops_its_successor(
    messages: PostgresMessageStore, inbox: PostgresEventInbox, world: SmallWorld, closed: str
) -> None:
    letter = doubted(messages, world)
    world.sql("update app.message set state = %(s)s where message_id = %(m)s", s=closed, m=letter.claim.message_id)
    successor = successor_of(world, letter, "planned")

    apply(inbox, letter, item(EventKind.SENT))

    pointed = world.one("select message_id from app.send_key where send_key = %(k)s", k=row(world, letter)["send_key"])
    assert row(world, letter)["state"] == "accepted"
    assert pointed["message_id"] == letter.claim.message_id
    assert (world.state(successor)["state"], world.state(successor)["reason"]) == ("cancelled", "accepted_before")


def test_a_successor_that_was_under_way_is_a_duplicate_and_not_a_second_accepted_message(
    messages: PostgresMessageStore, inbox: PostgresEventInbox, world: SmallWorld
) -> None:
    first = doubted(messages, world)
    world.sql("update app.message set state = 'superseded' where message_id = %(m)s", m=first.claim.message_id)
    successor_of(world, first, "planned")
    second = again(messages, world)
    apply(inbox, first, item(EventKind.SENT))

    found = messages.record_accepted(second.claim, TAKEN, subject="Hello", next_due_day=None)

    assert found == "accepted_twice"
    assert [row(world, each)["state"] for each in (first, second)] == ["accepted", "superseded"]
    assert outcomes(world, second) == ["accepted_twice"]


def test_a_doubted_successor_of_an_accepted_message_is_not_released(
    store: PostgresDoubtStore, messages: PostgresMessageStore, inbox: PostgresEventInbox, world: SmallWorld
) -> None:
    first = doubted(messages, world)
    world.sql("update app.message set state = 'superseded' where message_id = %(m)s", m=first.claim.message_id)
    successor_of(world, first, "planned")
    second = again(messages, world)
    messages.record_doubt(second.claim, "timeout")
    apply(inbox, first, item(EventKind.SENT))

    released = store.release(about(second), "nothing came", most_releases=2)

    assert (released, row(world, second)["state"]) == (Release.ACCEPTED_BEFORE, "cancelled")


def test_what_is_given_up_is_unknown_and_ends_its_sequence_until_evidence_comes_after_all(
    store: PostgresDoubtStore, messages: PostgresMessageStore, inbox: PostgresEventInbox, world: SmallWorld
) -> None:
    letter = doubted(messages, world)

    gave_up = [store.give_up(about(letter), GiveUpReason.EVIDENCE_GONE) for _ in range(2)]
    ended = enrollment(world, letter)
    apply(inbox, letter, item(EventKind.SENT))
    revived = enrollment(world, letter)

    assert gave_up == [True, False]
    assert (ended["state"], ended["reason"]) == ("finished", "send_unknown")
    assert (revived["state"], revived["reason"], revived["step"]) == ("active", None, 2)
    assert row(world, letter)["state"] == "accepted"


@pytest.mark.parametrize("found", [NotSeen(), CouldNotLook("503")])
def test_a_look_is_kept_and_only_a_complete_one_counts(
    store: PostgresDoubtStore, messages: PostgresMessageStore, world: SmallWorld, found: NotSeen | CouldNotLook
) -> None:
    letter = doubted(messages, world)
    at = store.machine_now()

    store.record_look(about(letter), found, looked_at=at)

    doubt = only(store, world).doubt
    assert doubt.last_look == at
    assert doubt.unseen_at == ((at,) if isinstance(found, NotSeen) else ())


def test_what_a_look_finds_is_accepted_under_the_name_it_travels_by(
    store: PostgresDoubtStore, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    letter = doubted(messages, world)

    store.record_look(about(letter), Seen("mg-1", "<mg-1@mail.example>", NOON), looked_at=store.machine_now())

    message = row(world, letter)
    assert (message["state"], message["wire_message_id"]) == ("accepted", "<mg-1@mail.example>")
    assert enrollment(world, letter)["step"] == 2


GMAIL = '{"host": "smtp.gmail.com", "username": "u"}'


@pytest.mark.parametrize(
    ("kind", "settings", "configuration_set", "rule"),
    [
        ("ses", "{}", "main", EvidenceRule.EVENTS),
        ("ses", "{}", None, EvidenceRule.NONE),
        ("mailgun", "{}", None, EvidenceRule.LOOK_UP),
        ("postmark", "{}", None, EvidenceRule.LOOK_UP),
        ("smtp", GMAIL, None, EvidenceRule.SENT_FOLDER),
        ("smtp", GMAIL.replace('"u"', '"other"'), None, EvidenceRule.NONE),
        ("smtp", GMAIL.replace("gmail.com", "example.net"), None, EvidenceRule.NONE),
    ],
)
def test_each_kind_of_account_has_its_rule(
    store: PostgresDoubtStore, messages: PostgresMessageStore, world: SmallWorld,
    kind: str, settings: str, configuration_set: str | None, rule: EvidenceRule,
) -> None:  # fmt: skip
    doubted(messages, world)
    world.sql("update app.provider_account set kind = %(k)s, settings = %(s)s where account_id = %(a)s", k=kind, s=settings, a=world.account)  # fmt: skip
    world.sql("update app.provider_account_share set configuration_set = %(c)s where tenant_id = %(t)s", c=configuration_set, t=world.tenant)  # fmt: skip

    assert only(store, world).doubt.rule is rule


def test_the_sweeper_gives_up_what_no_server_will_tell_and_leaves_what_the_sent_folder_will(
    messages: PostgresMessageStore, new_world: NewWorld
) -> None:
    states = []
    for settings in ("{}", GMAIL):
        world = new_world(kind="smtp")
        world.sql("update app.provider_account set settings = %(s)s where account_id = %(a)s", s=settings, a=world.account)  # fmt: skip
        letter = doubted(messages, world)
        world.sql("update app.message set state_at = now() - interval '2 hours' where tenant_id = %(t)s", t=world.tenant)  # fmt: skip
        messages.sweep(world.tenant, horizon_seconds=3600)
        states.append(row(world, letter)["state"])

    assert states == ["unknown", "in_doubt"]


def test_a_refused_attempt_is_no_doubt(
    store: PostgresDoubtStore, messages: PostgresMessageStore, world: SmallWorld
) -> None:
    world.message(1)
    letter = begun(messages, world)
    messages.record_refused(letter.claim, Refused("451", "4.3.0", "busy"), RefusalVerdict(RefusalAction.RETRY, 60, "r"))

    assert store.open_doubts(world.tenant).attempts == ()


def test_doubt_of_one_tenant_is_not_seen_by_another(
    store: PostgresDoubtStore, messages: PostgresMessageStore, world: SmallWorld, new_world: NewWorld
) -> None:
    letter = doubted(messages, world)
    stranger = new_world(kind="ses")
    foreign = MessageTag(stranger.tenant, letter.claim.plan_day, letter.claim.message_id, 1)

    seen = store.open_doubts(stranger.tenant).attempts
    released = store.release(foreign, "nothing came", most_releases=2)

    assert (seen, released) == ((), Release.SETTLED_BEFORE)
    assert row(world, letter)["state"] == "in_doubt"

"""Intents of replies on real PostgreSQL: who is asked, what is stored, and that nothing certain is touched by a guess."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from mail_back import bounce, enrollment, kept, mail, send, sync_and_record
from reply_desk_world import last_mail, log, say, store_of, told
from small_world import SmallWorld
from sqlalchemy import Engine
from world_fixtures import NewWorld

from outreach_pipelines.adapters.postgres.reply_intents import PostgresIntentBook
from outreach_pipelines.adapters.postgres.reply_store import PostgresReplyStore
from outreach_pipelines.application.decide_intents import DecidedIntents, IntentDesk, StoredModel, decide_intents
from outreach_pipelines.application.stored_objects import object_key
from outreach_pipelines.application.train_intent import Figures
from outreach_pipelines.domain.inbound.message import Intent
from outreach_pipelines.domain.reply_intent.decided import DecidedIntent, IntentSource, input_digest, undecided
from outreach_pipelines.domain.reply_intent.word_model import WordModel, model_bytes, model_digest
from outreach_pipelines.errors import Refused
from outreach_pipelines.settings import load_settings

pytest_plugins = ("command_settings",)
pytestmark = pytest.mark.usefixtures("command_settings")

UNCLEAR = "Zounds, forsooth."
MODEL = WordModel((Intent.QUESTION, Intent.REFERRAL), (0.0, 0.0), {"zounds": (1.0, (-3.0, 3.0))})
FIGURES = Figures(labels=40, folds=5, accuracy=0.9, macro_f1=0.9, commonest=0.5, by_intent={})


@dataclass
class Oracle:
    """An endpoint with one answer."""

    answer: DecidedIntent
    asked: list[str] = field(default_factory=list)

    def ask(self, text: str) -> DecidedIntent:
        self.asked.append(text)
        return self.answer


@pytest.fixture
def store(engine: Engine, tmp_path: Path, environment: pytest.MonkeyPatch) -> PostgresReplyStore:
    return store_of(engine, tmp_path, environment)


def decide(
    engine: Engine, store: PostgresReplyStore, world: SmallWorld, endpoint: Oracle | None = None, *, again: bool = False
) -> DecidedIntents:
    desk = IntentDesk(PostgresIntentBook(engine), store.objects, endpoint)
    return decide_intents(desk, tenant=world.tenant, again=again)


def intents(world: SmallWorld) -> list[tuple[object, ...]]:
    rows = world.sql(
        "select intent, source, decided_by from app.reply_intent where tenant_id = %(t)s order by inbound_id",
        t=world.tenant,
    )
    return [tuple(row.values()) for row in rows]


def use_model(engine: Engine, store: PostgresReplyStore, world: SmallWorld, *, body: bytes | None = None) -> str:
    """MODEL in use, or other bytes under its name."""
    digest = model_digest(model_bytes(MODEL))
    stored = StoredModel(digest, object_key(f"intent-models/{world.tenant}/{digest}.json"))
    store.objects.put(stored.key, body if body is not None else model_bytes(MODEL))
    PostgresIntentBook(engine).keep_model(world.tenant, stored, FIGURES)
    return digest


def test_a_rule_decides_first_and_its_name_is_stored_and_shown(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    sync_and_record(engine, store, world, mail(send(engine, world), "Sounds great, tell me more."))
    use_model(engine, store, world)
    oracle = Oracle(undecided("no"))

    done = decide(engine, store, world, oracle)

    (row,) = told(world, "list", "--intent", "positive")
    assert (done.by_intent, done.by_source, oracle.asked) == ({"positive": 1}, {"rule": 1}, [])
    assert row["intent"] == {
        "intent": "positive",
        "source": "rule",
        "decided_by": "positive:en: sounds great",
        "score": None,
    }
    assert "by rule positive:en: sounds great" in say(world, "show", last_mail(world)).output


def test_the_tenants_model_decides_before_an_endpoint_and_its_hash_is_stored(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    sync_and_record(engine, store, world, mail(send(engine, world), UNCLEAR))
    digest, oracle = use_model(engine, store, world), Oracle(undecided("no"))

    decide(engine, store, world, oracle)

    assert (intents(world), oracle.asked) == ([("referral", "model", digest)], [])


def test_an_endpoint_is_asked_what_nobody_else_knows_and_what_it_saw_is_stored_as_a_hash(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    sync_and_record(engine, store, world, mail(send(engine, world), UNCLEAR))
    oracle = Oracle(DecidedIntent(Intent.MEETING, IntentSource.ENDPOINT, "ai.example small-1"))

    decide(engine, store, world, oracle)

    row = world.one("select input_sha256 from app.reply_intent where tenant_id = %(t)s", t=world.tenant)
    assert (oracle.asked, intents(world)) == ([UNCLEAR], [("meeting", "endpoint", "ai.example small-1")])
    assert row["input_sha256"] == input_digest(UNCLEAR)


def test_without_an_endpoint_what_no_rule_knows_has_no_intent_and_its_reason(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    sync_and_record(engine, store, world, mail(send(engine, world), UNCLEAR))

    decide(engine, store, world)

    assert intents(world) == [(None, "none", "no rule found a phrase")]
    assert [row["text"] for row in told(world, "list", "--intent", "none")] == [UNCLEAR]


@pytest.mark.parametrize(
    "text",
    ["Please unsubscribe me. Sounds great otherwise.", "I am out of office until 12 December 2026. Sounds great!"],
)
def test_no_guess_is_made_about_what_is_certain(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore, text: str
) -> None:
    sent = send(engine, world)
    sync_and_record(
        engine,
        store,
        world,
        bounce(sent),
        mail(sent, text, Subject="Automatic reply: Hello" if "office" in text else "Re: Hello"),
    )
    oracle = Oracle(DecidedIntent(Intent.POSITIVE, IntentSource.ENDPOINT, "x"))

    done = decide(engine, store, world, oracle)

    assert "human_reply" not in {row["class"] for row in kept(world)}
    assert (done.by_intent, oracle.asked, intents(world)) == ({}, [], [])


@pytest.mark.parametrize("text", ["Not interested.", "Sounds great!"])
def test_a_sequence_stops_alike_whatever_the_intent(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore, text: str
) -> None:
    sent = send(engine, world)
    sync_and_record(engine, store, world, mail(sent, text))
    before = enrollment(world, sent)

    decide(engine, store, world)

    assert (before["state"], enrollment(world, sent)) == ("replied", before)
    assert world.sql("select from app.suppression where tenant_id = %(t)s", t=world.tenant) == []


def test_nothing_is_looked_at_twice(engine: Engine, world: SmallWorld, store: PostgresReplyStore) -> None:
    sync_and_record(engine, store, world, mail(send(engine, world), UNCLEAR))
    oracle = Oracle(undecided("it does not know"))
    decide(engine, store, world, oracle)

    again = decide(engine, store, world, oracle)

    assert (len(oracle.asked), again.by_intent) == (1, {})


def test_an_endpoint_that_did_not_answer_is_asked_again_later_and_not_for_ever(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    sync_and_record(engine, store, world, mail(send(engine, world), UNCLEAR))
    oracle = Oracle(undecided("the endpoint did not answer in time", ask_again=True))
    decide(engine, store, world, oracle)
    at_once = decide(engine, store, world, oracle)

    for _ in range(9):
        world.sql(
            "update app.reply_intent set ask_again_at = clock_timestamp() - interval '1 second' where tenant_id = %(t)s and ask_again_at is not null",
            t=world.tenant,
        )
        decide(engine, store, world, oracle)

    assert at_once.by_intent == {}
    assert len(oracle.asked) == 5


def test_what_had_no_intent_is_looked_at_again_when_that_is_asked_for(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    sync_and_record(engine, store, world, mail(send(engine, world), UNCLEAR))
    decide(engine, store, world)
    use_model(engine, store, world)

    done = decide(engine, store, world, again=True)

    assert (done.by_intent, intents(world)[0][0]) == ({"referral": 1}, "referral")


@pytest.mark.parametrize("body", [b"{}", model_bytes(MODEL) + b" "])
def test_a_model_whose_file_is_another_is_not_believed(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore, body: bytes
) -> None:
    sync_and_record(engine, store, world, mail(send(engine, world), UNCLEAR))
    use_model(engine, store, world, body=body)

    done = decide(engine, store, world)

    assert (done.by_intent, "is not what was learnt" in done.model_fault) == ({"none": 1}, True)


def test_a_persons_label_wins_and_is_written_down(engine: Engine, world: SmallWorld, store: PostgresReplyStore) -> None:
    sync_and_record(engine, store, world, mail(send(engine, world), "Sounds great!"))
    decide(engine, store, world)
    which = last_mail(world)

    said = say(world, "label", which, "negative", "--actor", "roberta")

    (row,) = told(world, "list")
    assert said.exit_code == 0, said.exception
    assert row["intent"] == {"intent": "negative", "source": "person", "decided_by": "roberta", "score": None}
    assert log(world) == [("roberta", "reply labelled", f"mail {which}")]


def test_only_a_persons_reply_is_labelled_with_what_there_is(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    sync_and_record(engine, store, world, bounce(send(engine, world)))

    said = [say(world, "label", last_mail(world), intent) for intent in ("negative", "furious")]

    assert [type(each.exception) for each in said] == [Refused, Refused]


def test_training_on_few_labels_is_refused_with_their_counts(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    sync_and_record(engine, store, world, mail(send(engine, world), "One."))
    say(world, "label", last_mail(world), "negative", "--actor", "roberta")

    said = say(world, "train")

    assert isinstance(said.exception, Refused)
    assert "1 labels are too few" in str(said.exception)


def test_a_trained_model_is_used_for_the_next_replies(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    pytest.importorskip("sklearn", reason="the extra intent is not installed")
    sent = send(engine, world)
    texts = {"positive": "aye, bring it along", "negative": "nay, leave us in peace"}
    mails = [mail(sent, f"word{number:c} {text}") for number in range(97, 122) for text in texts.values()]
    sync_and_record(engine, store, world, *mails)
    for row in kept(world):
        intent = "positive" if "aye" in str(row["reply_text"]) else "negative"
        world.sql(
            "insert into app.reply_label (tenant_id, inbound_id, intent, actor) values (%(t)s, %(i)s, %(n)s, 'ada')",
            t=world.tenant,
            i=row["inbound_id"],
            n=intent,
        )

    said = say(world, "train", "--json")

    assert said.exit_code == 0, said.exception
    trained = json.loads(said.output)
    assert (trained["labels"], trained["accuracy"], trained["by_intent"]["positive"]["labels"]) == (50, 1.0, 25)
    sync_and_record(engine, store, world, *mails, mail(sent, "Nay, in peace please."))
    decide(engine, store, world)
    assert intents(world) == [("negative", "model", trained["model"])]


def test_another_tenants_replies_and_model_are_not_touched(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore, new_world: NewWorld
) -> None:
    other = new_world()
    sync_and_record(engine, store, other, mail(send(engine, other), UNCLEAR))
    use_model(engine, store, world)

    done = decide(engine, store, world)

    assert (done.by_intent, intents(other)) == ({}, [])
    decide(engine, store, other)
    assert intents(other) == [(None, "none", "no rule found a phrase")]


def test_an_endpoint_that_is_set_up_by_halves_is_one_message(
    world: SmallWorld, store: PostgresReplyStore, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("OUTREACH_INTENT_URL", "https://ai.example/v1")
    load_settings.cache_clear()

    said = say(world, "tend")

    assert "belong together" in str(said.exception)


def test_inboxes_are_read_while_an_endpoint_is_slow(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    """What decides intents holds no lock while it asks: the reading of mail goes on."""
    sent = send(engine, world)
    sync_and_record(engine, store, world, mail(sent, UNCLEAR))

    @dataclass
    class Reading(Oracle):
        def ask(self, text: str) -> DecidedIntent:
            sync_and_record(engine, store, world, mail(sent, UNCLEAR), mail(sent, "Another."))
            return super().ask(text)

    decide(engine, store, world, Reading(undecided("no")))

    assert len(kept(world)) == 2


def test_no_endpoint_is_shown_a_letter_that_answers_nothing_of_ours(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    """An inbox is a person's: what has no tie may be anybody's letter to them."""
    sent = send(engine, world)
    sync_and_record(engine, store, world, mail(sent, UNCLEAR, In_Reply_To="<other@example.org>", Subject="Lunch"))
    oracle = Oracle(DecidedIntent(Intent.MEETING, IntentSource.ENDPOINT, "ai.example small-1"))

    decide(engine, store, world, oracle)

    assert (kept(world)[0]["routed"], oracle.asked) == (False, [])
    assert intents(world)[0][:2] == (None, "none")


def test_a_letter_that_a_person_has_tied_is_looked_at_again(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    sent = send(engine, world)
    sync_and_record(engine, store, world, mail(sent, UNCLEAR, In_Reply_To="<other@example.org>", Subject="Lunch"))
    oracle = Oracle(DecidedIntent(Intent.MEETING, IntentSource.ENDPOINT, "ai.example small-1"))
    decide(engine, store, world, oracle)
    words = ("--as", "human_reply", "--about", "person1@example.test", "--reason", "I know her", "--yes")
    say(world, "review", "decide", last_mail(world), *words)

    decide(engine, store, world, oracle)

    assert (oracle.asked, intents(world)[0][0]) == ([UNCLEAR], "meeting")


def test_no_model_learns_from_mail_that_a_person_has_called_no_reply(
    engine: Engine, world: SmallWorld, store: PostgresReplyStore
) -> None:
    sync_and_record(engine, store, world, mail(send(engine, world), UNCLEAR))
    say(world, "label", last_mail(world), "positive", "--actor", "roberta")
    before = PostgresIntentBook(engine).labelled(world.tenant)

    say(world, "review", "decide", last_mail(world), "--as", "other_auto_reply", "--reason", "a robot", "--yes")

    assert (len(before), list(PostgresIntentBook(engine).labelled(world.tenant))) == (1, [])

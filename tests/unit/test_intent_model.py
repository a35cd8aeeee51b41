"""A model learnt from labels: refused when they are few, the same each time, and told as it is on replies it did not see."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path

import pytest

from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.application.acts_by_hand import Actor
from outreach_pipelines.application.decide_intents import StoredModel
from outreach_pipelines.application.inbox_mail import InboundId
from outreach_pipelines.application.train_intent import (
    Figures,
    IntentTrainer,
    Trained,
    label_reply,
    train_intent,
)
from outreach_pipelines.domain.inbound.message import Intent
from outreach_pipelines.domain.reply_intent.labels import FEWEST, FEWEST_OF_EACH, LabelledReply, what_lacks
from outreach_pipelines.domain.reply_intent.word_model import (
    BrokenModelError,
    WordModel,
    guess_intent,
    model_bytes,
    model_digest,
    read_model,
    terms_of,
)
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.errors import Refused

ACME = TenantId(1)
SMALL = WordModel((Intent.POSITIVE, Intent.NEGATIVE), (0.0, 0.5), {"yes": (1.0, (2.0, -2.0)), "no": (1.5, (-2.0, 2.0))})


def labelled(yes: int, no: int) -> list[LabelledReply]:
    """Self-made replies in two ways of speaking, each text its own."""
    greetings = [f"{one} {two}" for one, two in product(("hi", "hello", "dear", "hey", "moin"), ("all", "team", "sirs", "you", "folks", "both"))]  # fmt: skip
    kind = [LabelledReply(f"{greetings[n]} we would go for that offer", Intent.POSITIVE) for n in range(yes)]
    unkind = [LabelledReply(f"{greetings[n]} kindly leave it be", Intent.NEGATIVE) for n in range(no)]
    return kind + unkind


@dataclass
class Book:
    """Labels in memory."""

    replies: Sequence[LabelledReply] = ()
    people: frozenset[int] = frozenset({7})
    labels: dict[int, Intent] = field(default_factory=dict)
    models: list[tuple[StoredModel, Figures]] = field(default_factory=list)

    def label(self, tenant: TenantId, inbound: InboundId, intent: Intent, by: Actor) -> bool:
        if inbound not in self.people:
            return False
        self.labels[inbound] = intent
        return True

    def labelled(self, tenant: TenantId) -> Sequence[LabelledReply]:
        return self.replies

    def keep_model(self, tenant: TenantId, stored: StoredModel, figures: Figures) -> None:
        self.models.append((stored, figures))


@dataclass(frozen=True)
class Fixed:
    """A trainer with these results."""

    trained: Trained

    def train(self, labelled: Sequence[LabelledReply]) -> Trained:
        return self.trained


def trainer() -> IntentTrainer:
    pytest.importorskip("sklearn", reason="the extra intent is not installed")
    from outreach_pipelines.adapters.intent_training import ScikitTrainer

    return ScikitTrainer()


@pytest.mark.parametrize(
    ("yes", "no", "why"),
    [
        (0, 0, "too few"),
        (FEWEST - 10, 9, "too few"),
        (FEWEST, 0, "of one intent"),
        (FEWEST, FEWEST_OF_EACH - 1, "too few labels of negative"),
    ],
)
def test_too_few_labels_are_refused_with_their_counts(tmp_path: Path, yes: int, no: int, why: str) -> None:
    replies = [*[LabelledReply(f"y{n}", Intent.POSITIVE) for n in range(yes)], *[LabelledReply(f"n{n}", Intent.NEGATIVE) for n in range(no)]]  # fmt: skip
    book = Book(replies)

    with pytest.raises(Refused, match=why) as refused:
        train_intent(book, LocalObjectStore(tmp_path), Fixed(None), tenant=ACME)  # type: ignore[arg-type]  # it is not asked

    assert f"positive {yes}, negative {no}" in str(refused.value)
    assert book.models == []


def test_labels_that_are_enough_lack_nothing() -> None:
    assert what_lacks(labelled(30, 10)) is None


def test_a_model_is_kept_under_its_hash_with_its_figures(tmp_path: Path) -> None:
    book, objects = Book(labelled(30, 25)), LocalObjectStore(tmp_path)

    kept = train_intent(book, objects, trainer(), tenant=ACME)

    body = objects.get(kept.stored.key)
    assert kept.stored.sha256 == model_digest(body) in kept.stored.key
    assert guess_intent(read_model(body), "we would go for that offer").intent is Intent.POSITIVE
    assert (kept.figures.labels, kept.figures.folds, kept.figures.accuracy) == (55, 5, 1.0)
    assert book.models == [(kept.stored, kept.figures)]


def test_the_same_labels_give_the_same_model() -> None:
    learnt = [trainer().train(labelled(30, 25)).model for _ in range(2)]

    assert model_bytes(learnt[0]) == model_bytes(learnt[1])


def test_a_word_of_one_reply_alone_is_not_in_the_model() -> None:
    named = [*labelled(30, 25), LabelledReply("we would go for that offer, yours Wilhelmina", Intent.POSITIVE)]

    model = trainer().train(named).model

    assert "offer" in model.terms
    assert not [term for term in model.terms if "wilhelmina" in term]


@pytest.mark.parametrize(
    "intents", [(Intent.POSITIVE, Intent.NEGATIVE), (Intent.POSITIVE, Intent.NEGATIVE, Intent.QUESTION)]
)
def test_our_guess_is_the_librarys(intents: tuple[Intent, ...]) -> None:
    """The export is read without scikit-learn, so its numbers must come to the same."""
    pytest.importorskip("sklearn", reason="the extra intent is not installed")
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    wordings = {Intent.POSITIVE: "go for that offer", Intent.NEGATIVE: "leave it be", Intent.QUESTION: "what is it ?"}
    replies = [LabelledReply(f"w{n % 7} {wordings[intent]} x{n % 5}", intent) for intent in intents for n in range(20)]
    words = TfidfVectorizer(analyzer=terms_of, min_df=2, max_features=20_000)
    weigher = LogisticRegression(class_weight="balanced", max_iter=2_000, random_state=0)
    weigher.fit(words.fit_transform([each.text for each in replies]), [each.intent.value for each in replies])

    model = trainer().train(replies).model

    for text in ("go for it", "what offer ?", "nothing known", "leave that x1 x1 x1"):
        theirs = max(weigher.predict_proba(words.transform([text]))[0])
        assert guess_intent(model, text).probability == pytest.approx(theirs, abs=1e-4)


def test_a_model_that_is_no_better_than_the_commonest_is_not_used(tmp_path: Path) -> None:
    book, objects = Book(labelled(30, 15)), LocalObjectStore(tmp_path)
    poor = Figures(labels=45, folds=5, accuracy=2 / 3, macro_f1=0.4, commonest=2 / 3, by_intent={})

    with pytest.raises(Refused, match="nothing was learnt"):
        train_intent(book, objects, Fixed(Trained(SMALL, poor)), tenant=ACME)

    assert (book.models, list(objects.list(""))) == ([], [])


def test_figures_are_those_of_held_back_replies() -> None:
    pytest.importorskip("sklearn", reason="the extra intent is not installed")
    from outreach_pipelines.adapters.intent_training import figures_of

    wanted = ["positive"] * 6 + ["negative"] * 4
    told = ["positive"] * 5 + ["negative"] + ["negative"] * 2 + ["positive"] * 2

    figures = figures_of(wanted, told, folds=5)

    positive, negative = figures.by_intent[Intent.POSITIVE], figures.by_intent[Intent.NEGATIVE]
    assert (figures.accuracy, figures.commonest) == (0.7, 0.6)
    assert (positive.precision, positive.recall) == (5 / 7, 5 / 6)
    assert (negative.precision, negative.recall) == (2 / 3, 2 / 4)
    assert figures.macro_f1 == pytest.approx((2 * 5 / 13 + 2 * 2 / 7) / 2)


def test_a_model_is_read_as_it_was_written() -> None:
    assert read_model(model_bytes(SMALL)) == SMALL


def test_a_guess_weighs_the_words_it_knows() -> None:
    guesses = [guess_intent(SMALL, text) for text in ("Yes!", "no", "anything", "")]

    assert [each.intent for each in guesses] == [Intent.POSITIVE, *[Intent.NEGATIVE] * 3]
    assert guesses[2].probability == pytest.approx(0.6225, abs=1e-4)  # softmax of 0 and 0.5


GOOD = json.loads(model_bytes(SMALL))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\x80",
        b"[" * 100_000,
        b'{"format":1}',
        json.dumps(GOOD | {"format": 2}).encode(),
        json.dumps(GOOD | {"intents": ["positive", "furious"]}).encode(),
        json.dumps(GOOD | {"intents": ["positive", "positive"]}).encode(),
        json.dumps(GOOD | {"intercepts": [0.0]}).encode(),
        json.dumps(GOOD | {"intercepts": [0.0, float("nan")]}).encode(),
        json.dumps(GOOD | {"terms": {"yes": [1.0, 2.0]}}).encode(),
        json.dumps(GOOD | {"terms": {"yes": [1.0, "x", 2.0]}}).encode(),
        json.dumps(GOOD | {"terms": {"yes": []}}).encode() + b"x",
    ],
)
def test_a_file_that_is_no_model_is_refused(body: bytes) -> None:
    with pytest.raises(BrokenModelError):
        read_model(body)


def test_a_label_is_only_for_a_persons_reply() -> None:
    book = Book()

    label_reply(book, ACME, InboundId(7), Intent.MEETING, Actor("ada"))
    with pytest.raises(Refused, match="no person's reply"):
        label_reply(book, ACME, InboundId(8), Intent.MEETING, Actor("ada"))

    assert book.labels == {7: Intent.MEETING}


def test_terms_are_words_and_pairs_without_numbers() -> None:
    assert terms_of("Call ME, 12 Ärzte?") == ["call", "me", "ärzte", "?", "call me", "me ärzte", "ärzte ?"]


def test_the_smallest_change_of_a_model_is_another_model() -> None:
    assert model_digest(model_bytes(SMALL)) != model_digest(model_bytes(replace(SMALL, intercepts=(0.0, 0.6))))

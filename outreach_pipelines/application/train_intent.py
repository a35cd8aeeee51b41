"""A tenant's labels: a person's word on what a reply wants, and the model that is learnt from all of them.

Belongs here: labelling, refusing too few labels, keeping the model under its hash. Does not: learning (an adapter).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from outreach_pipelines.application.acts_by_hand import Actor
from outreach_pipelines.application.decide_intents import StoredModel
from outreach_pipelines.application.inbox_mail import InboundId
from outreach_pipelines.application.stored_objects import ObjectStore, object_key
from outreach_pipelines.domain.inbound.message import Intent
from outreach_pipelines.domain.reply_intent.labels import LabelledReply, what_lacks
from outreach_pipelines.domain.reply_intent.word_model import WordModel, model_bytes, model_digest
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.errors import Refused


@dataclass(frozen=True, slots=True)
class IntentFigures:
    """Of one intent over all parts of a cross-validation; shares are 0 to 1."""

    labels: int
    precision: float
    recall: float


@dataclass(frozen=True, slots=True)
class Figures:
    """How a model does on replies that it did not learn from, in `folds` parts.

    `commonest` is the accuracy of who always says the commonest intent: a model that is not better has learnt nothing.
    """

    labels: int
    folds: int
    accuracy: float
    macro_f1: float
    commonest: float
    by_intent: Mapping[Intent, IntentFigures]


@dataclass(frozen=True, slots=True)
class Trained:
    """A model, and its figures."""

    model: WordModel
    figures: Figures


@dataclass(frozen=True, slots=True)
class KeptModel:
    """Where it lies, and what it is worth."""

    stored: StoredModel
    figures: Figures


class IntentTrainer(Protocol):
    """Learns."""

    def train(self, labelled: Sequence[LabelledReply]) -> Trained:
        """The same labels give the same model. Raises `SettingsFault` where the extra `intent` is not installed."""
        ...


class LabelBook(Protocol):
    """Labels and models of one tenant."""

    def label(self, tenant: TenantId, inbound: InboundId, intent: Intent, by: Actor) -> bool:
        """With its audit row, in one transaction. False when there is no such reply of a person."""
        ...

    def labelled(self, tenant: TenantId) -> Sequence[LabelledReply]:
        """All labelled replies, each text once, in an order that stays."""
        ...

    def keep_model(self, tenant: TenantId, stored: StoredModel, figures: Figures) -> None:
        """From now on it is the one in use."""
        ...


def label_reply(book: LabelBook, tenant: TenantId, inbound: InboundId, intent: Intent, by: Actor) -> None:
    """A person says what a reply wants; it wins over every guess. Idempotent. Raises `Refused`."""
    if not book.label(tenant, inbound, intent, by):
        message = f"mail {inbound} is no person's reply: its kind is certain, and an intent would change nothing"
        raise Refused(message)


def train_intent(book: LabelBook, objects: ObjectStore, trainer: IntentTrainer, *, tenant: TenantId) -> KeptModel:
    """Learn from all labels and put the model into use. Raises `Refused` where labels are too few, or nothing was learnt."""
    labelled = book.labelled(tenant)
    if lacks := what_lacks(labelled):
        raise Refused(lacks)
    trained = trainer.train(labelled)
    figures = trained.figures
    if figures.accuracy <= figures.commonest:
        message = (
            f"nothing was learnt: {figures.accuracy:.0%} of held-back replies are told right, and always saying the "
            f"commonest intent tells {figures.commonest:.0%}; the model before, if any, stays in use"
        )
        raise Refused(message)
    body = model_bytes(trained.model)
    digest = model_digest(body)
    stored = StoredModel(digest, object_key(f"intent-models/{tenant}/{digest}.json"))
    objects.put(stored.key, body)
    book.keep_model(tenant, stored, figures)
    return KeptModel(stored, figures)

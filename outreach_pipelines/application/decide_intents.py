"""What people's replies want: phrases first, then the tenant's own model, then an endpoint where one is set up.

Only mail that is certainly a person's reply is looked at: a bounce, an automatic answer or a request to stop has its
verdict, which no guess touches. Belongs here: the order, and that each decision is stored with what it was made by.
Does not: the phrases and the model (`domain.reply_intent`), the endpoint (an adapter), learning (`train_intent`).
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from outreach_pipelines.application.inbox_mail import InboundId
from outreach_pipelines.application.stored_objects import ObjectKey, ObjectMissing, ObjectStore
from outreach_pipelines.domain.reply_intent.decided import (
    DecidedIntent,
    IntentSource,
    input_digest,
    judged_part,
    undecided,
)
from outreach_pipelines.domain.reply_intent.rules import intent_by_rules
from outreach_pipelines.domain.reply_intent.word_model import (
    BrokenModelError,
    WordModel,
    guess_intent,
    model_digest,
    read_model,
)
from outreach_pipelines.domain.tenant import TenantId

BELIEVED_FROM = 0.6
"""A model's guess below this probability is none."""
MOST_AT_ONCE = 200
SECONDS = 20.0
"""After which no further reply is looked at: an endpoint may take its time, and the next look goes on."""


@dataclass(frozen=True, slots=True)
class ReplyText:
    """A person's own words. `tied` to a message of ours: else it may be anybody's letter to the person whose inbox it is."""

    inbound: InboundId
    text: str
    tied: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided of a reply, and the digest of what was looked at."""

    inbound: InboundId
    decided: DecidedIntent
    input_sha256: str


@dataclass(frozen=True, slots=True)
class StoredModel:
    """Where a model's file lies, and its hash."""

    sha256: str
    key: ObjectKey


class IntentBook(Protocol):
    """Replies without an intent, and decisions about them."""

    def machine_now(self, tenant: TenantId) -> datetime:
        """The database's machine time."""
        ...

    def undecided(self, tenant: TenantId, *, before: datetime, again: bool, most: int) -> Sequence[ReplyText]:
        """Newest first, of the last week: not looked at yet, or to be asked again.

        With `again`, of 90 days, also those without an intent that were looked at before `before`.
        """
        ...

    def record(self, tenant: TenantId, decisions: Sequence[Decision]) -> None:
        """One transaction; a later decision on a reply replaces the one before."""
        ...

    def newest_model(self, tenant: TenantId) -> StoredModel | None:
        """The tenant's model in use."""
        ...


class IntentEndpoint(Protocol):
    """Somebody else's model, asked over the network."""

    def ask(self, text: str) -> DecidedIntent:
        """Never raises for what a server does or says: a time-out, a refusal or nonsense is no intent."""
        ...


@dataclass(frozen=True, slots=True)
class IntentDesk:
    """What intents are decided with. Without an endpoint nothing leaves the machine."""

    book: IntentBook
    objects: ObjectStore
    endpoint: IntentEndpoint | None = None


@dataclass(slots=True)
class DecidedIntents:
    """Replies looked at, by the intent or "none", and by who decided; `model_fault` says why a stored model was not used."""

    by_intent: Counter[str] = field(default_factory=Counter)
    by_source: Counter[str] = field(default_factory=Counter)
    model_fault: str = ""


@dataclass(frozen=True, slots=True)
class _Deciders:
    """A model that was read, under its hash, and the endpoint."""

    model: WordModel | None
    sha256: str
    endpoint: IntentEndpoint | None


def decide_intents(
    desk: IntentDesk, *, tenant: TenantId, again: bool = False, seconds: float = SECONDS
) -> DecidedIntents:
    """Look at what is undecided, for so long. Repeating it looks at nothing twice, unless `again`."""
    done, deciders = DecidedIntents(), None
    before, ends = desk.book.machine_now(tenant), time.monotonic() + seconds
    while time.monotonic() < ends:
        waiting = desk.book.undecided(tenant, before=before, again=again, most=MOST_AT_ONCE)
        if not waiting:
            break
        deciders = deciders or _deciders(desk, tenant, done)
        decisions = list(_decided(waiting, deciders, ends))
        desk.book.record(tenant, decisions)
        done.by_intent.update(each.decided.intent.value if each.decided.intent else "none" for each in decisions)
        done.by_source.update(each.decided.source.value for each in decisions)
    return done


def _decided(waiting: Sequence[ReplyText], deciders: _Deciders, ends: float) -> Iterator[Decision]:
    for each in waiting:
        yield Decision(each.inbound, _decide(each, deciders), input_digest(each.text))
        if time.monotonic() >= ends:
            return


def _decide(reply: ReplyText, deciders: _Deciders) -> DecidedIntent:
    ruled = intent_by_rules(reply.text)
    if ruled.intent is not None:
        return ruled
    if deciders.model is not None:
        guess = guess_intent(deciders.model, reply.text)
        if guess.probability >= BELIEVED_FROM:
            return DecidedIntent(guess.intent, IntentSource.MODEL, deciders.sha256, guess.probability)
    if deciders.endpoint is None:
        return ruled
    if not reply.tied:
        return undecided("it answers no message of ours that is known, so no endpoint was shown it")
    return deciders.endpoint.ask(judged_part(reply.text))


def _deciders(desk: IntentDesk, tenant: TenantId, done: DecidedIntents) -> _Deciders:
    stored = desk.book.newest_model(tenant)
    if stored is None:
        return _Deciders(None, "", desk.endpoint)
    try:
        return _Deciders(_model(desk.objects, stored), stored.sha256, desk.endpoint)
    except (ObjectMissing, BrokenModelError) as fault:
        done.model_fault = f"model {stored.sha256[:12]}: {fault}"
        return _Deciders(None, "", desk.endpoint)


def _model(objects: ObjectStore, stored: StoredModel) -> WordModel:
    body = objects.get(stored.key)
    if model_digest(body) != stored.sha256:
        message = "its file is not what was learnt"
        raise BrokenModelError(message)
    return read_model(body)

"""What broke a promise, told from ledger, journal and final states alone.

Belongs here: the promises, each checked from what witnesses saw. Does not: anything of the protocol's own code: it imports
nothing of domain, application or stores, so that no mistake of theirs can hide itself here.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from outreach_pipelines.proof.journal import CountedEvent, FinalMessage, Intent, Journal, Taken

#: From the intent to the first byte: the deadline is set before the intent, and past it nothing leaves (machine seconds).
LONGEST_TO_FIRST_BYTE = timedelta(seconds=46)
ACCOUNT_FRESH = timedelta(minutes=60)
INBOX_FRESH = timedelta(minutes=30)

CLOSED = frozenset({"accepted", "failed", "suppressed", "expired", "cancelled", "superseded", "unknown"})
#: States in which a message that a provider took may end: known, or honestly unknown, or rejected after acceptance.
MAY_BE_OUT = frozenset({"accepted", "unknown", "failed"})


class Promise(StrEnum):
    """What is promised, in the words of the protocol."""

    NEVER_TWICE = "never sent twice"
    NEVER_LOST = "never lost"
    INTENT_FIRST = "nothing leaves without a committed intent"
    SILENCE = "nothing begins after a suppression was committed"
    PACE = "a mailbox keeps its gap"
    CAP = "a mailbox keeps its daily cap"
    WINDOW = "nothing begins outside the recipient's window or before its slot"
    DEADLINE = "nothing leaves after its deadline"
    EPOCH = "nothing begins in a process that is older than the epoch"
    HOLD = "nothing begins under a hold"
    FRESHNESS = "nobody is written to blind"
    COUNTED_ONCE = "an event is counted once"
    IDENTITY = "every placed message is accounted for, once"


@dataclass(frozen=True, slots=True)
class Broken:
    """A promise that was not kept, and how."""

    promise: Promise
    how: str


@dataclass(frozen=True, slots=True)
class Placed:
    """The plan, as the judge was told it: recipients, the gap of their mailboxes in policy time, how accounts are proven."""

    recipients: Sequence[str]
    gap: timedelta
    proof: str


def judge(
    placed: Placed, journal: Journal, messages: Sequence[FinalMessage], events: Sequence[CountedEvent]
) -> Sequence[Broken]:
    """Every promise that was broken; empty when all were kept."""
    intents = {(each.message, each.attempt): each for each in journal.intents}
    sent = [(intents[key], each) for each in journal.taken if (key := (each.message, each.attempt)) in intents]
    sent.sort(key=lambda pair: pair[0].order)
    return [
        *_never_twice(journal.taken),
        *_never_lost(placed, journal.taken, messages),
        *_intent_first(journal.taken, intents),
        *_silence(journal, sent),
        *_pace(placed, sent),
        *_cap(journal, sent),
        *_window(sent),
        *_deadline(sent),
        *_epoch(journal),
        *_hold(journal, sent),
        *_freshness(placed, journal, sent),
        *_counted_once(events, journal),
        *_identity(messages, journal.taken),
    ]


Sent = Sequence[tuple[Intent, Taken]]


def _never_twice(taken: Sequence[Taken]) -> Iterator[Broken]:
    for recipient, times in Counter(each.recipient for each in taken).items():
        if times > 1:
            yield Broken(Promise.NEVER_TWICE, f"{recipient}: taken {times} times")


def _never_lost(placed: Placed, taken: Sequence[Taken], messages: Sequence[FinalMessage]) -> Iterator[Broken]:
    rows = _by_recipient(messages)
    for recipient in placed.recipients:
        if not rows[recipient]:
            yield Broken(Promise.NEVER_LOST, f"{recipient}: placed, and no message is left")
    for message in messages:
        if message.state not in CLOSED:
            yield Broken(Promise.NEVER_LOST, f"{message.recipient}: message {message.message} is still {message.state}")
    for each in taken:
        state = next(message.state for message in messages if message.message == each.message)
        if state not in MAY_BE_OUT:
            yield Broken(Promise.NEVER_LOST, f"{each.recipient}: taken by the provider, and told as {state}")
    ids = {each.message for each in taken}
    for message in messages:
        if message.state == "accepted" and message.message not in ids:
            yield Broken(Promise.NEVER_LOST, f"{message.recipient}: told as accepted, and never taken")


def _by_recipient(messages: Sequence[FinalMessage]) -> Mapping[str, list[FinalMessage]]:
    rows: defaultdict[str, list[FinalMessage]] = defaultdict(list)
    for each in messages:
        rows[each.recipient].append(each)
    return rows


def _intent_first(taken: Sequence[Taken], intents: Mapping[tuple[int, int], Intent]) -> Iterator[Broken]:
    for each in taken:
        intent = intents.get((each.message, each.attempt))
        if intent is None or intent.order > each.order:
            yield Broken(Promise.INTENT_FIRST, f"{each.recipient}: attempt {each.attempt} was taken without an intent")


def _silence(journal: Journal, sent: Sent) -> Iterator[Broken]:
    silent = {each.recipient: each.order for each in reversed(journal.silences)}
    for intent, _ in sent:
        if silent.get(intent.facts.recipient, intent.order) < intent.order:
            yield Broken(Promise.SILENCE, f"{intent.facts.recipient}: began after the suppression was committed")


def _pace(placed: Placed, sent: Sent) -> Iterator[Broken]:
    last: dict[int, Intent] = {}
    for intent, _ in sent:
        before = last.get(intent.facts.mailbox)
        if before is not None and intent.policy - before.policy < placed.gap:
            gap = intent.policy - before.policy
            yield Broken(Promise.PACE, f"mailbox {intent.facts.mailbox}: {gap} between two that were sent")
        last[intent.facts.mailbox] = intent


def _cap(journal: Journal, sent: Sent) -> Iterator[Broken]:
    counted: Counter[tuple[int, str]] = Counter()
    for intent, _ in sent:
        mailbox, day = intent.facts.mailbox, f"{intent.policy:%Y-%m-%d}"
        cap = min(each.cap for each in journal.caps if each.mailbox == mailbox and each.order < intent.order)
        counted[mailbox, day] += 1
        if counted[mailbox, day] > cap:
            yield Broken(
                Promise.CAP, f"mailbox {mailbox}: number {counted[mailbox, day]} of {day}, with a cap of {cap}"
            )


def _window(sent: Sent) -> Iterator[Broken]:
    for intent, _ in sent:
        if not intent.facts.due_at <= intent.policy < intent.facts.window_end:
            yield Broken(Promise.WINDOW, f"{intent.facts.recipient}: began at {intent.policy:%H:%M:%S}")


def _deadline(sent: Sent) -> Iterator[Broken]:
    for intent, taken in sent:
        if taken.began - intent.machine > LONGEST_TO_FIRST_BYTE:
            late = taken.began - intent.machine
            yield Broken(Promise.DEADLINE, f"{taken.recipient}: its first byte left {late} after the intent")


def _epoch(journal: Journal) -> Iterator[Broken]:
    for raised in journal.epochs:
        for intent in journal.intents:
            if intent.born < raised < intent.order:
                yield Broken(Promise.EPOCH, f"{intent.facts.recipient}: began in a process that should have stopped")


def _hold(journal: Journal, sent: Sent) -> Iterator[Broken]:
    for stop in journal.stops:
        for intent, _ in sent:
            if intent.order > stop.order and intent.policy < stop.until:
                yield Broken(Promise.HOLD, f"{intent.facts.recipient}: began while all sending was held")


def _freshness(placed: Placed, journal: Journal, sent: Sent) -> Iterator[Broken]:
    for intent, _ in sent:
        wanted, longest = ("inbox", INBOX_FRESH) if intent.facts.follow_up else (placed.proof, ACCOUNT_FRESH)
        heard = max(each.machine for each in journal.heard if each.what == wanted and each.order < intent.order)
        if intent.machine - heard > longest:
            yield Broken(
                Promise.FRESHNESS, f"{intent.facts.recipient}: {wanted} last heard {intent.machine - heard} before"
            )


def _counted_once(events: Sequence[CountedEvent], journal: Journal) -> Iterator[Broken]:
    # Each kind is told at most once of each attempt: a refusal of one that began, the rest of one that was taken.
    begun = Counter(each.message for each in journal.intents)
    taken = Counter(each.message for each in journal.taken)
    for each in events:
        if each.times > (begun if each.kind == "refused" else taken)[each.message]:
            yield Broken(Promise.COUNTED_ONCE, f"message {each.message}: {each.kind} counted {each.times} times")


def _identity(messages: Sequence[FinalMessage], taken: Sequence[Taken]) -> Iterator[Broken]:
    ledger = Counter(each.message for each in taken)
    for each in messages:
        if each.accepted > ledger[each.message]:
            yield Broken(Promise.IDENTITY, f"{each.recipient}: {each.accepted} accepted, {ledger[each.message]} taken")
        if each.state == "accepted" and each.accepted - each.twice != 1:
            yield Broken(
                Promise.IDENTITY, f"{each.recipient}: accepted, with {each.accepted - each.twice} such attempts"
            )
    for recipient, rows in _by_recipient(messages).items():
        if sum(row.current for row in rows) != 1:
            yield Broken(
                Promise.IDENTITY, f"{recipient}: its key points to {sum(row.current for row in rows)} messages"
            )

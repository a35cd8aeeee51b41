"""The whole story of a person or a message: why each thing was done, or was not.

Belongs here: telling facts as dated sentences, in order. Does not: reading them (`story_facts.StoryReader`), printing
them (the CLI).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Final, assert_never

from outreach_pipelines.application.constraint_words import IN_WORDS, hold_in_words
from outreach_pipelines.application.story_facts import (
    Attempt,
    Decided,
    Enrolled,
    Event,
    Fact,
    Held,
    InboundMail,
    MessageRecord,
    Origin,
    Recorded,
    RefusedRow,
    StoryReader,
    Suppressed,
)
from outreach_pipelines.domain.address import AddressHash
from outreach_pipelines.domain.message import OPEN_STATES, MessageId, MessageState
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.errors import NotFound

# Reasons name fault after fault, `check of name: evidence`.
_NEXT_FAULT: Final = re.compile(r"; (?=[a-z_]+ of \S+: )")


class Heading(StrEnum):
    """What a chapter is about."""

    ORIGIN = "came from"
    REFUSED_ROW = "refused row"
    ENROLLMENT = "enrolled"
    PLAN = "plan"
    MESSAGE = "message"
    ATTEMPT = "attempt"
    EVENT = "event"
    INBOUND = "mail received"
    SUPPRESSION = "suppressed"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Chapter:
    """One dated thing. `at` is UTC; `detail` holds further lines, each a sentence or a value with its name."""

    at: datetime
    heading: Heading
    sentence: str
    detail: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Story:
    """Chapters in the order in which they were recorded; none when nothing is known.

    `stepped`: policy time is stepped, so that dates of sends and those of the machine's own doings differ.
    """

    about: str
    chapters: tuple[Chapter, ...]
    stepped: bool


def explain_address(reader: StoryReader, tenant: TenantId, hmac: AddressHash, *, address: str | None = None) -> Story:
    """All that is on record of a person. `address`, when known, also finds the rows that were refused."""
    recorded = reader.about_address(tenant, hmac, address)
    return _story(address or f"the person {hmac[:12]}…", recorded)


def explain_message(reader: StoryReader, tenant: TenantId, plan_day: date | None, message: MessageId) -> Story:
    """All that bears on one message. Raises `NotFound`."""
    recorded = reader.about_message(tenant, plan_day, message)
    if recorded is None:
        of_day = f" of plan day {plan_day}" if plan_day else ""
        text = f"this tenant has no message {message}{of_day}"
        raise NotFound(text)
    return _story(f"message {message}", recorded)


def _story(about: str, recorded: Recorded) -> Story:
    in_order = sorted(recorded.facts, key=lambda fact: fact.recorded_at)
    return Story(about, tuple(chapter(fact) for fact in in_order), recorded.stepped)


def chapter(fact: Fact) -> Chapter:
    """One fact in words."""
    match fact:
        case Origin() | RefusedRow() | Enrolled():
            return _intake(fact)
        case Decided():
            return _decided(fact)
        case MessageRecord():
            return _message(fact)
        case Attempt():
            return _attempt(fact)
        case Event():
            return _event(fact)
        case InboundMail():
            return _inbound(fact)
        case Suppressed():
            return _suppressed(fact)
        case Held():
            return _held(fact)
    assert_never(fact)


def _intake(fact: Origin | RefusedRow | Enrolled) -> Chapter:
    match fact:
        case Origin():
            sentence = f"line {fact.line} of {fact.file}"
            detail = [f"basis: {fact.basis}, evidence: {fact.evidence}", f"source of the data: {fact.source}"]
            return _chapter(fact.recorded_at, Heading.ORIGIN, sentence, detail)
        case RefusedRow():
            sentence = f"line {fact.line} of {fact.file} became no lead: {_words(fact.reason)}"
            return _chapter(fact.recorded_at, Heading.REFUSED_ROW, sentence, [fact.detail])
        case Enrolled():
            return _enrolled(fact)
    assert_never(fact)


def _enrolled(fact: Enrolled) -> Chapter:
    since = f"{fact.state_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    why = f" ({_words(fact.reason)})" if fact.reason else ""
    due = f", due on {fact.due_day}" if fact.due_day else ""
    # What ended has a step at which it stood, and nothing that is due.
    goes_on = f"; next step {fact.step}{due}" if fact.state == "active" else f", before step {fact.step}"
    detail = [
        f"{fact.state}{why} since {since}{goes_on}",
        f"its thread's mailbox: {fact.mailbox}" if fact.mailbox else "",
        f"out of office until {fact.out_of_office_until}" if fact.out_of_office_until else "",
    ]
    return _chapter(fact.recorded_at, Heading.ENROLLMENT, f"in campaign {fact.campaign}, round {fact.round}", detail)


def _decided(fact: Decided) -> Chapter:
    plan = f"{fact.day} version {fact.version} ({fact.status})"
    step = f"step {fact.step} of {fact.campaign}"
    if fact.binding is None:
        sentence = f"{plan}: {step} placed at {_moment(fact.due_at)} from {fact.mailbox}"
        became = f"message {fact.message_id}" if fact.message_id else "no message: the plan was never released"
        detail = [became, f"kept, {fact.kept_reason}" if fact.kept_reason else ""]
        return _chapter(fact.recorded_at, Heading.PLAN, sentence, detail)
    others = ", ".join(_words(each) for each in fact.found if each is not fact.binding)
    detail = [
        fact.detail,
        f"also found: {others}" if others else "",
        f"the sequence ends: {_words(fact.ends)}" if fact.ends else "",
    ]
    return _chapter(fact.recorded_at, Heading.PLAN, f"{plan}: {step} not placed, {IN_WORDS[fact.binding]}", detail)


def _message(fact: MessageRecord) -> Chapter:
    why = f": {fact.reason}" if fact.reason else ""
    sentence = f"message {fact.message_id} (step {fact.step}, variant {fact.variant}) is {_words(fact.state)}{why}"
    detail = [
        f"of {fact.campaign}, from {fact.mailbox}, slot {_moment(fact.due_at)}",
        f"window {_moment(fact.window_start)} to {_moment(fact.window_end)}",
        f"not before {_moment(fact.not_before)}" if _waits(fact) else "",
        *_closed_ways(fact),
        f"outcome: {_words(fact.outcome)}" if fact.outcome else "",
        f"Message-ID {fact.wire_message_id}" if fact.wire_message_id else "",
    ]
    return _chapter(fact.recorded_at, Heading.MESSAGE, sentence, detail)


def _closed_ways(fact: MessageRecord) -> Iterator[str]:
    """Why its domain is not ready for an account, as audits see it now: the first fault of each, and where all are shown."""
    for way in fact.closed_ways:
        yield f"not ready, {_NEXT_FAULT.split(way)[0]}"
    if fact.closed_ways:
        yield f"all of it, with the records that mend it: outreach dns audit {fact.domain} --inventory"


def _waits(fact: MessageRecord) -> bool:
    return fact.state in OPEN_STATES - {MessageState.IN_DOUBT} and fact.not_before > fact.due_at


def _attempt(fact: Attempt) -> Chapter:
    sentence = f"attempt {fact.attempt} of message {fact.message_id} through {fact.account}: {_words(fact.outcome)}"
    detail = [
        f"{fact.account_kind}, tag {fact.tag}",
        f"the provider calls it {fact.provider_message_id}" if fact.provider_message_id else "",
        f"answer: {fact.answer}" if fact.answer else "",
    ]
    return _chapter(fact.begun_at, Heading.ATTEMPT, sentence, detail)


def _event(fact: Event) -> Chapter:
    kinds = ", ".join(_words(each) for each in (fact.bounce_class, fact.cause) if each)
    sentence = f"message {fact.message_id} {_words(fact.kind)}" + (f": {kinds}" if kinds else "")
    detail = [
        f"code {fact.enhanced_code}" if fact.enhanced_code else "",
        f"diagnostic: {fact.diagnostic}" if fact.diagnostic else "",
        f"decided by: {fact.evidence}" if fact.evidence else "",
        f"told by {fact.source}, which dates it {_moment(fact.occurred_at)}",
    ]
    return _chapter(fact.policy_at, Heading.EVENT, sentence, detail)


def _inbound(fact: InboundMail) -> Chapter:
    detail = [
        f"evidence: {fact.evidence} (confidence {fact.confidence})",
        f"parked: {fact.park_reason}" if fact.park_reason else "",
        f"away until {fact.out_of_office_until}" if fact.out_of_office_until else "",
        f"it says: {fact.reply_text[:300]}" if fact.reply_text else "",
        f"kept as {fact.object_key}",
    ]
    sentence = f"{_words(fact.mail_class)} in {fact.folder} of inbox {fact.inbox}"
    return _chapter(fact.received_at, Heading.INBOUND, sentence, detail)


def _suppressed(fact: Suppressed) -> Chapter:
    whom = "the address" if fact.subject == "address" else "the whole domain"
    lifted = f"lifted at {_moment(fact.lifted_at)}: {fact.lifted_reason}" if fact.lifted_at else ""
    detail = [f"because of: {fact.source}", f"until {_moment(fact.expires_at)}" if fact.expires_at else "", lifted]
    sentence = f"{whom}, for {_scope(fact.scope)}: {_words(fact.kind)}"
    return _chapter(fact.created_at, Heading.SUPPRESSION, sentence, detail)


def _scope(scope: str) -> str:
    return "everyone of this tenant" if scope == "tenant" else f"one {scope}"


def _held(fact: Held) -> Chapter:
    effect = "nothing may leave" if fact.factor == 0 else f"{fact.factor:.0%} of the cap"
    released = f"released at {_moment(fact.released_at)}: {fact.released_reason}" if fact.released_at else ""
    probation = f"; then on probation at {fact.probation_factor:.0%}" if fact.probation_factor < 1 else ""
    detail = [f"until {_moment(fact.until)}{probation}" if fact.until else "until it is released", released]
    return _chapter(
        fact.since, Heading.HOLD, f"{fact.level} on {fact.scope_key}, {effect}: {hold_in_words(fact.reason)}", detail
    )


def _chapter(at: datetime, heading: Heading, sentence: str, detail: Iterable[str]) -> Chapter:
    return Chapter(at.astimezone(UTC), heading, sentence, tuple(line for line in detail if line))


def _words(name: str) -> str:
    return name.replace("_", " ")


def _moment(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if at else "no time"

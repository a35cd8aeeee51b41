"""Attempts whose answer was lost: what a look at the provider's own records found, and when absence is believed.

Belongs here: the values of a look-up, and the decision on one attempt. Does not: how a provider is asked
(`adapters/mailgun_events.py`, `adapters/sent_folder.py`), nor what follows in rows (`functions/045_doubt.sql`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, assert_never

from outreach_pipelines.domain.message_tag import WireTag


@dataclass(frozen=True, slots=True)
class Sought:
    """One attempt as it left. `message_id` is ours, with angle brackets; `intended_at` is machine time, aware."""

    tag: WireTag
    message_id: str
    sender: str
    recipient: str
    intended_at: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """The provider has it under our tag or Message-ID.

    `provider_message_id` and `wire_message_id` are what a whole answer would have said; `accepted_at` is the provider's
    time, aware. `rejected` is its reason where it threw the message away after taking it.
    """

    provider_message_id: str
    wire_message_id: str
    accepted_at: datetime
    rejected: str | None = None


@dataclass(frozen=True, slots=True)
class NotSeen:
    """A complete answer holds nothing of it now. Records are written late: one such answer is no proof of absence."""


@dataclass(frozen=True, slots=True)
class CouldNotLook:
    """No complete answer, which is never absence."""

    reason: str


LookUp = Seen | NotSeen | CouldNotLook


class EvidenceRule(StrEnum):
    """What an account tells of sends whose answer was lost. Kept in step with `app.evidence_rule`."""

    EVENTS = "events"  # SES with a configuration set: all that it takes is reported, by a stream
    LOOK_UP = "look_up"  # Mailgun, Postmark: their records can be asked
    SENT_FOLDER = "sent_folder"  # Gmail, Microsoft 365: what SMTP took lies in the Sent folder
    NONE = "none"  # other SMTP, and SES without a configuration set: nothing can show absence


@dataclass(frozen=True, slots=True)
class DoubtPolicy:
    """`horizon` is how long evidence may take; two looks that found nothing must lie `apart`; a probe that did not come
    home is sent again after `probe_again`. After `patience`, that of the feeds themselves (SQS keeps messages for at most
    14 days), nothing more is hoped for. A message is released on absence `most_releases` times.
    """

    horizon: timedelta = timedelta(hours=1)
    apart: timedelta = timedelta(minutes=10)
    probe_again: timedelta = timedelta(minutes=30)
    patience: timedelta = timedelta(days=14)
    most_releases: int = 2

    @classmethod
    def of_horizon(cls, horizon: timedelta) -> "DoubtPolicy":
        """The rest in the default's proportion to `horizon`: a lab settles its doubt in seconds."""
        return cls(horizon, horizon / 6, horizon / 2)


@dataclass(frozen=True, slots=True)
class Held:
    """What the event queue held right after it had been read to its end, and its dead-letter queue with it."""

    visible: int
    in_flight: int
    delayed: int
    dead_lettered: int

    @property
    def clean(self) -> bool:
        """No event can be stuck in it."""
        return not (self.visible or self.in_flight or self.delayed or self.dead_lettered)


@dataclass(frozen=True, slots=True)
class NotDrained:
    """The event queue could not be read to its end, or not be asked what it holds: never the same as empty."""

    reason: str


QueueLook = Held | NotDrained


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """An attempt in doubt with all that is known around it; every time is machine time, aware.

    `watermark` is the intent of the newest probe of its stream whose event came home to a clean queue, `last_probe` that
    of the newest one sent. `unread_at` is when the feed last held what could not be read. `unseen_at` are the looks that
    found nothing. `stream_changed`: its events may go another way now than when it was sent. `supposed`: it stands for
    attempts that a restore has forgotten, by whatever account and number, so that evidence can show only that it was.
    `at_least_once`: its tenant wants it sent once more where nothing will tell, and it was not yet.
    """

    rule: EvidenceRule
    intended_at: datetime
    releases: int = 0
    evidence_waits: bool = False
    watermark: datetime | None = None
    last_probe: datetime | None = None
    unread_at: datetime | None = None
    stream_changed: bool = False
    unseen_at: tuple[datetime, ...] = ()
    last_look: datetime | None = None
    supposed: bool = False
    at_least_once: bool = False


class GiveUpReason(StrEnum):
    """Why no evidence is waited for any more; the reason of an `unknown` message."""

    NOTHING_WILL_TELL = "nothing_will_tell"
    EVIDENCE_GONE = "evidence_gone"
    RELEASED_TOO_OFTEN = "released_too_often"


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before `until`; None where no clock but an event, or a person, changes anything."""

    sentence: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class LookNow:
    """The provider's records are to be asked."""

    sentence: str


@dataclass(frozen=True, slots=True)
class SendProbe:
    """Its stream needs a probe that is sent after the horizon has passed: an idle account reports nothing else."""

    sentence: str


@dataclass(frozen=True, slots=True)
class Absent:
    """It was not taken, as far as evidence can show: the message may be sent once more."""

    sentence: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The attempt stays unknown: shown, counted, and not sent again but by its tenant's choice (`Doubt.at_least_once`)."""

    reason: GiveUpReason
    sentence: str


DoubtVerdict = Wait | LookNow | SendProbe | Absent | GiveUp
_FIRST_LOOK: Final = 10  # so much of the time between looks is waited before the first one


def judge_doubt(doubt: Doubt, *, now: datetime, queue: QueueLook, policy: DoubtPolicy) -> DoubtVerdict:
    """What to do about an attempt in doubt at machine time `now`; absence is never concluded from a clock alone."""
    if doubt.evidence_waits:
        return Wait("an event about it has come and is yet to be applied")
    ripe = doubt.intended_at + policy.horizon
    match doubt.rule:
        case EvidenceRule.EVENTS:
            verdict = _by_events(doubt, now, ripe, queue, policy)
        case EvidenceRule.LOOK_UP | EvidenceRule.SENT_FOLDER:
            verdict = _by_looks(doubt, now, ripe, policy)
        case EvidenceRule.NONE:
            verdict = _by_nothing(doubt, now, ripe)
        case _:
            assert_never(doubt.rule)
    return _bounded(verdict, doubt, now, policy)


def _by_events(doubt: Doubt, now: datetime, ripe: datetime, queue: QueueLook, policy: DoubtPolicy) -> DoubtVerdict:
    if now <= ripe:
        return Wait(f"its events may still come until {_clock(ripe)}", ripe)
    if doubt.stream_changed:
        return Wait("its account reports elsewhere since it was sent: only a late event or a person can settle it")
    if doubt.unread_at is not None and doubt.unread_at >= doubt.intended_at:
        return Wait(f"what came at {_clock(doubt.unread_at)} could not be read and may be its event: it is parked")
    if doubt.watermark is not None and doubt.watermark > ripe:
        stuck = _stuck(queue)
        proven = f"a probe sent at {_clock(doubt.watermark)} came home, and no event of this one did"
        return Absent(proven) if stuck is None else Wait(f"{proven}, but {stuck}")
    if doubt.last_probe is None or doubt.last_probe <= ripe or now - doubt.last_probe >= policy.probe_again:
        return SendProbe("a probe of its account must come home first: none was sent late enough, or it was lost")
    stuck = _stuck(queue)
    sentence = f"the probe sent at {_clock(doubt.last_probe)} must come home first"
    return Wait(f"{sentence}; {stuck}" if stuck else sentence, doubt.last_probe + policy.probe_again)


def _by_looks(doubt: Doubt, now: datetime, ripe: datetime, policy: DoubtPolicy) -> DoubtVerdict:
    # Looks before that may find it, and say nothing when they do not: records are written late.
    telling = [at for at in doubt.unseen_at if at > ripe]
    if telling and max(telling) - min(telling) >= policy.apart:
        return Absent(
            f"looked for at {_clock(min(telling))} and {_clock(max(telling))}: its provider has nothing of it"
        )
    first = doubt.intended_at + policy.apart / _FIRST_LOOK
    due = first if doubt.last_look is None else doubt.last_look + policy.apart
    if now >= due:
        return LookNow("its provider's records are to be looked at now")
    return Wait(f"its provider's records are looked at again at {_clock(due)}", due)


def _by_nothing(doubt: Doubt, now: datetime, ripe: datetime) -> DoubtVerdict:
    if now <= ripe:
        return Wait(f"a bounce or a reply may still come until {_clock(ripe)}", ripe)
    again = doubt.at_least_once and not doubt.supposed
    what = "it is sent once more, under the same Message-ID, if its window allows" if again else "it is not sent again"
    return GiveUp(GiveUpReason.NOTHING_WILL_TELL, f"its server keeps no records that can be asked: {what}")


def _bounded(verdict: DoubtVerdict, doubt: Doubt, now: datetime, policy: DoubtPolicy) -> DoubtVerdict:
    match verdict:
        case Absent() if doubt.supposed and now <= doubt.intended_at + policy.patience:
            return Wait("a restore has forgotten how it was sent: only evidence of it, or a person, can settle it")
        case Absent() if doubt.supposed:
            return GiveUp(GiveUpReason.EVIDENCE_GONE, f"no evidence within {policy.patience.days} days after a restore")
        case Absent() if doubt.releases >= policy.most_releases:
            often = f"it was released {doubt.releases} times before: absence is not believed once more"
            return GiveUp(GiveUpReason.RELEASED_TOO_OFTEN, often)
        case Wait() | LookNow() | SendProbe() if now > doubt.intended_at + policy.patience:
            gone = f"no evidence within {policy.patience.days} days, and feeds keep none for longer"
            return GiveUp(GiveUpReason.EVIDENCE_GONE, gone)
        case _:
            return verdict


def _stuck(queue: QueueLook) -> str | None:
    match queue:
        case Held() if queue.clean:
            return None
        case Held(visible, in_flight, delayed, dead):
            return f"the event queue holds {visible} unread, {in_flight} in flight, {delayed} delayed, {dead} dead-lettered"
        case NotDrained(reason):
            return f"the event queue is not known to be empty: {reason}"
    assert_never(queue)


def _clock(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"

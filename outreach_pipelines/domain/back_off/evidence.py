"""What a scope is judged by: its sends and what came back, nothing later than now.

Belongs here: the evidence and what its rows add up to. Not here: thresholds (`policy`) and decisions (`judgement`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum

from outreach_pipelines.domain.ids import MailboxId
from outreach_pipelines.domain.mailbox_health import DayOutcomes


@dataclass(frozen=True, slots=True)
class SendFate:
    """One accepted send and whether it came back as a hard bounce of the recipient."""

    sent_at: datetime
    hard: bool


class AnswerStrength(Enum):
    """What one answer about the sender's reputation asks for."""

    SLOW = "slow"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class ReputationAnswer:
    """A receiver's answer about the sender's reputation or authentication, with its own words."""

    at: datetime
    mailbox: MailboxId
    strength: AnswerStrength
    diagnostic: str


@dataclass(frozen=True, slots=True)
class ErrorRun:
    """Errors in a row of a mailbox (login, connection), and when the last one came."""

    count: int
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that is known of one scope. The order of rows never matters.

    `days` are local days of the zone that `now` is given in when judged, 28 or more back; `fates` are the accepted
    sends of the last 7 days; `complaints` the times at which complaints came in.
    """

    days: tuple[DayOutcomes, ...] = ()
    fates: tuple[SendFate, ...] = ()
    complaints: tuple[datetime, ...] = ()
    answers: tuple[ReputationAnswer, ...] = ()
    errors: ErrorRun | None = None


@dataclass(frozen=True, slots=True)
class DayTotals:
    """Outcomes of some days, added up."""

    accepted: int
    observable: int
    hard: int
    soft: int
    complaints: int


def totals(days: Iterable[DayOutcomes], *, after: date | None, up_to: date) -> DayTotals:
    """The sum over rows of days later than `after` and known by `up_to`."""
    rows = [row for row in days if row.known_by(up_to) and (after is None or row.day > after)]
    return DayTotals(
        accepted=sum(row.accepted for row in rows),
        observable=sum(row.observable for row in rows),
        hard=sum(row.hard for row in rows),
        soft=sum(row.soft for row in rows),
        complaints=sum(row.complaints for row in rows),
    )


def in_order(fates: Iterable[SendFate], *, after: datetime | None, up_to: datetime) -> list[bool]:
    """For each send in (after, up_to], oldest first, whether it bounced hard; of equal times the bounces come last."""
    kept = [fate for fate in fates if fate.sent_at <= up_to and (after is None or fate.sent_at > after)]
    return [fate.hard for fate in sorted(kept, key=lambda fate: (fate.sent_at, fate.hard))]

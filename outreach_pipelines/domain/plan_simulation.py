"""The plan against people who bounce, complain, answer and leave by chance: distributions before a message leaves.

Many lives of the same sequences, each with rates of its own, drawn around the expected ones, and each person's fate
drawn from those. The seed decides everything. Belongs here: the lives and their sums. Does not: which rates are expected
(given in), nor the plan. Chance comes from numpy's PCG64, whose streams are the same on every machine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from outreach_pipelines.domain.calendar import WorkCalendar
from outreach_pipelines.domain.campaign import CampaignState
from outreach_pipelines.domain.plan_forecast import (
    ForecastPolicy,
    PoolLoad,
    business_days,
    capacity_of,
    later_steps,
    mailboxes_by_pool,
    pool_loads,
)
from outreach_pipelines.domain.send_plan.phases import landing
from outreach_pipelines.domain.send_plan.plan import Plan
from outreach_pipelines.domain.send_plan.snapshot import CampaignId, PoolId, RecipientProvider, Snapshot

Counts: TypeAlias = NDArray[np.int64]
_UNLIMITED = 2**40
SLOW_BOUNCES, STOP_BOUNCES = 0.03, 0.05
"""Rates of hard bounces at which back-off halves, and stops (`sending_policy.BackOffThresholds`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedRates:
    """Shares of messages. `certainty` is how many messages the rates are known from: the larger, the less they vary
    from one life to the next. Complaints are seen only at providers that report them (Gmail does not)."""

    hard_bounce: float = 0.01
    complaint: float = 0.0005
    unsubscribe: float = 0.003
    reply: float = 0.02
    certainty: float = 500.0
    reporting: frozenset[RecipientProvider] = frozenset({RecipientProvider.MICROSOFT, RecipientProvider.YAHOO})


@dataclass(frozen=True, slots=True)
class Spread:
    """A distribution in five numbers."""

    mean: float
    p5: float
    median: float
    p95: float
    largest: float


@dataclass(frozen=True, slots=True)
class Simulation:
    """`first_day` is the plan's own day, `whole` everything until the sequences end. `finished` are dates at which 5, 50
    and 95 % of the lives are done; None where they are not within the horizon. `cost` is in US dollars, None when the
    price of an account is not known."""

    lives: int
    first_day: Mapping[str, Spread]
    whole: Mapping[str, Spread]
    chance_of_slowing: float
    chance_of_stopping: float
    finished: tuple[date | None, date | None, date | None]
    cost: Spread | None


def simulate(
    snapshot: Snapshot,
    plan: Plan,
    calendar: WorkCalendar,
    *,
    rates: ExpectedRates,
    lives: int,
    seed: int,
    policy: ForecastPolicy,
    price: Decimal | None,
) -> Simulation:
    """`price` is what one message costs, in US dollars. The same arguments give the same simulation."""
    fates = _Fates(np.random.Generator(np.random.PCG64(seed)), rates, lives, _reporting_share(snapshot, rates))
    first = fates.of(np.full(lives, len(plan.placements), dtype=np.int64))
    total, last_day = _Totals.of(first), np.zeros(lives, dtype=np.int64)
    for pool, load in sorted(pool_loads(snapshot, plan).items()):
        done = _PoolLives(snapshot, pool, load, fates, policy).run(total)
        last_day = np.maximum(last_day, done)
    bounced = first.bounced / max(1, len(plan.placements))
    return Simulation(
        lives=lives,
        first_day=_Totals.of(first).spreads(fates),
        whole=total.spreads(fates),
        chance_of_slowing=float(np.mean(bounced >= SLOW_BOUNCES)),
        chance_of_stopping=float(np.mean(bounced >= STOP_BOUNCES)),
        finished=_dates(last_day, (snapshot.day, *business_days(snapshot, calendar, policy.horizon)), policy.horizon),
        cost=None if price is None else _spread((total.sent * float(price)).astype(np.float64)),
    )


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of messages, in each life."""

    sent: Counts
    bounced: Counts
    complained: Counts
    unsubscribed: Counts
    replied: Counts

    @property
    def going_on(self) -> Counts:
        """People whose sequence goes on."""
        return self.sent - self.bounced - self.complained - self.unsubscribed - self.replied


class _Fates:
    """One rate of each kind for each life, and what becomes of messages by them."""

    def __init__(self, chance: np.random.Generator, rates: ExpectedRates, lives: int, reporting: float) -> None:
        self._chance = chance
        self.lives = lives
        self.reporting = reporting
        kinds = (rates.hard_bounce, rates.complaint, rates.unsubscribe, rates.reply)
        self._rates = [self._drawn(mean, rates.certainty) for mean in kinds]

    def of(self, sent: Counts) -> _Outcome:
        """Bounced first; of those who got it, each other fate in turn."""
        left, fates = sent, []
        for rate in self._rates:
            fate = self._chance.binomial(left, rate)
            fates.append(fate)
            left = left - fate
        bounced, complained, unsubscribed, replied = fates
        return _Outcome(sent, bounced, complained, unsubscribed, replied)

    def seen(self, complaints: Counts) -> Counts:
        """Complaints that some provider reports."""
        return self._chance.binomial(complaints, self.reporting)

    def _drawn(self, mean: float, certainty: float) -> NDArray[np.float64]:
        if not 0 < mean < 1:
            return np.full(self.lives, mean)
        return self._chance.beta(mean * certainty, (1 - mean) * certainty, self.lives)


@dataclass(slots=True)
class _Totals:
    """Sums over days."""

    sent: Counts
    bounced: Counts
    complained: Counts
    unsubscribed: Counts
    replied: Counts

    @classmethod
    def of(cls, outcome: _Outcome) -> "_Totals":
        return cls(
            outcome.sent.copy(),
            outcome.bounced.copy(),
            outcome.complained.copy(),
            outcome.unsubscribed.copy(),
            outcome.replied.copy(),
        )

    def add(self, outcome: _Outcome) -> None:
        self.sent += outcome.sent
        self.bounced += outcome.bounced
        self.complained += outcome.complained
        self.unsubscribed += outcome.unsubscribed
        self.replied += outcome.replied

    def spreads(self, fates: _Fates) -> Mapping[str, Spread]:
        rows = {
            "sent": self.sent,
            "hard bounces": self.bounced,
            "complaints": self.complained,
            "complaints reported": fates.seen(self.complained),
            "unsubscribes": self.unsubscribed,
            "replies": self.replied,
        }
        return {name: _spread(counts) for name, counts in rows.items()}


class _PoolLives:
    """A pool's days: follow-ups first, then as many new leads as the planner's rule for them allows. People who bounce,
    complain, leave or answer get no later step."""

    def __init__(self, snapshot: Snapshot, pool: PoolId, load: PoolLoad, fates: _Fates, policy: ForecastPolicy) -> None:
        self._fates, self._policy = fates, policy
        self._mailboxes = mailboxes_by_pool(snapshot).get(pool, ())
        self._steps = later_steps(snapshot)
        self._landing = landing(c for c in snapshot.campaigns if c.pool_id == pool and c.state is CampaignState.ACTIVE)
        self._due: list[dict[tuple[CampaignId | None, int], Counts]] = [{} for _ in range(policy.horizon + 1)]
        self._beyond = self._all(0)
        self._leads = {id_: self._all(count) for id_, count in load.waiting_leads.items()}
        for ahead, count in enumerate(load.known):
            self._fall_due(max(1, ahead), None, 0, self._all(count))
        for campaign, count in load.taken_today.items():
            self._next(0, campaign, 0, fates.of(self._all(count)).going_on)

    def run(self, total: _Totals) -> Counts:
        """The last day, in business days after the plan's, on which anything was sent in each life; a day beyond the
        horizon when something is left."""
        last = self._all(0)
        for day in range(1, self._policy.horizon + 1):
            capacity = capacity_of(self._mailboxes, day, self._policy)
            room = self._all(_UNLIMITED if capacity is None else capacity)
            budget = self._budget(day, room)
            sent = self._send_due(day, room, total)
            sent = sent + self._take_in(day, np.minimum(room - sent, budget), total)
            last = np.where(sent > 0, day, last)
        left = self._beyond + sum(self._leads.values(), self._all(0))
        return np.where(left > 0, self._policy.horizon + 1, last)

    def _budget(self, day: int, capacity: Counts) -> Counts:
        """New leads that, taken in every day from now on, leave no later day with more than its capacity."""
        rooms = [
            (capacity - self._total_due(day + ahead)) // (1 + (steps if ahead else 0))
            for ahead, steps in enumerate(self._landing)
            if day + ahead <= self._policy.horizon
        ]
        room: Counts = np.maximum(np.minimum.reduce(rooms), 0)
        return room

    def _total_due(self, day: int) -> Counts:
        return sum(self._due[day].values(), self._all(0))

    def _send_due(self, day: int, room: Counts, total: _Totals) -> Counts:
        sent_today = self._all(0)
        for (campaign, step), counts in self._due[day].items():
            sent = np.minimum(counts, room - sent_today)
            sent_today = sent_today + sent
            outcome = self._fates.of(sent)
            total.add(outcome)
            self._fall_due(day + 1, campaign, step, counts - sent)
            if campaign is not None:
                self._next(day, campaign, step, outcome.going_on)
        return sent_today

    def _take_in(self, day: int, room: Counts, total: _Totals) -> Counts:
        sent_today = self._all(0)
        for campaign, waiting in self._leads.items():
            sent = np.minimum(waiting, room - sent_today)
            sent_today = sent_today + sent
            self._leads[campaign] = waiting - sent
            outcome = self._fates.of(sent)
            total.add(outcome)
            self._next(day, campaign, 0, outcome.going_on)
        return sent_today

    def _next(self, day: int, campaign: CampaignId, step: int, people: Counts) -> None:
        """The step after `step` (0 is the first message) falls due for those who go on, never on the same day."""
        delays: Sequence[int] = (0, *self._steps[campaign])
        if step + 1 < len(delays):
            self._fall_due(day + max(1, delays[step + 1] - delays[step]), campaign, step + 1, people)

    def _fall_due(self, day: int, campaign: CampaignId | None, step: int, people: Counts) -> None:
        if day > self._policy.horizon:
            self._beyond = self._beyond + people
            return
        row = self._due[day]
        row[campaign, step] = row.get((campaign, step), self._all(0)) + people

    def _all(self, count: int) -> Counts:
        return np.full(self._fates.lives, count, dtype=np.int64)


def _reporting_share(snapshot: Snapshot, rates: ExpectedRates) -> float:
    candidates = snapshot.candidates
    return sum(row.provider in rates.reporting for row in candidates) / max(1, len(candidates))


def _spread(values: NDArray[np.int64] | NDArray[np.float64]) -> Spread:
    p5, median, p95 = (float(value) for value in np.percentile(values, (5, 50, 95)))
    return Spread(float(np.mean(values)), p5, median, p95, float(np.max(values)))


def _dates(last_day: Counts, days: Sequence[date], horizon: int) -> tuple[date | None, date | None, date | None]:
    early, middle, late = (int(value) for value in np.percentile(last_day, (5, 50, 95), method="higher"))

    def when(number: int) -> date | None:
        return days[number] if number <= horizon else None

    return when(early), when(middle), when(late)

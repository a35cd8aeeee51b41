"""What sending costs: dated rates, and the share of a tenant, a campaign, a reply.

Belongs here: rates as data and the arithmetic on counts, in US dollars as Decimal. Not here: counting, exchange rates,
invoices.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import TypeVar

from outreach_pipelines.domain.ids import CampaignId
from outreach_pipelines.domain.tenant import TenantId

Owner = TypeVar("Owner", bound=Hashable)

SMALLEST = Decimal("0.000001")
"""Shares are whole millionths of a dollar: one SES message costs a hundred of them."""


class CostItem(Enum):
    """What is paid for."""

    SES_MESSAGE = "ses_message"
    MAILGUN_MESSAGE = "mailgun_message"
    POSTMARK_MESSAGE = "postmark_message"
    SMTP_MESSAGE = "smtp_message"
    DOMAIN = "domain"
    DATABASE = "database"
    WORKERS = "workers"
    MONITORING = "monitoring"


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRate:
    """`amount` US dollars for `per` units of an item, from `valid_from` until the next rate of the same item."""

    item: CostItem
    amount: Decimal
    per: int
    valid_from: date
    source: str


PUBLISHED_RATES: tuple[CostRate, ...] = (
    CostRate(
        item=CostItem.SES_MESSAGE,
        amount=Decimal("0.10"),
        per=1_000,
        valid_from=date(2011, 1, 25),
        source="Amazon SES pricing page, outbound e-mail: $0.10 per 1,000",
    ),
)
"""Rates a provider publishes for everyone. A deployment adds its own: contracts, domains, machines."""


class NoRateError(LookupError):
    """Something was used on a day for which no rate is known; it is not free, its price is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """`units` of an item used by a campaign of a tenant on a day; messages count when the provider accepted them."""

    day: date
    tenant: TenantId
    campaign: CampaignId
    item: CostItem
    units: int


@dataclass(frozen=True, slots=True)
class CostReport:
    """US dollars by tenant and by campaign; each mapping plus `unassigned` is `total` exactly.

    `unassigned` are shared costs of a period in which nobody sent. `per_reply` is None without a reply.
    """

    total: Decimal
    by_tenant: Mapping[TenantId, Decimal]
    by_campaign: Mapping[tuple[TenantId, CampaignId], Decimal]
    unassigned: Decimal
    per_reply: Decimal | None


def price(item: CostItem, units: int, on: date, rates: Iterable[CostRate]) -> Decimal:
    """The price of `units` on a day, in US dollars, unrounded. Raises NoRateError when no rate is in force that day."""
    in_force = [rate for rate in rates if rate.item is item and rate.valid_from <= on]
    if not in_force:
        msg = f"no rate for {item.value} on {on}"
        raise NoRateError(msg)
    rate = max(in_force, key=lambda candidate: candidate.valid_from)
    return rate.amount * units / rate.per


def report(usage: Sequence[Usage], *, shared: Decimal, replies: int, rates: Iterable[CostRate]) -> CostReport:
    """What each tenant and campaign cost; `shared` (domains, database, workers) is split by units used."""
    known = tuple(rates)
    direct: dict[tuple[TenantId, CampaignId], Decimal] = defaultdict(Decimal)
    units: dict[tuple[TenantId, CampaignId], int] = defaultdict(int)
    for row in usage:
        direct[row.tenant, row.campaign] += price(row.item, row.units, row.day, known)
        units[row.tenant, row.campaign] += row.units
    shares = split(shared, units) if units else {}
    by_campaign = {key: direct[key] + shares[key] for key in sorted(direct)}
    unassigned = Decimal(0) if units else shared
    total = sum(by_campaign.values(), unassigned)
    return CostReport(total, _by_tenant(by_campaign), by_campaign, unassigned, total / replies if replies else None)


def _by_tenant(by_campaign: Mapping[tuple[TenantId, CampaignId], Decimal]) -> dict[TenantId, Decimal]:
    sums: dict[TenantId, Decimal] = defaultdict(Decimal)
    for (tenant, _), amount in by_campaign.items():
        sums[tenant] += amount
    return dict(sums)


def split(amount: Decimal, weights: Mapping[Owner, int]) -> dict[Owner, Decimal]:
    """`amount` by weight, in whole millionths that add up to it exactly (largest remainder); evenly if all weigh 0.

    Raises ValueError when there is something to split and no one to bear it, or when the amount has finer parts.
    """
    if amount % SMALLEST or (amount and not weights):
        msg = f"cannot split {amount} among {len(weights)}: it must be whole millionths, and someone must bear it"
        raise ValueError(msg)
    pieces = int(amount / SMALLEST)
    even = not any(weights.values())
    whole = len(weights) if even else sum(weights.values())
    exact = {owner: Fraction(pieces * (1 if even else weight), whole) for owner, weight in weights.items()}
    floors = {owner: int(share // 1) for owner, share in exact.items()}
    by_remainder = sorted(exact, key=lambda owner: (floors[owner] - exact[owner], repr(owner)))
    for owner in by_remainder[: pieces - sum(floors.values())]:
        floors[owner] += 1
    return {owner: count * SMALLEST for owner, count in floors.items()}


@dataclass(frozen=True, slots=True)
class MonthForecast:
    """What the month will have cost if the plan is sent, beside what was planned for it; US dollars."""

    expected: Decimal
    budget: Decimal

    @property
    def over_budget(self) -> Decimal:
        """How much more than planned; below zero when less."""
        return self.expected - self.budget


def forecast(
    *,
    spent: Decimal,
    planned: Mapping[tuple[CostItem, date], int],
    fixed_to_come: Decimal,
    budget: Decimal,
    rates: Iterable[CostRate],
) -> MonthForecast:
    """The month's cost: what is spent, what the plan will use at its days' rates, and the fixed costs still to come."""
    known = tuple(rates)
    to_come = sum((price(item, units, day, known) for (item, day), units in planned.items()), Decimal(0))
    return MonthForecast(spent + to_come + fixed_to_come, budget)

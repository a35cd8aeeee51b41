"""The reports of a tenant-local day: how its sends fared, what the campaigns brought, what it cost.

A send belongs to the day on which its accepted attempt began, by policy time in the tenant's zone, and takes its later
fate along: a reply of next week counts in the day of the send, so that a report is written again as news comes in.

Belongs here: rates, prices, and the port to counts. Does not: counting (SQL), tables for people (Dagster, the CLI).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Protocol, assert_never

from outreach_pipelines.domain.cost import PUBLISHED_RATES, CostItem, CostRate, NoRateError, price
from outreach_pipelines.domain.provider_account import AccountName, ProviderKind
from outreach_pipelines.domain.tenant import TenantId

Number = int | Decimal
_FOUR_PLACES = Decimal("0.0001")


class ReportKind(StrEnum):
    """What is reported of a day; the values are those of `app.report.kind`."""

    DELIVERABILITY = "deliverability"
    CAMPAIGN_PERFORMANCE = "campaign_performance"
    COST = "cost"

    @property
    def asset_name(self) -> str:
        """The asset that shows it."""
        return self.value if self is ReportKind.CAMPAIGN_PERFORMANCE else f"{self.value}_report"


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One line of a report. A number that is not defined (no reply to divide by) is left out."""

    name: str
    numbers: Mapping[str, Number]


@dataclass(frozen=True, slots=True, kw_only=True)
class PathCounts:
    """Messages of one sending domain to one recipient provider. `refused`: by an answer to the call, for good.

    `hard`, `soft` and `blocked` are fates, strongest last news first, and include refusals that were classified.
    """

    sending_domain: str
    recipient_provider: str
    sent: int
    refused: int
    delivered: int
    hard: int
    soft: int
    blocked: int
    complained: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantCounts:
    """Accepted messages of one variant. `unsubscribed` counts links, one-click requests and mail alike."""

    campaign: str
    step: int
    variant: str
    sent: int
    delivered: int
    replied: int
    out_of_office: int
    unsubscribed: int
    bounced: int


@dataclass(frozen=True, slots=True)
class AccountCounts:
    """Accepted attempts of one account, second ones included, since each is paid for; and replies to their messages."""

    account: AccountName
    kind: ProviderKind
    sent: int
    replies: int


class ReportStore(Protocol):
    """Counts of a tenant-local day, in the order of their rows, and the reports written of it."""

    def paths(self, tenant: TenantId, day: date) -> Sequence[PathCounts]:
        """Sends and definite refusals of the day by sending domain and recipient provider."""
        ...

    def variants(self, tenant: TenantId, day: date) -> Sequence[VariantCounts]:
        """Sends of the day by campaign, step and variant."""
        ...

    def accounts(self, tenant: TenantId, day: date) -> Sequence[AccountCounts]:
        """Accepted attempts of the day by provider account."""
        ...

    def save(self, tenant: TenantId, day: date, kind: ReportKind, rows: Sequence[ReportRow]) -> None:
        """Keep the report of a day; it replaces the one before."""
        ...


def write_report(
    store: ReportStore,
    *,
    tenant: TenantId,
    day: date,
    kind: ReportKind,
    rates: Iterable[CostRate] = PUBLISHED_RATES,
) -> tuple[ReportRow, ...]:
    """Count a day anew, keep the report and return it. Repeating it replaces it."""
    rows = tuple(_rows(store, tenant, day, kind, tuple(rates)))
    store.save(tenant, day, kind, rows)
    return rows


def _rows(
    store: ReportStore, tenant: TenantId, day: date, kind: ReportKind, rates: Sequence[CostRate]
) -> Iterable[ReportRow]:
    match kind:
        case ReportKind.DELIVERABILITY:
            return map(path_row, store.paths(tenant, day))
        case ReportKind.CAMPAIGN_PERFORMANCE:
            return map(variant_row, store.variants(tenant, day))
        case ReportKind.COST:
            return map(_priced_on(day, rates), store.accounts(tenant, day))
    assert_never(kind)


def path_row(counts: PathCounts) -> ReportRow:
    """Rates are shares of what got a definite answer, sent or refused for good; complaints are a share of the sent."""
    answered = counts.sent + counts.refused
    names = ("sent", "refused", "delivered", "hard", "soft", "blocked", "complained")
    numbers: dict[str, Number] = {_BOUNCES.get(name, name): getattr(counts, name) for name in names}
    numbers |= {
        "delivered rate": _share(counts.delivered, answered),
        "hard bounce rate": _share(counts.hard, answered),
        "soft bounce rate": _share(counts.soft, answered),
        "blocked rate": _share(counts.blocked, answered),
        "complaint rate": _share(counts.complained, counts.sent),
    }
    return ReportRow(f"{counts.sending_domain} to {counts.recipient_provider}", numbers)


_BOUNCES: Mapping[str, str] = {"hard": "hard bounces", "soft": "soft bounces"}


def variant_row(counts: VariantCounts) -> ReportRow:
    """Counts of one variant with its reply rate: no verdict on which is better, which few sends cannot tell."""
    names = ("sent", "delivered", "replied", "out_of_office", "unsubscribed", "bounced")
    numbers: dict[str, Number] = {name.replace("_", " "): getattr(counts, name) for name in names}
    numbers["reply rate"] = _share(counts.replied, counts.sent)
    return ReportRow(f"{counts.campaign}, step {counts.step}, {counts.variant}", numbers)


def account_row(counts: AccountCounts, *, day: date, rates: Sequence[CostRate]) -> ReportRow:
    """US dollars of one account. Sends whose price nobody stated are no free ones: they count as `unpriced`."""
    try:
        cost, unpriced = price(_ITEMS[counts.kind], counts.sent, day, rates), 0
    except NoRateError:
        cost, unpriced = Decimal(0), counts.sent
    numbers: dict[str, Number] = {"sent": counts.sent, "unpriced": unpriced, "cost": cost, "replies": counts.replies}
    if counts.replies and not unpriced:
        numbers["cost per reply"] = (cost / counts.replies).quantize(_FOUR_PLACES)
    return ReportRow(f"{counts.account} ({counts.kind.value})", numbers)


def _priced_on(day: date, rates: Sequence[CostRate]) -> Callable[[AccountCounts], ReportRow]:
    return lambda counts: account_row(counts, day=day, rates=rates)


_ITEMS: Mapping[ProviderKind, CostItem] = {
    ProviderKind.SES: CostItem.SES_MESSAGE,
    ProviderKind.SMTP: CostItem.SMTP_MESSAGE,
    ProviderKind.MAILGUN: CostItem.MAILGUN_MESSAGE,
    ProviderKind.POSTMARK: CostItem.POSTMARK_MESSAGE,
}


def _share(part: int, whole: int) -> Decimal:
    # Nothing sent: nothing came back either, and 0 says so.
    return (Decimal(part) / whole if whole else Decimal(0)).quantize(_FOUR_PLACES)

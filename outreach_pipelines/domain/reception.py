"""How a recipient provider receives a sending domain, 0 to 100, as of a day, with the parts it is made of.

Belongs here: the score that steers new leads among domains. Not here: the health of a mailbox (`mailbox_health`), whose
rates and decay it shares, and holds (`back_off`). A domain that has sent nothing lately to a provider is worth what the
tenant's domains together are worth there.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from outreach_pipelines.domain.ids import DomainId
from outreach_pipelines.domain.mailbox_health import (
    DayOutcomes,
    HealthPart,
    HealthPriors,
    PartScore,
    fit_priors,
    rate_scores,
)
from outreach_pipelines.domain.recipient_provider import RecipientProvider

RECEPTION_VERSION = "1"
"""Rises with every change of the formula or its numbers."""
RECEIVED = frozenset({HealthPart.HARD_BOUNCES, HealthPart.COMPLAINTS, HealthPart.BLOCKS, HealthPart.SOFT_BOUNCES})
"""What a provider does with mail. Replies and unsubscribes are people's, and speak of the mailbox and its letters."""


@dataclass(frozen=True, slots=True)
class ReceptionRecord:
    """What became of a domain's sends to the recipients of one provider, by the senders' local days."""

    domain: DomainId
    provider: RecipientProvider
    outcomes: tuple[DayOutcomes, ...]


@dataclass(frozen=True, slots=True)
class Reception:
    """0 takes no new leads; `parts` earned their points of what rates could earn."""

    domain: DomainId
    provider: RecipientProvider
    total: int
    parts: tuple[PartScore, ...]


def receptions(records: Iterable[ReceptionRecord], as_of: date) -> tuple[Reception, ...]:
    """Every domain with every provider; each provider's prior is what the domains together show there."""
    by_provider: dict[RecipientProvider, list[ReceptionRecord]] = {}
    for record in records:
        by_provider.setdefault(record.provider, []).append(record)
    return tuple(row for rows in by_provider.values() for row in _of_provider(rows, as_of))


def _of_provider(records: Sequence[ReceptionRecord], as_of: date) -> Iterable[Reception]:
    priors = fit_priors((record.outcomes for record in records), as_of)
    return (_scored(record, priors, as_of) for record in records)


def _scored(record: ReceptionRecord, priors: HealthPriors, as_of: date) -> Reception:
    parts = tuple(row for row in rate_scores(record.outcomes, priors, as_of) if row.part in RECEIVED)
    share = sum((row.points for row in parts), Decimal(0)) / sum(row.weight for row in parts)
    return Reception(record.domain, record.provider, int((share * 100).quantize(1, ROUND_HALF_UP)), parts)

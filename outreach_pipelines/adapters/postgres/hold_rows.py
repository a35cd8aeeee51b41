"""Holds as rows, both ways.

Belongs here: which column carries what. Does not: when a row is written (`back_off_store`).
"""

import json
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from sqlalchemy import RowMapping

from outreach_pipelines.domain.back_off import (
    EvidenceNumbers,
    HoldDecision,
    HoldLevel,
    HoldReason,
    Probation,
    Scope,
    Signal,
)
from outreach_pipelines.domain.back_off.hold import FULL
from outreach_pipelines.domain.back_off.scope_key import ScopeKey, scope_key, scope_of
from outreach_pipelines.domain.tenant import TenantId


def hold_of(row: RowMapping, tenant: TenantId) -> HoldDecision:
    """A stored hold; a person's has its reason in the person's own words."""
    scope = scope_of(ScopeKey(row["scope_key"]), tenant)
    factor = Fraction(row["factor"])
    if Signal(row["signal"]) is Signal.MANUAL:
        return _manual(row, scope, factor)
    probation = Fraction(row["probation_factor"])
    return HoldDecision(
        scope=scope,
        level=HoldLevel(row["level"]),
        factor=factor,
        reason=HoldReason(row["reason"]),
        sentence=row["sentence"],
        numbers=EvidenceNumbers(**row["evidence"]),
        since=row["since"],
        until=row["until"],
        probation=None if probation == FULL else Probation(row["probation_days"], probation),
        counts_from=row["counts_from"],
    )


def _manual(row: RowMapping, scope: Scope, factor: Fraction) -> HoldDecision:
    return HoldDecision(
        scope=scope,
        level=HoldLevel.STOP if factor == 0 else HoldLevel.SLOW,
        factor=factor,
        reason=HoldReason.MANUAL,
        sentence=row["sentence"] or row["reason"],
        numbers=EvidenceNumbers(events=0),
        since=row["since"],
        until=row["until"],
    )


def hold_values(hold: HoldDecision, at: datetime) -> dict[str, object]:
    """The parameters of `set_hold` and `set_account_hold`."""
    probation = hold.probation or Probation(0, FULL)
    return {
        "scope_key": scope_key(hold.scope),
        "signal": hold.reason.signal.value,
        "level": hold.level.value,
        "factor": _numeric(hold.factor),
        "reason": hold.reason.value,
        "sentence": hold.sentence,
        "evidence": json.dumps(asdict(hold.numbers)),
        "since": hold.since,
        "until": hold.until,
        "probation_factor": _numeric(probation.factor),
        "probation_days": probation.clean_days,
        "counts_from": hold.counts_from,
        "at": at,
    }


def _numeric(share: Fraction) -> Decimal:
    return Decimal(share.numerator) / share.denominator

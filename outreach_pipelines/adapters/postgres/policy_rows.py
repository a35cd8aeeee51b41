"""A tenant's knobs as the policy's JSON keeps them: shares are decimal text, what is missing has its default.

Belongs here: reading them. Does not: writing them (`inventory_rows`).
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TypeAlias

from outreach_pipelines.domain.sending_policy import BackOffThresholds, RampUp, RateThresholds

Stored: TypeAlias = "Mapping[str, Stored] | str | int"


def thresholds_of(stored: Mapping[str, Stored]) -> BackOffThresholds:
    """`sending_policy.thresholds`."""
    default = BackOffThresholds()
    counts = {name: int(value) for name, value in stored.items() if not isinstance(value, Mapping)}
    return replace(
        default,
        hard_bounces=_rate(default.hard_bounces, stored.get("hard_bounces")),
        complaints=_rate(default.complaints, stored.get("complaints")),
        **counts,
    )


def ramp_up_of(stored: Mapping[str, str | int]) -> RampUp:
    """`sending_policy.ramp_up`."""
    share = stored.get("used_share", RampUp().used_share)
    counts = {name: int(value) for name, value in stored.items() if name != "used_share"}
    return replace(RampUp(), used_share=Decimal(share), **counts)


def _rate(default: RateThresholds, stored: "Stored | None") -> RateThresholds:
    if not isinstance(stored, Mapping):
        return default
    return RateThresholds(
        warn=Decimal(str(stored.get("warn", default.warn))),
        slow=Decimal(str(stored.get("slow", default.slow))),
        stop=Decimal(str(stored.get("stop", default.stop))),
        floor=int(str(stored.get("floor", default.floor))),
        window_days=int(str(stored.get("window_days", default.window_days))),
    )

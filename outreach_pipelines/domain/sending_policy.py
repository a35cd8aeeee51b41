"""How much, how often and when a tenant may write, and when it must slow down: the knobs with their default numbers.

What follows from them for one mailbox on one day is decided in `send_plan`, `ramp_up` and `back_off`.
"""

from dataclasses import dataclass, field
from datetime import time
from decimal import Decimal

from outreach_pipelines.domain.place import CountryCode


@dataclass(frozen=True, slots=True)
class Hours:
    """From `start` up to `end`, local wall time; over midnight when `end` is the earlier one."""

    start: time
    end: time


@dataclass(frozen=True, slots=True)
class ContactPressure:
    """At most so many messages to one person in so many days, over all campaigns of the tenant."""

    messages: int = 3
    days: int = 14


@dataclass(frozen=True, slots=True)
class RateThresholds:
    """Shares of accepted sends. `floor` is the number of sends below which no rate stops anything."""

    warn: Decimal
    slow: Decimal
    stop: Decimal
    floor: int
    window_days: int


@dataclass(frozen=True, slots=True)
class BackOffThresholds:
    """Providers judge the account: SES reviews at 5 % bounces or 0.1 % complaints (Amazon SES, "Enforcement")."""

    hard_bounces: RateThresholds = RateThresholds(Decimal("0.02"), Decimal("0.03"), Decimal("0.05"), 50, 7)
    complaints: RateThresholds = RateThresholds(Decimal("0.0005"), Decimal("0.0008"), Decimal("0.001"), 0, 28)
    hard_bounces_in_a_row: int = 4
    complaints_in_a_day: int = 3
    errors_in_a_row_warn: int = 3
    errors_in_a_row_stop: int = 5


@dataclass(frozen=True, slots=True)
class RampUp:
    """A new mailbox starts at `start` a day and grows by `step` after each day that used `used_share` of it."""

    start: int = 5
    step: int = 2
    used_share: Decimal = Decimal("0.8")
    idle_days: int = 30


@dataclass(frozen=True, slots=True)
class PoolShape:
    """The size of pools the operator means to run; a pool of another size is a warning, not a fault."""

    fewest_domains: int = 8
    most_domains: int = 12
    fewest_mailboxes: int = 3
    most_mailboxes: int = 5


@dataclass(frozen=True, slots=True)
class SendingPolicy:
    """`None` is unlimited, 0 is none at all. Weekdays count from Monday = 0.

    `smtp_at_least_once`: what a plain SMTP server may have taken is sent once more, under the same Message-ID.
    """

    daily_cap: int | None = None
    minute_cap: int | None = None
    company_daily_cap: int | None = 5
    recipient_domain_daily_cap: int | None = 50
    quiet_hours: Hours | None = Hours(time(20), time(8))
    weekend: tuple[int, ...] = (5, 6)
    holiday_countries: tuple[CountryCode, ...] = ()
    contact_pressure: ContactPressure | None = ContactPressure()
    longest_follow_up_wait: int = 5
    stop_company_on_reply: bool = False
    verified_only: bool = False
    smtp_at_least_once: bool = False
    ramp_up: RampUp = field(default_factory=RampUp)
    thresholds: BackOffThresholds = field(default_factory=BackOffThresholds)

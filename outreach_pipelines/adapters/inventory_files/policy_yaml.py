"""`policy:` and `shape:` of `tenant.yaml`: how much, how often, when; and how large pools are meant to be.

A field left out has the default of `domain.sending_policy`; `null` means unlimited where the domain says so.
"""

from decimal import Decimal
from typing import Annotated

from pydantic import Field, model_validator

from outreach_pipelines.adapters.inventory_files.values import (
    CountryText,
    FileModel,
    HoursText,
    Positive,
    Share,
    WeekdayText,
)
from outreach_pipelines.domain.sending_policy import (
    BackOffThresholds,
    ContactPressure,
    PoolShape,
    RampUp,
    RateThresholds,
    SendingPolicy,
)

Count = Annotated[int, Field(ge=0, le=1_000_000)]

DEFAULTS = SendingPolicy()
# Beyond these providers act themselves: SES pauses at 10 % bounces, Google's bulk rules end at 0.3 % complaints.
HIGHEST_BOUNCE_STOP = Decimal("0.10")
HIGHEST_COMPLAINT_STOP = Decimal("0.003")


class RatesModel(FileModel):
    warn: Share
    slow: Share
    stop: Share
    floor: Count
    window_days: Positive

    @model_validator(mode="after")
    def _rising(self) -> "RatesModel":
        if not self.warn <= self.slow <= self.stop:
            message = "warn, slow and stop rise in this order"
            raise ValueError(message)
        return self

    def to_domain(self) -> RateThresholds:
        return RateThresholds(self.warn, self.slow, self.stop, self.floor, self.window_days)


class ThresholdsModel(FileModel):
    hard_bounces: RatesModel | None = None
    complaints: RatesModel | None = None
    hard_bounces_in_a_row: Positive = DEFAULTS.thresholds.hard_bounces_in_a_row
    complaints_in_a_day: Positive = DEFAULTS.thresholds.complaints_in_a_day
    errors_in_a_row_warn: Positive = DEFAULTS.thresholds.errors_in_a_row_warn
    errors_in_a_row_stop: Positive = DEFAULTS.thresholds.errors_in_a_row_stop

    @model_validator(mode="after")
    def _before_the_provider_acts(self) -> "ThresholdsModel":
        if self.hard_bounces and self.hard_bounces.stop > HIGHEST_BOUNCE_STOP:
            message = f"hard_bounces stops at {HIGHEST_BOUNCE_STOP} at the latest: providers do"
            raise ValueError(message)
        if self.complaints and self.complaints.stop > HIGHEST_COMPLAINT_STOP:
            message = f"complaints stops at {HIGHEST_COMPLAINT_STOP} at the latest: providers do"
            raise ValueError(message)
        return self

    def to_domain(self) -> BackOffThresholds:
        usual = DEFAULTS.thresholds
        return BackOffThresholds(
            self.hard_bounces.to_domain() if self.hard_bounces else usual.hard_bounces,
            self.complaints.to_domain() if self.complaints else usual.complaints,
            self.hard_bounces_in_a_row,
            self.complaints_in_a_day,
            self.errors_in_a_row_warn,
            self.errors_in_a_row_stop,
        )


class ContactPressureModel(FileModel):
    messages: Count
    days: Positive


class RampUpModel(FileModel):
    start: Positive = DEFAULTS.ramp_up.start
    step: Positive = DEFAULTS.ramp_up.step
    used_share: Share = DEFAULTS.ramp_up.used_share
    idle_days: Positive = DEFAULTS.ramp_up.idle_days


class PolicyModel(FileModel):
    daily_cap: Count | None = DEFAULTS.daily_cap
    minute_cap: Count | None = DEFAULTS.minute_cap
    company_daily_cap: Count | None = DEFAULTS.company_daily_cap
    recipient_domain_daily_cap: Count | None = DEFAULTS.recipient_domain_daily_cap
    quiet_hours: HoursText | None = DEFAULTS.quiet_hours
    weekend: tuple[WeekdayText, ...] = DEFAULTS.weekend
    holiday_countries: tuple[CountryText, ...] = ()
    contact_pressure: ContactPressureModel | None = ContactPressureModel(
        messages=ContactPressure().messages, days=ContactPressure().days
    )
    longest_follow_up_wait: Count = DEFAULTS.longest_follow_up_wait
    stop_company_on_reply: bool = DEFAULTS.stop_company_on_reply
    verified_only: bool = DEFAULTS.verified_only
    smtp_at_least_once: bool = DEFAULTS.smtp_at_least_once
    ramp_up: RampUpModel = RampUpModel()
    thresholds: ThresholdsModel = ThresholdsModel()

    def to_domain(self) -> SendingPolicy:
        pressure, ramp_up = self.contact_pressure, self.ramp_up
        return SendingPolicy(
            daily_cap=self.daily_cap,
            minute_cap=self.minute_cap,
            company_daily_cap=self.company_daily_cap,
            recipient_domain_daily_cap=self.recipient_domain_daily_cap,
            quiet_hours=self.quiet_hours,
            weekend=tuple(sorted(set(self.weekend))),
            holiday_countries=tuple(sorted(set(self.holiday_countries))),
            contact_pressure=None if pressure is None else ContactPressure(pressure.messages, pressure.days),
            longest_follow_up_wait=self.longest_follow_up_wait,
            stop_company_on_reply=self.stop_company_on_reply,
            verified_only=self.verified_only,
            smtp_at_least_once=self.smtp_at_least_once,
            ramp_up=RampUp(ramp_up.start, ramp_up.step, ramp_up.used_share, ramp_up.idle_days),
            thresholds=self.thresholds.to_domain(),
        )


class ShapeModel(FileModel):
    """`domains` and `mailboxes` as the fewest and the most that are meant."""

    domains: tuple[Positive, Positive] = (PoolShape().fewest_domains, PoolShape().most_domains)
    mailboxes: tuple[Positive, Positive] = (PoolShape().fewest_mailboxes, PoolShape().most_mailboxes)

    def to_domain(self) -> PoolShape:
        return PoolShape(*self.domains, *self.mailboxes)

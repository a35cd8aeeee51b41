"""Score a tenant's mailboxes as of a day, and take the step of each on its ramp.

Belongs here: from what is known of a mailbox to its stored row. Does not: the formula (`domain.mailbox_health`), the ramp
(`domain.ramp_up`), holds (`apply_back_off`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP
from enum import Enum
from fractions import Fraction
from typing import NewType, Protocol

from outreach_pipelines.domain.ids import MailboxId
from outreach_pipelines.domain.mailbox_health import (
    HALF_LIFE_DAYS,
    HEALTH_VERSION,
    DayOutcomes,
    DnsState,
    HealthPriors,
    HealthScore,
    HoldState,
    PartScore,
    fit_priors,
    score,
)
from outreach_pipelines.domain.provider_account import ProviderKind
from outreach_pipelines.domain.ramp_up import RampDay, RampStage, RampStep, ramp_policy, ramped_cap
from outreach_pipelines.domain.reception import Reception, ReceptionRecord, receptions
from outreach_pipelines.domain.send_answer import Refused, judge_refusal
from outreach_pipelines.domain.send_plan.senders import MailboxState
from outreach_pipelines.domain.sending_policy import RampUp
from outreach_pipelines.domain.tenant import TenantId

MailboxAddress = NewType("MailboxAddress", str)
EVIDENCE_DAYS = 5 * HALF_LIFE_DAYS
"""How far back a score looks: what is older weighs less than a thirtieth."""
_LOGIN_RULES = frozenset({"smtp_credentials", "ses_credentials"})


class AuditSight(Enum):
    """What the newest audit of the domain within a week says of a mailbox's accounts."""

    ALL_STOPPED = "all_stopped"
    USABLE = "usable"
    UNANSWERED = "unanswered"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class StandingHolds:
    """What holds on mailbox, domain and accounts left at a moment: the smallest factor, and whether one only warned."""

    factor: Fraction
    warned: bool


@dataclass(frozen=True, slots=True)
class RefusedSends:
    """Sends of a local day that were refused with one code of one kind of provider."""

    day: date
    provider: ProviderKind
    code: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxRecord:
    """What is known of a mailbox at the end of a day. Days are its own local days."""

    mailbox: MailboxId
    address: MailboxAddress
    state: MailboxState
    daily_cap: int
    outcomes: tuple[DayOutcomes, ...]
    refusals: tuple[RefusedSends, ...]
    ramp_days: tuple[RampDay, ...]
    audit: AuditSight
    holds: StandingHolds


@dataclass(frozen=True, slots=True)
class HealthRecord:
    """All mailboxes of a tenant that are not retired, the tenant's ramp, and its domains with each recipient provider."""

    ramp_up: RampUp
    mailboxes: tuple[MailboxRecord, ...]
    receptions: tuple[ReceptionRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class ScoredMailbox:
    """A mailbox's health and its step on the ramp, with what lists show of them."""

    mailbox_id: MailboxId
    address: MailboxAddress
    health: HealthScore
    ramp: RampStep

    @property
    def total(self) -> int:
        """0 to 100, whole; the planner gives no new leads at 0."""
        return int(self.health.total.quantize(1, ROUND_HALF_UP))

    @property
    def cap_today(self) -> int:
        """Messages a day."""
        return self.ramp.cap_today

    @property
    def stage(self) -> str:
        """The ramp's stage by its name."""
        return self.ramp.stage.value

    @property
    def weakest(self) -> str:
        """The part that costs most points, and why."""
        part = max(self.health.parts, key=_lost)
        return f"{part.part.value}: {part.reason}" if _lost(part) > 0 else "-"


@dataclass(frozen=True, slots=True)
class ScoredMailboxes:
    """The scores of a tenant's day."""

    mailboxes: tuple[ScoredMailbox, ...]


class HealthStore(Protocol):
    """What is known of mailboxes, and their scores."""

    def record(self, tenant: TenantId, day: date, *, evidence_days: int, version: str) -> HealthRecord:
        """What was known at the end of `day`, or by now if it is not over; earlier scores are those of `version`."""
        ...

    def save(
        self, tenant: TenantId, day: date, scored: Sequence[ScoredMailbox], receptions: Sequence[Reception]
    ) -> None:
        """One row a mailbox, day and version of the formula, and one a domain, recipient provider, day and version;
        saving the same again changes nothing."""
        ...


def score_mailboxes(store: HealthStore, *, tenant: TenantId, day: date) -> ScoredMailboxes:
    """Score every mailbox as of the end of `day` (so far, if it is today) and store the rows; any past day again."""
    record = store.record(tenant, day, evidence_days=EVIDENCE_DAYS, version=HEALTH_VERSION)
    evidence = [_evidence(mailbox) for mailbox in record.mailboxes]
    priors = fit_priors(evidence, day)
    scored = tuple(
        _scored(mailbox, rows, priors, record.ramp_up, day)
        for mailbox, rows in zip(record.mailboxes, evidence, strict=True)
    )
    store.save(tenant, day, scored, receptions(record.receptions, day))
    return ScoredMailboxes(scored)


def _scored(
    mailbox: MailboxRecord, evidence: Sequence[DayOutcomes], priors: HealthPriors, knobs: RampUp, day: date
) -> ScoredMailbox:
    ramp = _step(mailbox, knobs, day)
    dns, hold = dns_state(mailbox.audit), hold_state(mailbox.holds)
    health = score(day, evidence, priors=priors, dns=dns, hold=hold, ramp=ramp.stage)
    return ScoredMailbox(mailbox.mailbox, mailbox.address, health, ramp)


def _step(mailbox: MailboxRecord, knobs: RampUp, day: date) -> RampStep:
    policy = ramp_policy(knobs, cap=mailbox.daily_cap)
    if mailbox.state is MailboxState.ACTIVE:
        return RampStep(policy.cap, RampStage.AT_CAP, "the inventory says it is past its ramp")
    return ramped_cap(mailbox.ramp_days, policy, day)


def _evidence(mailbox: MailboxRecord) -> tuple[DayOutcomes, ...]:
    failures = (DayOutcomes(day=row.day, login_failures=row.count) for row in mailbox.refusals if is_login_failure(row))
    return (*mailbox.outcomes, *failures)


def is_login_failure(refused: RefusedSends) -> bool:
    """Whether the provider refused who we are, and not what we sent."""
    return judge_refusal(refused.provider.value, Refused(refused.code, "", "")).rule in _LOGIN_RULES


def dns_state(audit: AuditSight) -> DnsState:
    """What could not be read is never held against a mailbox."""
    match audit:
        case AuditSight.ALL_STOPPED:
            return DnsState.NOT_READY
        case AuditSight.USABLE:
            return DnsState.READY
        case AuditSight.UNANSWERED | AuditSight.NONE:
            return DnsState.UNKNOWN


def hold_state(holds: StandingHolds) -> HoldState:
    """The strictest of what stood."""
    if holds.factor == 0:
        return HoldState.STOPPED
    if holds.factor < 1:
        return HoldState.SLOWED
    return HoldState.WARNED if holds.warned else HoldState.FREE


def _lost(part: PartScore) -> Fraction:
    return Fraction(part.weight) - Fraction(part.points)

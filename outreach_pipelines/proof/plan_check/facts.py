"""The two documents by their ids, the moments of placements on wall clocks, and the tenant's business days.

Belongs here: looking things up. Does not: judging.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import cached_property
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from outreach_pipelines.proof.plan_check.candidate_document import Candidate
from outreach_pipelines.proof.plan_check.plan_document import Decision, Placement, PlanDocument
from outreach_pipelines.proof.plan_check.sender_document import Account, Mailbox, SendingDomain
from outreach_pipelines.proof.plan_check.snapshot_document import Campaign, Country, SnapshotDocument

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken rule: its name, whom it concerns, and what is wrong."""

    rule: str
    subject: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.sentence} [{self.rule}]"


@dataclass(frozen=True)
class Facts:
    """A snapshot and a plan, ready to be asked."""

    snapshot: SnapshotDocument
    plan: PlanDocument

    @cached_property
    def mailboxes(self) -> dict[int, Mailbox]:
        return {row.id: row for row in self.snapshot.mailboxes}

    @cached_property
    def domains(self) -> dict[int, SendingDomain]:
        return {row.id: row for row in self.snapshot.domains}

    @cached_property
    def accounts(self) -> dict[int, Account]:
        return {row.id: row for row in self.snapshot.accounts}

    @cached_property
    def campaigns(self) -> dict[int, Campaign]:
        return {row.id: row for row in self.snapshot.campaigns}

    @cached_property
    def countries(self) -> dict[str, Country]:
        return {row.code: row for row in self.snapshot.countries}

    @cached_property
    def candidates(self) -> dict[int, Candidate]:
        return {row.enrollment_id: row for row in self.snapshot.candidates}

    @cached_property
    def file_factors(self) -> dict[int, Fraction]:
        """What holds on lead files leave of a message, by enrollment."""
        found: dict[int, Fraction] = {}
        for row in self.snapshot.lead_file_holds:
            for id_ in row.enrollments:
                found[id_] = min(Fraction(row.hold.factor), found.get(id_, Fraction(1)))
        return found

    @cached_property
    def decisions(self) -> dict[int, Decision]:
        return {row.enrollment_id: row for row in self.plan.decisions}

    @cached_property
    def sound(self) -> tuple[tuple[Placement, Candidate, Mailbox], ...]:
        """Placements whose candidate and mailbox are in the snapshot; `books` names the others."""
        return tuple(
            (row, self.candidates[row.enrollment_id], self.mailboxes[row.mailbox_id])
            for row in self.plan.placements
            if row.enrollment_id in self.candidates and row.mailbox_id in self.mailboxes
        )

    @cached_property
    def tenant_holidays(self) -> frozenset[date]:
        codes = self.snapshot.policy.holiday_countries
        return frozenset(day for code in codes if code in self.countries for day in self.countries[code].holidays)

    def works(self, day: date) -> bool:
        """Whether a date is a business day of the tenant."""
        return day.weekday() not in self.snapshot.policy.weekend and day not in self.tenant_holidays

    def business_days_since(self, start: date) -> int:
        """Business days after `start`, up to the plan's day."""
        days = (self.snapshot.day - start).days
        return sum(self.works(start + ONE_DAY * count) for count in range(1, days + 1))

    def business_day_after(self, day: date) -> date:
        """The first business day after a date."""
        later = day + ONE_DAY
        while not self.works(later):
            later += ONE_DAY
        return later

    def pool_of(self, mailbox: Mailbox) -> int:
        return self.domains[mailbox.domain_id].pool_id

    def zone_of(self, candidate: Candidate) -> ZoneInfo | None:
        """The lead's zone, else its country's, else the campaign's, else the tenant's; None when there is no such zone."""
        country = self.countries.get(candidate.country) if candidate.country is not None else None
        name = candidate.zone or (country and country.zone) or self.campaigns[candidate.campaign_id].zone
        try:
            return ZoneInfo(name or self.snapshot.policy.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return None


def path_factor(facts: Facts, mailbox: Mailbox, account: int) -> Fraction:
    """What holds leave of what a mailbox sends through an account."""
    own = facts.accounts[account].hold if account in facts.accounts else None
    held = [row.hold for row in mailbox.path_holds if row.account_id == account] + ([] if own is None else [own])
    return min((Fraction(hold.factor) for hold in held), default=Fraction(1))


def effective_cap(mailbox: Mailbox, multiple: Fraction = Fraction(1)) -> Fraction | None:
    """The cap with the hold in force, times a multiple, not cut; None is unlimited."""
    factor = Fraction(mailbox.hold.factor) if mailbox.hold is not None else Fraction(1)
    if mailbox.daily_cap is None:
        return None if factor > 0 else Fraction(0)
    return mailbox.daily_cap * factor * multiple


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local date, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)

"""Who may be written to at all today (rules 1 to 3): every objection to a candidate, strongest first.

Here belongs what is known before any slot is given. Not here: caps, budgets and minutes (`capacity`, `explanation`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, assert_never

from outreach_pipelines.domain.campaign import CampaignState
from outreach_pipelines.domain.recipient_mail import NoMail
from outreach_pipelines.domain.send_plan.plan import Constraint, power
from outreach_pipelines.domain.send_plan.routes import LaneKey, Reach, Routes
from outreach_pipelines.domain.send_plan.snapshot import (
    Away,
    Block,
    Bounced,
    Campaign,
    CampaignId,
    Candidate,
    CompanyReplied,
    EnrollmentId,
    Erased,
    LeadId,
    MailboxId,
    Replied,
    Snapshot,
    Suppressed,
    Undeliverable,
    Unsubscribed,
)
from outreach_pipelines.domain.send_plan.windows import PlanDay, RecipientDay, Windows, tenant_calendar
from outreach_pipelines.domain.sequence import EndReason, back_in_office, waited_too_long
from outreach_pipelines.domain.suppression import SuppressionKind


class Objection(NamedTuple):
    """One constraint found against a candidate, with its sentence."""

    constraint: Constraint
    detail: str


# Not frozen: of a large day there are sixty thousand, and a frozen one takes twice as long to make. Nobody changes one.
@dataclass(slots=True, eq=False)
class Eligible:
    """Nothing stands against it: where it may leave from and when. One object for each candidate."""

    candidate: Candidate
    lane: LaneKey
    mailbox_ids: tuple[MailboxId, ...]
    recipient_day: RecipientDay


@dataclass(frozen=True, slots=True)
class Refused:
    """`objections` are sorted, the binding one first."""

    candidate: Candidate
    objections: tuple[Objection, ...]
    ends: EndReason | None


Examined = Eligible | Refused

_ENDING = {
    Constraint.BOUNCED: EndReason.BOUNCED,
    Constraint.REPLIED: EndReason.REPLIED,
    Constraint.COMPANY_REPLIED: EndReason.COMPANY_REPLIED,
    Constraint.UNSUBSCRIBED: EndReason.UNSUBSCRIBED,
    Constraint.ERASED: EndReason.ERASED,
    Constraint.WAITED_TOO_LONG: EndReason.WAITED_TOO_LONG,
    Constraint.MAILBOX_RETIRED: EndReason.MAILBOX_RETIRED,
}
_SUPPRESSED_END = {
    SuppressionKind.HARD_BOUNCE: EndReason.BOUNCED,
    SuppressionKind.COMPLAINT: EndReason.COMPLAINED,
    SuppressionKind.UNSUBSCRIBE: EndReason.UNSUBSCRIBED,
}
_SUPPRESSED_BY = {
    SuppressionKind.HARD_BOUNCE: "after a hard bounce",
    SuppressionKind.COMPLAINT: "after a complaint",
    SuppressionKind.UNSUBSCRIBE: "after an unsubscribe",
    SuppressionKind.OBJECTION: "after an objection",
    SuppressionKind.MANUAL: "by hand",
    SuppressionKind.IMPORTED: "by an imported list",
}
_NO_MAIL = {
    NoMail.NULL_MX: "the recipient's domain takes no mail (null MX), as the DNS said",
    NoMail.NO_SUCH_DOMAIN: "the recipient's domain does not exist, as the DNS said",
    NoMail.NO_SUCH_MAILBOX: "the recipient's server says that there is no such mailbox (550 5.1.1), as it was asked",
}


class Examiner:
    """Looks at the candidates of one snapshot, in the order of their enrollments."""

    def __init__(self, snapshot: Snapshot, day: PlanDay) -> None:
        self._snapshot = snapshot
        self._day = day
        self._calendar = tenant_calendar(snapshot)
        self._windows = Windows(snapshot, day)
        self._routes = Routes(snapshot)
        self._campaigns = {campaign.id: campaign for campaign in snapshot.campaigns}
        self._campaign_objections: dict[tuple[CampaignId, int], tuple[Objection, ...]] = {}
        self._too_late: dict[date, bool] = {}
        self._first_of_message: dict[tuple[CampaignId, int, LeadId, int], EnrollmentId] = {}

    @property
    def routes(self) -> Routes:
        return self._routes

    def examine(self, candidate: Candidate) -> Examined:
        campaign = self._campaigns[candidate.campaign_id]
        key, reach = self._routes.way(candidate)
        recipient_day = self._windows.of(candidate)
        objections = self._about_the_person(candidate)
        objections += self._about_the_campaign(campaign, candidate.step)
        objections += self._about_the_message(candidate, campaign)
        if reach.found or recipient_day.bound_by is not None or self._day.is_past:
            objections += self._about_the_day(reach, recipient_day)
        if not objections:
            return Eligible(candidate, key, reach.mailbox_ids, recipient_day)
        return self._refused(candidate, objections, key)

    def _about_the_day(self, reach: Reach, recipient_day: RecipientDay) -> Iterator[Objection]:
        yield from (Objection(constraint, reach.detail) for constraint in reach.found)
        if recipient_day.bound_by is not None:
            yield Objection(recipient_day.bound_by, recipient_day.detail)
        if self._day.is_past:
            yield Objection(Constraint.PAST_DAY, f"{self._snapshot.day} is over: nothing is planned for it")

    def _refused(self, candidate: Candidate, objections: Iterable[Objection], key: LaneKey) -> Refused:
        ordered = tuple(sorted(objections, key=lambda objection: power(objection.constraint)))
        ends = None if self._day.is_past else self._end(candidate, ordered, key)
        return Refused(candidate, ordered, ends)

    def _end(self, candidate: Candidate, objections: Iterable[Objection], key: LaneKey) -> EndReason | None:
        """The end that the strongest ending objection makes. A retired mailbox ends its threads and no new lead."""
        for constraint, _ in objections:
            if constraint is Constraint.SUPPRESSED and isinstance(candidate.block, Suppressed):
                return _SUPPRESSED_END.get(candidate.block.kind, EndReason.SUPPRESSED)
            if constraint in _ENDING and not (constraint is Constraint.MAILBOX_RETIRED and key.sticky is None):
                return _ENDING[constraint]
        finished = self._campaigns[candidate.campaign_id].state is CampaignState.FINISHED
        return EndReason.CAMPAIGN_ENDED if finished else None

    def _about_the_person(self, candidate: Candidate) -> list[Objection]:
        found: list[Objection] = []
        if candidate.block is not None and not self._is_back(candidate.block):
            found.append(_blocked(candidate.block))
        if self._snapshot.policy.verified_only and not candidate.verified:
            found.append(Objection(Constraint.UNVERIFIED, "the address is not verified, and policy demands it"))
        return found

    def _is_back(self, block: Block) -> bool:
        return isinstance(block, Away) and self._snapshot.day >= back_in_office(block.until, self._calendar)

    def _about_the_campaign(self, campaign: Campaign, step: int) -> tuple[Objection, ...]:
        key = (campaign.id, step)
        known = self._campaign_objections.get(key)
        if known is None:
            known = self._campaign_objections[key] = tuple(_campaign_objections(campaign, step))
        return known

    def _about_the_message(self, candidate: Candidate, campaign: Campaign) -> list[Objection]:
        found: list[Objection] = []
        file = self._routes.holds.of_file(candidate.enrollment_id) if self._routes.holds.slow_messages else None
        if file is not None and file.hold.factor == 0:
            found.append(
                Objection(Constraint.LEAD_FILE_HELD, f"lead file {file.lead_file} is held: {file.hold.reason}")
            )
        if candidate.missing_fields and (missing := candidate.missing_fields & campaign.required_fields):
            found.append(Objection(Constraint.FIELD_MISSING, f"the lead has no {', no '.join(sorted(missing))}"))
        message = (candidate.campaign_id, candidate.step, candidate.lead_id, candidate.round)
        first = self._first_of_message.setdefault(message, candidate.enrollment_id)
        if first != candidate.enrollment_id:
            found.append(Objection(Constraint.SAME_MESSAGE_TWICE, f"the same message as enrollment {first}"))
        if candidate.due_day > self._snapshot.day:
            found.append(Objection(Constraint.NOT_DUE, f"due on {candidate.due_day}"))
        if candidate.step > 1:
            found.extend(self._about_the_thread(candidate))
        return found

    def _about_the_thread(self, candidate: Candidate) -> Iterator[Objection]:
        if candidate.sticky_mailbox is None:
            yield Objection(Constraint.THREAD_UNKNOWN, "the mailbox of the first message is not known")
        if self._waited(candidate.due_day):
            limit = self._snapshot.policy.longest_follow_up_wait
            detail = f"due on {candidate.due_day}, more than {limit} business days ago"
            yield Objection(Constraint.WAITED_TOO_LONG, detail)

    def _waited(self, due_day: date) -> bool:
        known = self._too_late.get(due_day)
        if known is None:
            limit = self._snapshot.policy.longest_follow_up_wait
            known = waited_too_long(due_day, self._snapshot.day, self._calendar, longest_wait=limit)
            self._too_late[due_day] = known
        return known


def _blocked(block: Block) -> Objection:
    match block:
        case Suppressed(kind=kind, on=on):
            return Objection(Constraint.SUPPRESSED, f"suppressed {_SUPPRESSED_BY[kind]} on {on}")
        case Bounced(on=on):
            return Objection(Constraint.BOUNCED, f"hard bounce on {on}")
        case Replied(on=on):
            return Objection(Constraint.REPLIED, f"replied on {on}")
        case CompanyReplied(on=on):
            return Objection(Constraint.COMPANY_REPLIED, f"somebody else of the company replied on {on}")
        case Unsubscribed(on=on):
            return Objection(Constraint.UNSUBSCRIBED, f"unsubscribed on {on}")
        case Away(until=until):
            return Objection(Constraint.OUT_OF_OFFICE, f"out of office until {until}, and not on the day of return")
        case Erased(on=on):
            return Objection(Constraint.ERASED, f"erased on {on}")
        case Undeliverable(reason=reason, on=on):
            return Objection(Constraint.UNDELIVERABLE, f"{_NO_MAIL[reason]} on {on}")
    assert_never(block)


def _campaign_objections(campaign: Campaign, step: int) -> Iterator[Objection]:
    if not campaign.has_postal_address:
        yield Objection(Constraint.NO_POSTAL_ADDRESS, f"campaign {campaign.id} has no postal address")
    if not campaign.has_unsubscribe:
        yield Objection(Constraint.NO_UNSUBSCRIBE, f"campaign {campaign.id} has no unsubscribe link")
    if step > len(campaign.steps):
        yield Objection(
            Constraint.NO_SUCH_STEP,
            f"campaign {campaign.id} has no step {step}: it has {len(campaign.steps) or 'none'}",
        )
    if campaign.state is not CampaignState.ACTIVE:
        yield Objection(Constraint.CAMPAIGN_NOT_ACTIVE, f"campaign {campaign.id} is {campaign.state}")
    if campaign.hold is not None and campaign.hold.factor == 0:
        yield Objection(Constraint.CAMPAIGN_HELD, f"campaign {campaign.id} is held: {campaign.hold.reason}")

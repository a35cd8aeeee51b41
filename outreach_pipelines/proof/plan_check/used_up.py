"""Whether the limits that a decision names are used up, and a pace that leaves no slot leaves no gap.

Belongs here: numbers behind reasons. Does not: limits that are passed (`mailbox_limits`, `shared_limits`).
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from outreach_pipelines.proof.plan_check.candidate_document import Candidate
from outreach_pipelines.proof.plan_check.facts import Facts, Violation, effective_cap
from outreach_pipelines.proof.plan_check.open_time import OpenTime
from outreach_pipelines.proof.plan_check.plan_document import Decision
from outreach_pipelines.proof.plan_check.sender_document import Mailbox

_MINUTE = timedelta(minutes=1)


def used_up(facts: Facts) -> Iterator[Violation]:
    """Every limit that a decision found against its candidate, as far as one sum can tell."""
    counts = _Counts(facts)
    for decision in facts.plan.decisions:
        candidate = facts.candidates.get(decision.enrollment_id)
        if candidate is not None:
            subject = f"enrollment {decision.enrollment_id}"
            yield from (Violation("reason", subject, each) for each in _about(counts, decision, candidate))


def _about(counts: "_Counts", decision: Decision, candidate: Candidate) -> Iterator[str]:
    for name in decision.found:
        has_room = _ROOMS.get(name)
        if has_room is not None and has_room(counts, candidate):
            yield f"{name} is given, and is not used up"
    if decision.found == ("spacing",) and (gap := counts.gap(candidate)) is not None:
        yield f"spacing is given, and nothing leaves mailbox {candidate.sticky_mailbox} from {gap[0]} to {gap[1]}"


class _Counts:
    """Sums of the plan, of what was used before it, and what the limits leave."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        rows = [candidate for _, candidate, _ in facts.sound]
        used = facts.snapshot.used_today
        self.domains = Counter(row.recipient_domain for row in rows)
        self.domains.update({row.recipient_domain: row.count for row in used.recipient_domains})
        self.companies = Counter(row.company for row in rows if row.company is not None)
        self.companies.update({row.company: row.count for row in used.companies})
        self.providers = Counter(row.provider for row in rows)
        self.providers.update({row.provider: row.count for row in used.providers})
        self.persons = Counter(row.recipient for row in rows)
        self.senders = Counter(mailbox.domain_id for _, _, mailbox in facts.sound)
        self.accounts = Counter(id_ for placement, _, _ in facts.sound for id_ in placement.account_ids[:1])
        self._open_time = OpenTime(facts)
        self.placed: dict[int, list[datetime]] = {}
        for placement, _, mailbox in facts.sound:
            self.placed.setdefault(mailbox.id, []).append(placement.due_at)

    def times(self, mailbox: int) -> list[datetime]:
        """All that leaves the mailbox, in order."""
        return sorted([*self.placed.get(mailbox, []), *self.facts.mailboxes[mailbox].other_sends])

    def gap(self, candidate: Candidate) -> tuple[datetime, datetime] | None:
        """A stretch of the recipient's open time in which the thread's mailbox had a slot and sent nothing."""
        mailbox = self.facts.mailboxes.get(candidate.sticky_mailbox or 0)
        if mailbox is None or mailbox.hours is not None:
            return None
        # Slots lie at most the largest spacing apart, and both neighbours keep the smallest.
        longest = timedelta(seconds=mailbox.max_spacing + 2 * mailbox.min_spacing)
        for start, end in _stretches(sorted(self._open_time.minutes(candidate))):
            within = [at for at in self.times(mailbox.id) if start <= at <= end]
            for before, after in pairwise([start, *within, end]):
                if after - before > longest and not self._touches_a_full_date(mailbox, before, after):
                    return before, after
        return None

    def _touches_a_full_date(self, mailbox: Mailbox, before: datetime, after: datetime) -> bool:
        cap, zone = effective_cap(mailbox), ZoneInfo(mailbox.zone)
        sent = self.by_date(mailbox)
        return cap is not None and any(sent[at.astimezone(zone).date()] >= int(cap) for at in (before, after))

    def by_date(self, mailbox: Mailbox) -> Counter[date]:
        """What leaves on each of the mailbox's own dates."""
        zone = ZoneInfo(mailbox.zone)
        placed = Counter(at.astimezone(zone).date() for at in self.placed.get(mailbox.id, []))
        placed.update({row.day: row.count for row in mailbox.sends_by_day})
        return placed


def _stretches(minutes: list[datetime]) -> Iterator[tuple[datetime, datetime]]:
    """Neighbouring minutes as one stretch, from its first moment to its end."""
    first = None
    for index, at in enumerate(minutes):
        first = at if first is None else first
        if index + 1 == len(minutes) or minutes[index + 1] - at > _MINUTE:
            yield first, at + _MINUTE
            first = None


def _mailbox_has_room(counts: _Counts, candidate: Candidate) -> bool:
    """Of a thread's mailbox: whether no date that the day touches has used up its cap."""
    mailbox = counts.facts.mailboxes.get(candidate.sticky_mailbox or 0)
    cap = None if mailbox is None else effective_cap(mailbox)
    if mailbox is None or cap is None:
        return mailbox is not None
    return all(count < int(cap) for count in counts.by_date(mailbox).values()) and int(cap) > 0


def _domains_have_room(counts: _Counts, candidate: Candidate) -> bool:
    facts = counts.facts
    mailbox = facts.mailboxes.get(candidate.sticky_mailbox or 0)
    pool = facts.campaigns[candidate.campaign_id].pool_id
    rows = [facts.domains[mailbox.domain_id]] if mailbox else [d for d in facts.domains.values() if d.pool_id == pool]
    return all(row.daily_cap is None or counts.senders[row.id] + row.sent_today < row.daily_cap for row in rows)


def _accounts_have_room(counts: _Counts, _: Candidate) -> bool:
    rows = counts.facts.snapshot.accounts
    return all(row.share_left is None or counts.accounts[row.id] < row.share_left for row in rows)


def _tenant_has_room(counts: _Counts, _: Candidate) -> bool:
    cap = counts.facts.snapshot.policy.daily_cap
    sent = sum(row.sent_today for row in counts.facts.snapshot.domains)
    return cap is None or len(counts.facts.sound) + sent < cap


def _provider_has_room(counts: _Counts, candidate: Candidate) -> bool:
    caps = {row.provider: row.daily_cap for row in counts.facts.snapshot.policy.recipient_provider_caps}
    cap = caps.get(candidate.provider)
    return cap is None or counts.providers[candidate.provider] < cap


def _domain_of_recipient_has_room(counts: _Counts, candidate: Candidate) -> bool:
    cap = counts.facts.snapshot.policy.recipient_domain_daily_cap
    return cap is None or counts.domains[candidate.recipient_domain] < cap


def _company_has_room(counts: _Counts, candidate: Candidate) -> bool:
    cap = counts.facts.snapshot.policy.company_daily_cap
    return cap is None or candidate.company is None or counts.companies[candidate.company] < cap


def _person_has_room(counts: _Counts, candidate: Candidate) -> bool:
    pressure = counts.facts.snapshot.policy.contact_pressure
    return pressure is None or candidate.recent_contacts + counts.persons[candidate.recipient] < pressure.messages


_ROOMS: Mapping[str, Callable[[_Counts, Candidate], bool]] = {
    "mailbox_cap": lambda counts, row: row.sticky_mailbox is not None and _mailbox_has_room(counts, row),
    "domain_cap": _domains_have_room,
    "account_share": _accounts_have_room,
    "tenant_daily_cap": _tenant_has_room,
    "recipient_domain_cap": _domain_of_recipient_has_room,
    "recipient_provider_cap": _provider_has_room,
    "company_cap": _company_has_room,
    "contact_pressure": _person_has_room,
}

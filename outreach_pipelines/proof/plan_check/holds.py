"""Holds on single messages: on campaigns, lead files, a recipient provider, the account (rules 1 and 4).

Belongs here: whether a stopped message was placed, and whether a slowed one leaves while the part of the cap that its
hold leaves is not used yet, as the intent counts it. Does not: the hold of a whole mailbox (`mailbox_limits`).
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from fractions import Fraction
from typing import NamedTuple
from zoneinfo import ZoneInfo

from outreach_pipelines.proof.plan_check.candidate_document import Candidate
from outreach_pipelines.proof.plan_check.facts import ONE_DAY, Facts, Violation, path_factor
from outreach_pipelines.proof.plan_check.plan_document import Placement
from outreach_pipelines.proof.plan_check.sender_document import Mailbox

_ROLLING = Fraction(5, 4)
_ALL = Fraction(1)


def holds(facts: Facts) -> Iterator[Violation]:
    """Every placement against the holds that speak of it."""
    by_mailbox: dict[int, list[Placement]] = defaultdict(list)
    for placement, candidate, mailbox in facts.sound:
        by_mailbox[mailbox.id].append(placement)
        for rule, factor in _factors(facts, candidate, placement.account_ids[:1], mailbox).items():
            if factor == 0:
                yield Violation(rule, f"enrollment {candidate.enrollment_id}", "placed although a hold stops it")
    for mailbox_id, rows in sorted(by_mailbox.items()):
        yield from _slowed(facts, facts.mailboxes[mailbox_id], rows)


def may_leave(
    facts: Facts, candidate: Candidate, accounts: Sequence[int], mailbox: Mailbox, times: list[datetime], at: datetime
) -> bool:
    """Whether holds leave the message room at a moment, where `times` are those of all that leaves from the mailbox."""
    factor = min(_factors(facts, candidate, accounts, mailbox).values())
    return (
        factor == 1 or mailbox.daily_cap is None or _before(mailbox, times, at).leaves_room(mailbox.daily_cap * factor)
    )


class _Before(NamedTuple):
    """What leaves before a moment: of its date, and of 24 hours."""

    of_date: int
    of_24_hours: int

    def leaves_room(self, cap: Fraction) -> bool:
        return self.of_date + 1 <= cap and self.of_24_hours + 1 <= cap * _ROLLING


def _factors(facts: Facts, candidate: Candidate, account_ids: Sequence[int], mailbox: Mailbox) -> dict[str, Fraction]:
    """What each kind of hold leaves of a message, by the name of its rule; 1 where there is none."""
    campaign = facts.campaigns[candidate.campaign_id].hold
    towards = (Fraction(row.hold.factor) for row in mailbox.provider_holds if row.provider == candidate.provider)
    accounts = (path_factor(facts, mailbox, account) for account in account_ids)
    return {
        "campaign_held": _ALL if campaign is None else Fraction(campaign.factor),
        "lead_file_held": facts.file_factors.get(candidate.enrollment_id, _ALL),
        "provider_held": min(towards, default=_ALL),
        "path_held": min(accounts, default=_ALL),
    }


def _slowed(facts: Facts, mailbox: Mailbox, rows: list[Placement]) -> Iterator[Violation]:
    if mailbox.daily_cap is None:
        return
    times = sorted([*(row.due_at for row in rows), *mailbox.other_sends])
    for row in rows:
        factor = min(_factors(facts, facts.candidates[row.enrollment_id], row.account_ids[:1], mailbox).values())
        if factor == 1:
            continue
        before, cap = _before(mailbox, times, row.due_at), mailbox.daily_cap * factor
        if not before.leaves_room(cap):
            sentence = (
                f"{before.of_date} of its date and {before.of_24_hours} of 24 hours leave before it, "
                f"a hold leaves {cap} and {cap * _ROLLING}"
            )
            yield Violation("slowed", f"enrollment {row.enrollment_id}", sentence)


def _before(mailbox: Mailbox, times: list[datetime], at: datetime) -> _Before:
    return _Before(_on_date(mailbox, times, at), _in_24_hours(times, at))


def _on_date(mailbox: Mailbox, times: list[datetime], at: datetime) -> int:
    """What leaves before a moment on the mailbox's date; sends without a known time are before it."""
    zone = ZoneInfo(mailbox.zone)
    day = at.astimezone(zone).date()
    told = sum(row.count for row in mailbox.sends_by_day if row.day == day)
    timed = sum(other.astimezone(zone).date() == day for other in mailbox.other_sends)
    earlier = times[: bisect_left(times, at)]
    return max(0, told - timed) + sum(each.astimezone(zone).date() == day for each in earlier[-_MOST:])


_MOST = 2_000
"""No mailbox sends more in a day: spacing of 60 s and more."""


def _in_24_hours(times: list[datetime], at: datetime) -> int:
    return bisect_left(times, at) - bisect_right(times, at - ONE_DAY)

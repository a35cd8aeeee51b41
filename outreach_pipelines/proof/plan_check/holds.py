"""Holds on single messages: on campaigns, lead files, a recipient provider, the account (rules 1 and 4).

Belongs here: whether a stopped message was placed, and whether a slowed one leaves while the part of the cap that its
hold leaves is not used yet, as the intent counts it. Does not: the hold of a whole mailbox (`mailbox_limits`).
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction
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
        for rule, factor in _factors(facts, candidate, placement, mailbox).items():
            if factor == 0:
                yield Violation(rule, f"enrollment {candidate.enrollment_id}", "placed although a hold stops it")
    for mailbox_id, rows in sorted(by_mailbox.items()):
        yield from _slowed(facts, facts.mailboxes[mailbox_id], rows)


def _factors(facts: Facts, candidate: Candidate, placement: Placement, mailbox: Mailbox) -> dict[str, Fraction]:
    """What each kind of hold leaves of a message, by the name of its rule; 1 where there is none."""
    campaign = facts.campaigns[candidate.campaign_id].hold
    towards = (Fraction(row.hold.factor) for row in mailbox.provider_holds if row.provider == candidate.provider)
    accounts = (path_factor(facts, mailbox, account) for account in placement.account_ids[:1])
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
        factor = min(_factors(facts, facts.candidates[row.enrollment_id], row, mailbox).values())
        if factor == 1:
            continue
        before = (_on_date(mailbox, times, row.due_at), _in_24_hours(times, row.due_at))
        room = (mailbox.daily_cap * factor, mailbox.daily_cap * factor * _ROLLING)
        if before[0] + 1 > room[0] or before[1] + 1 > room[1]:
            sentence = f"{before[0]} of its date and {before[1]} of 24 hours leave before it, a hold leaves {room[0]} and {room[1]}"
            yield Violation("slowed", f"enrollment {row.enrollment_id}", sentence)


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

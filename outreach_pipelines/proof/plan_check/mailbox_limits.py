"""What a single mailbox may do in a day: pace, caps by date and by 24 hours, new leads, follow-ups first.

Belongs here: limits of one mailbox. Does not: limits that mailboxes share.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta
from fractions import Fraction
from itertools import accumulate, pairwise
from zoneinfo import ZoneInfo

from outreach_pipelines.proof.plan_check.facts import ONE_DAY, Facts, Violation, effective_cap
from outreach_pipelines.proof.plan_check.holds import may_leave
from outreach_pipelines.proof.plan_check.hours import closed
from outreach_pipelines.proof.plan_check.plan_document import LAST_BEFORE_SLOTS, POWER, Decision, Placement
from outreach_pipelines.proof.plan_check.routes import allowed_accounts
from outreach_pipelines.proof.plan_check.sender_document import Mailbox

ROLLING = Fraction(5, 4)
"""Messages of any 24 hours, as a multiple of the daily cap."""
FORECAST_DAYS = 10
_SLOT_SHORTAGE = frozenset({"mailbox_cap", "spacing", "rolling_cap", "domain_cap", "tenant_daily_cap"})
_Found = Iterator[tuple[str, str]]


def mailbox_limits(facts: Facts) -> Iterator[Violation]:
    """Every mailbox against its own limits."""
    placed: dict[int, list[Placement]] = defaultdict(list)
    for placement, _, mailbox in facts.sound:
        placed[mailbox.id].append(placement)
    waiting = _waiting(facts)
    for id_, rows in sorted(placed.items()):
        mailbox = facts.mailboxes[id_]
        found = (
            *_spacing(mailbox, rows),
            *_dates(mailbox, rows),
            *_rolling(mailbox, rows),
            *_budget(facts, mailbox, rows, len(waiting[id_])),
            *_follow_ups_first(facts, mailbox, rows, waiting[id_]),
        )
        yield from (Violation(rule, f"mailbox {id_}", sentence) for rule, sentence in found)


def _waiting(facts: Facts) -> dict[int, list[Decision]]:
    """Follow-ups that might have gone today and found no slot, by the mailbox of their thread."""
    waiting: dict[int, list[Decision]] = defaultdict(list)
    for row in facts.plan.decisions:
        candidate = facts.candidates.get(row.enrollment_id)
        if candidate is None or candidate.step == 1 or candidate.sticky_mailbox is None or row.bound_by is None:
            continue
        if POWER[row.looked_through] > LAST_BEFORE_SLOTS:
            waiting[candidate.sticky_mailbox].append(row)
    return waiting


def _spacing(mailbox: Mailbox, rows: Sequence[Placement]) -> _Found:
    ours = [(row.due_at, True) for row in rows]
    times = sorted([*ours, *((moment, False) for moment in mailbox.other_sends)])
    for (before, is_ours), (after, also_ours) in pairwise(times):
        if (is_ours or also_ours) and after - before < timedelta(seconds=mailbox.min_spacing):
            yield "spacing", f"{after - before} between two messages, {before} and {after}"


def _dates(mailbox: Mailbox, rows: Sequence[Placement]) -> _Found:
    cap = effective_cap(mailbox)
    if cap is None:
        return
    zone, before = ZoneInfo(mailbox.zone), {row.day: row.count for row in mailbox.sends_by_day}
    for day, count in sorted(Counter(row.due_at.astimezone(zone).date() for row in rows).items()):
        if count + before.get(day, 0) > cap:
            yield "mailbox_cap", f"{count} more on {day} make {count + before.get(day, 0)}, the cap is {cap}"


def _rolling(mailbox: Mailbox, rows: Sequence[Placement]) -> _Found:
    cap = effective_cap(mailbox, ROLLING)
    if cap is None:
        return
    ours = {row.due_at for row in rows}
    times = sorted([*(row.due_at for row in rows), *mailbox.other_sends])
    for end in times:
        window = times[bisect_right(times, end - ONE_DAY) : bisect_right(times, end)]
        if len(window) > cap and not ours.isdisjoint(window):
            yield "rolling_cap", f"{len(window)} in the 24 hours to {end}, the cap is {cap}"


def _budget(facts: Facts, mailbox: Mailbox, rows: Sequence[Placement], waiting: int) -> _Found:
    """New leads of today, taken in every day from now on, must leave no later day with more than the cap."""
    new = sum(row.step == 1 for row in rows)
    cap = effective_cap(mailbox)
    if cap is None or new == 0:
        return
    a_day = new + mailbox.new_leads_today
    ahead = [*mailbox.follow_ups_ahead, *[0] * FORECAST_DAYS][:FORECAST_DAYS]
    known = [len(rows) - new, ahead[0] + waiting, *ahead[1:]]
    for day, count in enumerate(known):
        steps = _later_steps(facts, facts.pool_of(mailbox), day) if day else 0
        if count + a_day * (1 + steps) > int(cap):
            yield (
                "new_lead_budget",
                f"{a_day} new leads a day leave business day {day} with {count + a_day * (1 + steps)}, the cap is {int(cap)}",
            )
            return


def _later_steps(facts: Facts, pool: int, day: int) -> int:
    """How many later steps of a lead have fallen due within `day` business days; of several campaigns the most."""
    active = (row for row in facts.snapshot.campaigns if row.pool_id == pool and row.state == "active")
    dues = (accumulate(step.delay_business_days for step in campaign.steps[1:]) for campaign in active)
    return max((sum(due <= day for due in row) for row in dues), default=0)


def _follow_ups_first(facts: Facts, mailbox: Mailbox, rows: Sequence[Placement], waiting: Sequence[Decision]) -> _Found:
    """No new lead got a slot that a follow-up of the same mailbox could have had."""
    slots = sorted(row.due_at for row in rows if row.step == 1)
    times = sorted([*(row.due_at for row in rows), *mailbox.other_sends])
    for decision in waiting:
        candidate = facts.candidates[decision.enrollment_id]
        accounts = allowed_accounts(facts, candidate, mailbox)
        is_free = any(facts.accounts[id_].share_left is None for id_ in accounts)
        zone = facts.zone_of(candidate)
        if zone is None or not is_free or not set(decision.found) <= _SLOT_SHORTAGE:
            continue
        free = (at for at in slots if may_leave(facts, candidate, accounts, mailbox, times, at))
        at = next((at for at in free if not any(closed(facts, candidate, at.astimezone(zone)))), None)
        last = None if at is None else at + timedelta(seconds=60)
        if last is not None and not any(closed(facts, candidate, last.astimezone(zone))):
            sentence = f"a new lead got {at}, which enrollment {decision.enrollment_id} could have had"
            yield "follow_ups_first", sentence
            return

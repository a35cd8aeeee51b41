"""The minutes of the plan's day in which each recipient may be written to, minute by minute on the wall clock.

Belongs here: open time as a set, for rules that compare many messages. Does not: what closes it (`hours`).
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from outreach_pipelines.proof.plan_check.candidate_document import Candidate
from outreach_pipelines.proof.plan_check.facts import ONE_DAY, Facts, day_start
from outreach_pipelines.proof.plan_check.hours import closed

_MINUTE = timedelta(minutes=1)
_LAST_SECOND = timedelta(seconds=59)


class OpenTime:
    """Computed once for all recipients of the same campaign, zone and country."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        zone = ZoneInfo(facts.snapshot.policy.zone)
        first, end = day_start(facts.snapshot.day, zone), day_start(facts.snapshot.day + ONE_DAY, zone)
        start = max(first, facts.snapshot.as_of + _MINUTE).replace(second=0, microsecond=0)
        self._minutes = [start + _MINUTE * n for n in range(max(0, int((end - start) / _MINUTE)))]
        self._known: dict[tuple[object, ...], frozenset[datetime]] = {}

    def minutes(self, candidate: Candidate) -> frozenset[datetime]:
        """Whole minutes that are open to their last second, the one after them too: nothing falls due in a last minute."""
        key = candidate.campaign_id, candidate.zone, candidate.country
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._find(candidate)
        return known

    def _find(self, candidate: Candidate) -> frozenset[datetime]:
        zone = self._facts.zone_of(candidate)
        if zone is None:
            return frozenset()
        is_open = {at for at in self._minutes if self._is_open(candidate, at.astimezone(zone))}
        return frozenset(at for at in is_open if at + _MINUTE in is_open)

    def _is_open(self, candidate: Candidate, local: datetime) -> bool:
        return not any(closed(self._facts, candidate, local)) and not any(
            closed(self._facts, candidate, local + _LAST_SECOND)
        )

"""The case before the tests.

Belongs here: what every test is given. Not here: the tests (`rates`, `counts`).
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from outreach_pipelines.domain.back_off.evidence import Evidence
from outreach_pipelines.domain.back_off.policy import Policy
from outreach_pipelines.domain.back_off.scope import Scope, needs_a_person


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A scope, its evidence, the numbers, the moment, and up to when an earlier stop has paid for the evidence."""

    scope: Scope
    evidence: Evidence
    policy: Policy
    now: datetime
    counts_from: datetime | None

    @property
    def today(self) -> date:
        """The local day of `now`."""
        return self.now.date()

    def local_day(self, moment: datetime) -> date:
        """The day of a moment in the zone of `now`."""
        return moment.astimezone(self.now.tzinfo).date()

    def stop_ends(self, lasting: timedelta) -> datetime | None:
        """When a stop for bounces or complaints ends by itself; None where a person must release it."""
        return None if needs_a_person(self.scope) else self.now + lasting

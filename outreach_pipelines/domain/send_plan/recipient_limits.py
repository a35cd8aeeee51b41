"""What is left on the recipients' side: domain, provider, company, and what a person may get (rule 4).

Here belong the counters by recipient. Not here: what mailboxes, domains and accounts have left (`capacity`).
"""

from collections import defaultdict
from collections.abc import Iterator

from outreach_pipelines.domain.send_plan.plan import Constraint
from outreach_pipelines.domain.send_plan.snapshot import Candidate, Snapshot

UNLIMITED = 10**12
"""Stands for `None` while planning: no plan comes near it, and a number compares faster than an option."""

Limit = tuple[Constraint, str]
"""A cap on the recipients' side and whom it is about."""


class RecipientLimits:
    """Filled while a plan is made."""

    def __init__(self, snapshot: Snapshot) -> None:
        policy, used = snapshot.policy, snapshot.used_today
        self._domain_cap = limit_of(policy.recipient_domain_daily_cap)
        self._domains = defaultdict(int, {use.recipient_domain: use.count for use in used.recipient_domains})
        self._company_cap = limit_of(policy.company_daily_cap)
        self._companies = defaultdict(int, {use.company: use.count for use in used.companies})
        self._provider_caps = {cap.provider: cap.daily_cap for cap in policy.recipient_provider_caps}
        self._providers = defaultdict(int, {use.provider: use.count for use in used.providers})
        pressure = policy.contact_pressure
        self._pressure = UNLIMITED if pressure is None else pressure.messages
        self._persons: dict[str, int] = defaultdict(int)

    def refuse(self, candidate: Candidate) -> bool:
        """Whether a limit is used up: `refusals` without their names."""
        return (
            self._domains[candidate.recipient_domain] >= self._domain_cap
            or self._providers[candidate.provider] >= self._provider_caps.get(candidate.provider, UNLIMITED)
            or (candidate.company is not None and self._companies[candidate.company] >= self._company_cap)
            or self.press(candidate)
        )

    def press(self, candidate: Candidate) -> bool:
        """Whether the person has had all messages of the period."""
        return candidate.recent_contacts + self._persons[candidate.recipient] >= self._pressure

    def refusals(self, candidate: Candidate) -> list[Constraint]:
        """The limits that are used up, strongest first."""
        found = [constraint for constraint, _ in self.used_up(candidate)]
        return [*found, Constraint.CONTACT_PRESSURE] if self.press(candidate) else found

    def used_up(self, candidate: Candidate) -> list[Limit]:
        """Those of `caps_on` without room. Asked of everybody: most meet none of them, and that costs three comparisons."""
        found: list[Limit] = []
        if self._domains[candidate.recipient_domain] >= self._domain_cap:
            found.append((Constraint.RECIPIENT_DOMAIN_CAP, candidate.recipient_domain))
        if self._providers[candidate.provider] >= self._provider_caps.get(candidate.provider, UNLIMITED):
            found.append((Constraint.RECIPIENT_PROVIDER_CAP, candidate.provider))
        if candidate.company is not None and self._companies[candidate.company] >= self._company_cap:
            found.append((Constraint.COMPANY_CAP, candidate.company))
        return found

    def caps_on(self, candidate: Candidate) -> Iterator[Limit]:
        """The caps that a message counts against, strongest first; contact pressure, which has no cap of its own, aside."""
        if self._domain_cap < UNLIMITED:
            yield Constraint.RECIPIENT_DOMAIN_CAP, candidate.recipient_domain
        if candidate.provider in self._provider_caps:
            yield Constraint.RECIPIENT_PROVIDER_CAP, candidate.provider
        if candidate.company is not None and self._company_cap < UNLIMITED:
            yield Constraint.COMPANY_CAP, candidate.company

    def room(self, limit: Limit) -> int:
        constraint, key = limit
        if constraint is Constraint.RECIPIENT_DOMAIN_CAP:
            return self._domain_cap - self._domains[key]  # type: ignore[index] # a limit's key is of its kind
        if constraint is Constraint.COMPANY_CAP:
            return self._company_cap - self._companies[key]  # type: ignore[index] # the same
        return self._provider_caps[key] - self._providers[key]  # type: ignore[index] # the same

    def count(self, candidate: Candidate, messages: int = 1) -> None:
        """-1 takes a message back."""
        self._domains[candidate.recipient_domain] += messages
        self._providers[candidate.provider] += messages
        self._persons[candidate.recipient] += messages
        if candidate.company is not None:
            self._companies[candidate.company] += messages


def limit_of(cap: int | None) -> int:
    return UNLIMITED if cap is None else cap

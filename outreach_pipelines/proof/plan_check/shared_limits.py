"""Limits that many messages share: domains, tenant, minutes, accounts, and those on the recipient's side (rule 4).

Belongs here: sums over the whole plan. Does not: limits of one mailbox.
"""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping

from outreach_pipelines.proof.plan_check.facts import Facts, Violation


def shared_limits(facts: Facts) -> Iterator[Violation]:
    """Every shared limit against what is placed and what was used before."""
    yield from _senders(facts)
    yield from _minutes(facts)
    yield from _receivers(facts)
    yield from _pressure(facts)


def _senders(facts: Facts) -> Iterator[Violation]:
    domains = Counter(mailbox.domain_id for _, _, mailbox in facts.sound)
    for id_, count in sorted(domains.items()):
        domain = facts.domains[id_]
        yield from _above("domain_cap", f"domain {id_}", count + domain.sent_today, domain.daily_cap)
    if facts.sound:
        sent = sum(domain.sent_today for domain in facts.snapshot.domains)
        yield from _above("tenant_daily_cap", "tenant", len(facts.sound) + sent, facts.snapshot.policy.daily_cap)
    accounts = Counter(id_ for placement, _, _ in facts.sound for id_ in placement.account_ids[:1])
    for id_, count in sorted(accounts.items()):
        if id_ in facts.accounts:
            yield from _above("account_share", f"account {id_}", count, facts.accounts[id_].share_left)


def _minutes(facts: Facts) -> Iterator[Violation]:
    ours = Counter(placement.due_at.replace(second=0, microsecond=0) for placement, _, _ in facts.sound)
    others = Counter(
        moment.replace(second=0, microsecond=0) for row in facts.snapshot.mailboxes for moment in row.other_sends
    )
    for minute, count in sorted(ours.items()):
        cap = facts.snapshot.policy.minute_cap
        yield from _above("tenant_minute_cap", f"minute {minute}", count + others[minute], cap)


def _receivers(facts: Facts) -> Iterator[Violation]:
    policy, used = facts.snapshot.policy, facts.snapshot.used_today
    rows = [candidate for _, candidate, _ in facts.sound]
    domains: Counter[Hashable] = Counter(row.recipient_domain for row in rows)
    companies: Counter[Hashable] = Counter(row.company for row in rows if row.company is not None)
    providers: Counter[Hashable] = Counter(row.provider for row in rows)
    caps: dict[Hashable, int | None] = {row.provider: row.daily_cap for row in policy.recipient_provider_caps}
    before_domains: dict[Hashable, int] = {row.recipient_domain: row.count for row in used.recipient_domains}
    before_companies: dict[Hashable, int] = {row.company: row.count for row in used.companies}
    before_providers: dict[Hashable, int] = {row.provider: row.count for row in used.providers}
    domain_caps = dict.fromkeys(domains, policy.recipient_domain_daily_cap)
    company_caps = dict.fromkeys(companies, policy.company_daily_cap)
    yield from _within("recipient_domain_cap", domains, before_domains, domain_caps)
    yield from _within("company_cap", companies, before_companies, company_caps)
    yield from _within("recipient_provider_cap", providers, before_providers, caps)


def _within(
    rule: str, placed: Counter[Hashable], before: Mapping[Hashable, int], caps: Mapping[Hashable, int | None]
) -> Iterator[Violation]:
    for key, count in placed.items():
        yield from _above(rule, f"{rule.removesuffix('_cap')} {key}", count + before.get(key, 0), caps.get(key))


def _pressure(facts: Facts) -> Iterator[Violation]:
    pressure = facts.snapshot.policy.contact_pressure
    if pressure is None:
        return
    rows = [candidate for _, candidate, _ in facts.sound]
    placed = Counter(row.recipient for row in rows)
    before: dict[str, int] = {}
    for row in rows:
        before[row.recipient] = min(row.recent_contacts, before.get(row.recipient, row.recent_contacts))
    for person, count in placed.items():
        yield from _above("contact_pressure", f"person {person}", count + before[person], pressure.messages)


def _above(rule: str, subject: str, count: int, cap: int | None) -> Iterator[Violation]:
    if cap is not None and count > cap:
        yield Violation(rule, subject, f"{count}, the cap is {cap}")

"""Whether the reasons that a plan gives can be true, as far as the snapshot proves or refutes them.

Belongs here: decisions. Does not: placements.
"""

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction

from outreach_pipelines.proof.plan_check.candidate_document import Away, Candidate
from outreach_pipelines.proof.plan_check.facts import Facts, Violation
from outreach_pipelines.proof.plan_check.plan_document import LAST_BEFORE_SLOTS, POWER, Decision
from outreach_pipelines.proof.plan_check.sender_document import Hold

_BLOCKS: Mapping[str, str] = {
    "Suppressed": "suppressed",
    "Bounced": "bounced",
    "Replied": "replied",
    "CompanyReplied": "company_replied",
    "Unsubscribed": "unsubscribed",
    "Erased": "erased",
    "Undeliverable": "undeliverable",
}


def reasons(facts: Facts) -> Iterator[Violation]:
    """Every decision against what its own row, its campaign and the limits say."""
    limits = _without_limit(facts)
    for decision in facts.plan.decisions:
        candidate = facts.candidates.get(decision.enrollment_id)
        if candidate is None:
            continue
        subject = f"enrollment {decision.enrollment_id}"
        for sentence in (*_form(decision), *_known(facts, decision, candidate), *_possible(decision, limits)):
            yield Violation("reason", subject, sentence)


def _form(decision: Decision) -> Iterator[str]:
    powers = [POWER[name] for name in decision.found]
    if powers != sorted(set(powers)):
        yield "the constraints found are not in their order of power"
    if decision.bound_by != (decision.found[0] if decision.found else None):
        yield f"bound by {decision.bound_by}, which is not the strongest found"
    if powers and powers[-1] > POWER[decision.looked_through]:
        yield "it found what it did not look at"
    if not decision.detail:
        yield "no sentence"


def _known(facts: Facts, decision: Decision, candidate: Candidate) -> Iterator[str]:
    """Reasons that hold if and only if the candidate's own row says so."""
    for name, holds in _TRUTHS.items():
        if (name in decision.found) != holds(facts, candidate):
            yield f"{name} is {'given and not true' if name in decision.found else 'true and not given'}"
    block = candidate.block.type if candidate.block is not None else None
    for kind, name in _BLOCKS.items():
        if (name in decision.found) != (kind == block):
            yield f"{name} is {'given and not true' if name in decision.found else 'true and not given'}"


def _is_away(facts: Facts, candidate: Candidate) -> bool:
    block = candidate.block
    return isinstance(block, Away) and facts.snapshot.day < facts.business_day_after(
        facts.business_day_after(block.until)
    )


def _waited(facts: Facts, candidate: Candidate) -> bool:
    limit = facts.snapshot.policy.longest_follow_up_wait
    return candidate.step > 1 and facts.business_days_since(candidate.due_day) > limit


def _lacks_field(facts: Facts, candidate: Candidate) -> bool:
    return not set(candidate.missing_fields).isdisjoint(facts.campaigns[candidate.campaign_id].required_fields)


_TRUTHS: Mapping[str, Callable[[Facts, Candidate], bool]] = {
    "out_of_office": _is_away,
    "waited_too_long": _waited,
    "field_missing": _lacks_field,
    "not_due": lambda facts, candidate: candidate.due_day > facts.snapshot.day,
    "unverified": lambda facts, candidate: facts.snapshot.policy.verified_only and not candidate.verified,
    "no_postal_address": lambda facts, candidate: not facts.campaigns[candidate.campaign_id].has_postal_address,
    "no_unsubscribe": lambda facts, candidate: not facts.campaigns[candidate.campaign_id].has_unsubscribe,
    "campaign_not_active": lambda facts, candidate: facts.campaigns[candidate.campaign_id].state != "active",
    "campaign_held": lambda facts, candidate: _stops(facts.campaigns[candidate.campaign_id].hold),
    "lead_file_held": lambda facts, candidate: facts.file_factors.get(candidate.enrollment_id) == 0,
    "no_such_step": lambda facts, candidate: candidate.step > len(facts.campaigns[candidate.campaign_id].steps),
    "thread_unknown": lambda _, candidate: candidate.step > 1 and candidate.sticky_mailbox is None,
    "zone_unknown": lambda facts, candidate: facts.zone_of(candidate) is None,
}


def _stops(hold: Hold | None) -> bool:
    return hold is not None and Fraction(hold.factor) == 0


def _without_hold(facts: Facts) -> dict[str, bool]:
    """Reasons that are only true where such a hold is in force."""
    mailboxes, accounts = facts.snapshot.mailboxes, facts.snapshot.accounts
    towards = [row.hold for mailbox in mailboxes for row in mailbox.provider_holds]
    paths = [row.hold for mailbox in mailboxes for row in mailbox.path_holds]
    paths += [row.hold for row in accounts if row.hold is not None]
    others = [row.hold for row in facts.snapshot.lead_file_holds]
    others += [row.hold for row in facts.snapshot.campaigns if row.hold is not None]
    return {
        "provider_held": not any(map(_stops, towards)),
        "path_held": not any(map(_stops, paths)),
        "slowed": all(_stops(hold) or Fraction(hold.factor) == 1 for hold in (*towards, *paths, *others)),
    }


def _without_limit(facts: Facts) -> frozenset[str]:
    """Limits that nobody set: no decision may name them."""
    policy = facts.snapshot.policy
    unset = {
        "domain_cap": all(row.daily_cap is None for row in facts.snapshot.domains),
        "tenant_daily_cap": policy.daily_cap is None,
        "tenant_minute_cap": policy.minute_cap is None,
        "account_share": all(row.share_left is None for row in facts.snapshot.accounts),
        "recipient_domain_cap": policy.recipient_domain_daily_cap is None,
        "recipient_provider_cap": not policy.recipient_provider_caps,
        "company_cap": policy.company_daily_cap is None,
        "contact_pressure": policy.contact_pressure is None,
        "quiet_hours": policy.quiet_hours is None,
    }
    return frozenset(name for name, is_unset in (unset | _without_hold(facts)).items() if is_unset)


def _possible(decision: Decision, unset: frozenset[str]) -> Iterator[str]:
    for name in sorted(unset.intersection(decision.found)):
        yield f"{name}, which nobody set"
    if decision.found and POWER[decision.found[0]] <= LAST_BEFORE_SLOTS < POWER[decision.looked_through]:
        yield "it was refused before slots, and slots were looked at"

"""Rule 1 and what is due: nobody is written to who must not be, no campaign says what it may not.

Belongs here: the person, the campaign, the message itself. Does not: mailboxes and times.
"""

from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b

from outreach_pipelines.proof.plan_check.candidate_document import Away, Candidate
from outreach_pipelines.proof.plan_check.facts import Facts, Violation
from outreach_pipelines.proof.plan_check.plan_document import Placement


def persons(facts: Facts) -> Iterator[Violation]:
    """Every placement against the facts of its person, campaign and step."""
    for placement, candidate, _ in facts.sound:
        subject = f"enrollment {candidate.enrollment_id}"
        for rule, sentence in (*_person(facts, candidate), *_campaign(facts, candidate, placement)):
            yield Violation(rule, subject, sentence)
    messages = Counter((c.campaign_id, c.step, c.lead_id, c.round) for _, c, _ in facts.sound)
    for key, count in messages.items():
        if count > 1:
            yield Violation("same_message_twice", f"campaign {key[0]}, step {key[1]}, lead {key[2]}", f"{count} times")


def _person(facts: Facts, candidate: Candidate) -> Iterator[tuple[str, str]]:
    policy, block = facts.snapshot.policy, candidate.block
    is_back = isinstance(block, Away) and facts.snapshot.day >= facts.business_day_after(
        facts.business_day_after(block.until)
    )
    if block is not None and not is_back:
        yield "blocked", f"placed although {block.type}"
    if policy.verified_only and not candidate.verified:
        yield "unverified", "placed although the policy asks for verified addresses"
    if candidate.due_day > facts.snapshot.day:
        yield "not_due", f"due on {candidate.due_day}"
    if candidate.step > 1 and facts.business_days_since(candidate.due_day) > policy.longest_follow_up_wait:
        yield "waited_too_long", f"due on {candidate.due_day}: its thread should have ended"


def _campaign(facts: Facts, candidate: Candidate, placement: Placement) -> Iterator[tuple[str, str]]:
    campaign = facts.campaigns[candidate.campaign_id]
    if not campaign.has_postal_address:
        yield "no_postal_address", "the campaign shows no postal address"
    if not campaign.has_unsubscribe:
        yield "no_unsubscribe", "the campaign has no unsubscribe link"
    if campaign.state != "active":
        yield "campaign_not_active", f"the campaign is {campaign.state}"
    if missing := set(candidate.missing_fields) & set(campaign.required_fields):
        yield "field_missing", f"missing: {', '.join(sorted(missing))}"
    steps = {step.number: step for step in campaign.steps}
    if candidate.step not in steps:
        yield "no_such_step", f"the campaign has no step {candidate.step}"
        return
    variants = sorted(steps[candidate.step].variants, key=lambda variant: variant.name)
    turns = [variant.name for variant in variants for _ in range(variant.weight)]
    if placement.variant != turns[_chance(candidate) % len(turns)]:
        yield "variant", f"variant {placement.variant} is not the one that the stable hash gives"


def _chance(candidate: Candidate) -> int:
    """The number that fixes a person's wording of a step, on whatever day it is planned."""
    name = f"{candidate.campaign_id}|{candidate.step}|{candidate.lead_id}|{candidate.round}"
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")

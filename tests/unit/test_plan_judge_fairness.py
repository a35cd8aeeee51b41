"""The judge sees who was passed over: priorities, shares, uneven rotation, and limits that are named without being used up."""

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from hashlib import blake2b
from typing import Any

import plan_factories as make
import pytest

from outreach_pipelines.domain.send_plan import snapshot as s
from outreach_pipelines.domain.send_plan.codec import encode_plan, encode_snapshot
from outreach_pipelines.domain.send_plan.planner import plan
from outreach_pipelines.domain.sending_policy import ContactPressure
from outreach_pipelines.proof.plan_check.check import violations

EVEN = make.snapshot(
    domains=tuple(make.domain(n) for n in (1, 2, 3)),
    mailboxes=tuple(make.mailbox(n, domain_id=s.DomainId(1 + n % 3), daily_cap=80) for n in range(1, 7)),
    candidates=tuple(make.candidate(n) for n in range(1, 121)),
)
RIVALS = make.snapshot(
    campaigns=(make.campaign(1), make.campaign(2)),
    candidates=tuple(make.candidate(n, campaign_id=s.CampaignId(1 + n % 2)) for n in range(1, 121)),
)
FULL = make.snapshot(
    campaigns=(make.campaign(steps=(make.step(1, 0), make.step(2, 3))),),
    mailboxes=(make.mailbox(daily_cap=4),),
    candidates=tuple(make.follow_up(n, recipient=make.hmac("person", 1), company=make.hmac("c", 1), recipient_domain=make.hmac("d", 1)) for n in range(1, 7)),
)  # fmt: skip


def sentences(judged_by: s.Snapshot, plan_json: bytes) -> str:
    return "\n".join(map(str, violations(encode_snapshot(judged_by), plan_json)))


def with_policy(snapshot: s.Snapshot, **changes: Any) -> s.Snapshot:
    return replace(snapshot, policy=replace(snapshot.policy, **changes))


def with_domain(snapshot: s.Snapshot, **changes: Any) -> s.Snapshot:
    return replace(snapshot, domains=(replace(snapshot.domains[0], **changes), *snapshot.domains[1:]))


def with_mailbox(snapshot: s.Snapshot, **changes: Any) -> s.Snapshot:
    return replace(snapshot, mailboxes=(replace(snapshot.mailboxes[0], **changes), *snapshot.mailboxes[1:]))


def with_campaign(snapshot: s.Snapshot, **changes: Any) -> s.Snapshot:
    return replace(snapshot, campaigns=(replace(snapshot.campaigns[0], **changes), *snapshot.campaigns[1:]))


@pytest.mark.parametrize(
    "snapshot",
    [EVEN, RIVALS, FULL, with_campaign(RIVALS, priority=0), with_campaign(RIVALS, share=5)],
    ids=["even", "rivals", "full", "ranked", "shared"],
)
def test_the_judge_finds_nothing_in_the_plans_of_these_days(snapshot: s.Snapshot) -> None:
    assert sentences(snapshot, encode_plan(plan(snapshot))) == ""


@pytest.mark.parametrize(
    ("rule", "made_for", "judged_by"),
    [
        ("domain 1: 40 new leads where its weight asks for", EVEN, with_domain(EVEN, health=(s.ProviderWeight(s.RecipientProvider.OTHER, 20),))),
        ("mailbox 1: 20 new leads where its weight asks for", EVEN, with_mailbox(EVEN, health=10)),
        ("of a weaker campaign [priority]", RIVALS, with_campaign(RIVALS, priority=0)),
        ("its share is 5 of 6 [campaign_share]", RIVALS, with_campaign(RIVALS, share=5)),
    ],
    ids=["domain", "mailbox", "priority", "share"],
)  # fmt: skip
def test_a_plan_of_other_weights_is_seen(rule: str, made_for: s.Snapshot, judged_by: s.Snapshot) -> None:
    assert rule in sentences(judged_by, encode_plan(plan(made_for)))


ROOMIER = [
    ("mailbox_cap", FULL, with_mailbox(FULL, daily_cap=5)),
    ("domain_cap", with_domain(FULL, daily_cap=3), with_domain(FULL, daily_cap=4)),
    ("tenant_daily_cap", with_policy(FULL, daily_cap=3), with_policy(FULL, daily_cap=4)),
    ("account_share", replace(FULL, accounts=(make.account(share_left=3),)), replace(FULL, accounts=(make.account(share_left=4),))),
    ("recipient_domain_cap", with_policy(FULL, recipient_domain_daily_cap=3), with_policy(FULL, recipient_domain_daily_cap=4)),
    ("company_cap", with_policy(FULL, company_daily_cap=3), with_policy(FULL, company_daily_cap=4)),
    ("recipient_provider_cap", with_policy(FULL, recipient_provider_caps=(s.ProviderCap(s.RecipientProvider.OTHER, 3),)), with_policy(FULL, recipient_provider_caps=(s.ProviderCap(s.RecipientProvider.OTHER, 4),))),
    ("contact_pressure", with_policy(FULL, contact_pressure=ContactPressure(3, 14)), with_policy(FULL, contact_pressure=ContactPressure(4, 14))),
]  # fmt: skip


@pytest.mark.parametrize(("limit", "made_for", "judged_by"), ROOMIER, ids=[limit for limit, _, _ in ROOMIER])
def test_a_limit_that_is_named_and_not_used_up_is_seen(limit: str, made_for: s.Snapshot, judged_by: s.Snapshot) -> None:
    made = encode_plan(plan(made_for))

    assert f"{limit} is given, and is not used up" in sentences(judged_by, made)
    assert sentences(made_for, made) == ""


def test_a_pace_that_is_said_to_leave_no_slot_while_the_mailbox_is_silent_for_hours_is_seen() -> None:
    def silent(body: Any) -> None:
        body["placements"] = [row for row in body["placements"] if row["enrollment_id"] != 1]
        row = next(row for row in body["decisions"] if row["enrollment_id"] == 1)
        row.update(bound_by="spacing", found=["spacing"], looked_through="spacing", detail="mailboxes: 1 spacing")

    found = sentences(FULL, changed(FULL, silent))

    assert "spacing is given, and nothing leaves mailbox 1 from 2026-03-10" in found


def changed(snapshot: s.Snapshot, change: Callable[[Any], None]) -> bytes:
    """The plan with a change, and a hash that fits."""
    body = json.loads(encode_plan(plan(snapshot)))
    change(body)
    text = json.dumps(body | {"plan_hash": ""}, sort_keys=True, separators=(",", ":"))
    return json.dumps(body | {"plan_hash": blake2b(text.encode(), digest_size=32).hexdigest()}).encode()


def test_an_uneven_rotation_is_no_fault_where_something_binds() -> None:
    slowed = with_mailbox(EVEN, hold=s.Hold(Fraction(1, 20), "slow"))

    assert sentences(slowed, encode_plan(plan(slowed))) == ""


def test_follow_ups_that_found_no_slot_take_tomorrows_room_from_new_leads() -> None:
    colleagues = tuple(make.follow_up(n, company=make.hmac("company", 1)) for n in range(11, 21))
    lax = make.snapshot(
        candidates=(*(make.candidate(n) for n in range(1, 6)), *colleagues),
        campaigns=(make.campaign(steps=(make.step(1), make.step(2))),),
        mailboxes=(make.mailbox(daily_cap=14),),
        policy=make.policy(company_daily_cap=2),
    )
    made = encode_plan(plan(lax))

    # Five new leads beside two follow-ups today; the other eight and five more would be 13 tomorrow.
    broken = sentences(replace(lax, mailboxes=(make.mailbox(daily_cap=10),)), made)
    kept = sentences(replace(lax, mailboxes=(make.mailbox(daily_cap=13),)), made)

    assert ("[new_lead_budget]" in broken, "[new_lead_budget]" in kept) == (True, False)

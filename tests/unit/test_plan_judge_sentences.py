"""What the judge says of single changes to a good plan: one sentence each, so that no check hides behind another."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

import plan_factories as make
import pytest

from outreach_pipelines.domain.send_plan import snapshot as s
from outreach_pipelines.domain.send_plan.codec import encode_plan, encode_snapshot
from outreach_pipelines.domain.send_plan.planner import plan
from outreach_pipelines.domain.sending_policy import ContactPressure
from outreach_pipelines.proof.plan_check.check import violations

GOOD = make.snapshot(
    mailboxes=(make.mailbox(daily_cap=3),),
    candidates=tuple(make.candidate(number) for number in range(1, 6)),
)
KEPT_BACK = 5  # by the cap


def judged(change: Callable[[Any], None], against: s.Snapshot = GOOD) -> str:
    """Every violation of the good plan with a change and a hash that fits."""
    body = json.loads(encode_plan(plan(GOOD)))
    change(body)
    body["plan_hash"] = ""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    body["plan_hash"] = blake2b(text.encode(), digest_size=32).hexdigest()
    return "\n".join(map(str, violations(encode_snapshot(against), json.dumps(body).encode())))


def decision(body: Any, number: int = KEPT_BACK) -> Any:
    return next(row for row in body["decisions"] if row["enrollment_id"] == number)


def close_the_window_at_once(body: Any) -> None:
    row = body["placements"][0]
    row["window_end"] = (datetime.fromisoformat(row["due_at"]) + timedelta(seconds=30)).isoformat()


def open_the_window_in_the_night(body: Any) -> None:
    body["placements"][0]["window_start"] = "2026-03-10T03:00:00Z"


def close_the_window_in_the_night(body: Any) -> None:
    body["placements"][0]["window_end"] = "2026-03-10T21:00:00Z"


def bind_by_a_weaker_one(body: Any) -> None:
    decision(body).update(bound_by="spacing", found=["mailbox_cap", "spacing"])


def list_the_weaker_one_first(body: Any) -> None:
    decision(body).update(bound_by="spacing", found=["spacing", "mailbox_cap"])


def send_through_an_account_of_nobody(body: Any) -> None:
    body["placements"][0]["account_ids"] = [1, 77]


def find_what_was_not_looked_at(body: Any) -> None:
    decision(body).update(looked_through="holiday")


def say_nothing(body: Any) -> None:
    decision(body).update(detail="")


def call_it_unverified(body: Any) -> None:
    decision(body).update(bound_by="unverified", found=["unverified"], looked_through="holiday")


def call_it_suppressed(body: Any) -> None:
    decision(body).update(bound_by="suppressed", found=["suppressed"], looked_through="holiday")


def name_a_limit_that_has_room(body: Any) -> None:
    decision(body).update(bound_by="domain_cap", found=["domain_cap"])


def look_at_slots_of_somebody_refused_before(body: Any) -> None:
    decision(body).update(bound_by="window", found=["window"])


def count_other_ends(body: Any) -> None:
    body["breakdown"]["sequences_ended"] += 1


def count_other_placements_of_a_pool(body: Any) -> None:
    body["breakdown"]["pools"][0]["placed"] += 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (close_the_window_at_once, "due outside of its own window, or in its last minute [window]"),
        (open_the_window_in_the_night, "2026-03-10 04:00 CET: outside of the window [window]"),
        (close_the_window_in_the_night, "2026-03-10 21:59 CET: outside of the window [window]"),
        (bind_by_a_weaker_one, "bound by spacing, which is not the strongest found"),
        (list_the_weaker_one_first, "the constraints found are not in their order of power"),
        (send_through_an_account_of_nobody, "accounts [1, 77], of which only [1] are ready and allow consent"),
        (find_what_was_not_looked_at, "it found what it did not look at"),
        (say_nothing, "no sentence"),
        (call_it_unverified, "unverified is given and not true"),
        (call_it_suppressed, "suppressed is given and not true"),
        (name_a_limit_that_has_room, "domain_cap is given, and is not used up"),
        (name_a_limit_that_has_room, "domain_cap, which nobody set"),
        (look_at_slots_of_somebody_refused_before, "it was refused before slots, and slots were looked at"),
        (count_other_ends, "it counts other ends of sequences than the decisions"),
        (count_other_placements_of_a_pool, "its pools placed another number than the plan"),
    ],
)
def test_each_change_to_a_good_plan_is_told_in_its_own_sentence(change: Callable[[Any], None], sentence: str) -> None:
    assert sentence in judged(change)


def test_what_the_tenant_has_sent_today_counts_against_its_cap() -> None:
    three_of_four = replace(GOOD, policy=make.policy(daily_cap=4))
    and_two_before = replace(three_of_four, domains=(make.domain(sent_today=2),))

    assert "tenant_daily_cap" not in judged(lambda _: None, three_of_four)
    assert "tenant: 5, the cap is 4 [tenant_daily_cap]" in judged(lambda _: None, and_two_before)


FIRST_SLOT = plan(GOOD).placements[0].due_at
OTHER = s.RecipientProvider.OTHER


@pytest.mark.parametrize(
    ("limit", "used", "sentence"),
    [
        (
            {"recipient_provider_caps": (s.ProviderCap(OTHER, 4),)},
            {"used_today": s.UsedToday(providers=(s.ProviderUse(OTHER, 2),))},
            "recipient_provider other: 5, the cap is 4 [recipient_provider_cap]",
        ),
        (
            {"contact_pressure": ContactPressure(1, 14)},
            {"candidates": tuple(replace(row, recent_contacts=1) for row in GOOD.candidates)},
            "2, the cap is 1 [contact_pressure]",
        ),
        (
            {"minute_cap": 1},
            {"mailboxes": (*GOOD.mailboxes, make.mailbox(2, other_sends=(FIRST_SLOT,)))},
            "2, the cap is 1 [tenant_minute_cap]",
        ),
    ],
)
def test_what_was_used_before_the_plan_counts_against_its_limits(
    limit: dict[str, Any], used: dict[str, Any], sentence: str
) -> None:
    limited = replace(GOOD, policy=make.policy(**limit))

    assert sentence not in judged(lambda _: None, limited)
    assert sentence in judged(lambda _: None, replace(limited, **used))


def test_a_plan_without_a_change_has_nothing_said_against_it() -> None:
    assert judged(lambda _: None) == ""

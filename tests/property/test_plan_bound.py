"""The bound of a day: no plan passes it, plans come near it, and more room never lowers it."""

from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import plan_factories as make
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plan_crowds import KNOBS, SLOWED, Knobs, crowd
from plan_strategies import snapshots

from outreach_pipelines.domain.plan_bound.bound import placed_share, upper_bound
from outreach_pipelines.domain.send_plan import snapshot as s
from outreach_pipelines.domain.send_plan.codec import encode_plan, encode_snapshot
from outreach_pipelines.domain.send_plan.planner import plan
from outreach_pipelines.domain.sending_policy import ContactPressure
from outreach_pipelines.proof.plan_check.check import violations

unhurried = settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
few = settings(unhurried, max_examples=6)


def as_the_bound_sees_it(snapshot: s.Snapshot) -> s.Snapshot:
    """A mailbox's accounts stand in the operator's order, and a plan keeps to it even where another order would let
    more through: with shares that end, the bound is looser than what that order can reach."""
    return replace(snapshot, accounts=tuple(replace(account, share_left=None) for account in snapshot.accounts))


@unhurried
@given(snapshots())
def test_no_plan_places_more_than_the_bound(snapshot: s.Snapshot) -> None:
    assert plan(snapshot).breakdown.placed <= upper_bound(snapshot)


@unhurried
@given(snapshots())
def test_small_plans_come_within_two_messages_of_the_bound(snapshot: s.Snapshot) -> None:
    seen = as_the_bound_sees_it(snapshot)

    found = placed_share(seen, plan(seen))

    assert found.possible - found.placed <= 2


@few
@given(KNOBS)
def test_plans_of_a_thousand_and_more_place_98_percent_of_the_bound(knobs: Knobs) -> None:
    snapshot = crowd(**asdict(knobs))

    found = placed_share(snapshot, plan(snapshot))

    assert found.placed <= found.possible
    assert found.share >= 0.98, found


@pytest.mark.parametrize("slowed", SLOWED)
@pytest.mark.parametrize("follow_ups", [0, 30])
def test_where_a_hold_leaves_a_half_plans_of_a_thousand_place_98_percent(
    slowed: Callable[[s.Snapshot], s.Snapshot], follow_ups: int
) -> None:
    snapshot = slowed(crowd(seed=1, mailboxes=20, follow_ups=follow_ups, company_cap=None, sent_yesterday=20))

    found = plan(snapshot)

    assert placed_share(snapshot, found).share >= 0.98
    assert violations(encode_snapshot(snapshot), encode_plan(found)) == ()


def test_where_no_throttle_binds_the_plan_places_99_and_a_half_percent() -> None:
    snapshot = crowd(seed=1, company_cap=None, sent_yesterday=0)

    assert placed_share(snapshot, plan(snapshot)).share >= 0.995


def more(cap: int | None, by: int) -> int | None:
    return None if cap is None else cap + by


def raised(snapshot: s.Snapshot, which: int, by: int) -> s.Snapshot:
    policy, pressure = snapshot.policy, snapshot.policy.contact_pressure
    changes = (
        lambda: replace(snapshot, policy=replace(policy, daily_cap=more(policy.daily_cap, by))),
        lambda: replace(snapshot, policy=replace(policy, minute_cap=more(policy.minute_cap, by))),
        lambda: replace(snapshot, policy=replace(policy, company_daily_cap=more(policy.company_daily_cap, by))),
        lambda: replace(
            snapshot, policy=replace(policy, recipient_domain_daily_cap=more(policy.recipient_domain_daily_cap, by))
        ),
        lambda: replace(
            snapshot, policy=replace(policy, contact_pressure=pressure and ContactPressure(pressure.messages + by, 14))
        ),
        lambda: replace(
            snapshot, mailboxes=tuple(replace(m, daily_cap=more(m.daily_cap, by)) for m in snapshot.mailboxes)
        ),
        lambda: replace(snapshot, domains=tuple(replace(d, daily_cap=more(d.daily_cap, by)) for d in snapshot.domains)),
        lambda: replace(
            snapshot, accounts=tuple(replace(a, share_left=more(a.share_left, by)) for a in snapshot.accounts)
        ),
    )
    return changes[which]()


@unhurried
@given(snapshots(), st.integers(0, 7), st.sampled_from([1, 3, 50]))
def test_the_bound_never_falls_when_a_cap_is_raised(snapshot: s.Snapshot, which: int, by: int) -> None:
    assert upper_bound(raised(snapshot, which, by)) >= upper_bound(snapshot)


FIVE = tuple(make.candidate(number) for number in range(1, 6))
TEN_COLLEAGUES = tuple(make.follow_up(number, company=make.hmac("c", 1)) for number in range(11, 21))
"""Two of them today; the others fall due again tomorrow and leave two new leads a day."""
TWO_STEPS = (make.campaign(steps=(make.step(1), make.step(2))),)


@pytest.mark.parametrize(
    ("possible", "snapshot"),
    [
        (5, make.snapshot(candidates=FIVE)),
        (0, make.snapshot(candidates=())),
        (3, make.snapshot(candidates=FIVE, mailboxes=(make.mailbox(daily_cap=3),))),
        (2, make.snapshot(candidates=FIVE, domains=(make.domain(daily_cap=4, sent_today=2),))),
        (4, make.snapshot(candidates=FIVE, policy=make.policy(daily_cap=4))),
        (1, make.snapshot(candidates=FIVE, accounts=(make.account(share_left=1),))),
        (2, make.snapshot(candidates=FIVE, mailboxes=(make.mailbox(follow_ups_ahead=(38,)),))),
        (2, make.snapshot(candidates=FIVE, mailboxes=(make.mailbox(min_spacing=14_400, max_spacing=14_400),), seed=1)),
        (3, make.snapshot(candidates=tuple(make.candidate(n, company=make.hmac("c", 1)) for n in range(1, 6)), policy=make.policy(company_daily_cap=3))),
        (4, make.snapshot(candidates=(*FIVE, *TEN_COLLEAGUES), campaigns=TWO_STEPS, mailboxes=(make.mailbox(daily_cap=10),), policy=make.policy(company_daily_cap=2))),
        (0, make.snapshot(candidates=FIVE, mailboxes=(make.mailbox(hold=s.Hold(0, "stop")),))),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_the_bound_is_exact_where_one_rule_alone_decides(possible: int, snapshot: s.Snapshot) -> None:
    assert upper_bound(snapshot) == possible


HALF = s.Hold(Fraction(1, 2), "slow")
EARLIER = tuple(datetime(2026, 3, 9, 20, n, tzinfo=UTC) for n in (0, 10, 20, 30))
"""Of the day before, and within 24 hours of every slot of the day."""
AT_WORK = make.hours("09:00", "10:00")


@pytest.mark.parametrize(
    ("possible", "changes"),
    [
        (2, {}),
        (1, {"sends_by_day": (s.DaySends(make.DAY, 1),)}),
        (1, {"sends_by_day": (s.DaySends(make.DAY, 1),), "other_sends": (datetime(2026, 3, 10, 5, tzinfo=UTC),)}),
        (2, {"sends_by_day": (s.DaySends(make.DAY, 1),), "other_sends": (datetime(2026, 3, 10, 18, tzinfo=UTC),)}),
        (3, {"daily_cap": 8, "other_sends": (datetime(2026, 3, 10, 5, tzinfo=UTC),)}),
        (1, {"daily_cap": 5, "other_sends": EARLIER[:2]}),
        (0, {"daily_cap": 5, "other_sends": EARLIER}),
        (5, {"daily_cap": None}),
    ],
)
def test_the_bound_is_exact_where_a_hold_slows_messages(possible: int, changes: dict[str, Any]) -> None:
    mailbox = make.mailbox(**{"daily_cap": 4, "hours": AT_WORK} | changes)
    snapshot = make.snapshot(candidates=FIVE, mailboxes=(mailbox,), campaigns=(make.campaign(hold=HALF),))

    assert (plan(snapshot).breakdown.placed, upper_bound(snapshot)) == (possible, possible)


@pytest.mark.parametrize(("possible", "holds"), [(4, (HALF, None)), (3, (HALF, s.Hold(Fraction(3, 4), "slow"))), (2, (HALF, HALF))])  # fmt: skip
def test_the_bound_lets_messages_that_are_slowed_less_follow_those_that_are_slowed_more(
    possible: int, holds: tuple[s.Hold | None, ...]
) -> None:
    campaigns = tuple(make.campaign(n, hold=hold, steps=TWO_STEPS[0].steps) for n, hold in enumerate(holds, 1))
    people = tuple(make.follow_up(n, campaign_id=1 + n % 2) for n in range(1, 9))
    snapshot = make.snapshot(candidates=people, mailboxes=(make.mailbox(daily_cap=4),), campaigns=campaigns)

    assert upper_bound(snapshot) == possible


def test_a_day_that_is_over_has_nothing_to_place() -> None:
    past = make.snapshot(day=make.DAY.replace(day=2))

    assert placed_share(past, plan(past)).share == 1
    assert upper_bound(past) == 0

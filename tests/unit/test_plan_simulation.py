"""Plans lived through by chance: seeded, exact at the edges, and near what was expected in between."""

from dataclasses import replace
from decimal import Decimal

import plan_factories as make
import pytest
from plan_crowds import crowd

from outreach_pipelines.domain.plan_forecast import ForecastPolicy
from outreach_pipelines.domain.plan_simulation import ExpectedRates, Simulation, simulate
from outreach_pipelines.domain.send_plan import snapshot as s
from outreach_pipelines.domain.send_plan.planner import plan
from outreach_pipelines.domain.send_plan.windows import tenant_calendar

NOBODY = ExpectedRates(hard_bounce=0, complaint=0, unsubscribe=0, reply=0)
CROWD = crowd(seed=3, candidates=300)


def lived(
    snapshot: s.Snapshot,
    rates: ExpectedRates = NOBODY,
    *,
    seed: int = 0,
    lives: int = 200,
    price: Decimal | None = None,
) -> Simulation:
    return simulate(
        snapshot,
        plan(snapshot),
        tenant_calendar(snapshot),
        rates=rates,
        lives=lives,
        seed=seed,
        policy=ForecastPolicy(horizon=40),
        price=price,
    )


def sequence(leads: int, cap: int = 40) -> s.Snapshot:
    return make.snapshot(
        campaigns=(make.campaign(steps=(make.step(1, 0), make.step(2, 2), make.step(3, 2))),),
        candidates=tuple(make.candidate(number) for number in range(1, leads + 1)),
        mailboxes=(make.mailbox(daily_cap=cap),),
    )


def test_where_nobody_ever_stops_a_sequence_every_lead_gets_every_step() -> None:
    found = lived(sequence(5), price=Decimal("0.0001"))

    assert found.whole["sent"].mean == found.whole["sent"].largest == 15
    assert found.cost is not None
    assert found.cost.mean == pytest.approx(0.0015)
    assert [str(day) for day in found.finished] == ["2026-03-16"] * 3


def test_new_leads_come_in_no_faster_than_their_later_steps_leave_room_for() -> None:
    two_steps = make.campaign(steps=(make.step(1, 0), make.step(2, 2)))

    found = lived(replace(sequence(4, cap=2), campaigns=(two_steps,)))

    # One a day from the plan's Tuesday to Friday, so that each finds room for its step two days later.
    assert [str(day) for day in found.finished] == ["2026-03-17"] * 3


def test_where_everybody_bounces_nobody_gets_a_second_message() -> None:
    found = lived(sequence(5), ExpectedRates(hard_bounce=1, complaint=0, unsubscribe=0, reply=0))

    assert found.whole["sent"].largest == 5
    assert found.chance_of_stopping == 1


def test_a_message_that_bounces_meets_no_other_fate() -> None:
    found = lived(sequence(5), ExpectedRates(hard_bounce=1, complaint=1, unsubscribe=1, reply=1))

    assert found.whole["hard bounces"].mean == 5
    assert [found.whole[name].largest for name in ("complaints", "unsubscribes", "replies")] == [0, 0, 0]


@pytest.mark.parametrize(
    "rates", [replace(NOBODY, complaint=1), replace(NOBODY, unsubscribe=1), replace(NOBODY, reply=1)]
)
def test_who_complains_leaves_or_answers_gets_no_later_step(rates: ExpectedRates) -> None:
    found = lived(sequence(5), rates)

    assert found.whole["sent"].largest == 5


def test_who_answers_a_later_step_gets_no_further_one() -> None:
    """Of thirty people half answer each step: 30 first messages, 15 second and 7.5 third ones."""
    found = lived(sequence(30), replace(NOBODY, reply=0.5, certainty=1e9), lives=400)

    assert found.whole["sent"].mean == pytest.approx(52.5, rel=0.02)


def test_follow_ups_that_find_no_room_are_sent_on_the_days_after() -> None:
    flood = make.snapshot(candidates=(), mailboxes=(make.mailbox(daily_cap=10, follow_ups_ahead=(25,)),))

    found = lived(flood)

    assert found.whole["sent"].mean == 25
    assert [str(day) for day in found.finished] == ["2026-03-13"] * 3


def test_dates_of_the_end_are_of_early_middle_and_late_lives() -> None:
    early, middle, late = lived(sequence(5), replace(NOBODY, reply=0.5, certainty=1e9)).finished

    assert early is not None
    assert middle is not None
    assert late is not None
    assert early <= middle <= late
    assert early < late


def test_a_rate_between_the_two_thresholds_slows_often_and_stops_seldom() -> None:
    found = lived(CROWD, replace(NOBODY, hard_bounce=0.04, certainty=1e9))

    assert found.chance_of_slowing > 0.7
    assert found.chance_of_stopping < 0.3


def test_rates_known_from_few_messages_spread_wider_than_those_known_from_many() -> None:
    few, many = (lived(CROWD, replace(NOBODY, hard_bounce=0.1, certainty=known)) for known in (20, 1e9))

    def width(found: Simulation) -> float:
        return found.first_day["hard bounces"].p95 - found.first_day["hard bounces"].p5

    assert width(few) > 1.5 * width(many)


def test_the_same_seed_gives_the_same_lives_and_another_seed_others() -> None:
    one, same, other = (lived(CROWD, ExpectedRates(), seed=seed) for seed in (4, 4, 5))

    assert one == same
    assert one != other


def test_bounces_spread_around_what_is_expected() -> None:
    found = lived(CROWD, ExpectedRates(hard_bounce=0.1), lives=2_000)
    sent, bounces = found.first_day["sent"].mean, found.first_day["hard bounces"]

    assert bounces.mean == pytest.approx(0.1 * sent, rel=0.1)
    assert bounces.p5 < bounces.median < bounces.p95 <= bounces.largest


def test_complaints_are_reported_by_some_providers_only() -> None:
    everywhere = tuple(s.RecipientProvider)
    silent = lived(CROWD, ExpectedRates(complaint=0.1, reporting=frozenset()))
    open_ = lived(CROWD, ExpectedRates(complaint=0.1, reporting=frozenset(everywhere)))

    assert silent.whole["complaints"].mean > 0
    assert silent.whole["complaints reported"].largest == 0
    assert open_.whole["complaints reported"] == open_.whole["complaints"]


def test_what_does_not_end_within_the_horizon_has_no_date() -> None:
    found = lived(sequence(2_000, cap=10))

    assert found.finished == (None, None, None)
    assert found.cost is None


def test_a_day_never_sends_more_than_its_capacity() -> None:
    """Ten a day for forty business days, and those of the plan's own day."""
    assert lived(sequence(2_000, cap=10)).whole["sent"].largest <= 10 * 41

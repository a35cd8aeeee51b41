"""The store in memory is worth its proofs only if it does what PostgreSQL does: one suite over both."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from random import Random

import pytest
from store_pair import HOUR, Runs, StandingClocks, due_at_noon, planned

from outreach_pipelines.adapters.postgres.bootstrap import DatabaseUrls
from outreach_pipelines.application.ports import Begun, NextDue, NotBegun
from outreach_pipelines.domain.letter import ClaimToken, Letter
from outreach_pipelines.domain.send_answer import Accepted, RefusalAction, RefusalVerdict, Refused
from outreach_pipelines.proof.memory_system import found_in_memory
from outreach_pipelines.proof.postgres_system import found_in_postgres
from outreach_pipelines.proof.schedule import Placement, Schedule
from outreach_pipelines.proof.virtual_database import VirtualDatabase, virtual_database
from outreach_pipelines.proof.world_clocks import START

Found = Callable[..., Runs]
TAKEN = Accepted("id-1", "<id-1@sender.example>")
BUSY = Refused("451", "4.3.0", "busy")
GONE = Refused("550", "5.1.1", "no such user")
LATER = RefusalVerdict(RefusalAction.RETRY, 600, "for_now")
NEVER = RefusalVerdict(RefusalAction.FAIL, 0, "for_good")
HORIZON = 3600.0


@pytest.fixture(scope="module")
def database(outreach_admin_url: str, outreach_database: DatabaseUrls) -> Iterator[VirtualDatabase]:
    database = virtual_database(outreach_admin_url, outreach_database)
    yield database
    database.app.dispose()
    database.ingest.dispose()


@pytest.fixture
def in_postgres(database: VirtualDatabase) -> Iterator[Found]:
    made: list[Runs] = []

    def found(schedule: Schedule) -> Runs:
        clocks = StandingClocks()
        made.append(Runs(found_in_postgres(database, schedule, clocks), clocks))
        return made[-1]

    yield found
    for each in made:
        each.system.close()


def in_memory(schedule: Schedule) -> Runs:
    clocks = StandingClocks()
    return Runs(found_in_memory(schedule, clocks), clocks)


@pytest.fixture(params=["memory", "postgresql"])
def found(request: pytest.FixtureRequest, in_postgres: Found) -> Found:
    return in_memory if request.param == "memory" else in_postgres


def reason(outcome: Begun | NotBegun) -> str:
    assert isinstance(outcome, NotBegun)
    return outcome.reason


def test_a_message_goes_from_planned_over_intent_to_accepted(found: Found) -> None:
    runs = found(planned(due_at_noon()))

    (letter,) = runs.claim()
    begun = runs.begin(letter)
    told = [
        runs.system.messages.record_accepted(letter.claim, TAKEN, subject="Hello", next_due_day=None) for _ in range(2)
    ]

    assert isinstance(begun, Begun)
    assert told == ["accepted", "known"]
    assert runs.states() == [("person0@example.test", "accepted")]


def test_two_runs_share_what_is_due(found: Found) -> None:
    runs = found(planned(*[due_at_noon()] * 3))

    first, second = runs.claim(1, most=2), runs.claim(2)

    assert (len(first), len(second)) == (2, 1)


@pytest.mark.parametrize("hours", [-1, 1, 24])
def test_a_run_of_another_hour_claims_nothing(found: Found, hours: int) -> None:
    runs = found(planned(due_at_noon()))

    assert not runs.claim(hour=hours * HOUR)


REFUSALS: dict[str, Callable[[Runs], None]] = {
    "unsubscribe": lambda runs: runs.system.unsubscribe(0),
    "enrollment_replied": lambda runs: runs.system.reply(0),
    "held: operator": lambda runs: runs.system.hold(START + HOUR),
    "mailbox_daily_cap": lambda runs: runs.system.lower_cap(0, 0),
    "window_passed": lambda runs: runs.clocks.jump(4 * 3600),
    "outside_run_hour": lambda runs: runs.clocks.jump(3600),
    "no_usable_account": lambda runs: setattr(runs.clocks, "machine_at", START + HOUR),
    "clock_guard": lambda runs: setattr(runs.clocks, "machine_at", START + 80 * HOUR),
}


@pytest.mark.parametrize("why", REFUSALS)
def test_what_changes_after_the_claim_acts_at_the_intent(found: Found, why: str) -> None:
    runs = found(planned(due_at_noon()))
    (letter,) = runs.claim()

    REFUSALS[why](runs)

    assert reason(runs.begin(letter)) == why


def test_a_process_older_than_the_epoch_begins_nothing(found: Found) -> None:
    runs = found(planned(due_at_noon()))
    (letter,) = runs.claim()

    assert reason(runs.begin(letter, epochs_ago=1)) == "epoch_raised"


def test_a_follow_up_needs_its_inbox_read_lately(found: Found) -> None:
    runs = found(planned(due_at_noon(follow_up=True)))
    (letter,) = runs.claim()
    runs.clocks.machine_at += timedelta(minutes=31)

    outcome = runs.begin(letter)

    assert outcome == NotBegun("released", "inbox_not_read", START + timedelta(minutes=2))


def test_the_pace_of_a_mailbox_is_kept_at_the_intent(found: Found) -> None:
    runs = found(planned(due_at_noon(), due_at_noon()))
    first, second = runs.claim()

    outcomes = [runs.begin(first), runs.begin(second)]

    assert outcomes[1] == NotBegun("released", "pace", START + timedelta(seconds=120))


def test_a_claim_of_another_run_is_lost(found: Found) -> None:
    runs = found(planned(due_at_noon()))
    (letter,) = runs.claim(1)
    runs.clocks.wait(91)
    runs.system.messages.sweep(runs.system.tenant, horizon_seconds=HORIZON)
    runs.claim(2)

    assert runs.begin(letter) == NotBegun("lost", "claim_lost", None)


def test_a_sending_message_whose_lease_is_over_is_in_doubt_and_never_claimed_again(found: Found) -> None:
    runs = found(planned(due_at_noon()))
    (letter,) = runs.claim()
    runs.begin(letter)
    runs.clocks.wait(91)

    swept = runs.system.messages.sweep(runs.system.tenant, horizon_seconds=HORIZON)

    assert (swept.put_in_doubt, swept.claims_released) == (1, 0)
    assert not runs.claim(2)
    assert runs.system.messages.next_due(runs.system.tenant, hour=START) == NextDue(None, None)


def test_a_refusal_for_now_waits_for_machine_time(found: Found) -> None:
    runs = found(planned(due_at_noon()))
    (letter,) = runs.claim()
    runs.begin(letter)

    runs.system.messages.record_refused(letter.claim, BUSY, LATER)

    due = runs.system.messages.next_due(runs.system.tenant, hour=START)
    assert due.due_at is None
    assert due.retry_seconds == pytest.approx(600)
    runs.clocks.wait(601)
    assert len(runs.claim(2)) == 1


def test_a_late_answer_of_an_attempt_that_others_have_replaced_changes_nothing(found: Found) -> None:
    runs = found(planned(due_at_noon()))
    (letter,) = runs.claim()
    runs.begin(letter)
    runs.system.messages.record_refused(letter.claim, BUSY, LATER)
    runs.clocks.wait(601)
    (again,) = runs.claim(2)
    runs.begin(again)

    settled = runs.system.messages.record_refused(letter.claim, GONE, NEVER)

    assert settled is False
    assert runs.states() == [("person0@example.test", "sending")]


def test_a_claimed_message_is_kept_by_a_plan_that_has_no_place_for_it(found: Found) -> None:
    runs = found(planned(due_at_noon()))
    (letter,) = runs.claim()

    runs.system.replan(moved=0, dropped=0, later=timedelta(minutes=5))

    assert isinstance(runs.begin(letter), Begun)


def test_a_plan_that_moves_and_drops_replaces_what_has_not_begun(found: Found) -> None:
    runs = found(planned(*[due_at_noon()] * 3))

    runs.system.replan(moved=1, dropped=2, later=timedelta(minutes=30))

    assert sorted(runs.states()) == [
        ("person0@example.test", "planned"),
        ("person1@example.test", "planned"),
        ("person1@example.test", "superseded"),
        ("person2@example.test", "superseded"),
    ]


@pytest.mark.parametrize("seed", range(25))
def test_both_stores_answer_alike_to_any_order_of_calls(in_postgres: Found, seed: int) -> None:
    chance = Random(seed)  # noqa: S311 - chance that can be repeated
    placements = [
        Placement(0, chance.choice((0.0, 60.0)), chance.choice((600.0, 7200.0)), follow_up=chance.random() < 0.3)
        for _ in range(4)
    ]
    schedule = planned(
        *placements, cap=chance.choice((2, 40)), gap=chance.choice((0.0, 30.0)), kind=chance.choice(("ses", "smtp"))
    )
    pair = [in_memory(schedule), in_postgres(schedule)]

    for step in range(30):
        told = one_call(chance, pair)
        assert told[0] == told[1], f"step {step}"
        assert pair[0].states() == pair[1].states(), f"step {step}: {told}"


def one_call(chance: Random, pair: list[Runs]) -> list[object]:
    """The same call of both; what each answered, without the numbers of its rows."""
    choice, number, seconds = chance.randrange(12), chance.randrange(4), chance.choice((1.0, 31.0, 91.0, 400.0, 2000.0))
    return [_CALLS[min(choice, len(_CALLS) - 1)](runs, number, seconds) for runs in pair]


def _claim(runs: Runs, number: int, seconds: float) -> object:
    del seconds
    return [each.recipient.address for each in runs.claim(number, most=2)]


def _begin(runs: Runs, number: int, seconds: float) -> object:
    del seconds
    outcomes = []
    for letter in runs.letters[-2:]:
        outcome = runs.begin(letter, hour=timedelta(hours=(runs.clocks.policy_at - START) // HOUR))
        outcomes.append("begun" if isinstance(outcome, Begun) else outcome)
    return outcomes


def _settled(runs: Runs, number: int) -> Letter | None:
    begun = [each for each in runs.letters if _has_attempt(runs, each)]
    return begun[number % len(begun)] if begun else None


def _has_attempt(runs: Runs, letter: Letter) -> bool:
    final = {each.message: each for each in runs.system.final_messages()}
    return final[letter.claim.message_id].attempts >= letter.claim.attempt


def _accept(runs: Runs, number: int, seconds: float) -> object:
    letter = _settled(runs, number)
    return letter and runs.system.messages.record_accepted(letter.claim, TAKEN, subject="Hello", next_due_day=None)


def _refuse(runs: Runs, number: int, seconds: float) -> object:
    letter = _settled(runs, number)
    return letter and runs.system.messages.record_refused(letter.claim, BUSY, LATER)


def _lose(runs: Runs, number: int, seconds: float) -> object:
    letter = _settled(runs, number)
    return letter and runs.system.messages.record_doubt(letter.claim, "time-out")


def _sweep(runs: Runs, number: int, seconds: float) -> object:
    return runs.system.messages.sweep(runs.system.tenant, horizon_seconds=HORIZON)


def _wait(runs: Runs, number: int, seconds: float) -> object:
    runs.clocks.wait(seconds)
    return None


def _unsubscribe(runs: Runs, number: int, seconds: float) -> object:
    return runs.system.unsubscribe(number) if number == 3 else None


def _release(runs: Runs, number: int, seconds: float) -> object:
    return (
        runs.system.messages.release(runs.system.tenant, ClaimToken(runs.letters[-1].claim.token))
        if runs.letters
        else 0
    )


_CALLS = (_claim, _begin, _begin, _accept, _refuse, _lose, _sweep, _wait, _unsubscribe, _release, _claim, _begin)

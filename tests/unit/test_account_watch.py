"""When noted calls are written down, and that none is lost when writing fails."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from outreach_pipelines.application.watch_accounts import AccountWatch, EndedCall, Judge
from outreach_pipelines.domain.breaker import Breaker
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.provider_call import CallOutcome

ONE, TWO = AccountId(1), AccountId(2)


@dataclass
class Written:
    """`AccountCalls` that remembers, and fails when told to."""

    calls: list[tuple[AccountId, EndedCall]] = field(default_factory=list)
    fails_for: AccountId | None = None

    def record(self, account: AccountId, calls: Sequence[EndedCall], judge: Judge) -> Breaker:
        if account == self.fails_for:
            message = "no connection"
            raise ConnectionError(message)
        self.calls += [(account, call) for call in calls]
        return Breaker()


@dataclass
class Boot:
    seconds: float = 100.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Watched:
    written: Written = field(default_factory=Written)
    boot: Boot = field(default_factory=Boot)

    def __post_init__(self) -> None:
        self.watch = AccountWatch(self.written, self.boot)

    def note(self, account: AccountId = ONE, outcome: CallOutcome = CallOutcome.ACCEPTED, *, times: int = 1) -> None:
        for _ in range(times):
            self.watch.note(account, outcome, 250, "")


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_once_one_failed_nine_calls_wait_and_the_tenth_is_written_with_them(watched: Watched) -> None:
    watched.note(ONE, CallOutcome.SERVER_ERROR)
    watched.note(times=8)
    early = watched.watch.flush_if_due()
    watched.note()

    assert not early
    assert watched.watch.flush_if_due()
    assert len(watched.written.calls) == 10


def test_calls_that_all_went_well_wait_for_the_seconds(watched: Watched) -> None:
    watched.note(times=500)

    assert not watched.watch.flush_if_due()


def test_a_call_waits_two_seconds_at_most(watched: Watched) -> None:
    watched.note()
    watched.boot.seconds += 1.9
    early = watched.watch.flush_if_due()
    watched.boot.seconds += 0.1

    assert not early
    assert watched.watch.flush_if_due()


def test_nothing_noted_is_nothing_to_write(watched: Watched) -> None:
    watched.boot.seconds += 60

    assert not watched.watch.flush_if_due()


def test_the_end_of_a_run_writes_what_is_left_once(watched: Watched) -> None:
    watched.note()

    watched.watch.flush()
    watched.watch.flush()

    assert len(watched.written.calls) == 1


def test_a_call_is_told_by_how_long_ago_it_began(watched: Watched) -> None:
    watched.note()
    watched.boot.seconds += 1.5

    watched.watch.flush()

    assert watched.written.calls == [(ONE, EndedCall(1.75, CallOutcome.ACCEPTED, 250, ""))]


def test_what_could_not_be_written_is_kept_and_what_was_written_is_not_written_twice(watched: Watched) -> None:
    watched.note(TWO)
    watched.note(ONE)
    watched.written.fails_for = TWO
    with pytest.raises(ConnectionError):
        watched.watch.flush()
    watched.written.fails_for = None

    watched.watch.flush()

    assert [account for account, _ in watched.written.calls] == [ONE, TWO]

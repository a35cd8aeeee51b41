"""Calls are noted as they end, written down a few at a time, and judged: an account that fails is left alone for a while.

Belongs here: when notes are written, and that each writing is followed by a judgement. Does not: what a call tells
(`domain.provider_call`), the judgement (`domain.breaker`).
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from outreach_pipelines.application.boot_clock import boot_seconds
from outreach_pipelines.domain.breaker import Breaker, Call, after_calls
from outreach_pipelines.domain.ids import AccountId
from outreach_pipelines.domain.provider_call import CallOutcome

FLUSH_AFTER_CALLS = 10
"""When one of them failed: good news can wait for the seconds."""
FLUSH_AFTER_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class NotedCall:
    """A call that has ended. `ended` is on the boot clock, in seconds; `code` is empty where nothing went wrong."""

    account: AccountId
    outcome: CallOutcome
    milliseconds: int
    code: str
    ended: float


@dataclass(frozen=True, slots=True)
class EndedCall:
    """As it is written down: so many seconds ago it began."""

    seconds_ago: float
    outcome: CallOutcome
    milliseconds: int
    code: str


Judge = Callable[[Breaker, Sequence[Call], datetime], Breaker]


class AccountCalls(Protocol):
    """What accounts are known by."""

    def record(self, account: AccountId, calls: Sequence[EndedCall], judge: Judge) -> Breaker:
        """Count the calls, and in the same transaction move the breaker as `judge` says of the account's last twenty."""
        ...


class CallLog(Protocol):
    """Where the outcomes of calls are noted. A run flushes when it ends, and lets it look at the time in between."""

    def note(self, account: AccountId, outcome: CallOutcome, milliseconds: int, code: str) -> None:
        """Remember one call; quick, and without any transaction."""
        ...

    def flush_if_due(self) -> bool:
        """Write down what was noted, once it is two seconds old, or ten calls with a failure among them; whether it was."""
        ...

    def flush(self) -> None:
        """Write down all that was noted."""
        ...


class UnwatchedCalls:
    """`CallLog` of a run whose accounts nobody judges."""

    def note(self, account: AccountId, outcome: CallOutcome, milliseconds: int, code: str) -> None:
        """See `CallLog.note`."""

    def flush_if_due(self) -> bool:
        """See `CallLog.flush_if_due`."""
        return False

    def flush(self) -> None:
        """See `CallLog.flush`."""


@dataclass(slots=True)
class AccountWatch:
    """`CallLog` over a store, for all threads of a process.

    A process that dies takes at most two seconds of calls along, or ten once one has failed. What could not be written is
    kept for the next time.
    """

    calls: AccountCalls
    boot: Callable[[], float] = boot_seconds
    _noted: list[NotedCall] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _writing: threading.Lock = field(default_factory=threading.Lock)

    def note(self, account: AccountId, outcome: CallOutcome, milliseconds: int, code: str) -> None:
        """See `CallLog.note`."""
        with self._lock:
            self._noted.append(NotedCall(account, outcome, milliseconds, code, self.boot()))

    def flush_if_due(self) -> bool:
        """See `CallLog.flush_if_due`."""
        with self._lock:
            due = bool(self._noted) and (
                self.boot() - self._noted[0].ended >= FLUSH_AFTER_SECONDS
                or (len(self._noted) >= FLUSH_AFTER_CALLS and any(map(_failed, self._noted)))
            )
        if due:
            self.flush()
        return due

    def flush(self) -> None:
        """See `CallLog.flush`."""
        with self._writing:
            with self._lock:
                noted, self._noted = self._noted, []
            # In the order of their numbers, so that two processes never wait for each other.
            for account in sorted({each.account for each in noted}):
                try:
                    self.calls.record(account, self._ended(noted, account), after_calls)
                except BaseException:
                    with self._lock:
                        self._noted = [each for each in noted if each.account >= account] + self._noted
                    raise

    def _ended(self, noted: Sequence[NotedCall], account: AccountId) -> list[EndedCall]:
        now = self.boot()
        return [
            EndedCall(now - each.ended + each.milliseconds / 1000, each.outcome, each.milliseconds, each.code)
            for each in noted
            if each.account == account
        ]


def _failed(call: NotedCall) -> bool:
    return call.outcome is not CallOutcome.ACCEPTED

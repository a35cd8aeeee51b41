"""What a provider shows of its past: records that become readable some time after they were made.

In real time and in memory: whoever looks a message up waits in real time, and a lab that starts again has forgotten.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from outreach_pipelines.lab.clock import machine_now
from outreach_pipelines.lab.faults import Fault, FaultBoard

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Kept(Generic[T]):
    shown_from: datetime
    record: T


class LateRecords(Generic[T]):
    """The records of one account, each shown once `delay` has passed."""

    def __init__(self, faults: FaultBoard, *, account: str, delay: timedelta) -> None:
        self._faults, self._account, self._delay = faults, account, delay
        self._kept: list[_Kept[T]] = []

    def keep(self, record: T, *, recipient: str) -> None:
        """Keep a record that concerns `recipient`, unless a fault drops or repeats it."""
        targets = (self._account, recipient)
        if not self._faults.take(Fault.DROP_EVENTS, *targets):
            times = 2 if self._faults.take(Fault.REPEAT_EVENTS, *targets) else 1
            self._kept += [_Kept(machine_now() + self._delay, record)] * times

    def shown(self) -> list[T]:
        """What can be read now, oldest first."""
        now = machine_now()
        return [kept.record for kept in self._kept if kept.shown_from <= now]

"""Faults on demand: which are ordered, for whom, how often still. How one looks is its server's business."""

import asyncio
from dataclasses import dataclass
from enum import StrEnum, unique


@unique
class Fault(StrEnum):
    """What can be ordered by `POST /faults`. "After accept" means that the ledger holds the message."""

    ACCEPT_THEN_CLOSE = "accept_then_close"
    """The message is taken and the connection ends before the answer."""
    ACCEPT_THEN_HANG = "accept_then_hang"
    """The message is taken and no answer comes."""
    ERROR_500_AFTER_ACCEPT = "error_500_after_accept"
    """The message is taken and the answer says server error (SES 500, SMTP 451)."""
    HANG = "hang"
    """The message is read, not taken, and no answer comes."""
    THROTTLE = "throttle"
    """Refused for its rate."""
    REFUSE_TEMPORARY = "refuse_temporary"
    """Refused with a transient error (SES 503, SMTP 451 at RCPT)."""
    REVOKE_CREDENTIALS = "revoke_credentials"
    """Login fails: SES access key, SMTP account, or IMAP user."""
    PAUSE_SENDING = "pause_sending"
    """The provider has paused the account (SES SendingPausedException, SMTP 550)."""
    DROP_EVENTS = "drop_events"
    """An event is never published."""
    REPEAT_EVENTS = "repeat_events"
    """An event is published twice."""
    SHUFFLE_EVENTS = "shuffle_events"
    """The next `count` events are held and published in another order."""
    DNS_SERVFAIL = "dns_servfail"
    """A name is answered by SERVFAIL."""
    DNS_DROP = "dns_drop"
    """A query is not answered at all."""


@dataclass(slots=True)
class _Order:
    fault: Fault
    left: int | None


class FaultBoard:
    """Orders by target: an account, an inbox user, a recipient or a DNS name, in small letters."""

    def __init__(self) -> None:
        self._orders: dict[str, list[_Order]] = {}
        self._cleared = asyncio.Event()

    def order(self, target: str, fault: Fault, *, times: int | None) -> None:
        """Let `fault` happen to `target` the next `times` times, or until `clear` if that is None."""
        self._orders.setdefault(target.lower(), []).append(_Order(fault, times))

    def clear(self) -> None:
        """Take every order down and let go of whoever hangs."""
        self._orders.clear()
        self._cleared.set()
        self._cleared = asyncio.Event()

    def take(self, fault: Fault, *targets: str) -> bool:
        """Whether `fault` is ordered for one of `targets`; if so, it has happened once more."""
        for target in targets:
            for order in self._orders.get(target.lower(), []):
                if order.fault is fault and order.left != 0:
                    order.left = None if order.left is None else order.left - 1
                    return True
        return False

    def left(self, fault: Fault, target: str) -> int:
        """How many times `fault` is still to happen to `target`; orders without an end do not count."""
        return sum(o.left or 0 for o in self._orders.get(target.lower(), []) if o.fault is fault)

    def standing(self) -> list[tuple[str, Fault, int | None]]:
        """All orders that are not used up: target, fault, times left."""
        return [(t, o.fault, o.left) for t, orders in self._orders.items() for o in orders if o.left != 0]

    async def hang(self) -> None:
        """Wait until the orders are cleared."""
        await self._cleared.wait()

"""Faults on demand: which are ordered, for whom, how often still. How one looks is its server's business."""

import asyncio
from contextlib import suppress
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
    """The message is taken and the answer says server error (HTTP 500, SMTP 451)."""
    GARBAGE_AFTER_ACCEPT = "garbage_after_accept"
    """The message is taken and the answer is a page of HTML (HTTP 200; over SMTP without a code)."""
    ENDLESS_AFTER_ACCEPT = "endless_after_accept"
    """The message is taken and the answer is one line of five megabytes."""
    SLOW_ANSWER = "slow_answer"
    """The message is taken and the answer says so after `seconds` of real time."""
    HANG = "hang"
    """The message is read, not taken, and no answer comes."""
    HALF_OPEN = "half_open"
    """The connection stands and nobody is behind it any more: SMTP from MAIL on; over HTTP as HANG."""
    THROTTLE = "throttle"
    """Refused for its rate."""
    GOING_DOWN = "going_down"
    """The message is read and not taken, since the server shuts down (SMTP 421 after DATA and the end, HTTP 503)."""
    REFUSE_TEMPORARY = "refuse_temporary"
    """Refused with a transient error (HTTP 503, SMTP 451 at RCPT)."""
    GREYLIST = "greylist"
    """A recipient is refused when it is first written to by a sender, and taken after that (RFC 6647; SMTP only)."""
    REVOKE_CREDENTIALS = "revoke_credentials"
    """Login fails: an API's key, SMTP account, or IMAP user."""
    PAUSE_SENDING = "pause_sending"
    """The provider has paused the account, or the SES tenant (SES SendingPausedException, SMTP 550)."""
    DROP_EVENTS = "drop_events"
    """An event is never published."""
    DELAY_EVENTS = "delay_events"
    """An event is published after `seconds` of real time, behind those that come meanwhile."""
    REPEAT_EVENTS = "repeat_events"
    """An event is published twice."""
    SHUFFLE_EVENTS = "shuffle_events"
    """The next `count` events are held and published in another order."""
    FORGE_EVENTS = "forge_events"
    """An event is published with a tag beside it that nobody signed: another message's name, as a forger would write it."""
    DNS_SERVFAIL = "dns_servfail"
    """A name is answered by SERVFAIL."""
    DNS_DROP = "dns_drop"
    """A query is not answered at all."""


#: Orders of these must say how long.
NEED_SECONDS = frozenset({Fault.SLOW_ANSWER, Fault.DELAY_EVENTS})


@dataclass(slots=True)
class _Order:
    fault: Fault
    left: int | None
    seconds: float


class FaultBoard:
    """Orders by target: an account, a tenant of one, an inbox user, a recipient or a DNS name, in small letters."""

    def __init__(self) -> None:
        self._orders: dict[str, list[_Order]] = {}
        self._cleared = asyncio.Event()

    def order(self, target: str, fault: Fault, *, times: int | None, seconds: float = 0.0) -> None:
        """Let `fault` happen to `target` the next `times` times, or until `clear` if that is None."""
        self._orders.setdefault(target.lower(), []).append(_Order(fault, times, seconds))

    def clear(self) -> None:
        """Take every order down and let go of whoever hangs."""
        self._orders.clear()
        self._cleared.set()
        self._cleared = asyncio.Event()

    def take(self, fault: Fault, *targets: str) -> bool:
        """Whether `fault` is ordered for one of `targets`; if so, it has happened once more."""
        return self.take_seconds(fault, *targets) is not None

    def take_seconds(self, fault: Fault, *targets: str) -> float | None:
        """How long `fault` is ordered to last for one of `targets`, None where it is not; if so, it has happened."""
        for order in self._standing_for(fault, *targets):
            order.left = None if order.left is None else order.left - 1
            return order.seconds
        return None

    def stands(self, fault: Fault, *targets: str) -> bool:
        """Whether `fault` is ordered for one of `targets`. Asking uses nothing up."""
        return bool(self._standing_for(fault, *targets))

    def left(self, fault: Fault, target: str) -> int:
        """How many times `fault` is still to happen to `target`; orders without an end do not count."""
        return sum(o.left or 0 for o in self._orders.get(target.lower(), []) if o.fault is fault)

    def standing(self) -> list[tuple[str, Fault, int | None]]:
        """All orders that are not used up: target, fault, times left."""
        return [(t, o.fault, o.left) for t, orders in self._orders.items() for o in orders if o.left != 0]

    async def hang(self) -> None:
        """Wait until the orders are cleared."""
        await self._cleared.wait()

    async def hang_for(self, seconds: float) -> None:
        """Wait so long, or until the orders are cleared."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._cleared.wait()

    def _standing_for(self, fault: Fault, *targets: str) -> list[_Order]:
        orders = (order for target in targets for order in self._orders.get(target.lower(), []))
        return [order for order in orders if order.fault is fault and order.left != 0]

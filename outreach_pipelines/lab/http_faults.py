"""Faults of a provider that is spoken to by HTTP, in the two places where a send has them. How each is worded is the provider's."""

from enum import Enum, auto, unique

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from outreach_pipelines.lab.faults import Fault, FaultBoard

HTML_PAGE = "<!DOCTYPE html>\n<html><head><title>Gateway</title></head><body><h1>Please wait</h1></body></html>\n"
ENDLESS_BYTES = 5_000_000


class ConnectionEndsError(Exception):
    """A fault: no answer leaves."""


class StrangeAnswerError(Exception):
    """A fault: the answer is not one of the provider's. `strange_answer` gives it, as an exception handler of the app."""

    def __init__(self, body: str) -> None:
        super().__init__("an answer that is not the provider's")
        self.body = body


@unique
class Refusal(Enum):
    """Why a message is not taken."""

    THROTTLED = auto()
    UNAVAILABLE = auto()
    PAUSED = auto()


_REFUSALS = (
    (Fault.THROTTLE, Refusal.THROTTLED),
    (Fault.REFUSE_TEMPORARY, Refusal.UNAVAILABLE),
    (Fault.GOING_DOWN, Refusal.UNAVAILABLE),
    (Fault.PAUSE_SENDING, Refusal.PAUSED),
)


async def ordered_refusal(faults: FaultBoard, *targets: str) -> Refusal | None:
    """What is ordered to happen to a message that was read and is not taken yet. Raises ConnectionEndsError."""
    if faults.take(Fault.HANG, *targets) or faults.take(Fault.HALF_OPEN, *targets):
        await faults.hang()
        raise ConnectionEndsError
    return next((refusal for fault, refusal in _REFUSALS if faults.take(fault, *targets)), None)


async def says_error_after_accept(faults: FaultBoard, *targets: str) -> bool:
    """Whether a message that was taken is answered by a server error.

    Raises ConnectionEndsError where no answer leaves, StrangeAnswerError where a strange one does.
    """
    if faults.take(Fault.ACCEPT_THEN_CLOSE, *targets):
        raise ConnectionEndsError
    if faults.take(Fault.ACCEPT_THEN_HANG, *targets):
        await faults.hang()
        raise ConnectionEndsError
    if faults.take(Fault.GARBAGE_AFTER_ACCEPT, *targets):
        raise StrangeAnswerError(HTML_PAGE)
    if faults.take(Fault.ENDLESS_AFTER_ACCEPT, *targets):
        raise StrangeAnswerError("a" * ENDLESS_BYTES)
    seconds = faults.take_seconds(Fault.SLOW_ANSWER, *targets)
    if seconds is not None:
        await faults.hang_for(seconds)
    return faults.take(Fault.ERROR_500_AFTER_ACCEPT, *targets)


async def strange_answer(request: Request, error: Exception) -> Response:  # noqa: ARG001 - Starlette's signature
    """The answer of a StrangeAnswerError, with the status of success."""
    return HTMLResponse(error.body if isinstance(error, StrangeAnswerError) else HTML_PAGE)

"""The lab's own HTTP interface for its driver: clock, faults, zones, state, statistics. No mail passes here."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Self

from pydantic import AwareDatetime, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass as checked_dataclass
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from outreach_pipelines.lab.clock import Agenda, ClockRefusedError, SimulatedClock
from outreach_pipelines.lab.faults import NEED_SECONDS, Fault, FaultBoard
from outreach_pipelines.lab.inboxes import Inboxes
from outreach_pipelines.lab.json_value import JsonObject
from outreach_pipelines.lab.ledger import Ledger
from outreach_pipelines.lab.ses.publisher import EventPublisher
from outreach_pipelines.lab.zones import ZoneError, Zones, parse_zone

_STRICT = ConfigDict(extra="forbid")


@checked_dataclass(frozen=True, slots=True, config=_STRICT)
class _ClockOrder:
    now: AwareDatetime


@checked_dataclass(frozen=True, slots=True, config=_STRICT)
class _FaultOrder:
    """One of `account` (or SES tenant, inbox user), `recipient`, `name` (in DNS); without `count` it stands until cleared."""

    fault: Fault
    account: str | None = None
    recipient: str | None = None
    name: str | None = None
    count: Annotated[int, Field(ge=1)] | None = None
    seconds: Annotated[float, Field(gt=0, le=600)] | None = None

    @model_validator(mode="after")
    def _has_one_target(self) -> Self:
        if len(self.targets) != 1:
            msg = "a fault needs exactly one of account, recipient, name"
            raise ValueError(msg)
        if self.fault is Fault.SHUFFLE_EVENTS and self.count is None:
            msg = "a shuffle needs a count: how many events it holds before it lets them go"
            raise ValueError(msg)
        if (self.seconds is not None) != (self.fault in NEED_SECONDS):
            msg = "seconds say how long a slow answer or a late event takes, and nothing else"
            raise ValueError(msg)
        return self

    @property
    def targets(self) -> list[str]:
        return [target for target in (self.account, self.recipient, self.name) if target]


@dataclass(frozen=True, slots=True)
class Controlled:
    """The parts of a running lab that can be asked and steered."""

    clock: SimulatedClock
    agenda: Agenda
    ledger: Ledger
    publisher: EventPublisher
    faults: FaultBoard
    zones: Zones
    inboxes: Inboxes
    accounts: tuple[str, ...]


class ControlApi:
    """The routes."""

    def __init__(self, lab: Controlled) -> None:
        self._lab = lab

    def app(self) -> Starlette:
        """The ASGI application. A request that does not fit is answered by 422 with its faults."""
        return Starlette(
            routes=[
                Route("/healthz", self._healthz),
                Route("/status", self._status),
                Route("/accounts", self._accounts),
                Route("/clock", self._set_clock, methods=["POST"]),
                Route("/faults", self._standing_faults),
                Route("/faults", self._order_fault, methods=["POST"]),
                Route("/faults", self._clear_faults, methods=["DELETE"]),
                Route("/dns", self._put_zone, methods=["POST"]),
            ],
            exception_handlers=dict.fromkeys((ValidationError, ClockRefusedError, ZoneError), _unprocessable),
        )

    async def _healthz(self, request: Request) -> Response:  # noqa: ARG002 - Starlette's signature
        return JSONResponse({"status": "ok"})

    async def _status(self, request: Request) -> Response:  # noqa: ARG002 - Starlette's signature
        return JSONResponse(self._state())

    async def _set_clock(self, request: Request) -> Response:
        """Step the clock and run what falls due; the answer leaves after that."""
        order = TypeAdapter(_ClockOrder).validate_json(await request.body())
        self._lab.clock.step_to(order.now)
        ran = await self._lab.agenda.run_due()
        await self._lab.ledger.settle()
        return JSONResponse({**self._state(), "reactions_run": ran})

    async def _standing_faults(self, request: Request) -> Response:  # noqa: ARG002 - Starlette's signature
        standing = [{"target": t, "fault": f.value, "left": left} for t, f, left in self._lab.faults.standing()]
        return JSONResponse({"faults": standing})

    async def _order_fault(self, request: Request) -> Response:
        order = TypeAdapter(_FaultOrder).validate_json(await request.body())
        self._lab.faults.order(order.targets[0], order.fault, times=order.count, seconds=order.seconds or 0.0)
        return Response(status_code=204)

    async def _clear_faults(self, request: Request) -> Response:  # noqa: ARG002 - Starlette's signature
        self._lab.faults.clear()
        self._lab.publisher.release_held()
        return Response(status_code=204)

    async def _put_zone(self, request: Request) -> Response:
        origin = self._lab.zones.put(parse_zone((await request.body()).decode()))
        return JSONResponse({"zone": origin.to_text()})

    async def _accounts(self, request: Request) -> Response:  # noqa: ARG002 - Starlette's signature
        """Each account's own statistics, as a provider's console shows them."""
        return JSONResponse({"accounts": [self._statistics(name) for name in self._lab.accounts]})

    def _statistics(self, name: str) -> JsonObject:
        by_hour = self._lab.ledger.accepted_by_hour(name)
        return {"name": name, "accepted": sum(by_hour.values()), "accepted_by_hour": by_hour}

    def _state(self) -> JsonObject:
        lab = self._lab
        return {
            "now": lab.clock.now().isoformat(),
            "clock": "stepped" if lab.clock.is_stepped else "real",
            "unpublished_events": lab.publisher.unpublished,
            "dropped_events": lab.publisher.dropped,
            "pending_reactions": lab.agenda.pending,
            "failed_reactions": lab.agenda.failed,
            "next_reaction_at": _iso(lab.agenda.next_due),
            "inboxes": dict(lab.inboxes.counts),
            "zones": lab.zones.origins(),
        }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


async def _unprocessable(request: Request, error: Exception) -> Response:  # noqa: ARG001 - Starlette's signature
    return JSONResponse({"error": str(error)}, status_code=422)

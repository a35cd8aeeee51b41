"""Serves an ASGI application with uvicorn in the running event loop, and lets it end a connection without an answer."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

_connection: ContextVar[asyncio.Transport | None] = ContextVar("lab_connection", default=None)


def end_connection() -> None:
    """Reset the connection of the request that is being handled; whatever is answered then goes nowhere."""
    transport = _connection.get()
    if transport is not None:
        transport.abort()


class _Protocol(H11Protocol):
    """Makes the connection known to the requests that come by it: a request's task copies this context."""

    def data_received(self, data: bytes) -> None:
        _connection.set(self.transport)
        super().data_received(data)


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The process handles its own signals."""
        yield


class HttpServer:
    """One application on one port."""

    def __init__(self, app: ASGIApp) -> None:
        config = uvicorn.Config(
            app,
            http=_Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; the port."""
        listener = socket.create_server((host, port), backlog=512)
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]))
        return int(listener.getsockname()[1])

    async def stop(self) -> None:
        """Finish what is being answered, for a second at most."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task

"""A small HTTP server that says what a provider, or a broken network, would say; for tests of transports and look-ups."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

CUT, SILENT, TRICKLE = b"cut", b"silent", b"trickle"


@dataclass(frozen=True)
class Request:
    """One request as it came. `query` holds the last value of each name."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


Say = Callable[[Request], bytes]


@dataclass
class Provider:
    """What reached the server, and what it says: bytes of an answer, or one of CUT, SILENT and TRICKLE."""

    say: Say
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def answer(status: int, body: bytes | object, *, headers: str = "") -> bytes:
    """An HTTP answer; a body that is not bytes goes as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return f"HTTP/1.1 {status} Any\r\n{headers}Content-Length: {len(content)}\r\n\r\n".encode() + content


@asynccontextmanager
async def provider(say: Say | bytes) -> AsyncIterator[Provider]:
    """A server for as long as the block lasts; bytes are what it says to everything."""
    met = Provider(say if callable(say) else lambda _: say)
    server = await asyncio.start_server(lambda r, w: _meet(met, r, w), "127.0.0.1", 0)
    met.port = int(server.sockets[0].getsockname()[1])
    try:
        yield met
    finally:
        server.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        # Before Python 3.12 a server that is closed does not wait for its connections to be gone.
        for _ in range(10):
            await asyncio.sleep(0)


async def _meet(met: Provider, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    met.connections += 1
    try:
        while True:
            request = await _read(reader)
            met.requests.append(request)
            await _say(met.say(request), reader, writer)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def _read(reader: asyncio.StreamReader) -> Request:
    start, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
    method, target, _ = start.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    url = urlsplit(target)
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, url.path, dict(parse_qsl(url.query)), headers, body)


async def _say(says: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if says == CUT:
        writer.transport.abort()
    elif says == SILENT:
        await reader.read()
    elif says == TRICKLE:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not (writer.is_closing() or reader.at_eof()):
            writer.write(b" ")
            with suppress(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.05)
    else:
        writer.write(says)
        await writer.drain()

"""A server that takes every letter and keeps none: as little CPU as Python can, so that the senders are what is measured.

Prints its port. On SIGTERM it prints how many letters it took, and its CPU seconds.
"""

import asyncio
import json
import signal
import time


class Sink(asyncio.Protocol):
    """RFC 5321 as far as senders need it, with PIPELINING; no dot-unstuffing, since nothing is kept."""

    taken = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.buffer, self.in_data = transport, b"", False
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        """Answer every line, or wait for the end of the letter."""
        self.buffer += data
        while self.in_data or b"\r\n" in self.buffer:
            if self.in_data:
                _, end, rest = self.buffer.partition(b"\r\n.\r\n")
                if not end:
                    return
                self.buffer, self.in_data = rest, False
                Sink.taken += 1
                self.transport.write(b"250 2.0.0 queued as S%d\r\n" % Sink.taken)
            else:
                line, _, self.buffer = self.buffer.partition(b"\r\n")
                self._command(line[:4].upper())

    def _command(self, verb: bytes) -> None:
        if verb == b"EHLO":
            self.transport.write(b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n")
        elif verb == b"DATA":
            self.in_data = True
            self.transport.write(b"354 go on\r\n")
        elif verb == b"QUIT":
            self.transport.write(b"221 bye\r\n")
            self.transport.close()
        else:
            self.transport.write(b"250 2.0.0 ok\r\n")


async def main() -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    server = await loop.create_server(Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await stop.wait()
    print(json.dumps({"taken": Sink.taken, "cpu_seconds": time.process_time()}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())

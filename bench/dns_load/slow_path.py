"""A path to a name server on which every datagram takes a while, each way. A process of its own.

`python -m dns_load.slow_path SERVER_PORT MILLISECONDS` prints the port it listens on.
"""

import asyncio
import socket
import sys
from functools import partial

_BUFFER = 8 * 1024 * 1024
_AT_ONCE = 256


def _listening() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.settimeout(0)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    return made


class SlowPath:
    """One socket to the server for each client, so that answers find back."""

    def __init__(self, server_port: int, delay: float) -> None:
        self.loop = asyncio.get_running_loop()
        self.server, self.delay = ("127.0.0.1", server_port), delay
        self.front = _listening()
        self.front.bind(("127.0.0.1", 0))
        self.back: dict[tuple[str, int], socket.socket] = {}
        self.loop.add_reader(self.front, self._from_client)

    def _from_client(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                data, client = self.front.recvfrom(65535)
            except BlockingIOError:
                return
            self.loop.call_later(self.delay, self._behind(client).send, data)

    def _behind(self, client: tuple[str, int]) -> socket.socket:
        back = self.back.get(client)
        if back is None:
            back = self.back[client] = _listening()
            back.connect(self.server)
            self.loop.add_reader(back, partial(self._from_server, back, client))
        return back

    def _from_server(self, back: socket.socket, client: tuple[str, int]) -> None:
        for _ in range(_AT_ONCE):
            try:
                data = back.recv(65535)
            except BlockingIOError:
                return
            self.loop.call_later(self.delay, self.front.sendto, data, client)


async def main() -> None:
    path = SlowPath(int(sys.argv[1]), int(sys.argv[2]) / 1000)
    print(path.front.getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())

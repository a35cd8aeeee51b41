"""A listening socket on loopback for servers of the proofs: accepted in a thread for as long as it is open."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_LOOK_UP_SECONDS = 0.1


@contextmanager
def listening(welcome: Callable[[socket.socket], None], farewell: Callable[[], None]) -> Iterator[int]:
    """Hand each client to `welcome`; when it is over and no more are accepted, call `farewell`. Gives the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(_LOOK_UP_SECONDS)
        over = threading.Event()
        accepting = threading.Thread(target=_accept, args=(server, welcome, over))
        accepting.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            over.set()
            accepting.join()
            farewell()


def _accept(server: socket.socket, welcome: Callable[[socket.socket], None], over: threading.Event) -> None:
    while not over.is_set():
        with suppress(TimeoutError):
            client, _ = server.accept()
            welcome(client)

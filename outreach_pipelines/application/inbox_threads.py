"""Many inboxes read at once, and what they give in one stream, so that whoever writes it down does so for many at a time.

Belongs here: threads, what waits between them and the one who takes it, and how both ends stop. Does not: what is read and
what it means (`sync_replies`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, Queue
from threading import Event
from typing import Generic, TypeVar

MOST_WAITING = 16
"""Items between the readers and the one who takes them: each may hold some megabytes."""
_LOOK_AGAIN_SECONDS = 0.05

Source = TypeVar("Source")
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class _Ended(Generic[Source]):
    """A source gave its last item, or broke."""

    source: Source
    fault: BaseException | None


@contextmanager
def read_together(
    sources: Sequence[Source], read: Callable[[Source], Iterable[Item]], *, at_once: int
) -> Iterator[Iterator[Sequence[Item]]]:
    """All items of all sources, `at_once` read in parallel; in each source's own order, as many at a time as have come.

    A fault of `read` ends the stream with it. Leaving the context makes every reader stop at its next item.
    """
    arrived: Queue[Item | _Ended[Source]] = Queue(MOST_WAITING)
    left = Event()

    def give(source: Source) -> None:
        fault: BaseException | None = None
        try:
            for item in () if left.is_set() else read(source):
                if left.is_set():
                    return
                arrived.put(item)
        except BaseException as broken:  # noqa: BLE001 - it is raised again where the stream is taken
            fault = broken
        arrived.put(_Ended(source, fault))

    with ThreadPoolExecutor(max(1, min(at_once, len(sources))), thread_name_prefix="inbox") as pool:
        readers = [pool.submit(give, source) for source in sources]
        try:
            yield _taken(arrived, len(sources))
        finally:
            left.set()
            _let_go(arrived, readers)


def _taken(arrived: "Queue[Item | _Ended[Source]]", sources: int) -> Iterator[Sequence[Item]]:
    while sources:
        items: list[Item] = []
        for each in _what_waits(arrived):
            if not isinstance(each, _Ended):
                items.append(each)
            elif each.fault is not None:
                raise each.fault
            else:
                sources -= 1
        if items:
            yield items


def _what_waits(arrived: "Queue[Item]") -> Iterator[Item]:
    """One item, when it comes, and those that have come with it."""
    yield arrived.get()
    for _ in range(MOST_WAITING):
        try:
            yield arrived.get_nowait()
        except Empty:
            return


def _let_go(arrived: "Queue[Item]", readers: Sequence[Future[None]]) -> None:
    """Who waits for room gets it, until nobody does."""
    for reader in readers:
        reader.cancel()
    while not all(reader.done() for reader in readers):
        try:
            arrived.get(timeout=_LOOK_AGAIN_SECONDS)
        except Empty:
            continue

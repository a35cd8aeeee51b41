"""A rest for the garbage collector while many values are made. Belongs here: the switch. Does not: what is made."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_resting() -> Iterator[None]:
    """Snapshots and plans have no cycles: looking for them among hundreds of thousands of rows took a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()

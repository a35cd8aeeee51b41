"""One living process a folder: an advisory lock that the kernel releases, also after kill -9."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from outreach_pipelines.local_stack.errors import AlreadyRunning


class FolderLock:
    """Hold `path` exclusively for as long as this process lives or until `release`. Children do not inherit it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock; nothing happens if it is held already. Raises AlreadyRunning if another one holds it."""
        if self._descriptor is not None:
            return
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            os.close(descriptor)
            raise AlreadyRunning(self._path) from fault
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back. The file stays: unlinking it would let two holders each lock a file of their own."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.release()

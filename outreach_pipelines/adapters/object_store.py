"""Objects in a local folder, and the choice between that and a bucket (`s3_objects`): one port, one conformance suite.

What the objects hold is not known here.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from outreach_pipelines.application.stored_objects import (
    AlreadyThere,
    ETag,
    ObjectInfo,
    ObjectKey,
    ObjectMissing,
    ObjectStore,
    ObjectStoreUnreachable,
    Overtaken,
    Read,
    Stored,
    SwappedObjects,
    UnsafeObjectKey,
    object_key,
)

_UNFINISHED: Final = ".unfinished-"


def object_store_at(url: str, *, endpoint_url: str | None = None, region: str | None = None) -> ObjectStore:
    """The store at a folder's path or at `s3://bucket/prefix`. Credentials come from boto3's own chain."""
    if not url.startswith("s3://"):
        return LocalObjectStore(Path(url))
    # boto3 is loaded where it is used: most runs keep their objects in a folder.
    from outreach_pipelines.adapters.s3_objects import s3_store_at

    return s3_store_at(url, endpoint_url=endpoint_url, region=region)


def swapped_objects_at(url: str, *, endpoint_url: str | None = None, region: str | None = None) -> SwappedObjects:
    """As `object_store_at`, for what must be known within seconds: no call is repeated, none waits for long."""
    if not url.startswith("s3://"):
        return LocalObjectStore(Path(url))
    from outreach_pipelines.adapters.s3_objects import s3_store_at

    return s3_store_at(url, endpoint_url=endpoint_url, region=region, at_once=True)


@dataclass(frozen=True, slots=True)
class LocalObjectStore:
    """Objects are files below `root`, which must exist. Links that lead out of it are refused."""

    root: Path

    @contextmanager
    def open(self, key: ObjectKey) -> Iterator[BinaryIO]:
        try:
            stream = self._path(key).open("rb")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise ObjectMissing(key) from None
        with stream:
            yield stream

    def get(self, key: ObjectKey) -> bytes:
        with self.open(key) as stream:
            return stream.read()

    def head(self, key: ObjectKey) -> ObjectInfo | None:
        path = self._path(key)
        return _info(key, path) if path.is_file() else None

    def put(self, key: ObjectKey, body: bytes, *, only_if_absent: bool = False) -> Stored | AlreadyThere:
        path = self._path(key)
        try:
            unfinished = _written(path.parent, body)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = _written(path.parent, body)
        try:
            if only_if_absent:
                os.link(unfinished, path)
            else:
                unfinished.replace(path)
        except FileExistsError:
            return AlreadyThere()
        finally:
            unfinished.unlink(missing_ok=True)
        _sync_folder(path.parent)
        return Stored(_info(key, path).etag)

    def read(self, key: ObjectKey) -> Read | None:
        # What is open cannot be replaced under the reader: content and etag are of the same file.
        try:
            with self._path(key).open("rb") as stream:
                return Read(stream.read(), _etag(os.fstat(stream.fileno())))
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def swap(self, key: ObjectKey, body: bytes, *, etag: ETag) -> Stored | Overtaken:
        path = self._path(key)
        if not path.parent.is_dir():
            return Overtaken()
        with _locked(path):
            found = self.head(key)
            if found is None or found.etag != etag:
                return Overtaken()
            # Under the lock an object that is there is replaced by swaps alone, but for a put without a condition.
            self.put(key, body)
            return Stored(_info(key, path).etag)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        root = self._existing_root()
        files = (path for path in root.rglob("*") if path.is_file() and not path.name.startswith(_UNFINISHED))
        keys = {path.relative_to(root).as_posix(): path for path in files}
        for key in sorted((key for key in keys if key.startswith(prefix)), key=os.fsencode):
            if keys[key].is_symlink():
                self._path(ObjectKey(key))
            # A file deleted since the folder was read is no object any more.
            with suppress(FileNotFoundError):
                yield _info(ObjectKey(key), keys[key])

    def _existing_root(self) -> Path:
        if not self.root.is_dir():
            message = f"{self.root} is no folder"
            raise ObjectStoreUnreachable(message)
        return self.root

    def _path(self, key: ObjectKey) -> Path:
        # Of plain strings: a sync asks this once a mail, and paths as objects cost several times as much.
        root = os.path.realpath(self._existing_root())
        path = os.path.realpath(f"{root}{os.sep}{object_key(key)}")
        if not path.startswith(root.rstrip(os.sep) + os.sep) or path.rpartition(os.sep)[2].startswith(_UNFINISHED):
            message = f"{key!r} leads out of the store"
            raise UnsafeObjectKey(message)
        return Path(path)


def _written(folder: Path, body: bytes) -> Path:
    descriptor, name = tempfile.mkstemp(prefix=_UNFINISHED, dir=folder)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(body)
        stream.flush()
        os.fsync(stream.fileno())
    return Path(name)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process at a time, on this machine; the lock ends with its process (flock(2))."""
    with path.with_name(f"{_UNFINISHED}{path.name}.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _info(key: ObjectKey, path: Path) -> ObjectInfo:
    stat = path.stat()
    return ObjectInfo(key, stat.st_size, _etag(stat))


def _etag(stat: os.stat_result) -> ETag:
    # Every write makes a new file, so inode and time name the content without reading it.
    return ETag(f"{stat.st_ino:x}-{stat.st_mtime_ns:x}-{stat.st_size:x}")

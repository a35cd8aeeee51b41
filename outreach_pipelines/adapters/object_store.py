"""Objects in a local folder or under a prefix of an S3 bucket, behind one port with one conformance suite.

What the objects hold is not known here.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

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

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_UNFINISHED: Final = ".unfinished-"
_ABSENT: Final = frozenset({"404", "NoSuchKey", "NotFound"})
# 409 is answered when two conditional writes meet (Amazon S3 API Reference, PutObject, If-None-Match).
_CONDITION_FAILED: Final = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict", "409"})


def object_store_at(url: str, *, endpoint_url: str | None = None, region: str | None = None) -> ObjectStore:
    """The store at a folder's path or at `s3://bucket/prefix`. Credentials come from boto3's own chain."""
    if not url.startswith("s3://"):
        return LocalObjectStore(Path(url))
    parts = urlsplit(url)
    client = boto3.client("s3", endpoint_url=endpoint_url, region_name=region)
    return S3ObjectStore(client, parts.netloc, parts.path.strip("/"))


def swapped_objects_at(url: str, *, endpoint_url: str | None = None, region: str | None = None) -> SwappedObjects:
    """As `object_store_at`, for what must be known within seconds: no call is repeated, none waits for long."""
    if not url.startswith("s3://"):
        return LocalObjectStore(Path(url))
    parts = urlsplit(url)
    at_once = Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 1})
    client = boto3.client("s3", endpoint_url=endpoint_url, region_name=region, config=at_once)
    return S3ObjectStore(client, parts.netloc, parts.path.strip("/"))


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
        root = self._existing_root().resolve()
        path = (root / object_key(key)).resolve()
        if not path.is_relative_to(root) or path.name.startswith(_UNFINISHED):
            message = f"{key!r} leads out of the store"
            raise UnsafeObjectKey(message)
        return path


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


@dataclass(frozen=True, slots=True)
class S3ObjectStore:
    """Objects of a bucket whose keys begin with `prefix/` (or all of them, when it is empty)."""

    client: "S3Client"
    bucket: str
    prefix: str = ""
    page_size: int = 1_000

    @contextmanager
    def open(self, key: ObjectKey) -> Iterator[BinaryIO]:
        with _answers(key):
            body = self.client.get_object(Bucket=self.bucket, Key=self._full(key))["Body"]
        # StreamingBody is a raw stream (io.IOBase with readinto); buffered, it reads lines as a file does.
        with BufferedReader(cast("BufferedReader", body)) as stream, _answers(key):
            yield cast("BinaryIO", stream)

    def get(self, key: ObjectKey) -> bytes:
        with self.open(key) as stream:
            return stream.read()

    def head(self, key: ObjectKey) -> ObjectInfo | None:
        try:
            with _answers(key):
                answer = self.client.head_object(Bucket=self.bucket, Key=self._full(key))
        except ObjectMissing:
            self._require_bucket()
            return None
        return ObjectInfo(key, answer["ContentLength"], ETag(answer["ETag"]))

    def put(self, key: ObjectKey, body: bytes, *, only_if_absent: bool = False) -> Stored | AlreadyThere:
        full = self._full(key)
        with _answers(key):
            try:
                if only_if_absent:
                    answer = self.client.put_object(Bucket=self.bucket, Key=full, Body=body, IfNoneMatch="*")
                else:
                    answer = self.client.put_object(Bucket=self.bucket, Key=full, Body=body)
            except ClientError as refused:
                if only_if_absent and _code(refused) in _CONDITION_FAILED:
                    return AlreadyThere()
                raise
        return Stored(ETag(answer["ETag"]))

    def read(self, key: ObjectKey) -> Read | None:
        try:
            with _answers(key):
                answer = self.client.get_object(Bucket=self.bucket, Key=self._full(key))
                return Read(answer["Body"].read(), ETag(answer["ETag"]))
        except ObjectMissing:
            self._require_bucket()
            return None

    def swap(self, key: ObjectKey, body: bytes, *, etag: ETag) -> Stored | Overtaken:
        full = self._full(key)
        try:
            with _answers(key):
                try:
                    answer = self.client.put_object(Bucket=self.bucket, Key=full, Body=body, IfMatch=etag)
                except ClientError as refused:
                    if _code(refused) in _CONDITION_FAILED:
                        return Overtaken()
                    raise
        except ObjectMissing:
            self._require_bucket()
            return Overtaken()
        return Stored(ETag(answer["ETag"]))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        start = f"{self.prefix}/" if self.prefix else ""
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=start + prefix, PaginationConfig={"PageSize": self.page_size}
        )
        with _answers(prefix):
            for page in pages:
                for entry in page.get("Contents", []):
                    key = ObjectKey(entry["Key"].removeprefix(start))
                    yield ObjectInfo(key, entry["Size"], ETag(entry["ETag"]))

    def _require_bucket(self) -> None:
        # HEAD answers 404 without a body: a bucket that is not there looks like an object that is not there.
        try:
            with _answers(self.bucket):
                self.client.head_bucket(Bucket=self.bucket)
        except ObjectMissing:
            message = f"there is no bucket {self.bucket}"
            raise ObjectStoreUnreachable(message) from None

    def _full(self, key: ObjectKey) -> str:
        return f"{self.prefix}/{object_key(key)}" if self.prefix else object_key(key)


@contextmanager
def _answers(key: str) -> Iterator[None]:
    """S3's errors as the port's: absence is an answer, everything else is the lack of one."""
    try:
        yield
    except ClientError as refused:
        if _code(refused) in _ABSENT:
            raise ObjectMissing(key) from None
        raise ObjectStoreUnreachable(str(refused)) from refused
    except BotoCoreError as broken:
        raise ObjectStoreUnreachable(str(broken)) from broken


def _code(refused: ClientError) -> str:
    return str(refused.response.get("Error", {}).get("Code", ""))

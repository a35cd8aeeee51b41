"""The port to files that outlive machines: inventories, lead files, templates, reports.

What the files hold is not known here; where they lie (a folder, a bucket) is the adapter's.
"""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO, Final, NewType, Protocol

from outreach_pipelines.errors import Unreadable

ObjectKey = NewType("ObjectKey", str)
"""Names joined by `/`, relative to the store: never absolute, never with `..`; see `object_key`."""

ETag = NewType("ETag", str)
"""Opaque; another one means that the content was written anew."""

LONGEST_KEY: Final = 1024  # octets (Amazon S3 User Guide, "Naming Amazon S3 objects")
_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f\\\ud800-\udfff]")


class UnsafeObjectKey(ValueError):
    """A key that could name something outside the store, or nothing at all."""


class ObjectMissing(LookupError):
    """There is no such object, and the store was there to say so."""


class ObjectStoreUnreachable(Unreadable, OSError):
    """The store could not answer. This is never the same as an empty one."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    key: ObjectKey
    size: int
    etag: ETag


@dataclass(frozen=True, slots=True)
class Stored:
    etag: ETag


@dataclass(frozen=True, slots=True)
class AlreadyThere:
    """A conditional write met an object of that key and changed nothing."""


@dataclass(frozen=True, slots=True)
class Overtaken:
    """The object was not (or no longer) the one that was to be replaced, and nothing was changed."""


@dataclass(frozen=True, slots=True)
class Read:
    """A content and the etag under which it was read."""

    body: bytes
    etag: ETag


class ObjectStore(Protocol):
    """All methods raise `UnsafeObjectKey` and `ObjectStoreUnreachable`; an object is seen whole or not at all."""

    def open(self, key: ObjectKey) -> AbstractContextManager[BinaryIO]:
        """The content as a stream, for files of any size. Raises `ObjectMissing`."""
        ...

    def get(self, key: ObjectKey) -> bytes:
        """The whole content. Raises `ObjectMissing`."""
        ...

    def head(self, key: ObjectKey) -> ObjectInfo | None:
        """What is known of the object without reading it; `None` when there is none."""
        ...

    def put(self, key: ObjectKey, body: bytes, *, only_if_absent: bool = False) -> Stored | AlreadyThere:
        """Write, durably when this returns. With `only_if_absent`, of two writers exactly one gets `Stored`."""
        ...

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Every object whose key begins with `prefix`, in the order of the keys' octets."""
        ...


class SwappedObjects(Protocol):
    """Objects that are replaced only while they are what was read: of two writers at once exactly one succeeds.

    Raises as `ObjectStore` does. After `ObjectStoreUnreachable` a write may have happened: read again.
    """

    def read(self, key: ObjectKey) -> Read | None:
        """Content and etag of one moment; `None` when there is no such object."""
        ...

    def put(self, key: ObjectKey, body: bytes, *, only_if_absent: bool = False) -> Stored | AlreadyThere:
        """See `ObjectStore.put`."""
        ...

    def swap(self, key: ObjectKey, body: bytes, *, etag: ETag) -> Stored | Overtaken:
        """Replace the content that was read under `etag`; durable when this returns."""
        ...


def object_key(text: str) -> ObjectKey:
    """Check a key from outside. Raises `UnsafeObjectKey`, which names the fault."""
    if not text or len(text.encode("utf-8", "replace")) > LONGEST_KEY:
        message = f"a key has 1 to {LONGEST_KEY} octets"
        raise UnsafeObjectKey(message)
    if _UNSAFE.search(text):
        message = f"{text!r} holds a control character or a backslash"
        raise UnsafeObjectKey(message)
    if any(part in {"", ".", ".."} for part in text.split("/")):
        message = f"{text!r} has an empty part, or one that leaves its folder"
        raise UnsafeObjectKey(message)
    return ObjectKey(text)

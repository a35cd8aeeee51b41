"""Objects under a prefix of an S3 bucket: the port of `object_store` by boto3.

Apart from the folder's, so that who keeps objects in a folder loads no AWS library.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
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
    ObjectStoreUnreachable,
    Overtaken,
    Read,
    Stored,
    object_key,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_ABSENT: Final = frozenset({"404", "NoSuchKey", "NotFound"})
# 409 is answered when two conditional writes meet (Amazon S3 API Reference, PutObject, If-None-Match).
_CONDITION_FAILED: Final = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict", "409"})


def s3_store_at(
    url: str, *, endpoint_url: str | None = None, region: str | None = None, at_once: bool = False
) -> "S3ObjectStore":
    """The store at `s3://bucket/prefix`. Credentials come from boto3's own chain. `at_once`: no call is repeated, none waits for long."""
    parts = urlsplit(url)
    config = Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 1}) if at_once else None
    client = boto3.client("s3", endpoint_url=endpoint_url, region_name=region, config=config)
    return S3ObjectStore(client, parts.netloc, parts.path.strip("/"))


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

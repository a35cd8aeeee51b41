"""What every object store does, asked of a folder and of S3."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from outreach_pipelines.adapters.object_store import LocalObjectStore, object_store_at
from outreach_pipelines.adapters.s3_objects import S3ObjectStore
from outreach_pipelines.application.stored_objects import (
    AlreadyThere,
    ObjectKey,
    ObjectMissing,
    ObjectStore,
    ObjectStoreUnreachable,
    Stored,
    UnsafeObjectKey,
)

pytest_plugins = ("object_store_server",)

KEY = ObjectKey("uploads/acme/2026-11-02 Zoë.csv")
UNSAFE = (
    *("", "/etc/passwd", "../outside", "a/../../outside", "a//b", "a/./b", "a/", "a\\..\\b", "a\0b", "a\nb"),
    *("x" * 1025, "\udcff"),
)


def s3_store(endpoint: str, bucket: str) -> S3ObjectStore:
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=2),
    )
    return S3ObjectStore(client, bucket, "installation/one", page_size=4)


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "folder":
        return LocalObjectStore(tmp_path)
    remote = s3_store(request.getfixturevalue("s3_endpoint"), f"bucket-{time.monotonic_ns()}")
    remote.client.create_bucket(Bucket=remote.bucket)
    return remote


@pytest.fixture(params=["folder", "s3", "nobody listens"])
def absent_store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    match request.param:
        case "folder":
            return LocalObjectStore(tmp_path / "not there")
        case "s3":
            return s3_store(request.getfixturevalue("s3_endpoint"), "not-there")
        case _:
            return s3_store("http://127.0.0.1:9", "not-there")


def test_what_was_put_is_read_back(store: ObjectStore) -> None:
    store.put(KEY, b"first\nsecond\n")

    with store.open(KEY) as stream:
        assert stream.readline() == b"first\n"
        assert stream.read() == b"second\n"
    assert store.get(KEY) == b"first\nsecond\n"


def test_an_empty_object_is_an_object(store: ObjectStore) -> None:
    store.put(KEY, b"")

    found = store.head(KEY)

    assert found is not None
    assert (found.size, store.get(KEY)) == (0, b"")


def test_another_content_has_another_etag(store: ObjectStore) -> None:
    first = store.put(KEY, b"one")
    second = store.put(KEY, b"two")

    found = store.head(KEY)

    assert isinstance(first, Stored)
    assert isinstance(second, Stored)
    assert first.etag != second.etag
    assert found is not None
    assert (found.key, found.size, found.etag) == (KEY, 3, second.etag)


def test_there_is_no_reading_what_is_not_there(store: ObjectStore) -> None:
    assert store.head(KEY) is None
    with pytest.raises(ObjectMissing):
        store.get(KEY)
    with pytest.raises(ObjectMissing), store.open(KEY):
        pass


def test_a_conditional_put_changes_nothing_that_is_there(store: ObjectStore) -> None:
    first = store.put(KEY, b"one", only_if_absent=True)
    second = store.put(KEY, b"two", only_if_absent=True)

    assert isinstance(first, Stored)
    assert isinstance(second, AlreadyThere)
    assert store.get(KEY) == b"one"


def test_of_many_conditional_writers_exactly_one_wins(store: ObjectStore) -> None:
    def write(number: int) -> Stored | AlreadyThere:
        return store.put(KEY, str(number).encode(), only_if_absent=True)

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(write, range(16)))

    winners = [number for number, outcome in enumerate(outcomes) if isinstance(outcome, Stored)]
    assert [str(number).encode() for number in winners] == [store.get(KEY)]


def test_objects_are_listed_by_prefix_in_the_order_of_their_octets(store: ObjectStore) -> None:
    for key in ("b/2", "b/10", "b/é", "a", "b2", "b/Z", "c/1"):
        store.put(ObjectKey(key), key.encode())

    listed = [(info.key, info.size) for info in store.list("b/")]

    assert listed == [("b/10", 4), ("b/2", 3), ("b/Z", 3), ("b/é", 4)]
    assert [info.key for info in store.list("b")] == ["b/10", "b/2", "b/Z", "b/é", "b2"]
    assert list(store.list("nothing")) == []


def test_more_objects_than_a_page_holds_are_all_listed(store: ObjectStore) -> None:
    keys = [ObjectKey(f"many/{number:02}") for number in range(11)]
    for key in keys:
        store.put(key, b"")

    assert [info.key for info in store.list("many/")] == keys


@pytest.mark.parametrize("key", UNSAFE)
def test_a_key_that_could_leave_the_store_is_refused(store: ObjectStore, key: str) -> None:
    for act in _acts(store, ObjectKey(key)):
        with pytest.raises(UnsafeObjectKey):
            act()


def _acts(store: ObjectStore, key: ObjectKey) -> tuple[Callable[[], object], ...]:
    return (lambda: store.get(key), lambda: store.head(key), lambda: store.put(key, b"x"))


def test_a_store_that_is_not_there_is_never_an_empty_one(absent_store: ObjectStore) -> None:
    for act in _acts(absent_store, KEY):
        with pytest.raises(ObjectStoreUnreachable):
            act()
    with pytest.raises(ObjectStoreUnreachable):
        list(absent_store.list(""))


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    root = tmp_path / "store"
    root.mkdir()
    (root / "link").symlink_to(tmp_path / "secret")
    store = LocalObjectStore(root)

    with pytest.raises(UnsafeObjectKey):
        store.get(ObjectKey("link"))
    with pytest.raises(UnsafeObjectKey):
        list(store.list(""))


def test_an_unfinished_write_is_no_object(tmp_path: Path) -> None:
    (tmp_path / ".unfinished-abc").write_bytes(b"half")

    assert list(LocalObjectStore(tmp_path).list("")) == []


def test_a_put_leaves_nothing_but_its_object(tmp_path: Path) -> None:
    store = LocalObjectStore(tmp_path)

    store.put(ObjectKey("a"), b"1")
    store.put(ObjectKey("a"), b"2", only_if_absent=True)

    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_an_address_chooses_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")

    remote = object_store_at("s3://bucket/some/prefix/", endpoint_url="http://127.0.0.1:9", region="us-east-1")

    assert object_store_at(str(tmp_path)) == LocalObjectStore(tmp_path)
    assert isinstance(remote, S3ObjectStore)
    assert (remote.bucket, remote.prefix) == ("bucket", "some/prefix")

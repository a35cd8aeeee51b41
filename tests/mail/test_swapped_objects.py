"""Replacing an object only while it is what was read: asked of a folder, of S3, and of the tests' own store in memory."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from lease_world import ENVIRONMENT, MemoryDatabase, MemoryObjects

from outreach_pipelines.adapters.object_store import LocalObjectStore, swapped_objects_at
from outreach_pipelines.application.live_lease import Held, LeaseKeeper, LeasePlace
from outreach_pipelines.application.stored_objects import (
    AlreadyThere,
    ETag,
    ObjectKey,
    ObjectStoreUnreachable,
    Overtaken,
    Stored,
    SwappedObjects,
)
from outreach_pipelines.domain.live_lease import HolderId

pytest_plugins = ("object_store_server",)

KEY = ObjectKey("fences/one.json")


@pytest.fixture(params=["folder", "s3", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> SwappedObjects:
    match request.param:
        case "folder":
            return LocalObjectStore(tmp_path)
        case "s3":
            new_bucket: Callable[[], tuple[str, str]] = request.getfixturevalue("new_bucket")
            url, endpoint = new_bucket()
            return swapped_objects_at(url, endpoint_url=endpoint, region="us-east-1")
        case _:
            return MemoryObjects()


def test_content_and_etag_are_of_one_moment(store: SwappedObjects) -> None:
    stored = store.put(KEY, b"one", only_if_absent=True)

    read = store.read(KEY)

    assert isinstance(stored, Stored)
    assert read is not None
    assert (read.body, read.etag) == (b"one", stored.etag)


def test_what_is_not_there_is_read_as_nothing_and_not_replaced(store: SwappedObjects) -> None:
    assert store.read(KEY) is None
    assert store.swap(KEY, b"two", etag=ETag('"0123456789abcdef0123456789abcdef"')) == Overtaken()
    assert store.read(KEY) is None


def test_what_was_read_is_replaced_once(store: SwappedObjects) -> None:
    first = store.put(KEY, b"one")
    assert isinstance(first, Stored)

    second = store.swap(KEY, b"two", etag=first.etag)
    again = store.swap(KEY, b"three", etag=first.etag)

    read = store.read(KEY)
    assert isinstance(second, Stored)
    assert again == Overtaken()
    assert read is not None
    assert (read.body, read.etag) == (b"two", second.etag)


def test_a_first_write_meets_another_first_write(store: SwappedObjects) -> None:
    store.put(KEY, b"one", only_if_absent=True)

    assert store.put(KEY, b"two", only_if_absent=True) == AlreadyThere()


def test_of_many_who_replace_what_they_read_exactly_one_succeeds(store: SwappedObjects) -> None:
    first = store.put(KEY, b"start")
    assert isinstance(first, Stored)

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda n: store.swap(KEY, str(n).encode(), etag=first.etag), range(16)))

    winners = [str(number).encode() for number, outcome in enumerate(outcomes) if isinstance(outcome, Stored)]
    read = store.read(KEY)
    assert read is not None
    assert winners == [read.body]


def test_of_keepers_that_start_together_exactly_one_holds_the_lease(store: SwappedObjects) -> None:
    keepers = [
        # Each with a database of its own, as copies of one that has never sent would be.
        LeaseKeeper(
            LeasePlace(store, ENVIRONMENT), MemoryDatabase(), HolderId(f"keeper {n}"), lambda: datetime.now(UTC)
        )
        for n in range(8)
    ]

    with ThreadPoolExecutor(8) as pool:
        done = [result for _ in range(3) for result in pool.map(LeaseKeeper.step, keepers)]

    holders = {each % 8 for each, result in enumerate(done) if isinstance(result, Held)}
    assert len(holders) == 1


def _contend(url: str, endpoint: str | None, name: str, together: Barrier, ledger: Path) -> None:
    place = LeasePlace(swapped_objects_at(url, endpoint_url=endpoint, region="us-east-1"), ENVIRONMENT)
    keeper = LeaseKeeper(place, MemoryDatabase(), HolderId(name), lambda: datetime.now(UTC))
    together.wait(30)
    for _ in range(20):
        if isinstance(keeper.step(), Held):
            with ledger.open("a") as lines:
                lines.write(f"{name}\n")


@pytest.mark.parametrize("kind", ["folder", "s3"])
def test_of_processes_that_contend_for_it_one_alone_ever_holds_it(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    url, endpoint = request.getfixturevalue("new_bucket")() if kind == "s3" else (str(tmp_path), None)
    context = multiprocessing.get_context("spawn")
    together, ledger = context.Barrier(3), tmp_path / "ledger"
    children = [
        context.Process(target=_contend, args=(url, endpoint, f"process {n}", together, ledger)) for n in range(3)
    ]

    for child in children:
        child.start()
    for child in children:
        child.join(60)

    held = ledger.read_text().splitlines()
    assert [child.exitcode for child in children] == [0, 0, 0]
    assert (len(held), len(set(held))) == (20, 1)


def test_a_store_that_is_not_there_is_neither_empty_nor_overtaken(tmp_path: Path, s3_endpoint: str) -> None:
    absent = (
        LocalObjectStore(tmp_path / "not there"),
        swapped_objects_at("s3://not-there", endpoint_url=s3_endpoint, region="us-east-1"),
        swapped_objects_at("s3://bucket", endpoint_url="http://127.0.0.1:9", region="us-east-1"),
    )

    for store in absent:
        with pytest.raises(ObjectStoreUnreachable):
            store.read(KEY)
        with pytest.raises(ObjectStoreUnreachable):
            store.swap(KEY, b"x", etag=ETag('"0"'))


def test_the_lock_of_a_folder_is_no_object(tmp_path: Path) -> None:
    store = LocalObjectStore(tmp_path)
    first = store.put(KEY, b"one")
    assert isinstance(first, Stored)

    store.swap(KEY, b"two", etag=first.etag)

    assert [info.key for info in store.list("")] == [KEY]

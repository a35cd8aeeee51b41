"""Embedded servers that end with their test, for test modules that name this one in `pytest_plugins`."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from outreach_pipelines.local_stack.postgres import EmbeddedPostgres


@pytest.fixture(scope="module")
def shared_base(new_server_folder: Callable[[str], Path]) -> Path:
    """A base folder, with a space in its path, whose cluster the tests of this module share one after another."""
    return new_server_folder("outreach tests ") / "base dir"


@pytest.fixture
def server(shared_base: Path) -> Iterator[EmbeddedPostgres]:
    embedded = EmbeddedPostgres(shared_base)
    yield embedded
    embedded.stop()


@pytest.fixture
def make_server() -> Iterator[Callable[[Path], EmbeddedPostgres]]:
    made: list[EmbeddedPostgres] = []

    def make(base_dir: Path) -> EmbeddedPostgres:
        made.append(EmbeddedPostgres(base_dir))
        return made[-1]

    yield make
    for embedded in made:
        embedded.remove()


@pytest.fixture
def open_folder(new_server_folder: Callable[[str], Path]) -> Path:
    """An empty folder that every user may pass and write to."""
    folder = new_server_folder("outreach-tests-")
    folder.chmod(0o777)
    return folder

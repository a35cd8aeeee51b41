"""What many tests share: one real PostgreSQL a session, one fresh database a module. Fakes are elsewhere."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from outreach_pipelines.local_stack.postgres import EmbeddedPostgres

pytest_plugins = ["postgres_fixtures", "world_fixtures"]

MEMORY = Path("/dev/shm")
ROOM_FOR_SERVERS_BYTES = 4 * 2**30


@pytest.fixture(scope="session")
def new_server_folder() -> Iterator[Callable[[str], Path]]:
    """Make folders for servers' data that every user may pass (root's servers run as nobody), in memory if it has room.

    A killed process loses nothing that it wrote to memory, and the tests do not wait for a busy disk.
    """
    made: list[Path] = []

    def make(prefix: str) -> Path:
        made.append(Path(tempfile.mkdtemp(prefix=prefix, dir=_fast_folder())))
        made[-1].chmod(0o755)
        return made[-1]

    yield make
    for folder in made:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_admin_url(new_server_folder: Callable[[str], Path]) -> Iterator[str]:
    """A superuser's URL: of OUTREACH_TEST_ADMIN_URL, else of an embedded server that ends with the session."""
    given = os.environ.get("OUTREACH_TEST_ADMIN_URL")
    if given:
        yield given
        return
    postgres = EmbeddedPostgres(new_server_folder("outreach-tests-"))
    try:
        yield postgres.start().url()
    finally:
        postgres.stop()


@pytest.fixture(scope="module")
def postgres_database_url(postgres_admin_url: str) -> Iterator[str]:
    """A superuser's URL of an empty database that only this test module uses."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(postgres_admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        try:
            yield _with_database(postgres_admin_url, name)
        finally:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _with_database(url: str, name: str) -> str:
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def _fast_folder() -> Path | None:
    roomy = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM_FOR_SERVERS_BYTES
    return MEMORY if roomy else None

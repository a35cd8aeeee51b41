"""What many tests share: one real PostgreSQL a session, one fresh database a module. Fakes are elsewhere."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from outreach_pipelines.local_stack.postgres import EmbeddedPostgres


@pytest.fixture(scope="session")
def postgres_admin_url() -> Iterator[str]:
    """A superuser's URL: of OUTREACH_TEST_ADMIN_URL, else of an embedded server that ends with the session."""
    given = os.environ.get("OUTREACH_TEST_ADMIN_URL")
    if given:
        yield given
        return
    base_dir = Path(tempfile.mkdtemp(prefix="outreach-tests-"))
    base_dir.chmod(0o755)  # root's server runs as nobody, who must pass
    postgres = EmbeddedPostgres(base_dir)
    try:
        yield postgres.start().url()
    finally:
        postgres.remove()
        shutil.rmtree(base_dir)


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

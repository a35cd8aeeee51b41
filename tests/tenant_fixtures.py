"""The fixture around `tenant_installation`, for test modules that name this one in `pytest_plugins`."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.rows import dict_row
from tenant_installation import Installation

from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.adapters.postgres.bootstrap import DatabaseUrls, Role
from outreach_pipelines.adapters.postgres.tenant_session import connect


@pytest.fixture(scope="module")
def installation(
    outreach_database: DatabaseUrls, outreach_admin_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """One a module: tests keep apart by tenants of their own (`fresh`)."""
    engine = connect(outreach_database[Role.APP])
    with psycopg.connect(outreach_admin_url, autocommit=True, row_factory=dict_row) as admin:
        yield Installation(engine, admin, LocalObjectStore(tmp_path_factory.mktemp("objects")))
    engine.dispose()

"""The fixture that points commands at the database of a test module, for modules that name this one in `pytest_plugins`."""

from collections.abc import Iterator

import pytest

from outreach_pipelines.adapters.postgres.bootstrap import DatabaseUrls, Role
from resources import database

pytest_plugins = ("settings_fixtures",)


@pytest.fixture
def command_settings(environment: pytest.MonkeyPatch, outreach_database: DatabaseUrls) -> Iterator[None]:
    """The environment of an operator's shell."""
    for name, role in (("DATABASE", Role.APP), ("OPS", Role.OPS), ("INGEST", Role.INGEST)):
        environment.setenv(f"OUTREACH_{name}_URL", outreach_database[role])
    environment.setenv("COLUMNS", "250")
    yield
    for engine in (database.app_engine(), database.ops_engine(), database.ingest_engine()):
        engine.dispose()

"""Settings of an installation whose database is open for live sending, for modules that name this in `pytest_plugins`.

They need `environment` of `settings_fixtures` as well.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from small_world import SmallWorld

from outreach_pipelines.adapters.postgres.bootstrap import DatabaseUrls, Role
from outreach_pipelines.settings import load_settings
from resources import database, fences


@pytest.fixture
def settings(
    environment: pytest.MonkeyPatch, outreach_database: DatabaseUrls, tmp_path: Path
) -> Iterator[pytest.MonkeyPatch]:
    """Of this module's database, as a lab; a test may change them before it first asks for them."""
    for name, role in (("DATABASE", Role.APP), ("OPS", Role.OPS), ("INGEST", Role.INGEST)):
        environment.setenv(f"OUTREACH_{name}_URL", outreach_database[role])
    environment.setenv("OUTREACH_FILES", str(tmp_path))
    environment.setenv("AWS_ACCESS_KEY_ID", "testing")
    environment.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    yield environment
    for engine in (database.app_engine(), database.ops_engine(), fences.fence_engine(outreach_database[Role.APP])):
        engine.dispose()


@pytest.fixture
def live(settings: pytest.MonkeyPatch, world: SmallWorld, tmp_path: Path) -> Iterator[SmallWorld]:
    """A tenant in a live database, with a lease in a folder that nobody keeps yet."""
    world.sql("delete from app.clock")
    world.sql("update app.environment set mode = 'live'")
    mine = world.one("select environment_id from app.environment")["environment_id"]
    settings.setenv("OUTREACH_SENDING", "live")
    settings.setenv("OUTREACH_ENVIRONMENT_ID", str(mine))
    settings.setenv("OUTREACH_LEASE_STORE", str(tmp_path))
    load_settings.cache_clear()
    yield world
    world.sql("delete from app.lease_number")
    world.sql("update app.environment set mode = 'lab', lease_serial = 0")

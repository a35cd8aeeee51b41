"""Engines by role, small worlds in them and the stores that many tests act on. What more a test needs, it makes itself."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from inbox_reading import Tags
from sent_mail import SentMail
from small_world import SmallWorld, build_world
from sqlalchemy import Engine

from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.adapters.postgres.bootstrap import DatabaseUrls, Role
from outreach_pipelines.adapters.postgres.event_store import PostgresEventInbox
from outreach_pipelines.adapters.postgres.message_store import PostgresMessageStore
from outreach_pipelines.adapters.postgres.reply_store import PostgresReplyStore
from outreach_pipelines.adapters.postgres.tenant_session import connect

NewWorld = Callable[..., SmallWorld]


@pytest.fixture(scope="module")
def engine(outreach_database: DatabaseUrls) -> Iterator[Engine]:
    """Of role outreach_app, with a connection for each of a dozen that send at once."""
    yield from _engine(outreach_database, Role.APP, 12)


@pytest.fixture(scope="module")
def ops(outreach_database: DatabaseUrls) -> Iterator[Engine]:
    """Of role outreach_ops."""
    yield from _engine(outreach_database, Role.OPS, 2)


@pytest.fixture(scope="module")
def ingest(outreach_database: DatabaseUrls) -> Iterator[Engine]:
    """Of role outreach_ingest."""
    yield from _engine(outreach_database, Role.INGEST, 2)


@pytest.fixture
def new_world(outreach_admin_url: str) -> Iterator[NewWorld]:
    """Builds tenants, each as `build_world` does with the words it is given."""
    made: list[SmallWorld] = []

    def build(**wanted: object) -> SmallWorld:
        made.append(build_world(outreach_admin_url, **wanted))  # type: ignore[arg-type]  # the words of build_world
        return made[-1]

    yield build
    for world in made:
        world.admin.close()


@pytest.fixture
def world(new_world: NewWorld) -> SmallWorld:
    """A tenant of the test's own. Modules that need it otherwise override this fixture."""
    return new_world()


@pytest.fixture
def mail(world: SmallWorld) -> SentMail:
    """Sends of that tenant's past, and what came back."""
    return SentMail(world)


@pytest.fixture
def objects(tmp_path: Path) -> LocalObjectStore:
    """An empty folder for what the stores keep beside their rows."""
    return LocalObjectStore(tmp_path)


@pytest.fixture
def messages(engine: Engine) -> PostgresMessageStore:
    """The send protocol's transactions."""
    return PostgresMessageStore(engine)


@pytest.fixture
def inbox(ingest: Engine, engine: Engine) -> PostgresEventInbox:
    """Where events come in."""
    return PostgresEventInbox(ingest, engine)


@pytest.fixture
def replies(engine: Engine, objects: LocalObjectStore) -> PostgresReplyStore:
    """Mail that was read, under the tags of the tests' key."""
    return PostgresReplyStore(engine, objects, Tags())


def _engine(urls: DatabaseUrls, role: Role, pool_size: int) -> Iterator[Engine]:
    engine = connect(urls[role], pool_size=pool_size)
    yield engine
    engine.dispose()

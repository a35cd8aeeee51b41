"""A database of this version, with its roles: migrated once for each test module that asks for it."""

from urllib.parse import urlsplit

import pytest

from outreach_pipelines.adapters.postgres.bootstrap import DatabaseUrls, Role, bootstrap
from outreach_pipelines.adapters.postgres.migrate import migrate

# Roles belong to the cluster and tests share one, so each bootstrap must give them the same passwords.
PASSWORDS = {role: f"{role.value}-of-the-tests" for role in Role}


@pytest.fixture(scope="module")
def outreach_database(postgres_admin_url: str, postgres_database_url: str) -> DatabaseUrls:
    """URLs by role of a fresh and migrated database."""
    name = urlsplit(postgres_database_url).path.removeprefix("/")
    urls = bootstrap(postgres_admin_url, database=name, passwords=PASSWORDS)
    migrate(urls[Role.MIGRATE])
    return urls


@pytest.fixture(scope="module")
def outreach_admin_url(outreach_database: DatabaseUrls, postgres_database_url: str) -> str:
    """A superuser's URL of the same database: tests arrange and look with it, past row-level security."""
    return postgres_database_url

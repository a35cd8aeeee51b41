"""A migrated database on a server of its own, for proofs: started in a temporary folder, forgotten at the end."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from outreach_pipelines.adapters.postgres.bootstrap import Role, bootstrap
from outreach_pipelines.adapters.postgres.migrate import migrate
from outreach_pipelines.local_stack.postgres import EmbeddedPostgres
from outreach_pipelines.proof.crash.kills import CrashDatabase
from outreach_pipelines.proof.virtual_database import VirtualDatabase, virtual_database

_NAME = "proof"


@contextmanager
def crash_database() -> Iterator[CrashDatabase]:
    """Its clocks are the machine's. Needs the extra `local`; an installation's own database is never touched."""
    folder = Path(tempfile.mkdtemp(prefix="outreach-proof-"))
    folder.chmod(0o755)  # root's servers run as nobody
    server = EmbeddedPostgres(folder)
    try:
        address = server.start()
        urls = bootstrap(address.url(), database=_NAME)
        migrate(urls[Role.MIGRATE])
        yield CrashDatabase(address.url(_NAME), urls)
    finally:
        server.stop()
        shutil.rmtree(folder)


@contextmanager
def scratch_database() -> Iterator[VirtualDatabase]:
    """Its clocks are a world's. Needs the extra `local`; an installation's own database is never touched."""
    with crash_database() as plain:
        database = virtual_database(plain.admin, plain.urls)
        yield database
        database.app.dispose()
        database.ingest.dispose()

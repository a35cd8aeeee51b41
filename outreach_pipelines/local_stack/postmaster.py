"""The commands of PostgreSQL's own programs: making a cluster, starting a postmaster, ending it."""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from enum import Enum
from pathlib import Path

from outreach_pipelines.local_stack.account import own_folder
from outreach_pipelines.local_stack.errors import PortInUse, ServerDidNotStart, ServerDidNotStop
from outreach_pipelines.local_stack.ports import LOOPBACK, PortSetting, is_free
from outreach_pipelines.local_stack.postgres_home import PostgresHome, superuser_password, write_secret
from outreach_pipelines.local_stack.postmaster_pid import read_pid_file
from outreach_pipelines.local_stack.spawn import Launch, spawn
from outreach_pipelines.local_stack.waiting import wait_until

PRODUCT = "PostgreSQL"
SUPERUSER = "outreach_admin"
INITDB_SECONDS = 120.0
START_SECONDS = 120.0  # crash recovery is part of a start
STOP_SECONDS = 30.0
MAX_CONNECTIONS = 300  # a Dagster run opens and closes dozens, and up to 60 runs work at a time
ENVIRONMENT: Mapping[str, str] = {"LC_ALL": "C.UTF-8", "TZ": "UTC", "PATH": os.defpath}


class StopMode(Enum):
    """How the server ends: the signal for it (PostgreSQL manual, 18.5 "Shutting Down the Server")."""

    FAST = signal.SIGINT
    """Roll back what is open, write a checkpoint, end."""
    IMMEDIATE = signal.SIGQUIT
    """End as in a crash: the next start replays the log."""


def ensure_cluster(home: PostgresHome, binaries: Path) -> None:
    """Make the data folder unless there is one; an initdb that was killed half-way is begun anew.

    Raises ServerDidNotStart.
    """
    if home.data.exists():
        return
    shutil.rmtree(home.unfinished_data, ignore_errors=True)
    own_folder(home.unfinished_data, owner=home.account.uid, group=home.account.gid, mode=0o700)
    password_file = home.folder / "initdb-password"
    write_secret(password_file, superuser_password(home), account=home.account)
    try:
        _run(home, _initdb(binaries, home.unfinished_data, password_file))
    finally:
        password_file.unlink()
    home.unfinished_data.rename(home.data)


def start_postmaster(home: PostgresHome, binaries: Path, *, port: int, socket_dir: Path) -> subprocess.Popen[bytes]:
    """Start the server and wait until it accepts connections.

    Raises PortInUse and ServerDidNotStart; then nothing is left running.
    """
    command = _postgres(binaries, home.data, port=port, socket_dir=socket_dir)
    server = spawn(Launch(command, home.folder, ENVIRONMENT, home.log, home.account))
    try:
        _await_ready(server, home, port)
    except BaseException:
        end_postmaster(server, StopMode.FAST)
        raise
    return server


def end_postmaster(server: subprocess.Popen[bytes], mode: StopMode) -> None:
    """End the server and collect it, harder if it does not end in time; one that was killed already is collected too.

    Raises ServerDidNotStop.
    """
    for number in dict.fromkeys((mode.value, StopMode.IMMEDIATE.value)):
        if server.poll() is None:
            server.send_signal(number)
        if wait_until(lambda: server.poll() is not None, seconds=STOP_SECONDS):
            return
    raise ServerDidNotStop(PRODUCT, [server.pid])


def _run(home: PostgresHome, command: tuple[str, ...]) -> None:
    child = spawn(Launch(command, home.folder, ENVIRONMENT, home.log, home.account))
    try:
        code = child.wait(INITDB_SECONDS)
    except BaseException:
        child.kill()
        child.wait()
        raise
    if code:
        raise ServerDidNotStart(PRODUCT, f"initdb ended with {code}", log=home.log)


def _initdb(binaries: Path, data: Path, password_file: Path) -> tuple[str, ...]:
    return (
        str(binaries / "bin" / "initdb"),
        f"--pgdata={data}",
        f"--username={SUPERUSER}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
    )


def _postgres(binaries: Path, data: Path, *, port: int, socket_dir: Path) -> tuple[str, ...]:
    settings = {
        "listen_addresses": LOOPBACK,
        "port": str(port),
        "unix_socket_directories": f'"{str(socket_dir).replace(chr(34), chr(34) * 2)}"',  # a list: quoted for commas
        "unix_socket_permissions": "0700",
        "max_connections": str(MAX_CONNECTIONS),
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
    options = (f"--{name}={value}" for name, value in settings.items())
    return (str(binaries / "bin" / "postgres"), "-D", str(data), *options)


def _await_ready(server: subprocess.Popen[bytes], home: PostgresHome, port: int) -> None:
    in_time = wait_until(lambda: server.poll() is not None or _accepts(server.pid, home.data), seconds=START_SECONDS)
    if server.poll() is not None:
        if not is_free(port):
            raise PortInUse(port, PortSetting.POSTGRES)
        raise ServerDidNotStart(PRODUCT, f"it ended with {server.returncode}", log=home.log)
    if not in_time:
        raise ServerDidNotStart(PRODUCT, f"not ready within {START_SECONDS:.0f} seconds", log=home.log)


def _accepts(pid: int, data: Path) -> bool:
    file = read_pid_file(data)
    return file is not None and file.pid == pid and file.status == "ready"

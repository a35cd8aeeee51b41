"""What tests ask of an embedded server, and programs that are started under its account."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from outreach_pipelines.local_stack.postgres import ServerAddress
from outreach_pipelines.local_stack.postgres_binaries import installed_site

PROJECT = Path(__file__).parents[1]
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


def over_socket(address: ServerAddress) -> psycopg.Connection[tuple[object, ...]]:
    """A superuser's connection that takes no port."""
    return psycopg.connect(
        host=str(address.socket_dir),
        port=address.port,
        user=address.superuser,
        password=address.password,
        dbname="postgres",
    )


def remember(address: ServerAddress, word: str) -> None:
    with psycopg.connect(address.url()) as connection:
        connection.execute("create table if not exists memory (word text)")
        connection.execute("insert into memory values (%s)", [word])


def remembered(address: ServerAddress) -> set[str]:
    with psycopg.connect(address.url()) as connection:
        return {word for (word,) in connection.execute("select word from memory").fetchall()}


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

"""What a killed supervisor leaves behind is ended at the next start, and nothing else is."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from outreach_pipelines.local_stack.errors import LocalStackError
from outreach_pipelines.local_stack.process_record import (
    Cleared,
    ProcessRecord,
    clear_stale,
    members,
    save_record,
)

PROJECT = Path(__file__).parents[2]

SUPERVISOR = """
import pathlib, signal, sys
from outreach_pipelines.local_stack.process import ChildPlan, Folders, SupervisedProcess
base = pathlib.Path(sys.argv[1])
child = '''
import pathlib, signal, subprocess, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
grandchild = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], start_new_session=True)
pathlib.Path("grandchild").write_text(str(grandchild.pid))
pathlib.Path("ready").write_text("yes")
signal.pause()
'''
ready = base / "ready"
plan = ChildPlan("child", (sys.executable, "-c", child), base, {}, lambda _pid: ready.exists())
supervised = SupervisedProcess(plan, Folders(base / "log", base / "run"))
supervised.start()
print(supervised.pid, flush=True)
signal.pause()
"""


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another program that works in the very folder of the child."""
    process = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], cwd=tmp_path)
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def titled(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program without an environment, as those look that write their title over it."""
    process = subprocess.Popen(["/bin/sleep", "600"], cwd=tmp_path, env={})
    yield process
    process.kill()
    process.wait()


def record_of(process: subprocess.Popen[bytes], cwd: Path) -> ProcessRecord:
    return ProcessRecord.planned("child", command=["sleep"], cwd=cwd).started(process.pid)


def ended(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_children_and_grandchildren_of_a_killed_supervisor_are_ended_once(tmp_path: Path) -> None:
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert supervisor.stdout is not None
    child = int(supervisor.stdout.readline())
    grandchild = int((tmp_path / "grandchild").read_text())
    supervisor.kill()
    supervisor.communicate()

    first = clear_stale(tmp_path / "run")
    second = clear_stale(tmp_path / "run")

    assert [(leftover.name, set(leftover.pids)) for leftover in first] == [("child", {child, grandchild})]
    assert second == ()
    assert ended(child)
    assert ended(grandchild)


def test_a_program_that_got_a_recorded_pid_is_spared(tmp_path: Path, stranger: subprocess.Popen[bytes]) -> None:
    save_record(tmp_path / "run", record_of(stranger, tmp_path))

    cleared = clear_stale(tmp_path / "run")

    assert cleared == ()
    assert stranger.poll() is None
    assert list((tmp_path / "run").iterdir()) == []


def test_a_record_without_a_pid_is_that_of_a_start_cut_short_and_ends_nothing(tmp_path: Path) -> None:
    save_record(tmp_path / "run", ProcessRecord.planned("child", command=["sleep"], cwd=tmp_path))

    cleared = clear_stale(tmp_path / "run")

    assert cleared == ()


def test_a_child_whose_mark_is_overwritten_is_known_by_pid_start_and_folder(
    tmp_path: Path, titled: subprocess.Popen[bytes]
) -> None:
    save_record(tmp_path / "run", record_of(titled, tmp_path))

    cleared = clear_stale(tmp_path / "run")

    assert cleared == (Cleared("child", (titled.pid,)),)
    assert titled.wait() != 0


@pytest.mark.parametrize("difference", ["start", "folder", "pid"])
def test_an_unmarked_process_that_differs_in_one_thing_is_a_stranger(
    tmp_path: Path, titled: subprocess.Popen[bytes], difference: str
) -> None:
    record = record_of(titled, tmp_path)
    assert record.started_at is not None
    assert record.leader is not None
    differing = {
        "start": replace(record, started_at=record.started_at - 60),
        "folder": replace(record, cwd=str(tmp_path.parent)),
        "pid": replace(record, leader=record.leader + 1),
    }

    found = list(members(differing[difference]))

    assert found == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"name": "child"}', '{"pid": 1, "command": []}'])
def test_a_record_that_cannot_be_read_is_told_and_kept(tmp_path: Path, content: str) -> None:
    record = tmp_path / "child.json"
    record.write_text(content)

    with pytest.raises(LocalStackError, match="cannot be read"):
        clear_stale(tmp_path)

    assert record.read_text() == content


def test_a_folder_that_never_was_holds_nothing_stale(tmp_path: Path) -> None:
    cleared = clear_stale(tmp_path / "never")

    assert cleared == ()

"""Supervised children: real processes that obey, refuse, leave others behind, or never get ready."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from outreach_pipelines.local_stack.errors import ServerDidNotStart
from outreach_pipelines.local_stack.process import ChildPlan, Folders, Patience, SupervisedProcess

SHORT = Patience(ready=10.0, interrupt=5.0, terminate=5.0)

OBEDIENT = """
import pathlib, signal, sys
def interrupted(*_):
    pathlib.Path("signal").write_text("interrupted")
    sys.exit(0)
signal.signal(signal.SIGINT, interrupted) if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN else None
print("hello from the child", flush=True)
pathlib.Path("ready").write_text("yes")
while True:
    signal.pause()
"""

LEAVES_A_DEAF_CHILD = """
import pathlib, signal, subprocess, sys
deaf = "import signal; [signal.signal(n, signal.SIG_IGN) for n in (2, 15)]; print(flush=True); signal.pause()"
child = subprocess.Popen([sys.executable, "-c", deaf], start_new_session=True, stdout=subprocess.PIPE)
child.stdout.readline()
pathlib.Path("left-behind").write_text(str(child.pid))
pathlib.Path("ready").write_text("yes")
signal.pause()
"""


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(log_dir=tmp_path / "log", run_dir=tmp_path / "run")


@pytest.fixture
def sigint_ignored() -> Iterator[None]:
    """As in a job that a shell started in the background."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


def plan(program: str, cwd: Path, patience: Patience = SHORT) -> ChildPlan:
    ready = cwd / "ready"
    return ChildPlan(
        "child", (sys.executable, "-c", program), cwd, {"GIVEN": "yes"}, lambda _pid: ready.exists(), patience
    )


def records(folders: Folders) -> list[str]:
    return [path.name for path in folders.run_dir.glob("*")]


def test_a_start_returns_when_the_child_is_ready(tmp_path: Path, folders: Folders) -> None:
    with SupervisedProcess(plan(OBEDIENT, tmp_path), folders) as child:
        ready = (tmp_path / "ready").exists()

        assert ready
        assert child.pid is not None
        assert records(folders) == ["child.json"]


def test_a_stopped_child_was_interrupted_first_and_its_record_is_gone(tmp_path: Path, folders: Folders) -> None:
    child = SupervisedProcess(plan(OBEDIENT, tmp_path), folders)
    child.start()

    child.stop()
    child.stop()

    assert (tmp_path / "signal").read_text() == "interrupted"
    assert child.pid is None
    assert records(folders) == []


def test_a_supervisor_that_ignores_sigint_has_children_that_hear_it(
    tmp_path: Path, folders: Folders, sigint_ignored: None
) -> None:
    with SupervisedProcess(plan(OBEDIENT, tmp_path), folders):
        pass

    assert (tmp_path / "signal").read_text() == "interrupted"


def test_what_a_child_left_behind_in_another_session_is_ended_even_when_it_ignores_terminate(
    tmp_path: Path, folders: Folders
) -> None:
    child = SupervisedProcess(plan(LEAVES_A_DEAF_CHILD, tmp_path, Patience(10.0, 5.0, terminate=0.1)), folders)
    child.start()
    left_behind = psutil.Process(int((tmp_path / "left-behind").read_text()))

    child.stop()

    assert not left_behind.is_running() or left_behind.status() == psutil.STATUS_ZOMBIE


def test_what_a_killed_child_left_behind_is_ended(tmp_path: Path, folders: Folders) -> None:
    child = SupervisedProcess(plan(LEAVES_A_DEAF_CHILD, tmp_path, Patience(10.0, 5.0, terminate=0.1)), folders)
    child.start()
    left_behind = psutil.Process(int((tmp_path / "left-behind").read_text()))
    assert child.pid is not None
    psutil.Process(child.pid).kill()

    child.stop()

    assert not left_behind.is_running() or left_behind.status() == psutil.STATUS_ZOMBIE


def test_a_child_that_ends_early_is_reported_with_the_end_of_its_log(tmp_path: Path, folders: Folders) -> None:
    child = SupervisedProcess(plan("print('cannot open the vault'); raise SystemExit(3)", tmp_path), folders)

    with pytest.raises(ServerDidNotStart, match=r"child did not start: it ended with 3(.|\n)*cannot open the vault"):
        child.start()

    assert records(folders) == []


def test_a_child_that_is_never_ready_is_ended_and_reported(tmp_path: Path, folders: Folders) -> None:
    program = "import os, signal; open('pid', 'w').write(str(os.getpid())); open('began', 'w'); signal.pause()"
    never = ChildPlan("child", (sys.executable, "-c", program), tmp_path, {}, lambda _pid: False, Patience(ready=0.3))

    with pytest.raises(ServerDidNotStart, match="not ready within"):
        SupervisedProcess(never, folders).start()

    assert records(folders) == []
    assert not any(process.info["cwd"] == str(tmp_path) for process in psutil.process_iter(["cwd"]))


def test_a_program_that_does_not_exist_is_reported_by_name(tmp_path: Path, folders: Folders) -> None:
    missing = ChildPlan("child", ("/no/such/program",), tmp_path, {}, lambda _pid: True)

    with pytest.raises(ServerDidNotStart, match="/no/such/program"):
        SupervisedProcess(missing, folders).start()

    assert records(folders) == []


def test_a_child_gets_the_environment_it_was_given_and_no_secret_of_its_supervisor(
    tmp_path: Path, folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTREACH_CANARY_SECRET", "not for children")

    with SupervisedProcess(plan(OBEDIENT, tmp_path), folders) as child:
        environment = psutil.Process(child.pid).environ()

    assert environment["GIVEN"] == "yes"
    assert "OUTREACH_CANARY_SECRET" not in environment


def test_the_log_of_the_start_before_is_kept(tmp_path: Path, folders: Folders) -> None:
    child = SupervisedProcess(plan(OBEDIENT, tmp_path), folders)
    with child:
        child.log.write_text("the first start\n")

    with child:
        previous = (folders.log_dir / "child.log.previous").read_text()

    assert "the first start" in previous
    assert "the first start" not in child.log.read_text()

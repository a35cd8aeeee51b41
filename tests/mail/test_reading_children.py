"""Mails read in processes of their own: what they say, and what becomes of those that end the process that reads them."""

import os
import select
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from outreach_pipelines.adapters.reading_children import ReadingChildren
from outreach_pipelines.application.inbox_mail import Extent, FetchedMail
from outreach_pipelines.application.read_mail import quarantined, read_mails

RECEIVED = datetime(2026, 11, 18, 12, tzinfo=UTC)
DOOMED = (sys.executable, str(Path(__file__).parents[1] / "doomed_reader.py"))


def mail(subject: str) -> FetchedMail:
    raw = f"From: ben@people.example\r\nSubject: {subject}\r\n\r\nYes, gladly.\r\n".encode()
    return FetchedMail(1, RECEIVED, len(raw), Extent.WHOLE, raw)


def children_of_this_process() -> set[str]:
    return {
        pid.parent.name
        for pid in Path("/proc").glob("[0-9]*/cmdline")
        if b"reading_child" in _command(pid) or b"doomed_reader" in _command(pid)
    } & _own_children()


def _command(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""


def _own_children() -> set[str]:
    tasks = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return {pid for file in tasks for pid in file.read_text().split()}


def test_what_a_child_reads_is_what_is_read_here() -> None:
    mails = [mail("Re: Hello"), mail("Automatic reply: Hello"), mail("unsubscribe")]

    with ReadingChildren(most=1, worth=0)() as read:
        found = read(mails)

    assert found == read_mails(mails)


def test_few_mails_start_no_child_and_more_of_them_do() -> None:
    with ReadingChildren(most=1, worth=2)() as read:
        read([mail("one"), mail("two")])
        before = children_of_this_process()
        read([mail("three")])
        after = children_of_this_process()

    assert (len(before), len(after)) == (0, 1)


def test_threads_share_the_children_and_none_outlives_the_reading() -> None:
    mails = [[mail(f"{first}-{second}") for second in range(3)] for first in range(40)]

    with ReadingChildren(most=2, worth=0)() as read, ThreadPoolExecutor(10) as pool:
        found = list(pool.map(read, mails))
        at_work = children_of_this_process()

    assert [[each.subject for each in group] for group in found] == [
        [f"{first}-{second}" for second in range(3)] for first in range(40)
    ]
    assert 1 <= len(at_work) <= 2
    assert children_of_this_process() == set()


@pytest.mark.parametrize(
    ("fate", "seconds"), [("crash", 300.0), ("silence", 5.0), ("endless work", 300.0), ("hunger", 300.0)]
)
def test_a_mail_that_ends_its_reader_twice_is_quarantined_and_those_beside_it_are_read(
    fate: str, seconds: float
) -> None:
    mails = [mail("before"), mail(fate), mail("behind")]

    with ReadingChildren(most=1, worth=0, seconds=seconds, program=DOOMED)() as read:
        found = read(mails)
        later = read([mail("later")])

    assert found == [*read_mails([mails[0]]), quarantined(mails[1]), *read_mails([mails[2]])]
    assert later == read_mails([mail("later")])
    assert children_of_this_process() == set()


def test_a_child_that_died_of_something_else_costs_no_mail_its_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOOMED_ONCE", str(tmp_path / "mark"))
    mails = [mail("once"), mail("beside")]

    with ReadingChildren(most=1, worth=0, program=DOOMED)() as read:
        found = read(mails)

    assert found == read_mails(mails)


@pytest.mark.parametrize("program", [("/nowhere/at/all",), (sys.executable, "-c", "raise SystemExit(3)")])
def test_where_no_child_can_be_started_mails_are_read_here(program: Sequence[str]) -> None:
    with ReadingChildren(most=1, worth=0, program=tuple(program))() as read:
        found = read([mail("Re: Hello")])

    assert found == read_mails([mail("Re: Hello")])


def test_a_fault_in_between_leaves_no_child_behind() -> None:
    def faulty() -> Iterator[None]:
        with ReadingChildren(most=1, worth=0)() as read:
            read([mail("Re: Hello")])
            yield
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(faulty())

    assert children_of_this_process() == set()


def test_a_child_ends_when_its_starter_is_killed() -> None:
    program = """
import os, signal
from outreach_pipelines.adapters.reading_children import ReadingChildren
from test_reading_children import children_of_this_process, mail
with ReadingChildren(most=1, worth=0)() as read:
    read([mail("Re: Hello")])
    print(*children_of_this_process(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    path = {"PYTHONPATH": str(Path(__file__).parent)}
    starter = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | path, capture_output=True, text=True, timeout=120, check=False
    )

    child = int(starter.stdout)
    watch = os.pidfd_open(child) if Path(f"/proc/{child}").exists() else None

    assert watch is None or _ended(watch)


def _ended(watch: int) -> bool:
    poll = select.poll()
    poll.register(watch, select.POLLIN)
    ended = bool(poll.poll(30_000))
    os.close(watch)
    return ended

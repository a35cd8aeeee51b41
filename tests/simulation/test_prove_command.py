"""`outreach prove`: what its last line says, how it ends, and that a long proof goes on where it stood."""

import json
from functools import partial
from pathlib import Path

import protocol_mutants as mutants
import pytest
import typer
from typer.testing import CliRunner, Result

from outreach_pipelines.cli.prove import prove_over
from outreach_pipelines.proof.memory_doubt import MemoryDoubt
from outreach_pipelines.proof.memory_events import MemoryEvents
from outreach_pipelines.proof.memory_system import found_in_memory
from outreach_pipelines.proof.parts import open_parts
from outreach_pipelines.proof.runner import Sum
from outreach_pipelines.proof.world import Founding

SMALL = ("--schedules", "40", "--processes", "1", "--json")
SENDS_TWICE: Founding = partial(found_in_memory, parts=(mutants.RetriesOnTimeOut, MemoryEvents, MemoryDoubt))


def run(*arguments: str, found: Founding = found_in_memory) -> Result:
    app = typer.Typer()
    app.command()(prove_over(found))
    return CliRunner().invoke(app, arguments)


def last_line(result: Result) -> dict[str, object]:
    told = json.loads(result.stdout.splitlines()[-1])
    assert isinstance(told, dict)
    return told


def test_the_last_line_is_one_object_with_what_was_tried_and_what_came_of_it() -> None:
    result = run(*SMALL, "--seed", "7")

    told = last_line(result)
    assert result.exit_code == 0
    assert (told["schedules"], told["first_seed"]) == (40, 7)
    assert (told["duplicates"], told["lost"], told["broken"], told["failing_seeds"]) == (0, 0, {}, [])
    assert isinstance(told["unknown"], int)
    assert isinstance(told["released_on_absence"], int)
    assert isinstance(told["injected"], dict)
    assert sum(told["injected"].values()) > 40


def test_a_protocol_that_sends_twice_fails_the_proof_and_its_story_is_told() -> None:
    result = run("--schedules", "200", "--processes", "1", "--json", found=SENDS_TWICE)

    told = last_line(result)
    assert result.exit_code == 1
    assert isinstance(told["duplicates"], int)
    assert told["duplicates"] > 0
    assert told["failing_seeds"]
    assert "never sent twice" in result.stderr


def test_people_are_told_in_sentences() -> None:
    result = run("--schedules", "3", "--processes", "1")

    assert "every promise was kept" in result.stdout
    assert "not asked for (--postgres)" in result.stdout


@pytest.mark.parametrize(
    "wrong",
    [
        ("--schedules", "0"),
        ("--schedules", "many"),
        ("--seed", "-1"),
        ("--processes", "0"),
        ("--processes", "100000"),
        ("--kills", "-5"),
        ("--postgres", "1.5"),
    ],
)
def test_a_wrong_number_is_a_message_and_not_a_trace(wrong: tuple[str, str]) -> None:
    result = run(*wrong)

    assert result.exit_code == 2
    assert wrong[0] in result.stderr
    assert isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.stderr


def test_a_proof_that_was_ended_goes_on_where_it_stood(tmp_path: Path) -> None:
    parts = tmp_path / "parts"
    whole = last_line(run("--schedules", "700", "--processes", "1", "--json"))
    run("--schedules", "500", "--processes", "1", "--parts", str(parts))
    with parts.open("a") as file:
        file.write('{"first": 500, "end"')  # its process was killed while it wrote

    again = last_line(run("--schedules", "700", "--processes", "1", "--json", "--parts", str(parts)))

    assert {**again, "seconds": 0} == {**whole, "seconds": 0}
    assert open_parts(parts).known(range(500, 700)) is not None


def test_what_is_lived_already_is_not_lived_again(tmp_path: Path) -> None:
    parts = tmp_path / "parts"
    open_parts(parts).keep(range(40), Sum(schedules=40, sent=1234))

    told = last_line(run(*SMALL, "--parts", str(parts)))

    assert told["sent"] == 1234


@pytest.mark.parametrize("content", ["", "leads\n", '{"code": "of another day"}\n', "[]\n"])
def test_a_file_that_is_not_of_this_proof_is_refused_with_a_message(tmp_path: Path, content: str) -> None:
    parts = tmp_path / "parts"
    parts.write_text(content)

    result = run(*SMALL, "--parts", str(parts))

    assert result.exit_code == 2
    assert "--parts" in result.stderr
    assert parts.read_text() == content

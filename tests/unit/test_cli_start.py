"""What the command line says before anything starts: ports, the demo's day, and a database that is not there."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError
from typer.testing import CliRunner

from outreach_pipelines.cli.database_faults import is_unreachable, unreachable
from outreach_pipelines.cli.deferred import DeferredCommand
from outreach_pipelines.cli.main import COMMANDS, app

PASSWORD = "canary-password"
NOWHERE = f"postgresql+psycopg://app:{PASSWORD}@127.0.0.1:1/outreach"


@pytest.mark.parametrize("wrong", ["99999", "-1", "abc", " ", "3000.5", "٣٠٠٠"])
@pytest.mark.parametrize(
    "name", ["OUTREACH_DAGSTER_PORT", "OUTREACH_PG_PORT", "OUTREACH_AWS_PORT", "OUTREACH_WEB_PORT"]
)
def test_a_port_that_is_none_is_refused_by_the_name_of_its_setting(name: str, wrong: str) -> None:
    said = CliRunner().invoke(app, ["up", "--base", "/dev/null/nowhere"], env={name: wrong, "COLUMNS": "300"})

    assert said.exit_code == 2
    assert name in said.output
    assert "whole number from 0 to 65535" in said.output


@pytest.mark.parametrize(
    "day",
    [
        datetime.now(UTC).date(),
        datetime.now(UTC).date() + timedelta(days=400),
        datetime.now(UTC).date() - timedelta(days=400),
        next(day for day in (datetime.now(UTC).date() - timedelta(days=n) for n in range(3, 10)) if day.weekday() == 6),
    ],
)
def test_the_demo_refuses_a_day_that_it_cannot_live_before_it_starts(day: object) -> None:
    said = CliRunner().invoke(app, ["demo", "--day", str(day)], env={"COLUMNS": "300"})

    assert said.exit_code == 2
    assert "must be a past business day since" in said.output


def test_the_version_is_told_alone() -> None:
    said = CliRunner().invoke(app, ["--version"])

    assert (said.exit_code, said.output.split()[0], len(said.output.split())) == (0, "outreach", 2)


@pytest.mark.parametrize(("name", "place", "summary"), COMMANDS)
def test_a_command_is_found_where_it_is_said_to_be_and_says_the_same_of_itself(
    name: str, place: str, summary: str
) -> None:
    real = DeferredCommand(name, f"outreach_pipelines.cli.{place}", summary).load()

    assert real.help in {summary, None}
    said = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "300"})
    assert (said.exit_code, said.output.split()[:3]) == (0, ["Usage:", "outreach", name])
    assert "completion" not in said.output


def test_the_list_of_commands_loads_no_commands_libraries() -> None:
    heavy = "{'dagster', 'sqlalchemy', 'boto3', 'alembic', 'psycopg', 'jinja2', 'pydantic', 'numpy'}"
    program = (
        "import sys; sys.argv = ['outreach', '--help']\nfrom outreach_pipelines.cli.main import main\n"
        f"try:\n    main()\nexcept SystemExit:\n    pass\nprint(sorted({heavy} & set(sys.modules)))"
    )

    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert said.stdout.splitlines()[-1] == "[]"


def test_a_misspelled_command_is_answered_with_the_one_that_was_meant() -> None:
    said = CliRunner().invoke(app, ["suppresion"])

    assert said.exit_code == 2
    assert "Did you mean 'suppression'?" in said.output


def test_a_database_that_does_not_answer_is_one_sentence_with_its_place_and_the_cure() -> None:
    fault = refused_connection()

    sentence = unreachable(fault, NOWHERE)

    assert is_unreachable(fault)
    assert sentence == "PostgreSQL at 127.0.0.1:1 does not answer (Connection refused); is a stack running? make dev"


def test_a_servers_refusal_of_a_statement_is_no_missing_server() -> None:
    class Cancelled(Exception):
        sqlstate = "57014"

    assert not is_unreachable(OperationalError("select 1", None, Cancelled()))


def test_the_sentence_repeats_no_password() -> None:
    assert PASSWORD not in unreachable(refused_connection(), NOWHERE)


def refused_connection() -> OperationalError:
    engine = create_engine(NOWHERE)
    with pytest.raises(OperationalError) as caught:
        engine.connect()
    return caught.value

"""`outreach plan bound|forecast|what-if|simulate|page` over files."""

import json
from dataclasses import replace
from pathlib import Path

import plan_factories as make
import pytest
from typer.testing import CliRunner, Result

from outreach_pipelines.cli.main import app
from outreach_pipelines.domain.send_plan.codec import encode_plan, encode_snapshot, sealed
from outreach_pipelines.domain.send_plan.plan import PlannerVersion
from outreach_pipelines.domain.send_plan.planner import plan
from outreach_pipelines.domain.send_plan.snapshot import MailboxState
from outreach_pipelines.errors import FilesFault, Refused

SNAPSHOT = make.snapshot(
    candidates=tuple(make.candidate(n) for n in range(1, 6)),
    mailboxes=(make.mailbox(daily_cap=3, follow_ups_ahead=(0, 0, 0, 9)),),
)


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    path = tmp_path / "S.json"
    path.write_bytes(encode_snapshot(SNAPSHOT))
    return path


def outreach(*words: object) -> Result:
    return CliRunner().invoke(app, ["plan", *map(str, words)], env={"COLUMNS": "300"})


def test_bound_tells_what_the_plan_placed_of_what_was_possible(tmp_path: Path) -> None:
    path = tmp_path / "S.json"
    path.write_bytes(
        encode_snapshot(make.snapshot(candidates=SNAPSHOT.candidates, mailboxes=(make.mailbox(daily_cap=3),)))
    )

    said = outreach("bound", "--snapshot", path)

    assert said.output == "2026-03-10: placed 3 of at most 3: 100 %\n"


def test_bound_of_a_day_on_which_nothing_can_go_claims_no_success(tmp_path: Path) -> None:
    path = tmp_path / "S.json"
    path.write_bytes(encode_snapshot(make.snapshot(mailboxes=())))

    said = outreach("bound", "--snapshot", path)

    assert said.output == "2026-03-10: nothing could be placed, and nothing was\n"


@pytest.mark.parametrize("command", ["bound", "forecast", "simulate", "page"])
def test_a_plan_of_another_snapshot_is_refused(snapshot: Path, tmp_path: Path, command: str) -> None:
    other = tmp_path / "P.json"
    other.write_bytes(encode_plan(plan(make.snapshot(candidates=(make.candidate(77),)))))

    said = outreach(command, "--snapshot", snapshot, "--plan", other)

    assert type(said.exception) is FilesFault
    assert str(said.exception) == f"{other} is the plan of another snapshot than {snapshot}"


def test_a_plan_in_a_file_is_told_as_it_is_and_not_made_anew(snapshot: Path, tmp_path: Path) -> None:
    made = plan(SNAPSHOT)
    edited = tmp_path / "P.json"
    edited.write_bytes(encode_plan(sealed(replace(made, planner_version=PlannerVersion("of old")))))

    said = outreach("page", "--snapshot", snapshot, "--plan", edited, "--out", tmp_path / "plan.html")

    assert said.exit_code == 0
    assert made.plan_hash not in (tmp_path / "plan.html").read_text()


def test_forecast_tells_the_day_of_shortage(snapshot: Path) -> None:
    said = outreach("forecast", "--snapshot", snapshot, "--horizon", 8)

    assert "pool 1: capacity falls short on 2026-03-16" in said.output


def test_forecast_looks_ahead_as_it_is_told(tmp_path: Path) -> None:
    path = tmp_path / "S.json"
    growing = make.mailbox(daily_cap=1, state=MailboxState.RAMPING, new_leads_today=1)
    path.write_bytes(encode_snapshot(make.snapshot(mailboxes=(growing,), candidates=SNAPSHOT.candidates)))

    said = outreach("forecast", "--snapshot", path, "--horizon", 3, "--steady-cap", 4, "--intake-days", 1)

    rows = [line.split() for line in said.output.splitlines() if line.startswith("│")]
    assert [(row[3], row[5]) for row in rows] == [("3", "5"), ("4", "0"), ("4", "0")]


def test_what_if_shows_who_is_placed_then_and_writes_both_files(snapshot: Path, tmp_path: Path) -> None:
    said = outreach("what-if", "--snapshot", snapshot, "--set", "mailboxes.daily_cap=20", "--out", tmp_path / "other")

    changed = json.loads((tmp_path / "other" / "snapshot.json").read_bytes())
    assert "newly placed: " in said.output
    assert changed["mailboxes"][0]["daily_cap"] == 20
    assert len(json.loads((tmp_path / "other" / "plan.json").read_bytes())["placements"]) == 5


@pytest.mark.parametrize(
    ("knob", "sentence"),
    [
        ("policy.nothing=1", "policy.nothing: there is no such field"),
        ("policy.daily_cap=-1", "with these knobs the snapshot makes no sense, 1 fault:\n  policy: daily_cap is -1"),
    ],
)
def test_a_knob_that_cannot_be_turned_is_said_in_a_sentence(snapshot: Path, knob: str, sentence: str) -> None:
    said = outreach("what-if", "--snapshot", snapshot, "--set", knob)

    assert type(said.exception) is Refused
    assert str(said.exception).startswith(sentence)


def test_simulate_tells_distributions_finish_and_cost(snapshot: Path) -> None:
    said = outreach("simulate", "--snapshot", snapshot, "--lives", 50, "--price", "0.10")
    again = outreach("simulate", "--snapshot", snapshot, "--lives", 50, "--price", "0.10")

    assert "50 lives" in said.output
    (cost,) = (line.split() for line in said.output.splitlines() if "cost of sending, US dollars" in line)
    assert cost[7] == "0.00"  # a few messages at 0.10 for a thousand: far below a cent each
    assert "finished: " in said.output
    assert said.output == again.output


@pytest.mark.parametrize("price", ["abc", "-1", "nan", "inf"])
def test_a_price_that_is_no_amount_is_said_in_a_sentence(snapshot: Path, price: str) -> None:
    said = outreach("simulate", "--snapshot", snapshot, "--lives", 10, "--price", price)

    assert type(said.exception) is Refused
    assert str(said.exception) == f"--price {price!r} is no amount of US dollars"


def test_page_writes_one_html_file(snapshot: Path, tmp_path: Path) -> None:
    said = outreach("page", "--snapshot", snapshot, "--out", tmp_path / "plan.html")

    assert said.exit_code == 0
    assert (tmp_path / "plan.html").read_text().startswith("<!doctype html>")


def test_a_plan_in_a_file_without_its_snapshot_is_refused(tmp_path: Path) -> None:
    said = outreach("bound", "--plan", tmp_path / "P.json")

    assert said.exit_code == 1
    assert "--snapshot FILE" in str(said.exception)

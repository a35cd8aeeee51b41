"""`outreach plan bound|forecast|what-if|simulate|page` over files."""

import json
from pathlib import Path

import plan_factories as make
import pytest
from typer.testing import CliRunner, Result

from outreach_pipelines.cli.main import app
from outreach_pipelines.domain.send_plan.codec import encode_snapshot

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


def test_bound_tells_what_the_plan_placed_of_what_was_possible(snapshot: Path) -> None:
    said = outreach("bound", "--snapshot", snapshot)

    assert said.output.startswith("2026-03-10: placed ")
    assert said.output.rstrip().endswith("%")


def test_forecast_tells_the_day_of_shortage(snapshot: Path) -> None:
    said = outreach("forecast", "--snapshot", snapshot, "--horizon", 8)

    assert "pool 1: capacity falls short on 2026-03-16" in said.output


def test_what_if_shows_who_is_placed_then_and_writes_both_files(snapshot: Path, tmp_path: Path) -> None:
    said = outreach("what-if", "--snapshot", snapshot, "--set", "mailboxes.daily_cap=20", "--out", tmp_path / "other")

    changed = json.loads((tmp_path / "other" / "snapshot.json").read_bytes())
    assert "newly placed: " in said.output
    assert changed["mailboxes"][0]["daily_cap"] == 20
    assert len(json.loads((tmp_path / "other" / "plan.json").read_bytes())["placements"]) == 5


@pytest.mark.parametrize("knob", ["policy.nothing=1", "policy.daily_cap=-1"])
def test_a_knob_that_cannot_be_turned_is_said_in_a_sentence(snapshot: Path, knob: str) -> None:
    said = outreach("what-if", "--snapshot", snapshot, "--set", knob)

    assert said.exit_code == 1
    assert type(said.exception).__name__ == "Refused"


def test_simulate_tells_distributions_finish_and_cost(snapshot: Path) -> None:
    said = outreach("simulate", "--snapshot", snapshot, "--lives", 50, "--price", "0.10")
    again = outreach("simulate", "--snapshot", snapshot, "--lives", 50, "--price", "0.10")

    assert "50 lives" in said.output
    assert "cost of sending, US dollars" in said.output
    assert "finished: " in said.output
    assert said.output == again.output


def test_page_writes_one_html_file(snapshot: Path, tmp_path: Path) -> None:
    said = outreach("page", "--snapshot", snapshot, "--out", tmp_path / "plan.html")

    assert said.exit_code == 0
    assert (tmp_path / "plan.html").read_text().startswith("<!doctype html>")


def test_a_plan_in_a_file_without_its_snapshot_is_refused(tmp_path: Path) -> None:
    said = outreach("bound", "--plan", tmp_path / "P.json")

    assert said.exit_code == 1
    assert "--snapshot FILE" in str(said.exception)

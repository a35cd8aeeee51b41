import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from small_world import SmallWorld
from typer.testing import CliRunner

from outreach_pipelines.application.live_lease import Held
from outreach_pipelines.cli.main import app
from outreach_pipelines.settings import load_settings
from resources import fences

pytest_plugins = ("settings_fixtures", "live_settings")


def said(*words: str, answer: str = "") -> str:
    result = CliRunner().invoke(app, ["fences", *words], input=answer)
    assert result.exit_code == 0, (result.output, result.exception)
    return " ".join(result.output.split())


def test_the_environments_id_can_be_read_before_anything_is_set(
    settings: pytest.MonkeyPatch, world: SmallWorld
) -> None:
    mine = world.one("select environment_id from app.environment")["environment_id"]

    assert f"environment {mine}" in said("show")


def test_a_raised_epoch_is_shown_with_its_reason(settings: pytest.MonkeyPatch, world: SmallWorld) -> None:
    said("raise-epoch", "--reason", "a test of the alarm")

    assert "a test of the alarm" in said("show")


def test_a_change_of_mode_names_the_setting_that_must_follow(settings: pytest.MonkeyPatch, world: SmallWorld) -> None:
    said("mode", "off", "--reason", "a bad day")

    assert "OUTREACH_SENDING=lab" in said("mode", "lab", "--reason", "a better one")


def test_after_a_restore_the_lease_can_be_kept_again_and_what_was_lost_is_named(live: SmallWorld) -> None:
    keeper = fences.lease_keeper()
    keeper.step()
    live.sql("delete from app.lease_number")
    live.sql("update app.tenant_directory set slug = 'acme' where id = %(t)s", t=live.tenant)
    live.message(1)

    told = said("restored", "--to", "2026-11-18 11:00:00", "--until", "2026-11-18 13:00:00", "--reason", "a lost disk")

    assert "acme: 1 messages in doubt" in told
    assert "sends after 2026-11-18 11:00:00 UTC" in told
    assert keeper.step() == Held(2)


def test_a_lease_is_adopted_only_by_a_person_who_says_so(live: SmallWorld) -> None:
    fences.lease_keeper().step()
    live.sql("delete from app.lease_number")

    refused = CliRunner().invoke(app, ["fences", "adopt", "--reason", "no"], input="n\n")
    before = live.sql("select serial from app.lease_number")
    said("adopt", "--reason", "the disk of the lease was lost", answer="y\n")

    assert refused.exit_code == 1
    assert (before, live.sql("select serial from app.lease_number")) == ([], [{"serial": 1}])


def test_the_keeper_runs_until_it_is_stopped(live: SmallWorld, tmp_path: Path) -> None:
    program = [sys.executable, "-c", "from outreach_pipelines.cli.main import main; main()", "keep-lease"]

    with subprocess.Popen(program, env=os.environ, stdout=subprocess.PIPE, text=True) as keeper:
        assert keeper.stdout is not None
        first = keeper.stdout.readline()
        keeper.send_signal(signal.SIGTERM)
        ended = keeper.wait(30)

    assert "the lease is kept, number 1" in first
    assert ended == 0
    assert (tmp_path / "fences" / f"{load_settings().environment_id}.json").exists()


def test_a_lab_keeps_no_lease(settings: pytest.MonkeyPatch, world: SmallWorld) -> None:
    result = CliRunner().invoke(app, ["keep-lease"])

    assert "for live sending only" in str(result.exception)

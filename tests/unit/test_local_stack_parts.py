"""How lab, web edge and Dagster are started and told ready, without starting the first two."""

import json
import os
import stat
from pathlib import Path

import psutil
import pytest

from outreach_pipelines.local_stack.dagster_dev import dagster_plan
from outreach_pipelines.local_stack.lab import LabPorts, lab_plan, lab_ports
from outreach_pipelines.local_stack.ports import free_port
from outreach_pipelines.local_stack.process import Folders, SupervisedProcess
from outreach_pipelines.local_stack.waiting import wait_until
from outreach_pipelines.local_stack.web import web_plan

PORTS = {"control": 1, "ses": 2, "smtp": 3, "imap": 4, "dns": 5}


def write_address(data_dir: Path, pid: int) -> None:
    (data_dir / "lab.json").write_text(json.dumps({"pid": pid, "ports": PORTS}))


def test_the_lab_finds_its_configuration_in_a_file_for_its_owner_alone(tmp_path: Path) -> None:
    plan = lab_plan({"seed": 7}, data_dir=tmp_path / "lab")

    config_file = Path(plan.command[-1])
    assert json.loads(config_file.read_text()) == {"seed": 7, "data_dir": str(tmp_path / "lab")}
    assert stat.S_IMODE(config_file.stat().st_mode) == 0o600


def test_the_lab_is_ready_when_its_address_file_holds_its_own_pid(tmp_path: Path) -> None:
    plan = lab_plan({}, data_dir=tmp_path)
    before = plan.ready(100)
    write_address(tmp_path, 99)
    with_the_file_of_an_earlier_lab = plan.ready(100)
    write_address(tmp_path, 100)

    with_its_own = plan.ready(100)

    assert (before, with_the_file_of_an_earlier_lab, with_its_own) == (False, False, True)


def test_the_labs_ports_are_those_it_wrote(tmp_path: Path) -> None:
    write_address(tmp_path, 100)

    ports = lab_ports(tmp_path)

    assert ports == LabPorts(control=1, ses=2, smtp=3, imap=4, dns=5)


def test_the_web_edge_is_not_ready_while_nothing_answers(tmp_path: Path) -> None:
    plan = web_plan(port=free_port(), checkout=tmp_path, environment={"OUTREACH_SETTING": "yes"})

    ready = plan.ready(os.getpid())

    assert not ready
    assert plan.environment == {"OUTREACH_SETTING": "yes"}


@pytest.fixture
def dagster_project(tmp_path: Path) -> Path:
    (tmp_path / "workspace.yaml").write_text("load_from: [{python_file: empty.py}]\n")
    (tmp_path / "empty.py").write_text("import dagster as dg\n\ndefs = dg.Definitions()\n")
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    return tmp_path


def test_a_killed_dagster_dev_leaves_no_web_server_daemon_or_code_server(dagster_project: Path) -> None:
    plan = dagster_plan(port=free_port(), checkout=dagster_project, environment={"DAGSTER_HOME": str(dagster_project)})
    folders = Folders(dagster_project / "log", dagster_project / "run")
    dagster = SupervisedProcess(plan, folders)
    dagster.start()
    leader = psutil.Process(dagster.pid)
    offspring = leader.children(recursive=True)
    leader.kill()

    dagster.stop()

    assert len(offspring) >= 3
    # One that has freed its memory already is no member any more, and yet a moment from being gone.
    assert wait_until(lambda: all(map(_is_gone, offspring)), seconds=5)


def _is_gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True

"""`dagster dev` as a child: web server, daemon and code servers, for a developer's machine."""

import sys
from collections.abc import Mapping
from pathlib import Path

from outreach_pipelines.local_stack.http_ready import answers
from outreach_pipelines.local_stack.ports import LOOPBACK
from outreach_pipelines.local_stack.process import ChildPlan, Patience

# A run that is interrupted finishes its calls in flight first; the longest provider timeout is shorter than this.
PATIENCE = Patience(ready=120.0, interrupt=15.0, terminate=90.0)
HEALTH_PATH = "/server_info"


def dagster_plan(*, port: int, checkout: Path, environment: Mapping[str, str]) -> ChildPlan:
    """Return the child that serves Dagster on `port`; `environment` holds DAGSTER_HOME and what dagster.yaml reads."""
    arguments = ("dev", "-w", "workspace.yaml", "-h", LOOPBACK, "-p", str(port))
    command = (sys.executable, "-m", "dagster", *arguments)
    return ChildPlan("dagster", command, checkout, environment, lambda _pid: answers(port, HEALTH_PATH), PATIENCE)

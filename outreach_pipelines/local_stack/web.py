"""The web edge as a child: tracking, unsubscribe, webhooks on loopback."""

import sys
from collections.abc import Mapping
from pathlib import Path

from outreach_pipelines.local_stack.http_ready import answers
from outreach_pipelines.local_stack.ports import LOOPBACK
from outreach_pipelines.local_stack.process import ChildPlan

APPLICATION = "outreach_pipelines.web.app:create_app"
HEALTH_PATH = "/healthz"


def web_plan(*, port: int, checkout: Path, environment: Mapping[str, str]) -> ChildPlan:
    """Return the child that serves the web edge on `port` with the settings in `environment`."""
    command = (
        sys.executable,
        "-m",
        "uvicorn",
        APPLICATION,
        "--factory",
        "--no-access-log",
        "--host",
        LOOPBACK,
        "--port",
        str(port),
    )
    return ChildPlan("web", command, checkout, environment, lambda _pid: answers(port, HEALTH_PATH))

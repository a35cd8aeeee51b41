"""Fixtures around `lab_process`, for test modules that name this one in `pytest_plugins`."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from lab_process import Aws, RunningLab, end, free_port, listens, start_lab, wait_until


@pytest.fixture(scope="session")
def lab_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    folder = tmp_path_factory.mktemp("aws")
    port = free_port()
    environment = {**os.environ, "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "TMPDIR": str(folder)}
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", "ministack"]
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
    try:
        wait_until(lambda: listens(port), process)
        yield Aws(f"http://127.0.0.1:{port}")
    finally:
        end(process)


@pytest.fixture(scope="module")
def lab(lab_aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    """A lab for the tests of one file; they use recipients of their own."""
    running = start_lab(lab_aws, tmp_path_factory.mktemp("lab"))
    try:
        yield running
    finally:
        end(running.process)

"""A real server of S3's interface on loopback, and buckets on it, for test modules that name this one in `pytest_plugins`."""

import itertools
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest

NewBucket = Callable[[], tuple[str, str]]


@pytest.fixture(scope="module")
def s3_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its URL, with made-up credentials in the environment."""
    folder = tmp_path_factory.mktemp("ministack")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "S3_DATA_DIR": str(folder)}
    program = Path(sys.executable).with_name("ministack")
    log = (folder / "log").open("wb")
    with (
        pytest.MonkeyPatch.context() as patch,
        log,
        subprocess.Popen([program], cwd=folder, env=environment, stdout=log, stderr=log) as server,
    ):
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        try:
            _wait_until_listening(server, port)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(10)


@pytest.fixture(scope="module")
def new_bucket(s3_endpoint: str) -> NewBucket:
    """Makes a bucket: its `s3://` URL with a prefix, and the endpoint."""
    numbers = itertools.count()
    client = boto3.client("s3", endpoint_url=s3_endpoint, region_name="us-east-1")

    def new() -> tuple[str, str]:
        name = f"bucket-{next(numbers)}"
        client.create_bucket(Bucket=name)
        return f"s3://{name}/some/prefix", s3_endpoint

    return new


def _wait_until_listening(server: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + 30
    while server.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        os.sched_yield()
    pytest.fail("ministack did not listen")

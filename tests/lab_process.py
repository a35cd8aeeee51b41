"""The lab and an SNS/SQS stand-in as processes of their own, for tests that speak to them as real clients do."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config

REGION = "eu-west-1"
KEY, SECRET = "AKIDLABTEST", "lab-secret"
MORNING = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

ZONE = """\
$ORIGIN sender.test.
$TTL 300
@ IN SOA ns.sender.test. hostmaster.sender.test. 1 3600 600 86400 60
@ IN NS ns.sender.test.
ns IN A 192.0.2.53
@ IN MX 10 mx.sender.test.
mx IN A 192.0.2.25
@ IN TXT "v=spf1 include:amazonses.com -all"
alias IN CNAME mx.sender.test.
deep.empty IN A 192.0.2.9
*.wild IN TXT "any"
"""


@dataclass(frozen=True)
class Aws:
    """The stand-in's endpoint, and clients for it."""

    endpoint: str

    @cache  # noqa: B019 - as long as the tests live
    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            config=Config(retries={"total_max_attempts": 1}),
        )


@dataclass(frozen=True, eq=False)
class RunningLab:
    """A lab process: its ports, files, and the queue that its SES events reach."""

    process: subprocess.Popen[bytes]
    data_dir: Path
    ports: dict[str, int]
    aws: Aws
    queue_url: str

    @property
    def control(self) -> str:
        return f"http://127.0.0.1:{self.ports['control']}"

    @cache  # noqa: B019 - a client takes 0.1 s to build, and a lab lives as long as its tests
    def sesv2(self, *, access_key: str = KEY, read_timeout: float = 10) -> Any:
        return boto3.client(
            "sesv2",
            endpoint_url=f"http://127.0.0.1:{self.ports['ses']}",
            region_name=REGION,
            aws_access_key_id=access_key,
            aws_secret_access_key=SECRET,
            config=Config(retries={"total_max_attempts": 1}, read_timeout=read_timeout),
        )

    def status(self) -> dict[str, Any]:
        return httpx.get(f"{self.control}/status").json()

    def step(self, **delta: float) -> dict[str, Any]:
        """Step the simulated clock; the lab's state after everything that fell due."""
        status = self.status()
        now = datetime.fromisoformat(status["now"]) if status["clock"] == "stepped" else MORNING
        answer = httpx.post(f"{self.control}/clock", json={"now": (now + timedelta(**delta)).isoformat()}, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def fault(self, **order: object) -> None:
        assert httpx.post(f"{self.control}/faults", json=order).status_code == 204

    def clear_faults(self) -> None:
        httpx.delete(f"{self.control}/faults").raise_for_status()

    def accepted(self, recipient: str) -> list[dict[str, str]]:
        return [line for line in self._lines("ledger.jsonl") if line["recipient"] == recipient]

    def deeds(self, recipient: str) -> list[str]:
        return [line["kind"] for line in self._lines("reactions.jsonl") if line["recipient"] == recipient]

    def inbox_files(self, username: str) -> list[bytes]:
        files = sorted((self.data_dir / "inboxes" / username).glob("*.eml"), key=lambda f: int(f.stem))
        return [file.read_bytes() for file in files]

    def events(self, count: int) -> list[dict[str, Any]]:
        """The next `count` SES events of the queue, in the order of arrival."""
        sqs, found, deadline = self.aws.client("sqs"), [], time.monotonic() + 15
        while len(found) < count and time.monotonic() < deadline:
            answer = sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in answer.get("Messages", []):
                found.append(json.loads(json.loads(message["Body"])["Message"]))
                sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
        assert len(found) == count, [event["eventType"] for event in found]
        return found

    def forget(self) -> None:
        """Clear the faults, let everything pending happen, and empty the queue."""
        self.clear_faults()
        while self.step(days=2)["pending_reactions"]:
            pass
        wait_until(lambda: self.status()["unpublished_events"] == 0, self.process)
        self.aws.client("sqs").purge_queue(QueueUrl=self.queue_url)

    def _lines(self, name: str) -> list[dict[str, str]]:
        return [json.loads(line) for line in (self.data_dir / name).read_bytes().splitlines()]


def start_lab(aws: Aws, folder: Path, **settings: object) -> RunningLab:
    """Start a lab whose SES events reach a queue of its own; `settings` are laid over the configuration."""
    topic_arn, queue_url = _subscribed_queue(aws, folder.name)
    (folder / "zones").mkdir(exist_ok=True)
    (folder / "zones" / "sender.zone").write_text(ZONE)
    config = folder / "config.json"
    config.write_text(json.dumps({**_config(aws, folder, topic_arn), **settings}))
    whereabouts = folder / "data" / "lab.json"
    whereabouts.unlink(missing_ok=True)
    with (folder / "log").open("ab") as log:
        command = [sys.executable, "-m", "outreach_pipelines.lab", str(config)]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until(whereabouts.exists, process)
    except BaseException:
        end(process)
        raise
    return RunningLab(process, folder / "data", json.loads(whereabouts.read_text())["ports"], aws, queue_url)


def stop_lab(running: RunningLab) -> int:
    """End a lab as its operator does; its exit code."""
    running.process.send_signal(signal.SIGTERM)
    return running.process.wait(timeout=20)


def _config(aws: Aws, folder: Path, topic_arn: str) -> dict[str, object]:
    return {
        "data_dir": str(folder / "data"),
        "zones_dir": str(folder / "zones"),
        "seed": 7,
        "aws": {"endpoint_url": aws.endpoint, "region": REGION, "access_key_id": KEY, "secret_access_key": SECRET},
        "ses": {
            "name": "ses-main",
            "region": REGION,
            "access_keys": [KEY],
            "configuration_sets": {"outreach": topic_arn},
            "tenants": ["client-a", "client-b"],
            "identities": ["sender.test"],
        },
        "smtp_accounts": [
            {"name": "smtp-a", "username": "smtp-a", "password": "right"},
            {"name": "smtp-b", "username": "smtp-b", "password": "right", "identities": ["sender.test"]},
        ],
        "mailgun_accounts": [{"name": "mailgun-a", "api_key": "mailgun-key", "domains": ["sender.test"]}],
        "postmark_accounts": [
            {"name": "postmark-a", "server_token": "postmark-token", "identities": ["sender.test"]},
        ],
        "inboxes": [
            {"username": "all", "password": "secret", "receives": ["*@sender.test"]},
            {"username": "anna", "password": "secret", "receives": ["anna@sender.test"]},
        ],
        "web_hosts": {"go.sender.test": "http://127.0.0.1:1"},
    }


def _subscribed_queue(aws: Aws, name: str) -> tuple[str, str]:
    sns, sqs = aws.client("sns"), aws.client("sqs")
    topic_arn = sns.create_topic(Name=f"events-{name}")["TopicArn"]
    queue_url = sqs.create_queue(QueueName=f"events-{name}")["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=queue_arn)
    return topic_arn, queue_url


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, "the process ended before it listened; its log is beside its files"
        assert time.monotonic() < deadline, "the process does not listen"
        time.sleep(0.05)


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

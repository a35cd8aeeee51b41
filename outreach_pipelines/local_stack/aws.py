"""ministack as a child: S3, SQS and SNS on loopback. What lies in it is `event_feed.py`'s; SES is the lab's."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from outreach_pipelines.local_stack.http_ready import answers
from outreach_pipelines.local_stack.ports import LOOPBACK
from outreach_pipelines.local_stack.process import ChildPlan

if TYPE_CHECKING:
    from mypy_boto3_s3.literals import BucketLocationConstraintType

REGION: Final = "eu-central-1"
HEALTH_PATH = "/_ministack/health"


@dataclass(frozen=True, slots=True)
class AwsAddress:
    """The endpoint of the look-alike, with the made-up credentials that it accepts."""

    endpoint_url: str
    region: "BucketLocationConstraintType" = REGION
    access_key_id: str = "test"
    secret_access_key: str = field(default="test", repr=False)


def aws_plan(*, port: int, data_dir: Path) -> tuple[ChildPlan, AwsAddress]:
    """Return the child that serves AWS's interfaces on `port` and keeps S3's objects in `data_dir`, and its address."""
    data_dir.mkdir(parents=True, exist_ok=True)
    address = AwsAddress(f"http://{LOOPBACK}:{port}")
    environment = {
        "BIND_HOST": LOOPBACK,  # its default is every interface
        "IOT_MTLS_ENABLED": "0",  # its MQTT listener would take every interface, whatever BIND_HOST says
        "SFTP_ENABLED": "0",
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": LOOPBACK,  # part of the queue URLs that it gives out
        "MINISTACK_REGION": address.region,
        "S3_DATA_DIR": str(data_dir / "s3"),
        "S3_PERSIST": "1",
        "STATE_DIR": str(data_dir / "state"),
        "LOG_LEVEL": "WARNING",
    }
    command = (sys.executable, "-m", "ministack")
    return ChildPlan("aws", command, data_dir, environment, lambda _pid: answers(port, HEALTH_PATH)), address

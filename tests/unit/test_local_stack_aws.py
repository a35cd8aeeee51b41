"""The AWS look-alike and what is laid out in it, against the real ministack."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import psutil
import pytest

from outreach_pipelines.local_stack.aws import AwsAddress, aws_plan
from outreach_pipelines.local_stack.event_feed import BUCKET, ConfigurationSetName, EventFeed, create_event_feed
from outreach_pipelines.local_stack.ports import free_port
from outreach_pipelines.local_stack.process import Folders, SupervisedProcess

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

ACME = ConfigurationSetName("acme")
GLOBEX = ConfigurationSetName("globex")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SupervisedProcess, AwsAddress]]:
    base = tmp_path_factory.mktemp("aws")
    plan, address = aws_plan(port=free_port(), data_dir=base / "data")
    with SupervisedProcess(plan, Folders(base / "log", base / "run")) as server:
        yield server, address


@pytest.fixture(scope="module")
def aws(running: tuple[SupervisedProcess, AwsAddress]) -> AwsAddress:
    return running[1]


@pytest.fixture(scope="module")
def feed(aws: AwsAddress) -> EventFeed:
    return create_event_feed(aws, [ACME, GLOBEX])


def session(aws: AwsAddress) -> boto3.Session:
    return boto3.Session(aws.access_key_id, aws.secret_access_key, region_name=aws.region)


@pytest.fixture
def sns(aws: AwsAddress) -> "SNSClient":
    return session(aws).client("sns", endpoint_url=aws.endpoint_url)


@pytest.fixture
def sqs(aws: AwsAddress) -> "SQSClient":
    return session(aws).client("sqs", endpoint_url=aws.endpoint_url)


@pytest.fixture
def s3_of() -> "Callable[[AwsAddress], S3Client]":
    return lambda aws: session(aws).client("s3", endpoint_url=aws.endpoint_url)


def test_the_look_alike_listens_on_loopback_only(running: tuple[SupervisedProcess, AwsAddress]) -> None:
    server, _ = running

    listening = [c.laddr.ip for c in psutil.Process(server.pid).net_connections() if c.status == psutil.CONN_LISTEN]

    assert set(listening) == {"127.0.0.1"}


def test_all_configuration_sets_publish_to_the_one_topic(feed: EventFeed) -> None:
    assert feed.configuration_sets == {ACME: feed.topic_arn, GLOBEX: feed.topic_arn}
    assert feed.topic_arn.endswith(":outreach-events")


def test_a_second_creation_changes_nothing(aws: AwsAddress, feed: EventFeed, sns: "SNSClient") -> None:
    again = create_event_feed(aws, [ACME, GLOBEX])

    subscriptions = sns.list_subscriptions_by_topic(TopicArn=feed.topic_arn)["Subscriptions"]
    assert again == feed
    assert len(subscriptions) == 1


def test_a_published_event_arrives_in_the_envelope_of_sns(feed: EventFeed, sns: "SNSClient", sqs: "SQSClient") -> None:
    published = sns.publish(TopicArn=feed.topic_arn, Message='{"eventType": "Delivery"}')

    (received,) = sqs.receive_message(QueueUrl=feed.queue_url, WaitTimeSeconds=5)["Messages"]

    sqs.delete_message(QueueUrl=feed.queue_url, ReceiptHandle=received["ReceiptHandle"])
    envelope = json.loads(received["Body"])
    assert envelope["MessageId"] == published["MessageId"]
    assert json.loads(envelope["Message"]) == {"eventType": "Delivery"}


def test_an_event_that_is_received_five_times_and_never_deleted_is_set_aside(feed: EventFeed, sqs: "SQSClient") -> None:
    sqs.send_message(QueueUrl=feed.queue_url, MessageBody="cannot be read")

    receipts = [sqs.receive_message(QueueUrl=feed.queue_url, VisibilityTimeout=0).get("Messages", []) for _ in range(6)]

    (dead,) = sqs.receive_message(QueueUrl=feed.dead_queue_url, WaitTimeSeconds=5)["Messages"]
    assert [len(messages) for messages in receipts] == [1, 1, 1, 1, 1, 0]
    assert dead["Body"] == "cannot be read"


def test_objects_are_kept_over_a_restart(tmp_path: Path, s3_of: "Callable[[AwsAddress], S3Client]") -> None:
    folders = Folders(tmp_path / "log", tmp_path / "run")
    plan, address = aws_plan(port=free_port(), data_dir=tmp_path / "data")
    with SupervisedProcess(plan, folders):
        create_event_feed(address, [])
        s3_of(address).put_object(Bucket=BUCKET, Key="uploads/acme/leads.csv", Body=b"email\n")

    with SupervisedProcess(plan, folders):
        create_event_feed(address, [])
        body = s3_of(address).get_object(Bucket=BUCKET, Key="uploads/acme/leads.csv")["Body"].read()

    assert body == b"email\n"

"""What must lie in AWS before mail is sent: the topic and queues of provider events, and the bucket.

The same shape as in production: SES publishes to a topic, the topic delivers to a queue, and what is received five
times without being deleted is set aside.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NewType

import boto3
from botocore.exceptions import ClientError

from outreach_pipelines.local_stack.aws import AwsAddress

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.literals import BucketLocationConstraintType
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

ConfigurationSetName = NewType("ConfigurationSetName", str)
TopicArn = NewType("TopicArn", str)

EVENTS = "outreach-events"
DEAD_EVENTS = "outreach-events-dead"
BUCKET = "outreach"
MAX_RECEIVES = 5
FOURTEEN_DAYS_SECONDS = str(14 * 24 * 3600)  # the longest that SQS keeps a message


@dataclass(frozen=True, slots=True)
class EventFeed:
    """Where provider events go in and come out. `configuration_sets` tells to which topic each SES set publishes."""

    topic_arn: TopicArn
    queue_url: str
    dead_queue_url: str
    bucket: str
    configuration_sets: Mapping[ConfigurationSetName, TopicArn]


def create_event_feed(aws: AwsAddress, configuration_sets: Collection[ConfigurationSetName]) -> EventFeed:
    """Create topic, queues, subscription and bucket where they are missing; a second call changes nothing.

    `configuration_sets` are the tenants'; all publish to the one topic. Raises botocore's ClientError.
    """
    session = boto3.Session(aws.access_key_id, aws.secret_access_key, region_name=aws.region)
    sqs = session.client("sqs", endpoint_url=aws.endpoint_url)
    sns = session.client("sns", endpoint_url=aws.endpoint_url)
    topic = TopicArn(sns.create_topic(Name=EVENTS)["TopicArn"])
    dead_queue_url = _queue(sqs, DEAD_EVENTS, {})
    queue_url = _queue(sqs, EVENTS, _redrive_to(_arn(sqs, dead_queue_url)))
    _let_topic_deliver(sqs, queue_url, topic)
    _subscribe(sns, topic, _arn(sqs, queue_url))
    _ensure_bucket(session.client("s3", endpoint_url=aws.endpoint_url), aws.region)
    return EventFeed(topic, queue_url, dead_queue_url, BUCKET, dict.fromkeys(configuration_sets, topic))


def _queue(sqs: "SQSClient", name: str, attributes: "Mapping[QueueAttributeNameType, str]") -> str:
    # Attributes are set apart: creating a queue anew with other ones is an error (SQS API, CreateQueue).
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"MessageRetentionPeriod": FOURTEEN_DAYS_SECONDS, **attributes})
    return url


def _redrive_to(dead_queue_arn: str) -> "Mapping[QueueAttributeNameType, str]":
    policy = {"deadLetterTargetArn": dead_queue_arn, "maxReceiveCount": MAX_RECEIVES}
    return {"RedrivePolicy": json.dumps(policy)}


def _arn(sqs: "SQSClient", queue_url: str) -> str:
    return sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def _let_topic_deliver(sqs: "SQSClient", queue_url: str, topic: TopicArn) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": _arn(sqs, queue_url),
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=queue_url, Attributes={"Policy": policy})


def _subscribe(sns: "SNSClient", topic: TopicArn, queue_arn: str) -> None:
    """Subscribe the queue unless it is. Raw delivery stays off: the envelope carries the message id of SNS."""
    pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    if not any(known["Endpoint"] == queue_arn for page in pages for known in page["Subscriptions"]):
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn, Attributes={"RawMessageDelivery": "false"})


def _ensure_bucket(s3: "S3Client", region: "BucketLocationConstraintType") -> None:
    try:
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": region})
    except ClientError as fault:
        if fault.response["Error"]["Code"] != "BucketAlreadyOwnedByYou":
            raise

"""Events of Amazon SES that come as a mail."""

import json
from datetime import UTC, datetime

import pytest

from outreach_pipelines.domain.inbound.classify import classify
from outreach_pipelines.domain.inbound.message import Complaint, DeliveryReport, InboundMessage, MessageKind
from outreach_pipelines.domain.inbound.verdict import BounceClass

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
BOUNCE = {
    "notificationType": "Bounce",
    "bounce": {
        "bounceType": "Permanent",
        "bounceSubType": "NoEmail",
        "bouncedRecipients": [
            {"emailAddress": "ann@example.net", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown"},
            {"emailAddress": "bob@example.org", "status": "5.2.2", "diagnosticCode": "smtp; 552 5.2.2 mailbox full"},
        ],
    },
}


def notified(text: str, *, mark: str = "x-amz-sns-message-id: 1\n") -> InboundMessage:
    head = f"From: AWS <no-reply@sns.amazonaws.com>\nTo: app@example.com\nSubject: AWS Notification Message\n{mark}\n"
    return classify((head + text).encode(), NOW)


def test_each_bounced_recipient_of_a_notification_has_its_verdict() -> None:
    content = notified(json.dumps(BOUNCE) + "\n\n--\nIf you wish to stop").content

    assert isinstance(content, DeliveryReport)
    assert [(each.address, each.verdict.bounce_class) for each in content.recipients] == [
        ("ann@example.net", BounceClass.HARD),
        ("bob@example.org", BounceClass.FULL),
    ]


def test_a_notified_complaint_names_who_complained() -> None:
    text = json.dumps({"complaint": {"complainedRecipients": [{"emailAddress": "ann@example.net"}]}})

    content = notified(text).content

    assert isinstance(content, Complaint)
    assert content.recipients == ("ann@example.net",)


def test_a_notified_delivery_is_no_failure() -> None:
    content = notified(json.dumps({"delivery": {"recipients": ["ann@example.net"]}})).content

    assert isinstance(content, DeliveryReport)
    assert [each.verdict.bounce_class for each in content.recipients] == [BounceClass.NOT_A_FAILURE]


def test_lines_that_sendmail_broke_are_joined() -> None:
    text = json.dumps(BOUNCE).replace("ann@exam", "ann@exam!\n ")

    content = notified(text).content

    assert isinstance(content, DeliveryReport)
    assert content.recipients[0].address == "ann@example.net"


@pytest.mark.parametrize(
    "text", ["{", "[" * 100_000, '"a"', "[1]", '{"bounce": [1]}', '{"bounce": {"bouncedRecipients": 7}}']
)
def test_what_is_no_such_document_is_no_report(text: str) -> None:
    assert notified(text).kind is not MessageKind.DELIVERY_REPORT


def test_the_document_without_the_mark_of_the_topic_is_a_mail_like_any_other() -> None:
    assert notified(json.dumps(BOUNCE), mark="").kind is not MessageKind.DELIVERY_REPORT

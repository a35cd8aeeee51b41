"""The lab's SES as boto3 sees it: acceptance, refusals, events, and the faults of its wire."""

from email import message_from_string, policy
from email.message import EmailMessage
from pathlib import Path

import botocore.exceptions
import httpx
import pytest
from lab_process import KEY, REGION, Aws, RunningLab, end, start_lab

pytest_plugins = ("lab_fixtures",)


@pytest.fixture(autouse=True)
def _clean(lab: RunningLab):
    yield
    lab.forget()


def raw_mail(to: str, *, sender: str = "anna@sender.test", extra: dict[str, str] | None = None) -> bytes:
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"], mail["To"], mail["Subject"] = f"Anna <{sender}>", to, "Hello"
    mail["Message-ID"] = "<mine@sender.test>"
    for name, value in (extra or {}).items():
        mail[name] = value
    mail.set_content("How are you?\n")
    return mail.as_bytes()


def send(lab: RunningLab, to: str, *, tag: str = "tag-1", configuration_set: str = "outreach", **client: object) -> str:
    return lab.sesv2(**client).send_email(
        FromEmailAddress="anna@sender.test",
        Destination={"ToAddresses": [to]},
        Content={"Raw": {"Data": raw_mail(to)}},
        EmailTags=[{"Name": "outreach", "Value": tag}],
        **({"ConfigurationSetName": configuration_set} if configuration_set else {}),
    )["MessageId"]


def refusal(call) -> tuple[str, int]:
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call()
    response = caught.value.response
    assert response["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_an_accepted_message_is_in_the_ledger_with_its_tag_and_the_id_on_the_wire(lab: RunningLab):
    message_id = send(lab, "deliver.one@people.example", tag="T_1-x")

    (line,) = lab.accepted("deliver.one@people.example")

    assert "@" not in message_id
    assert line["message_id"] == f"<{message_id}@eu-west-1.amazonses.com>"
    assert (line["provider"], line["mailbox"], line["tag"]) == ("ses-main", "anna@sender.test", "T_1-x")


def test_send_is_published_at_once_and_delivery_when_the_clock_reaches_it(lab: RunningLab):
    lab.step()
    message_id = send(lab, "deliver.two@people.example", tag="two")
    (sent,) = lab.events(1)

    lab.step(minutes=1)
    (delivered,) = lab.events(1)

    assert (sent["eventType"], delivered["eventType"]) == ("Send", "Delivery")
    assert sent["mail"]["messageId"] == delivered["mail"]["messageId"] == message_id
    assert sent["mail"]["tags"]["outreach"] == ["two"]
    on_the_wire = [header["value"] for header in sent["mail"]["headers"] if header["name"].lower() == "message-id"]
    assert on_the_wire == [f"<{message_id}@eu-west-1.amazonses.com>"]
    assert sent["mail"]["tags"]["ses:configuration-set"] == ["outreach"]
    assert delivered["delivery"]["recipients"] == ["deliver.two@people.example"]


@pytest.mark.parametrize(
    ("person", "events"),
    [
        ("hard", ["Send", "Bounce"]),
        ("full", ["Send", "Bounce"]),
        ("complain", ["Send", "Delivery", "Complaint"]),
        ("slow", ["Send", "DeliveryDelay", "Delivery"]),
        ("deliver", ["Send", "Delivery"]),
    ],
)
def test_a_person_named_by_behaviour_behaves_so(lab: RunningLab, person: str, events: list[str]):
    lab.step()
    send(lab, f"{person}.events@people.example")

    lab.step(days=1)

    assert [event["eventType"] for event in lab.events(len(events))] == events


def test_a_hard_bounce_is_permanent_and_tells_the_status(lab: RunningLab):
    lab.step()
    send(lab, "hard.ben@people.example")

    lab.step(minutes=5)
    _, bounce = lab.events(2)

    assert bounce["bounce"]["bounceType"] == "Permanent"
    (recipient,) = bounce["bounce"]["bouncedRecipients"]
    assert (recipient["emailAddress"], recipient["status"]) == ("hard.ben@people.example", "5.1.1")


@pytest.mark.parametrize(
    ("local", "events"),
    [
        ("success", ["Send", "Delivery"]),
        ("bounce+label", ["Send", "Bounce"]),
        ("complaint", ["Send", "Delivery", "Complaint"]),
        ("suppressionlist", ["Send", "Bounce"]),
        ("ooto", ["Send", "Delivery", "Bounce"]),
    ],
)
def test_the_mailbox_simulator_answers_without_a_step_of_the_clock(lab: RunningLab, local: str, events: list[str]):
    lab.step()

    send(lab, f"{local}@simulator.amazonses.com")

    assert [event["eventType"] for event in lab.events(len(events))] == events


def test_a_virus_is_accepted_and_then_rejected(lab: RunningLab):
    body = {"Text": {"Data": "EICAR-STANDARD-ANTIVIRUS-TEST-FILE"}}

    lab.sesv2().send_email(
        FromEmailAddress="anna@sender.test",
        Destination={"ToAddresses": ["deliver.virus@people.example"]},
        Content={"Simple": {"Subject": {"Data": "x"}, "Body": body}},
        ConfigurationSetName="outreach",
    )

    assert [event["eventType"] for event in lab.events(2)] == ["Send", "Reject"]
    assert len(lab.accepted("deliver.virus@people.example")) == 1


def test_a_reply_reaches_the_inbox_and_threads_on_the_id_that_ses_gave(lab: RunningLab):
    lab.step()
    message_id = send(lab, "reply.carla@people.example")

    lab.step(hours=4)

    reply = message_from_string(lab.inbox_files("anna")[-1].decode(), policy=policy.default)
    assert reply["In-Reply-To"] == f"<{message_id}@eu-west-1.amazonses.com>"
    assert reply["Delivered-To"] == "anna@sender.test"
    assert "> How are you?" in reply.get_content()


def test_an_unknown_access_key_is_refused(lab: RunningLab):
    refused = refusal(lambda: send(lab, "deliver.x@people.example", access_key="AKIDOTHER"))

    assert refused == ("UnrecognizedClientException", 403)
    assert lab.accepted("deliver.x@people.example") == []


def test_an_unverified_sender_is_rejected(lab: RunningLab):
    def call():
        content = {"Raw": {"Data": raw_mail("deliver.y@people.example", sender="eve@other.test")}}
        lab.sesv2().send_email(Content=content)

    assert refusal(call) == ("MessageRejected", 400)
    assert lab.accepted("deliver.y@people.example") == []


def test_an_unknown_configuration_set_is_not_found(lab: RunningLab):
    refused = refusal(lambda: send(lab, "deliver.z@people.example", configuration_set="nope"))

    assert refused == ("NotFoundException", 404)


def test_a_tag_with_a_dot_is_a_bad_request(lab: RunningLab):
    assert refusal(lambda: send(lab, "deliver.z@people.example", tag="a.b")) == ("BadRequestException", 400)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "BadRequestException"),
        ({"Content": {"Raw": {}}}, "BadRequestException"),
        ({"Content": {"Raw": {"Data": "no base64!"}}}, "SerializationException"),
        ({"Content": []}, "SerializationException"),
        ({"Content": {"Raw": {"Data": "eA=="}}, "Contents": 1}, "BadRequestException"),
        ({"Content": {"Raw": {"Data": "eA=="}}, "ConfigurationSetName": 1}, "BadRequestException"),
    ],
)
def test_a_request_that_is_not_in_the_service_model_is_refused(lab: RunningLab, body: object, error: str):
    signature = "AWS4-HMAC-SHA256 Credential=AKIDLABTEST/20261123/eu-west-1/ses/aws4_request, Signature=y"
    url = f"http://127.0.0.1:{lab.ports['ses']}/v2/email/outbound-emails"

    answer = httpx.post(url, json=body, headers={"Authorization": signature})

    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (400, error)


def test_a_request_without_credentials_is_refused(lab: RunningLab):
    answer = httpx.get(f"http://127.0.0.1:{lab.ports['ses']}/v2/email/account")

    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (403, "MissingAuthenticationTokenException")


def test_the_account_tells_its_quota_and_what_was_sent(lab: RunningLab):
    before = lab.sesv2().get_account()["SendQuota"]["SentLast24Hours"]
    send(lab, "deliver.quota@people.example")
    send(lab, "success@simulator.amazonses.com")

    quota = lab.sesv2().get_account()["SendQuota"]

    assert quota["SentLast24Hours"] - before == 1
    assert quota["Max24HourSend"] == 50_000


def test_an_identity_tells_three_dkim_tokens_that_stay_the_same(lab: RunningLab):
    first = lab.sesv2().get_email_identity(EmailIdentity="sender.test")
    second = lab.sesv2().get_email_identity(EmailIdentity="sender.test")

    assert len(set(first["DkimAttributes"]["Tokens"])) == 3
    assert first["DkimAttributes"]["Tokens"] == second["DkimAttributes"]["Tokens"]
    assert refusal(lambda: lab.sesv2().get_email_identity(EmailIdentity="other.test")) == ("NotFoundException", 404)


def test_events_arrive_in_the_order_of_their_messages(lab: RunningLab):
    lab.step()

    ids = [send(lab, f"deliver.order{i}@people.example") for i in range(15)]

    assert [event["mail"]["messageId"] for event in lab.events(15)] == ids


def test_a_subject_in_a_charset_that_nobody_knows_is_published_as_it_came(lab: RunningLab):
    raw = raw_mail("deliver.odd@people.example").replace(b"Subject: Hello", b"Subject: =?x-nope?B?AAAA?=")

    lab.sesv2().send_email(Content={"Raw": {"Data": raw}}, ConfigurationSetName="outreach")

    (sent,) = lab.events(1)
    assert sent["mail"]["commonHeaders"]["subject"] == "=?x-nope?B?AAAA?="


def test_the_rate_and_the_daily_quota_are_limits(lab_aws: Aws, tmp_path: Path):
    account = {"name": "ses-main", "region": REGION, "access_keys": [KEY], "configuration_sets": {}}
    limits = {"identities": ["sender.test"], "daily_quota": 2, "rate": 0.001}
    lab = start_lab(lab_aws, tmp_path, ses={**account, **limits})
    try:
        send(lab, "deliver.rate@people.example", configuration_set="")
        too_fast = refusal(lambda: send(lab, "deliver.rate@people.example", configuration_set=""))
        too_many = refusal(lambda: lab.sesv2().send_email(**to_two_people()))
    finally:
        end(lab.process)

    assert too_fast == ("TooManyRequestsException", 429)
    assert too_many == ("LimitExceededException", 400)


def to_two_people() -> dict[str, object]:
    recipients = ["deliver.a@people.example", "deliver.b@people.example"]
    return {"Destination": {"ToAddresses": recipients}, "Content": {"Raw": {"Data": raw_mail(recipients[0])}}}


def test_a_lost_answer_leaves_one_accepted_message(lab: RunningLab):
    lab.fault(recipient="deliver.lost@people.example", fault="accept_then_close", count=1)

    with pytest.raises(botocore.exceptions.HTTPClientError):
        send(lab, "deliver.lost@people.example")

    assert len(lab.accepted("deliver.lost@people.example")) == 1
    assert [event["eventType"] for event in lab.events(1)] == ["Send"]


def test_a_server_error_after_acceptance_leaves_one_accepted_message(lab: RunningLab):
    lab.fault(recipient="deliver.err@people.example", fault="error_500_after_accept", count=1)

    refused = refusal(lambda: send(lab, "deliver.err@people.example"))

    assert refused == ("InternalFailure", 500)
    assert len(lab.accepted("deliver.err@people.example")) == 1


@pytest.mark.parametrize(("fault", "held"), [("hang", 0), ("accept_then_hang", 1)])
def test_a_hanging_provider_answers_nothing(lab: RunningLab, fault: str, held: int):
    recipient = f"deliver.{fault}@people.example"
    lab.fault(recipient=recipient, fault=fault, count=1)

    with pytest.raises(botocore.exceptions.ReadTimeoutError):
        send(lab, recipient, read_timeout=0.5)

    assert len(lab.accepted(recipient)) == held


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("throttle", ("TooManyRequestsException", 429)),
        ("refuse_temporary", ("ServiceUnavailable", 503)),
        ("pause_sending", ("SendingPausedException", 400)),
        ("revoke_credentials", ("UnrecognizedClientException", 403)),
    ],
)
def test_a_refusal_on_demand_happens_as_often_as_ordered_and_takes_nothing(
    lab: RunningLab, fault: str, error: tuple[str, int]
):
    recipient = f"deliver.{fault}@people.example"
    lab.fault(account="ses-main", fault=fault, count=1)

    refused = refusal(lambda: send(lab, recipient))
    send(lab, recipient)

    assert refused == error
    assert len(lab.accepted(recipient)) == 1


def test_events_are_dropped_and_repeated_on_demand(lab: RunningLab):
    lab.step()
    lab.fault(recipient="deliver.drop@people.example", fault="drop_events", count=1)
    lab.fault(recipient="deliver.twice@people.example", fault="repeat_events", count=1)

    for name in ("drop", "twice", "once"):
        send(lab, f"deliver.{name}@people.example")

    seen = [event["mail"]["destination"][0].partition("@")[0] for event in lab.events(3)]
    assert seen == ["deliver.twice", "deliver.twice", "deliver.once"]


def test_events_are_shuffled_on_demand(lab: RunningLab):
    lab.step()
    lab.fault(account="ses-main", fault="shuffle_events", count=8)

    ids = [send(lab, f"deliver.shuffle{i}@people.example") for i in range(8)]

    seen = [event["mail"]["messageId"] for event in lab.events(8)]
    assert sorted(seen) == sorted(ids)
    assert seen != ids

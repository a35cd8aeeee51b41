"""SES event documents in the shapes of the Amazon SES Developer Guide, "Examples of event data", and in no shape at all."""

import json
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach_pipelines.domain.delivery_event import EventKind
from outreach_pipelines.domain.inbound.verdict import BlockCause, BounceClass, HardCause
from outreach_pipelines.domain.ses_event import NotAnEvent, SesEvent, read_ses_event

MAIL = {
    "timestamp": "2026-11-18T12:00:00.123Z",
    "messageId": "0100019abcdef-000000",
    "tags": {"ses:configuration-set": ["set-a"], "outreach": ["the-tag"]},
}
AT = "2026-11-18T12:00:05.000Z"
UNKNOWN_USER = {
    "bounceType": "Permanent",
    "bounceSubType": "General",
    "bouncedRecipients": [
        {"emailAddress": "ada@people.example", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown"}
    ],
    "timestamp": AT,
}
DETAILS: dict[str, tuple[str, dict[str, Any]]] = {
    "Send": ("send", {}),
    "Delivery": ("delivery", {"timestamp": AT, "smtpResponse": "250 2.6.0 Message received"}),
    "DeliveryDelay": (
        "deliveryDelay",
        {
            "timestamp": AT,
            "delayType": "TransientCommunicationFailure",
            "delayedRecipients": [{"emailAddress": "ada@people.example", "status": "4.4.1", "diagnosticCode": "smtp; 421 4.4.1 Unable to connect"}],
        },
    ),
    "Bounce": ("bounce", UNKNOWN_USER),
    "Complaint": ("complaint", {"timestamp": AT, "complainedRecipients": [{"emailAddress": "ada@people.example"}]}),
    "Reject": ("reject", {"reason": "Bad content"}),
    "Rendering Failure": ("failure", {"errorMessage": "Attribute 'x' is not present", "templateName": "T"}),
    "Open": ("open", {"timestamp": AT, "ipAddress": "192.0.2.1", "userAgent": "Mozilla/5.0"}),
    "Click": ("click", {"timestamp": AT, "link": "https://test.example/a"}),
}  # fmt: skip


def document(event_type: str, **changes: Any) -> dict[str, Any]:
    name, detail = DETAILS[event_type]
    return deepcopy({"eventType": event_type, "mail": MAIL, name: detail | changes})


def read(event_type: str, **changes: Any) -> SesEvent:
    found = read_ses_event(document(event_type, **changes))
    assert isinstance(found, SesEvent), found
    return found


@pytest.mark.parametrize(
    ("event_type", "kind"),
    [
        ("Send", EventKind.SENT),
        ("Delivery", EventKind.DELIVERED),
        ("DeliveryDelay", EventKind.DELAYED),
        ("Bounce", EventKind.BOUNCED),
        ("Complaint", EventKind.COMPLAINED),
        ("Reject", EventKind.REJECTED),
        ("Rendering Failure", EventKind.REJECTED),
        ("Open", EventKind.OPENED),
        ("Click", EventKind.CLICKED),
    ],
)
def test_each_documented_type_is_an_event_of_its_kind(event_type: str, kind: EventKind) -> None:
    found = read(event_type)

    assert found.event.kind is kind
    assert (found.tag, found.configuration_set) == ("the-tag", "set-a")
    assert found.event.provider_message_id == "0100019abcdef-000000"


def test_the_moment_is_the_events_own_and_the_mails_where_it_has_none() -> None:
    assert read("Delivery").event.occurred_at == datetime(2026, 11, 18, 12, 0, 5, tzinfo=UTC)
    assert read("Send").event.occurred_at == datetime(2026, 11, 18, 12, 0, 0, 123000, tzinfo=UTC)


def test_a_bounce_of_an_unknown_user_is_hard() -> None:
    bounce = read("Bounce").event.bounce

    assert bounce is not None
    assert (bounce.bounce_class, bounce.cause) == (BounceClass.HARD, HardCause.UNKNOWN_USER)
    assert bounce.enhanced_code == "5.1.1"


def test_a_bounce_for_the_senders_reputation_is_a_block_though_ses_calls_it_permanent() -> None:
    said = "smtp; 550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3140)."
    bounced = [{"emailAddress": "ada@people.example", "status": "5.7.1", "diagnosticCode": said}]

    bounce = read("Bounce", bouncedRecipients=bounced).event.bounce

    assert bounce is not None
    assert (bounce.bounce_class, bounce.cause) == (BounceClass.BLOCK, BlockCause.IP_REPUTATION)


@pytest.mark.parametrize("bounce_type", ["Transient", "Undetermined"])
def test_a_bounce_that_says_nothing_of_the_person_is_never_hard(bounce_type: str) -> None:
    # SES reports out-of-office answers, too, as Transient/General (Developer Guide, "Bounce types").
    bounce = read("Bounce", bounceType=bounce_type, bounceSubType="General", bouncedRecipients=[]).event.bounce

    assert bounce is not None
    assert bounce.bounce_class in (BounceClass.SOFT, BounceClass.UNKNOWN)


def test_a_delay_stays_a_delay_and_is_no_auto_reply() -> None:
    event = read("DeliveryDelay").event

    assert event.kind is EventKind.DELAYED
    assert event.bounce is not None
    assert (event.bounce.bounce_class, event.bounce.enhanced_code) == (BounceClass.NOT_A_FAILURE, "4.4.1")


def test_what_a_feed_repeats_has_the_same_key_and_everything_else_another() -> None:
    others = [read(event_type) for event_type in DETAILS]
    others += [read("Click", link="https://test.example/b"), read("Open", timestamp="2026-11-18T12:00:06.000Z")]

    assert read("Click").event.dedupe_key == read("Click").event.dedupe_key
    assert len({each.event.dedupe_key for each in others}) == len(others)


def test_a_document_without_our_tag_carries_none() -> None:
    untagged = document("Send")
    untagged["mail"]["tags"] = {}

    found = read_ses_event(untagged)

    assert isinstance(found, SesEvent)
    assert found.tag is None


@pytest.mark.parametrize(
    "wrong",
    [
        "2026-11-18", "2026-11-18T12:00:00", "1763467200.5", "-1", "٢٠٢٦-١١-١٨T12:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "now", "",
    ],
)  # fmt: skip
def test_a_moment_that_is_none_or_that_no_database_keeps_is_refused(wrong: str) -> None:
    event = document("Delivery", timestamp=wrong)
    event["mail"]["timestamp"] = wrong

    assert isinstance(read_ses_event(event), NotAnEvent)


@pytest.mark.parametrize("wrong", ["", "two\r\nlines", "<a>", "a b", "x" * 201, 7, None, ["a"], {"a": 1}])
def test_a_message_id_that_could_not_stand_in_a_header_is_refused(wrong: object) -> None:
    event = document("Send")
    event["mail"]["messageId"] = wrong

    assert isinstance(read_ses_event(event), NotAnEvent)


@pytest.mark.parametrize("event_type", ["Subscription", "", "send", None, 1, ["Send"], {"a": 1}, "x" * 100_000])
def test_a_type_that_is_not_known_is_refused_with_a_short_reason(event_type: object) -> None:
    found = read_ses_event(document("Send") | {"eventType": event_type})

    assert isinstance(found, NotAnEvent)
    assert len(found.reason) < 100


def test_text_that_no_database_keeps_is_made_storable() -> None:
    bounced = [
        {"emailAddress": "a\0@x.example", "status": "5.1.1", "diagnosticCode": "550 5.1.1 \ud800 user\0 unknown"}
    ]

    bounce = read("Bounce", bouncedRecipients=bounced).event.bounce

    assert bounce is not None
    assert bounce.diagnostic == "5.1.1 550 5.1.1 ? user unknown"


def test_a_diagnostic_of_a_megabyte_is_kept_short() -> None:
    bounced = [{"emailAddress": "a@x.example", "status": "5.1.1" * 1000, "diagnosticCode": "550 " + "a" * 1_000_000}]

    for event in (
        read("Bounce", bouncedRecipients=bounced).event,
        read("DeliveryDelay", delayedRecipients=bounced).event,
    ):
        assert event.bounce is not None
        assert len(event.bounce.diagnostic) + len(event.bounce.enhanced_code) + len(event.bounce.evidence) < 1000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_any_json_value_gives_an_event_or_a_reason(value: Any) -> None:
    assert isinstance(read_ses_event(value), SesEvent | NotAnEvent)


@given(st.sampled_from(sorted(DETAILS)), st.data())
def test_an_event_with_any_part_replaced_by_anything_gives_an_event_or_a_reason(
    event_type: str, data: st.DataObject
) -> None:
    event = document(event_type)
    place = event
    while (
        data.draw(st.booleans())
        and isinstance(inner := place[data.draw(st.sampled_from(sorted(place)))], dict)
        and inner
    ):
        place = inner
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(JSON)

    found = read_ses_event(event)

    assert isinstance(found, SesEvent | NotAnEvent)
    if isinstance(found, SesEvent):
        json.dumps(
            [found.event.dedupe_key, found.event.bounce and found.event.bounce.diagnostic], ensure_ascii=False
        ).encode()

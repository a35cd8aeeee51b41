"""Delivery reports, feedback reports, disposition notices and bounces in words; what ties them to a send."""

from datetime import UTC, datetime

import pytest

from outreach_pipelines.domain.inbound.classify import classify
from outreach_pipelines.domain.inbound.message import (
    Complaint,
    DeliveryReport,
    FeedbackNotice,
    FeedbackType,
    InboundMessage,
    MessageKind,
    UnsubscribeRequest,
)
from outreach_pipelines.domain.inbound.verdict import Action, BlockCause, BounceClass, HardCause, RecipientVerdict

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
ORIGINAL = "Message-ID: <first.1@example.com>\nX-SES-Message-Tags: tag=abc\nTo: ann@example.net\n\nHello"


def report(*blocks: str, shown: str = "Your message could not be delivered.", kind: str = "delivery-status") -> bytes:
    fields = "\n\n".join(("Reporting-MTA: dns; mx.example.com\nOriginal-Envelope-Id: env-7", *blocks))
    return (
        "From: Mail Delivery System <mailer-daemon@mx.example.com>\nTo: bounce+abc@example.com\nSubject: Undelivered\n"
        f"Content-Type: multipart/report; report-type={kind}; boundary=x\n\n"
        f"--x\nContent-Type: text/plain\n\n{shown}\n"
        f"--x\nContent-Type: message/{kind}\n\n{fields}\n"
        f"--x\nContent-Type: message/rfc822\n\n{ORIGINAL}\n--x--\n"
    ).encode()


def in_words(text: str, *, sender: str = "MAILER-DAEMON@mx.example.com", subject: str = "failure notice") -> bytes:
    return f"Return-Path: <>\nFrom: {sender}\nTo: app@example.com\nSubject: {subject}\n\n{text}".encode()


def recipients(raw: bytes) -> tuple[RecipientVerdict, ...]:
    content = classify(raw, NOW).content
    assert isinstance(content, DeliveryReport)
    return content.recipients


def failed(address: str, diagnostic: str, *, status: str = "5.0.0") -> str:
    return f"Final-Recipient: rfc822; {address}\nAction: failed\nStatus: {status}\nDiagnostic-Code: smtp; {diagnostic}"


def test_each_recipient_of_a_report_has_its_own_verdict() -> None:
    raw = report(
        failed("ann@example.net", "550 5.1.1 User unknown"), failed("bob@example.org", "552 5.2.2 Mailbox full")
    )

    verdicts = recipients(raw)

    assert [(each.address, each.verdict.bounce_class) for each in verdicts] == [
        ("ann@example.net", BounceClass.HARD),
        ("bob@example.org", BounceClass.FULL),
    ]


def test_a_verdict_shows_its_codes_its_words_and_the_rule() -> None:
    verdict = recipients(report(failed("ann@example.net", "550 5.1.1 <ann@example.net>: User unknown")))[0]

    assert (verdict.reply_code, str(verdict.enhanced_code)) == (550, "5.1.1")
    assert verdict.diagnostic == "550 5.1.1 <ann@example.net>: User unknown"
    assert verdict.verdict.evidence.rule == "unknown-user"


@pytest.mark.parametrize("action", ["delayed", "relayed", "expanded", "delivered"])
def test_an_action_that_is_no_failure_condemns_nobody(action: str) -> None:
    block = (
        f"Final-Recipient: rfc822; ann@example.net\nAction: {action}\nStatus: 4.2.2\nDiagnostic-Code: smtp; 452 full"
    )

    verdict = recipients(report(block))[0]

    assert (verdict.action.value, verdict.verdict.bounce_class) == (action, BounceClass.NOT_A_FAILURE)


def test_the_servers_own_code_beats_the_reporters_status() -> None:
    verdict = recipients(report(failed("ann@example.net", "552 5.2.2 no", status="5.1.1")))[0]

    assert verdict.verdict.bounce_class is BounceClass.FULL


def test_a_status_alone_decides_where_no_diagnostic_is_given() -> None:
    block = "Final-Recipient: rfc822; ann@example.net\nAction: failed\nStatus: 5.1.2"

    verdict = recipients(report(block))[0]

    assert (verdict.verdict.bounce_class, verdict.verdict.cause) == (BounceClass.HARD, HardCause.UNKNOWN_HOST)


def test_the_words_for_people_help_where_the_fields_are_empty() -> None:
    shown = "<ann@example.net>: mailbox is full\n\n<bob@example.org>: user unknown"
    block = "Final-Recipient: rfc822; ann@example.net\nAction: failed\nStatus: 5.0.0"

    verdict = recipients(report(block, shown=shown))[0]

    assert verdict.verdict.bounce_class is BounceClass.FULL


def test_the_address_we_wrote_to_is_preferred_to_what_forwarding_made_of_it() -> None:
    block = f"Original-Recipient: rfc822;ann@example.net\n{failed('box17@inner.example.org', '550 5.1.1 User unknown')}"

    assert recipients(report(block))[0].address == "ann@example.net"


def test_an_internationalized_report_is_read() -> None:
    block = "Final-Recipient: utf-8; j\\x{F6}rg@example.net\nAction: failed\nStatus: 5.1.1"

    verdict = recipients(report(block, kind="global-delivery-status"))[0]

    assert (verdict.address, verdict.verdict.bounce_class) == ("jörg@example.net", BounceClass.HARD)


def test_an_escape_that_is_no_character_does_not_break_the_report() -> None:
    block = "Final-Recipient: utf-8; a\\x{D800}\\x{FFFFFF}@example.net\nAction: failed\nStatus: 5.1.1"

    assert recipients(report(block, kind="global-delivery-status"))[0].address == "a\ufffd\ufffd@example.net"


def test_several_reports_in_one_message_are_all_read() -> None:
    block = failed("ann@example.net", "550 5.1.1 User unknown")
    inner = (
        f"\n--x\nContent-Type: message/delivery-status\n\n{failed('bob@example.org', '550 5.2.1 disabled')}\n--x--\n"
    )

    verdicts = recipients(report(block).replace(b"\n--x--\n", inner.encode()))

    assert [each.address for each in verdicts] == ["ann@example.net", "bob@example.org"]


def test_report_fields_outside_their_media_type_are_read() -> None:
    text = f"We could not deliver.\n\n{failed('ann@example.net', '550 5.1.1 User unknown')}\n"

    assert recipients(in_words(text))[0].verdict.bounce_class is BounceClass.HARD


def test_a_forwarded_bounce_is_not_a_bounce() -> None:
    bounce = report(failed("ann@example.net", "550 5.1.1 User unknown"))
    raw = (
        b"From: ann@example.net\nSubject: what is this?\nContent-Type: multipart/mixed; boundary=y\n\n"
        b"--y\nContent-Type: text/plain\n\nSee below\n--y\nContent-Type: message/rfc822\n\n" + bounce + b"\n--y--\n"
    )

    assert classify(raw, NOW).kind is MessageKind.HUMAN_REPLY


def test_a_report_is_tied_to_its_send_by_all_that_it_returns() -> None:
    found = classify(report(failed("ann@example.net", "550 5.1.1 User unknown")), NOW).correlation

    assert found.returned_ids == ("<first.1@example.com>",)
    assert (found.envelope_ids, found.routed_to) == (("env-7",), ("bounce+abc@example.com",))
    assert found.provider_tags == ("tag=abc",)


def test_an_answer_is_tied_to_its_send_by_the_thread_newest_first() -> None:
    raw = (
        b"From: ann@example.net\nIn-Reply-To: <b@example.com>\nReferences: <c@example.com> <a@example.com>\n"
        b"Delivered-To: inbox@example.com\nTo: app+7@example.com\n\nYes"
    )

    found = classify(raw, NOW).correlation

    assert found.answered_ids == ("<b@example.com>", "<a@example.com>", "<c@example.com>")
    assert found.routed_to == ("inbox@example.com", "app+7@example.com")


@pytest.mark.parametrize(
    ("text", "address", "bounce_class"),
    [
        (
            "Hi. This is the qmail-send program.\nI'm afraid I wasn't able to deliver your message.\n\n"
            "<ann@example.net>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n"
            "--- Below this line is a copy of the message.\n"
            "To: someone.else@example.org\n",
            "ann@example.net",
            BounceClass.HARD,
        ),
        (
            "A message that you sent could not be delivered to one or more of its recipients.\n\n  ann@example.net\n"
            "    host mx.example.net [192.0.2.25]\n"
            "    SMTP error from remote mail server after RCPT TO:<ann@example.net>:\n"
            "    552 5.2.2 over quota\n\n------ This is a copy of the message, including all the headers. ------\n",
            "ann@example.net",
            BounceClass.FULL,
        ),
        (
            "There was an error delivering your mail to <ann@nowhere.example>.\n\n"
            "DNS lookup failure: host nowhere.example not found\n",
            "ann@nowhere.example",
            BounceClass.HARD,
        ),
        (
            "Your message was not delivered to:\n\n* ann@example.net\n\nretry timeout exceeded\n",
            "ann@example.net",
            BounceClass.SOFT,
        ),
    ],
    ids=["qmail", "exim", "dma", "expired"],
)
def test_a_mail_systems_own_words_are_a_report(text: str, address: str, bounce_class: BounceClass) -> None:
    verdicts = recipients(in_words(text))

    assert [(each.address, each.verdict.bounce_class) for each in verdicts] == [(address, bounce_class)]


def test_each_recipient_in_words_has_its_own_reason() -> None:
    text = (
        "Not delivered:\n\n<ann@example.net>:\n550 5.1.1 user unknown\n\n<bob@example.org>:\n552 5.2.2 mailbox full\n"
    )

    verdicts = recipients(in_words(text))

    assert [each.verdict.bounce_class for each in verdicts] == [BounceClass.HARD, BounceClass.FULL]


def test_the_header_that_names_the_failed_recipient_is_enough() -> None:
    raw = b"From: nobody@example.com\nX-Failed-Recipients: ann@example.net\nSubject: oops\n\n550 5.1.1 user unknown"

    assert [each.address for each in recipients(raw)] == ["ann@example.net"]


def test_a_warning_that_the_system_still_tries_is_no_failure() -> None:
    text = "THIS IS A WARNING ONLY. Your message could not be delivered.\n\n<ann@example.net>: connection timed out\n"

    verdict = recipients(in_words(text))[0]

    assert (verdict.action, verdict.verdict.bounce_class) == (Action.DELAYED, BounceClass.NOT_A_FAILURE)


def test_a_report_in_words_without_a_reason_is_unknown_and_never_hard() -> None:
    verdict = recipients(in_words("Your message to <ann@example.net> could not be delivered."))[0]

    assert (verdict.address, verdict.verdict.bounce_class) == ("ann@example.net", BounceClass.UNKNOWN)


def test_a_refused_sender_in_words_condemns_nobody() -> None:
    text = "Not delivered:\n<ann@example.net>:\n550 5.1.0 <app@example.com> Sender address rejected: user unknown\n"

    verdict = recipients(in_words(text))[0].verdict

    assert (verdict.bounce_class, verdict.cause) == (BounceClass.BLOCK, BlockCause.POLICY)


def test_a_person_who_writes_of_a_bounce_is_a_person() -> None:
    raw = in_words(
        "Your last message was returned to me, user unknown.",
        sender="Ann <ann@example.net>",
        subject="Delivery failed?",
    )

    assert classify(raw, NOW).kind is MessageKind.HUMAN_REPLY


def feedback(fields: str) -> InboundMessage:
    raw = report("").replace(b"message/delivery-status\n\n", b"message/feedback-report\n\n" + fields.encode() + b"\n")
    return classify(raw, NOW)


@pytest.mark.parametrize("word", ["abuse", "fraud", "virus", "other", "never-registered"])
def test_a_feedback_report_is_a_complaint(word: str) -> None:
    content = feedback(f"Feedback-Type: {word}\nOriginal-Rcpt-To: ann@example.net").content

    assert isinstance(content, Complaint)
    assert content.recipients == ("ann@example.net",)


def test_a_redacted_complaint_takes_its_recipient_from_the_original() -> None:
    content = feedback("Feedback-Type: abuse").content

    assert isinstance(content, Complaint)
    assert content.recipients == ("ann@example.net",)


@pytest.mark.parametrize("feedback_type", [FeedbackType.NOT_SPAM, FeedbackType.AUTH_FAILURE])
def test_a_feedback_report_in_which_nobody_complains_is_no_complaint(feedback_type: FeedbackType) -> None:
    content = feedback(f"Feedback-Type: {feedback_type.value}").content

    assert isinstance(content, FeedbackNotice)
    assert content.feedback_type is feedback_type


def test_an_opt_out_report_is_the_persons_request() -> None:
    assert isinstance(feedback("Feedback-Type: opt-out").content, UnsubscribeRequest)


def test_the_feed_of_microsoft_is_a_complaint() -> None:
    raw = (
        b"From: staff@hotmail.com\nSubject: complaint\nContent-Type: multipart/mixed; boundary=x\n\n--x\n"
        b"Content-Type: message/rfc822\n\nX-HmXmrOriginalRecipient: ann@example.net\n\nHi\n--x--\n"
    )

    content = classify(raw, NOW).content

    assert isinstance(content, Complaint)
    assert content.recipients == ("ann@example.net",)


def test_a_read_receipt_is_a_disposition_notice() -> None:
    raw = report("").replace(b"message/delivery-status", b"message/disposition-notification")

    assert classify(raw, NOW).kind is MessageKind.DISPOSITION_NOTICE


def test_a_feedback_report_beats_a_delivery_report_in_the_same_message() -> None:
    both = report(failed("ann@example.net", "550 5.1.1 User unknown")).replace(
        b"\n--x--\n", b"\n--x\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n--x--\n"
    )

    assert classify(both, NOW).kind is MessageKind.COMPLAINT


def test_a_complaint_of_microsoft_without_its_header_is_known_by_its_sender() -> None:
    raw = (
        b"From: staff@hotmail.com\nSubject: complaint about message from 192.0.2.7\n"
        b"Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: message/rfc822\n\nTo: ann@example.net\n\nHi\n--x--\n"
    )

    content = classify(raw, NOW).content

    assert isinstance(content, Complaint)
    assert content.recipients == ("ann@example.net",)


def test_feedback_fields_outside_their_media_type_are_read() -> None:
    raw = report("", kind="feedback-report").replace(b"message/feedback-report", b"text/plain")
    raw = raw.replace(b"Reporting-MTA", b"Feedback-Type: abuse\nReporting-MTA").replace(
        b"Your message could", b"It could"
    )

    assert classify(raw, NOW).kind is MessageKind.COMPLAINT


def test_a_local_delivery_agents_reason_beats_the_fields() -> None:
    shown = "Your message to <ann@example.net> was automatically rejected:\nNot enough disk space\n"

    verdict = recipients(report(failed("ann@example.net", "550 5.1.1 User unknown"), shown=shown))[0].verdict

    assert verdict.bounce_class is BounceClass.FULL


def test_the_refused_command_is_read_from_the_part_for_people() -> None:
    fields = failed("ann@example.net", "550 User unknown")
    line = "<ann@example.net>: host mx.example.net[192.0.2.25] said: 550 User unknown (in reply to {}\n    command)"

    at_rcpt = recipients(report(fields, shown=line.format("RCPT TO")))[0].verdict
    at_data = recipients(report(fields, shown=line.format("end of DATA")))[0].verdict

    assert (at_rcpt.bounce_class, at_data.bounce_class) == (BounceClass.HARD, BounceClass.BLOCK)


def test_the_witness_of_one_recipient_does_not_speak_for_another() -> None:
    shown = "<bob@example.org>: 550 User unknown (in reply to RCPT TO command)\n"
    fields = (failed("ann@example.net", "550 User unknown"), failed("bob@example.org", "550 User unknown"))

    verdicts = recipients(report(*fields, shown=shown))

    assert [each.verdict.bounce_class for each in verdicts] == [BounceClass.BLOCK, BounceClass.HARD]


def test_the_category_of_powermta_decides_where_words_and_codes_do_not() -> None:
    fields = f"{failed('ann@example.net', '550 User unknown')}\nX-PowerMTA-BounceCategory: bad-mailbox"

    assert recipients(report(fields))[0].verdict.bounce_class is BounceClass.HARD

"""Reports that keep the standard loosely, or not at all: who they speak of and what they say is found all the same."""

import base64
import quopri
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from outreach_pipelines.domain.inbound.classify import classify
from outreach_pipelines.domain.inbound.message import DeliveryReport, MessageKind

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HEAD = "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.org\nTo: app@example.com\nSubject: Undelivered mail\n"
PER_MESSAGE = "Reporting-MTA: dns; mx.example.org\n\n"
DIAGNOSTIC = "Diagnostic-Code: smtp; 550 5.1.1 user unknown\n"
RECIPIENT = f"Final-Recipient: rfc822; ann@example.net\nAction: failed\nStatus: 5.1.1\n{DIAGNOSTIC}"
STATUS = PER_MESSAGE + RECIPIENT
ANN_UNKNOWN = (("ann@example.net", "hard"),)
ANN_AND_BOB = (("ann@example.net", "hard"), ("bob@example.net", "full"))


def in_parts(*parts: str, kind: str = "multipart/report; report-type=delivery-status") -> str:
    return f'Content-Type: {kind}; boundary="edge"\n\n' + "".join(f"--edge\n{part}\n" for part in parts) + "--edge--\n"


def as_status(fields: str) -> str:
    return in_parts(f"Content-Type: message/delivery-status\n\n{fields}")


def base64_of(text: str) -> str:
    return base64.encodebytes(text.encode()).decode()


TEXT = "Content-Type: text/plain\n\nYour message could not be delivered.\n"


@dataclass(frozen=True, slots=True)
class Layout:
    name: str
    raw: str
    says: tuple[tuple[str, str], ...] = ANN_UNKNOWN


LAYOUTS = [
    Layout("no-part-for-people", HEAD + as_status(STATUS)),
    Layout("in-mixed", HEAD + in_parts(TEXT, f"Content-Type: message/delivery-status\n\n{STATUS}", kind="multipart/mixed")),
    Layout(
        "fields-as-a-text-attachment",
        HEAD + in_parts(TEXT, f"Content-Type: text/plain\nContent-Disposition: attachment\n\n{STATUS}", kind="multipart/mixed"),
    ),
    Layout(
        "fields-as-bytes",
        HEAD
        + in_parts(
            TEXT,
            f"Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\n{base64_of(STATUS)}",
            kind="multipart/mixed",
        ),
    ),
    Layout(
        "fields-in-base64",
        HEAD + in_parts(f"Content-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\n{base64_of(STATUS)}"),
    ),
    Layout("fields-indented-in-the-text", f"{HEAD}\nNot delivered.\n\n  " + RECIPIENT.replace("\n", "\n  ")),
    Layout("no-blank-line-between-message-and-recipient", HEAD + as_status(STATUS.replace("\n\n", "\n"))),
    Layout(
        "no-final-recipient",
        HEAD + as_status(f"{PER_MESSAGE}Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 <ann@example.net> unknown\n"),
    ),
    Layout("no-status", HEAD + as_status(STATUS.replace("Status: 5.1.1\n", ""))),
    Layout(
        "reason-only-in-the-text",
        HEAD
        + in_parts(
            "Content-Type: text/plain\n\n<ann@example.net>: 550 5.1.1 unknown user\n",
            "Content-Type: message/delivery-status\n\n" + STATUS.replace(DIAGNOSTIC, "").replace("5.1.1", "5.0.0"),
        ),
    ),
    Layout("folded-fields", HEAD + as_status(STATUS.replace("rfc822; ", "rfc822;\n ").replace("user unknown", "user\n unknown"))),
    Layout("folded-without-a-space", HEAD + as_status(STATUS.replace("user unknown", "user\nunknown"))),
    Layout("odd-case-and-spaces", HEAD + as_status(STATUS.replace(": ", " :  ").replace("Final-R", "FINAL-r"))),
    Layout("xtext", HEAD + as_status(f"{PER_MESSAGE}Original-Recipient: rfc822;ann+2Bx@example.net\n{RECIPIENT}"), (("ann+x@example.net", "hard"),)),
    Layout("carriage-returns-alone", (HEAD + as_status(STATUS)).replace("\n", "\r")),
    Layout(
        "html-alone",
        f"{HEAD}Content-Type: text/html\n\n<p>Delivery has failed to <a href='mailto:ann@example.net'>ann@example.net</a></p>"
        "<p>The server said: 550 5.1.1 User unknown</p>",
    ),
    Layout(
        "html-table-of-two",
        f"{HEAD}Content-Type: text/html\n\n<p>Not delivered:</p><table><tr><td>ann@example.net</td><td>550 5.1.1 no such user</td>"
        "</tr><tr><td>bob@example.net</td><td>552 5.2.2 mailbox full</td></tr></table>",
        ANN_AND_BOB,
    ),
    Layout(
        "two-in-one-text",
        f"{HEAD}\nNot delivered:\n\nann@example.net: 550 5.1.1 no such user\nbob@example.net:\n   552 5.2.2 mailbox full\n",
        ANN_AND_BOB,
    ),
    Layout(
        "text-in-base64",
        f"{HEAD}Content-Transfer-Encoding: base64\n\n" + base64_of("Not delivered.\n\n<ann@example.net>:\n550 5.1.1 no such user\n"),
    ),
    Layout(
        "text-in-quoted-printable",
        f"{HEAD}Content-Transfer-Encoding: quoted-printable\n\n"
        + quopri.encodestring(b"Not delivered to ann@example.net = 550 5.1.1 no such user").decode(),
    ),
    Layout("address-behind-the-reason", f"{HEAD}\nNot delivered.\nReason: 550 5.1.1 User unknown\nRecipient: ann@example.net\n"),
    Layout("address-in-the-subject", HEAD.replace("mail\n", "mail to ann@example.net\n") + "\nRefused: 550 5.1.1 no such user\n"),
    Layout(
        "wrapped-by-a-gateway",
        HEAD
        + in_parts(
            TEXT,
            "Content-Type: message/rfc822\n\n" + (HEAD + as_status(STATUS)).replace("edge", "inner"),
            kind="multipart/mixed",
        ),
    ),
    Layout(
        "a-machine-of-another-name",
        "Return-Path: <>\nFrom: Robot <robot@mx.example.org>\nTo: app@example.com\nSubject: Your mail was not delivered\n"
        "Auto-Submitted: auto-replied\n\nWe could not deliver your message to ann@example.net: 550 5.1.1 no such user\n",
    ),
    Layout(
        "a-sender-that-takes-no-answer",
        "From: noreply@gw.example.org\nTo: app@example.com\nSubject: Undeliverable message\n\n"
        "The message to ann@example.net could not be delivered: 550 5.1.1 User unknown\n",
    ),
]  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_a_report_in_an_odd_layout_says_whom_it_condemns(layout: Layout) -> None:
    content = classify(layout.raw.encode(), NOW).content

    assert isinstance(content, DeliveryReport)
    assert tuple((each.address, each.verdict.bounce_class.value) for each in content.recipients) == layout.says


@pytest.mark.parametrize(
    "text",
    [
        "Hello, our order could not be delivered to the shop. Ann",
        "Your parcel was not delivered: the recipient ann@example.net was not at home.",
        f"See what came back:\n\n> {RECIPIENT}",
    ],
)
def test_a_person_who_writes_of_what_was_not_delivered_is_no_mail_system(text: str) -> None:
    raw = f"From: Ann <ann@example.net>\nTo: app@example.com\nSubject: Not delivered\n\n{text}"

    message = classify(raw.encode(), NOW)

    assert message.kind is MessageKind.HUMAN_REPLY

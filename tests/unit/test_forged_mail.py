"""Raw mail that looks like news of a send and is none: nothing follows from it."""

from datetime import UTC, datetime

import pytest

from outreach_pipelines.domain.ids import EnrollmentId, MailboxId
from outreach_pipelines.domain.inbound.classify import classify
from outreach_pipelines.domain.inbound.message import MessageKind, WireMessageId
from outreach_pipelines.domain.inbound.ties import TagTie, ThreadTie
from outreach_pipelines.domain.inbound.verdict import ReportedAddress
from outreach_pipelines.domain.inbox_route import Confirmed, Parked, ParkReason, Routed, TiedSend, route
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.message_tag import MessageTag, WireTag
from outreach_pipelines.domain.tenant import TenantId

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
OURS, THEIRS = TenantId(1), TenantId(2)
ADA = ReportedAddress("ada@people.example")
SENT, UNSENT, FOREIGN, FORGED = (WireTag(letter * 39) for letter in "abcd")
THREAD = WireMessageId("<one@app.example.com>")
ABOUT = MessageTag(OURS, NOW.date(), MessageId(5), 1)
SEND = TiedSend(ABOUT, EnrollmentId(3), MailboxId(2), ADA)
KNOWN = Confirmed(
    OURS,
    {
        SENT: ABOUT,
        UNSENT: MessageTag(OURS, NOW.date(), MessageId(6), 1),
        FOREIGN: MessageTag(THEIRS, NOW.date(), MessageId(7), 1),
    },
    {TagTie(SENT): SEND, ThreadTie(THREAD): SEND},
)


def bounce(*, to: str = "app@example.com", original: str = "<never@app.example.com>") -> bytes:
    return (
        f"From: mailer-daemon@mx.people.example\nTo: {to}\nSubject: Undelivered Mail\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nNot delivered.\n"
        f"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.people.example\n\n"
        f"Final-Recipient: rfc822; {ADA}\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 user unknown\n\n"
        f"--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: {original}\nTo: {ADA}\nSubject: Hello Ada\n\n--b--\n"
    ).encode()


def fate(raw: bytes) -> Routed | Parked:
    return route(classify(raw, NOW), KNOWN, own_addresses=frozenset({"app@example.com"}))


def test_a_true_bounce_of_our_send_is_routed() -> None:
    found = fate(bounce(original=THREAD))

    assert isinstance(found, Routed)
    assert (found.send, found.kind) == (SEND, MessageKind.DELIVERY_REPORT)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (bounce(), ParkReason.UNTIED),
        (bounce(to=f"bounce+{FORGED}@example.com"), ParkReason.UNTIED),
        (bounce(original=f"<{FORGED}@example.com>"), ParkReason.UNTIED),
        (bounce(to=f"bounce+{UNSENT}@example.com"), ParkReason.NEVER_SENT),
        (bounce(to=f"bounce+{FOREIGN}@example.com"), ParkReason.FOREIGN_TAG),
        (bounce(original=f"<{FOREIGN}@example.com>"), ParkReason.FOREIGN_TAG),
    ],
    ids=[
        "unknown Message-ID",
        "wrong MAC",
        "wrong MAC in a Message-ID",
        "never sent",
        "another tenant",
        "another tenant's id",
    ],
)
def test_a_bounce_that_no_send_of_ours_answers_for_is_parked_with_its_reason(raw: bytes, reason: ParkReason) -> None:
    found = fate(raw)

    assert isinstance(found, Parked)
    assert (found.reason, found.send) == (reason, None)


@pytest.mark.parametrize(
    "headers", ["", "In-Reply-To: <other@app.example.com>\n", "In-Reply-To: one@app.example.com\n"]
)
def test_a_reply_whose_subject_alone_matches_is_nobodys(headers: str) -> None:
    raw = f"From: {ADA}\nTo: app@example.com\nSubject: Re: Hello Ada\n{headers}\nYes, please.".encode()

    found = fate(raw)

    assert isinstance(found, Parked)
    assert (found.reason, found.kind) == (ParkReason.UNTIED, MessageKind.HUMAN_REPLY)


def test_a_request_that_is_tied_to_nothing_changes_nothing() -> None:
    found = fate(f"From: {ADA}\nSubject: unsubscribe\n\n".encode())

    assert isinstance(found, Parked)
    assert (found.reason, found.kind) == (ParkReason.UNTIED, MessageKind.UNSUBSCRIBE_REQUEST)


def test_a_thread_named_far_down_in_the_references_is_still_ours() -> None:
    raw = f"From: {ADA}\nSubject: Re: Hello\nReferences: {THREAD} <a@people.example>\nIn-Reply-To: <a@people.example>\n\nYes.".encode()

    assert isinstance(fate(raw), Routed)

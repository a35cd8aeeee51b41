import re
from dataclasses import replace
from datetime import UTC, date, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from uuid import UUID

import pytest

from outreach_pipelines.domain.letter import ClaimedMessage, ClaimToken, Content, Letter, Recipient, Sender, Thread
from outreach_pipelines.domain.message import MessageId
from outreach_pipelines.domain.message_tag import WireTag
from outreach_pipelines.domain.tenant import TenantId
from outreach_pipelines.domain.wire_message import CannotBeWritten, Rendered, WireMessage, write_letter

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
TAG = WireTag("a" * 39)
LONG_URL = "https://links.sender.example/u/" + "x" * 146
BODY = Rendered("Grüße aus Köln", "Hello Ada\n", "<p>Hello Ada</p>")


def letter(**changes: object) -> Letter:
    base = Letter(
        claim=ClaimedMessage(TenantId(1), date(2026, 11, 20), MessageId(7), 1, ClaimToken(UUID(int=1))),
        enrollment_id=1,
        campaign_id=1,
        step=1,
        due_at=NOW,
        window_end=NOW,
        recipient=Recipient("ada@example.test", b"h" * 32, {}),
        sender=Sender(
            1,
            "box@sender.example",
            "Böx Office",
            "Sender Ltd",
            "https://sender.example",
            "hi@sender.example",
            "https://sender.example/p",
            "1 Street",
            "links.sender.example",
        ),
        content=Content("Hello", "a" * 64, None),
        thread=None,
    )
    return replace(base, **changes)  # type: ignore[arg-type]  # the tests' own names


def written(of: Letter, rendered: Rendered = BODY) -> WireMessage:
    wire = write_letter(of, rendered, tag=TAG, unsubscribe_url=LONG_URL, now=NOW)
    assert isinstance(wire, WireMessage)
    return wire


def parsed(wire: WireMessage) -> EmailMessage:
    return message_from_bytes(wire.body, policy=default)


def unfolded_head(wire: WireMessage) -> bytes:
    """As the bytes have it: what reads headers undoes encoded words, and would not tell them from plain ones."""
    return re.sub(rb"\r\n[ \t]", b" ", wire.body.partition(b"\r\n\r\n")[0]) + b"\r\n"


def test_the_one_click_headers_stand_in_the_bytes_as_rfc_8058_wants_them() -> None:
    head = written(letter()).body.partition(b"\r\n\r\n")[0]

    assert (
        f"List-Unsubscribe: <{LONG_URL}>,\r\n <mailto:unsubscribe+{TAG}@sender.example?subject=unsubscribe>\r\n".encode()
        in head
    )
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in head


def test_a_follow_up_answers_its_thread_with_ids_that_no_folding_has_changed() -> None:
    ids = tuple(f"<{'i' * 100}{number}@email.amazonses.com>" for number in range(3))

    wire = written(letter(thread=Thread(ids, "First subject")))

    head = unfolded_head(wire)
    assert f"References: {' '.join(ids)}\r\n".encode() in head
    assert f"In-Reply-To: {ids[-1]}\r\n".encode() in head
    assert parsed(wire)["Subject"] == wire.subject == "Re: First subject"


def test_a_subject_that_answers_already_says_so_once() -> None:
    assert written(letter(thread=Thread(("<1@sender.example>",), "Re: Hello"))).subject == "Re: Hello"


def test_the_message_id_of_a_long_domain_is_not_folded_into_another_one() -> None:
    domain = f"{'long-' * 11}name.{'long-' * 11}name.example"

    wire = written(letter(sender=replace(letter().sender, address=f"box@{domain}")))

    assert f"Message-ID: <{TAG}@{domain}>\r\n".encode() in unfolded_head(wire)
    assert wire.message_id == f"<{TAG}@{domain}>"


def test_names_and_subjects_of_any_script_survive_the_wire() -> None:
    wire = written(letter())

    assert (parsed(wire)["Subject"], parsed(wire)["From"]) == ("Grüße aus Köln", "Böx Office <box@sender.example>")
    assert max(len(line) for line in wire.body.split(b"\r\n")) <= 998


def test_it_goes_from_the_mailbox_to_the_lead_and_is_dated_when_it_is_written() -> None:
    wire = written(letter())

    assert (wire.sender, wire.recipient, wire.tag) == ("box@sender.example", "ada@example.test", TAG)
    assert (parsed(wire)["To"], parsed(wire)["Message-ID"]) == ("ada@example.test", wire.message_id)
    assert parsed(wire)["Date"].datetime == NOW


def test_text_and_html_are_two_forms_of_one_letter_in_seven_bits() -> None:
    wire = written(letter())

    forms = [(part.get_content_type(), part.get_content()) for part in parsed(wire).iter_parts()]
    assert parsed(wire).get_content_type() == "multipart/alternative"
    assert forms == [("text/plain", "Hello Ada\r\n"), ("text/html", "<p>Hello Ada</p>\r\n")]
    assert wire.body.isascii()


def test_a_letter_without_html_is_plain_text_alone() -> None:
    wire = written(letter(), replace(BODY, text="Grüße, Ada\n", html=None))

    assert (parsed(wire).get_content_type(), parsed(wire).get_content()) == ("text/plain", "Grüße, Ada\r\n")
    assert wire.body.isascii()


def test_every_line_ends_as_smtp_wants_it() -> None:
    assert re.search(rb"(?<!\r)\n|\r(?!\n)", written(letter()).body) is None


def test_the_tag_is_in_envelope_and_message_id() -> None:
    wire = written(letter())

    assert (wire.envelope_sender, wire.message_id) == (f"bounce+{TAG}@sender.example", f"<{TAG}@sender.example>")


@pytest.mark.parametrize(
    "character", ["\r", "\n", "\r\nBcc: all@example.test", "\0", "\t", "\x1f", "\x7f", "\u2028", "\u2029", "\x85"]
)
def test_a_control_character_in_a_header_source_is_a_definite_failure(character: str) -> None:
    for of, rendered in (
        (letter(), replace(BODY, subject=f"Hello{character}")),
        (letter(recipient=Recipient(f"ada{character}@example.test", b"h", {})), BODY),
        (letter(sender=replace(letter().sender, display_name=f"Box{character}")), BODY),
    ):
        outcome = write_letter(of, rendered, tag=TAG, unsubscribe_url=LONG_URL, now=NOW)

        assert isinstance(outcome, CannotBeWritten)
        assert outcome.reason.startswith("header_unsafe")


@pytest.mark.parametrize("body", ["a\0b", "a\rb"])
@pytest.mark.parametrize("form", ["text", "html"])
def test_a_body_that_smtp_cannot_carry_is_a_definite_failure(body: str, form: str) -> None:
    rendered = Rendered("Hello", **({"text": "Hello", "html": "<p>Hello</p>"} | {form: body}))

    outcome = write_letter(letter(), rendered, tag=TAG, unsubscribe_url=LONG_URL, now=NOW)

    assert isinstance(outcome, CannotBeWritten)
    assert outcome.reason.startswith("body_unsafe")


@pytest.mark.parametrize(
    ("of", "rendered"),
    [
        (letter(sender=replace(letter().sender, address="box@bücher.example")), BODY),
        (letter(), replace(BODY, text="half a pair: \ud800")),
    ],
)
def test_what_mail_cannot_hold_is_a_definite_failure_and_no_exception(of: Letter, rendered: Rendered) -> None:
    outcome = write_letter(of, rendered, tag=TAG, unsubscribe_url=LONG_URL, now=NOW)

    assert isinstance(outcome, CannotBeWritten)
    assert outcome.reason.startswith("message_malformed")


def test_a_first_message_never_pretends_to_be_a_reply() -> None:
    wire = written(letter())

    assert parsed(wire)["Subject"] == wire.subject == BODY.subject
    assert parsed(wire)["In-Reply-To"] is parsed(wire)["References"] is None

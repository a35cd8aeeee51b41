from dataclasses import replace
from datetime import UTC, date, datetime
from email import message_from_bytes
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

    parsed = message_from_bytes(wire.body, policy=default)
    assert str(parsed["References"]).split() == list(ids)
    assert parsed["In-Reply-To"] == ids[-1]
    assert (parsed["Subject"], wire.subject) == ("Re: First subject", "Re: First subject")


def test_names_and_subjects_of_any_script_survive_the_wire() -> None:
    parsed = message_from_bytes(written(letter()).body, policy=default)

    assert (parsed["Subject"], parsed["From"]) == ("Grüße aus Köln", "Böx Office <box@sender.example>")
    assert max(len(line) for line in written(letter()).body.split(b"\r\n")) <= 998


def test_the_tag_is_in_envelope_and_message_id() -> None:
    wire = written(letter())

    assert (wire.envelope_sender, wire.message_id) == (f"bounce+{TAG}@sender.example", f"<{TAG}@sender.example>")


@pytest.mark.parametrize("character", ["\r", "\n", "\r\nBcc: all@example.test", "\0", "\u2028", "\u2029", "\x85"])
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
def test_a_body_that_smtp_cannot_carry_is_a_definite_failure(body: str) -> None:
    outcome = write_letter(letter(), replace(BODY, text=body), tag=TAG, unsubscribe_url=LONG_URL, now=NOW)

    assert isinstance(outcome, CannotBeWritten)
    assert outcome.reason.startswith("body_unsafe")


def test_a_first_message_never_pretends_to_be_a_reply() -> None:
    assert not str(message_from_bytes(written(letter()).body, policy=default)["Subject"]).startswith("Re:")

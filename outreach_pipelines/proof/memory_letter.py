"""The letter of a claimed message, from rows in memory. What it says is no part of the proof; to whom and from where is."""

from types import MappingProxyType

from outreach_pipelines.domain.letter import ClaimedMessage, Content, Letter, Recipient, Sender, Thread
from outreach_pipelines.proof.rows import MessageRow, Tables

_CONTENT = Content("Hello", "a" * 64, None)


def letter_of(tables: Tables, row: MessageRow, claim: ClaimedMessage) -> Letter:
    """The letter of a claimed message."""
    person, box = tables.enrollments[row.enrollment], tables.mailboxes[row.mailbox]
    sender = Sender(
        box.id, box.address, "Box", "Test Ltd", "https://test.example", "hello@test.example",
        "https://test.example/privacy", "1 Test Street", "u.test.example",
    )  # fmt: skip
    recipient = Recipient(person.address, person.hmac, MappingProxyType({"first_name": "Ada"}))
    thread = Thread((f"<first-{person.id}@box.example>",), "Hello") if row.step > 1 else None
    return Letter(claim, person.id, 1, row.step, row.due_at, row.window_end, recipient, sender, _CONTENT, thread)

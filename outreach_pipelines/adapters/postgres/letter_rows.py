"""What rows of letters have in common, whoever they are for.

Belongs here: a row's columns as parts of a letter. Does not: which rows are read (`message_store`, `placed_letters`).
"""

from sqlalchemy import RowMapping

from outreach_pipelines.domain.attachments import AttachmentRef
from outreach_pipelines.domain.letter import Content, Sender


def sender_of(row: RowMapping, *, mailbox: int, address: str, display_name: str) -> Sender:
    """A mailbox, with what the row says of its company."""
    return Sender(
        mailbox_id=mailbox,
        address=address,
        display_name=display_name,
        company=row["sender_company"],
        website=row["sender_website"],
        contact=row["sender_contact"],
        privacy_notice_url=row["privacy_notice_url"],
        postal_address=row["postal_address"],
        unsubscribe_host=row["unsubscribe_host"],
    )


def content_of(row: RowMapping) -> Content:
    """What the wording is filled into, and the files that go with it."""
    attachments = tuple(AttachmentRef(file["sha256"], file["name"], file["octets"]) for file in row["attachments"])
    return Content(row["subject"], row["text_sha256"], row["html_sha256"], attachments)

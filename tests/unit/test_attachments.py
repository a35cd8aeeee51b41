from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach_pipelines.domain.attachments import (
    ALLOWED_TYPES,
    MOST_BYTES_OF_ALL,
    MOST_BYTES_OF_ONE,
    MOST_FILES,
    Attachment,
    AttachmentFault,
    AttachmentRef,
    add_attachments,
    check_attachments,
    check_references,
)

PDF = b"%PDF-1.7 ..."
SHA256 = "a" * 64


def fault_of(*files: Attachment) -> AttachmentFault | None:
    refused = check_attachments(files)
    return None if refused is None else refused.fault


@pytest.mark.parametrize(
    "file",
    [
        Attachment("brochure.pdf", PDF),
        Attachment("Preisliste für Ärzte.PDF", PDF),
        Attachment("photo.jpg", b"\xff\xd8\xff\xe0"),
        Attachment("sheet.xlsx", b"PK\x03\x04"),
        Attachment("notes.txt", "Grüße".encode()),
        Attachment("invitation.ics", b"BEGIN:VCALENDAR"),
    ],
)
def test_a_file_of_a_known_type_may_go(file: Attachment) -> None:
    assert fault_of(file) is None


@pytest.mark.parametrize(
    "name",
    ["run.exe", "macro.docm", "old.doc", "archive.zip", "page.html", "code.js", "disk.iso", "mail.eml", "image.svg"],
)
def test_a_type_that_providers_block_or_that_hides_programs_is_refused(name: str) -> None:
    assert fault_of(Attachment(name, b"x")) is AttachmentFault.TYPE


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("brochure.pdf", b"MZ\x90\x00"),
        ("notes.txt", b"#!/bin/sh"),
        ("photo.png", b"GIF89a"),
        ("sheet.xlsx", b"\xd0\xcf\x11\xe0"),
        ("brochure.pdf", b"<html>"),
        ("letter.docx", b"PK\x03\x04 word/vbaProject.bin"),
    ],
)
def test_a_file_that_is_not_what_its_ending_says_is_refused(name: str, body: bytes) -> None:
    assert fault_of(Attachment(name, body)) is AttachmentFault.TYPE


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".pdf",
        "a/b.pdf",
        "a\\b.pdf",
        "c:b.pdf",
        "a\r\nb.pdf",
        "a\u202efdp.pdf",
        'a".pdf',
        "a" * 117 + ".pdf",
        "a\0.pdf",
    ],
)
def test_a_name_that_hides_or_breaks_something_is_refused(name: str) -> None:
    assert fault_of(Attachment(name, PDF)) in {AttachmentFault.NAME, AttachmentFault.TYPE}


def test_a_file_is_neither_empty_nor_large() -> None:
    assert fault_of(Attachment("a.txt", b"")) is AttachmentFault.SIZE
    assert fault_of(Attachment("a.txt", b"x" * MOST_BYTES_OF_ONE)) is None
    assert fault_of(Attachment("a.txt", b"x" * (MOST_BYTES_OF_ONE + 1))) is AttachmentFault.SIZE


def test_all_files_of_a_letter_have_a_limit_together() -> None:
    half = Attachment("a.txt", b"x" * (MOST_BYTES_OF_ALL // 2))

    assert fault_of(half, half) is None
    assert fault_of(half, half, Attachment("b.txt", b"xx")) is AttachmentFault.SIZE


def test_a_letter_carries_five_files_at_most() -> None:
    files = [Attachment(f"{number}.txt", b"x") for number in range(MOST_FILES + 1)]

    assert fault_of(*files[1:]) is None
    assert fault_of(*files) is AttachmentFault.NUMBER


@pytest.mark.parametrize(
    ("reference", "fault"),
    [
        (AttachmentRef(SHA256, "a.pdf", 10), None),
        (AttachmentRef("A" * 64, "a.pdf", 10), AttachmentFault.DIGEST),
        (AttachmentRef("../../etc", "a.pdf", 10), AttachmentFault.DIGEST),
        (AttachmentRef(SHA256, "a.exe", 10), AttachmentFault.TYPE),
        (AttachmentRef(SHA256, "a.pdf", 0), AttachmentFault.SIZE),
        (AttachmentRef(SHA256, "a.pdf", MOST_BYTES_OF_ONE + 1), AttachmentFault.SIZE),
    ],
)
def test_a_reference_is_judged_before_its_file_is_read(reference: AttachmentRef, fault: AttachmentFault | None) -> None:
    refused = check_references([reference])

    assert (None if refused is None else refused.fault) is fault


@given(st.text(max_size=12), st.binary(max_size=12))
def test_no_name_and_no_octets_raise(name: str, body: bytes) -> None:
    check_attachments([Attachment(name, body)])


@given(
    st.text(
        alphabet=st.characters(exclude_categories=("C", "Z"), exclude_characters='/\\:"<>|*?'), min_size=1, max_size=60
    ),
    st.sampled_from(sorted(ALLOWED_TYPES)),
)
def test_a_name_that_may_go_arrives_as_it_was_given(stem: str, ending: str) -> None:
    file = Attachment(f"{stem}{ending}", b"PK\x03\x04")
    message = EmailMessage(policy=SMTP)
    message.set_content("Hello")

    add_attachments(message, [file])

    (part,) = message_from_bytes(message.as_bytes(), policy=default).iter_attachments()
    assert part.get_filename() == file.name
    assert part.get_content_type() == ALLOWED_TYPES[ending]
    assert part.get_payload(decode=True) == file.body

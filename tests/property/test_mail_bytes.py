from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from outreach_pipelines.domain.attachments import Attachment
from outreach_pipelines.domain.mail_bytes import LONGEST_LINE, Mail, library_bytes, mail_bytes, plain_bytes

HOST = "sender.example"
UNSUBSCRIBE = f"<https://links.{HOST}/u/{'x' * 146}>, <mailto:unsubscribe+{'a' * 39}@{HOST}?subject=unsubscribe>"
IDENTIFIER = st.from_regex(r"<[a-z0-9._=?-]{1,120}@[a-z0-9.-]{1,30}>", fullmatch=True)
# Words that headers treat in a way of their own, beside letters of many kinds and blanks at all ends.
WORDS = st.sampled_from(
    [
        "Re:",
        "=?utf-8?q?x?=",
        "=?",
        "Grüße",
        "ада",
        "a" * 90,
        "(x)",
        '"',
        "\\",
        ",",
        ";",
        "<b@c.example>",
        "",
        " ",
        ".",
        "=",
        "\t",
    ]
)
SUBJECTS = st.lists(
    WORDS | st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), max_size=20), max_size=8
).map(" ".join)
NAMES = SUBJECTS.filter(lambda name: "\t" not in name)
ADDRESSES = st.from_regex(r"[a-z0-9._+!'-]{1,64}@[a-z0-9.-]{1,60}", fullmatch=True) | st.just("añada@example.test")
LINES = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=120) | st.sampled_from(
    [".", "..", "From ", "=", " ", "\t", "x" * 300]
)
TEXTS = st.lists(LINES, max_size=8).map("\n".join) | st.lists(LINES, max_size=4).map("\r\n".join)
FILES = st.sampled_from(
    [(), (), (), (Attachment("notes.txt", b"=_x"),), (Attachment("a.csv", b"a"), Attachment("ü.txt", b"b"))]
)


@st.composite
def mails(draw: st.DrawFn) -> Mail:
    headers = [
        ("To", draw(ADDRESSES)), ("Subject", draw(SUBJECTS)), ("Date", "Fri, 20 Nov 2026 09:30:00 +0000"), ("Message-ID", draw(IDENTIFIER)),
        *draw(st.lists(IDENTIFIER, max_size=3).map(lambda ids: [("In-Reply-To", ids[-1]), ("References", " ".join(ids))] if ids else [])),
        ("List-Unsubscribe", UNSUBSCRIBE), ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ]  # fmt: skip
    return Mail(draw(NAMES), f"box@{HOST}", headers, draw(TEXTS), draw(st.none() | TEXTS), "=_" + "a" * 39, draw(FILES))


def plain(**changes: object) -> Mail:
    values = {
        "subject": "A question about Example Ltd",
        "text": "Hello Ada\n",
        "html": "<p>Hello Ada</p>\n",
        "attachments": (),
    } | changes
    headers = (("To", "ada@example.test"), ("Subject", str(values.pop("subject"))), ("List-Unsubscribe", UNSUBSCRIBE))
    return Mail("Böx Office", f"box@{HOST}", headers, boundary="=_" + "a" * 39, **values)  # type: ignore[arg-type]  # the tests' own names


def by_the_library(mail: Mail) -> bytes | str:
    try:
        return library_bytes(mail)
    except Exception as fault:  # noqa: BLE001 - whatever it is, the other way must end alike
        return type(fault).__name__


def by_the_quickest_way(mail: Mail) -> bytes | str:
    try:
        return mail_bytes(mail)
    except Exception as fault:  # noqa: BLE001 - see above
        return type(fault).__name__


@settings(deadline=None)  # the library takes its time for long headers
@given(mails())
@example(plain(text="", html=""))
@example(plain(text="ends in blanks \t", html=None))
@example(plain(subject="x" * (LONGEST_LINE - len("Subject: "))))
@example(plain(subject="x" * (LONGEST_LINE - len("Subject: ") + 1)))
def test_every_mail_is_octet_for_octet_what_the_library_writes(mail: Mail) -> None:
    assert by_the_quickest_way(mail) == by_the_library(mail)


def test_a_name_that_the_library_would_fold_into_an_empty_line_is_refused() -> None:
    mail = replace(plain(), sender_name=f"{'a' * 90} {'a' * 90}")

    for write in (library_bytes, plain_bytes):
        with pytest.raises(ValueError, match="longer than a line"):
            write(mail)


def test_a_plain_letter_does_not_need_the_library() -> None:
    assert plain_bytes(plain()) is not None


def test_a_letter_with_a_file_is_left_to_the_library() -> None:
    assert plain_bytes(plain(attachments=(Attachment("notes.txt", b"x"),))) is None


@settings(deadline=None)
@given(mails())
def test_no_line_of_a_text_is_longer_than_quoted_printable_allows(mail: Mail) -> None:
    written = by_the_quickest_way(mail)

    if isinstance(written, bytes):
        body = written.partition(b"\r\n\r\n")[2]
        assert max(map(len, body.split(b"\r\n"))) <= LONGEST_LINE


def test_the_same_mail_is_written_in_the_same_octets_each_time() -> None:
    mail = plain(attachments=(Attachment("notes.txt", b"x"),))

    assert mail_bytes(mail) == mail_bytes(mail)

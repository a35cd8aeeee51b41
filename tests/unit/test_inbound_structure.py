"""Reading raw bytes within caps, and what hostile or broken mail does to it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from outreach_pipelines.domain.inbound import structure
from outreach_pipelines.domain.inbound.classify import classify
from outreach_pipelines.domain.inbound.html_text import text_of_html
from outreach_pipelines.domain.inbound.message import MessageKind, Unreadable, UnreadableReason
from outreach_pipelines.domain.inbound.part_text import addresses_in, decode_charset, first_text, header_text
from outreach_pipelines.domain.inbound.structure import Part, read_structure

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def read(raw: bytes) -> Part:
    message = read_structure(raw)
    assert isinstance(message, Part)
    return message


def nested(levels: int) -> bytes:
    opened = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(levels))
    return opened + b"Content-Type: text/plain\n\ndeep\n"


def side_by_side(parts: int) -> bytes:
    return b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n\nhello\n" * parts + b"--x--\n"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"a" * (structure.MAX_BYTES + 1), UnreadableReason.TOO_LARGE),
        (side_by_side(structure.MAX_PARTS), UnreadableReason.TOO_MANY_PARTS),
        (nested(structure.MAX_DEPTH + 1), UnreadableReason.TOO_DEEP),
        (b"X-A: b\n" * (structure.MAX_HEADERS + 1), UnreadableReason.TOO_MANY_HEADERS),
        (b"X-A: " + b"b" * (structure.MAX_HEADER_BYTES + 1), UnreadableReason.HEADER_TOO_LONG),
        (b" \r\n\t", UnreadableReason.EMPTY),
    ],
    ids=lambda value: value.name if isinstance(value, UnreadableReason) else "",
)
def test_a_message_over_a_cap_is_set_aside_with_its_reason(raw: bytes, reason: UnreadableReason) -> None:
    message = read_structure(raw)

    assert message == Unreadable(reason)


@pytest.mark.parametrize(
    "raw",
    [side_by_side(structure.MAX_PARTS - 1), nested(structure.MAX_DEPTH), b"X-A: b\n" * structure.MAX_HEADERS],
    ids=["parts", "depth", "headers"],
)
def test_a_message_at_a_cap_is_read(raw: bytes) -> None:
    message = read_structure(raw)

    assert isinstance(message, Part)


@pytest.mark.parametrize(
    "hostile",
    [
        nested(900),
        b"To: " + b"(" * 20_000 + b"\n\nhello",
        b"Subject: " + b"=?utf-8?q?a?= " * 4_000 + b"\n\nhello",
        b"Content-Type: text/html\n\n" + b"<style" * 40_000,
        b"Content-Type: text/html\n\n" + b"<blockquote>" * 20_000,
        b"From: mailer-daemon@example.net\nSubject: failure notice\n\n" + b"<" * 200_000,
        b"From: mailer-daemon@example.net\nSubject: failure notice\n\n" + b"ann@example.net: user unknown\n" * 20_000,
        b"Content-Type: text/plain\n\n" + b"On 1.11.11.11 12:12 " * 20_000,
        b"Content-Type: text/plain\n\n" + b"1:11 <aaa 1:11 <aaa> 1:11 a@b <\n" * 6_000,
        b"Content-Type: text/plain\n\n" + (b"1.11" * 20 + b"<aaa>" * 30 + b":\n") * 4_000,
        b"Content-Type: text/plain\n\n" + b"a" * 1_000_000,
        b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n" + b"QUFB" * 1_000_000,
        b"Content-Type: multipart/mixed; boundary=-\n\n" + b"-" * 1_000_000,
        b"Subject: a\n" + b" " * 60_000 + b"\n" * 10_000,
        b"A: b\n" + b" c\n" * 15_000 + b"no field\n\nhi",
        b"Content-Type: multipart/report; boundary=x\n\n--x\n\n"
        + b"ann@example.net: 550 no\n" * 20_000
        + b"\n--x\nContent-Type: message/delivery-status\n\n"
        + b"Final-Recipient: rfc822; ann@example.net\nAction: failed\nStatus: 5.0.0\n\n" * 5_000
        + b"\n--x--\n",
    ],
    ids=lambda raw: repr(raw[:24]),
)
def test_hostile_mail_is_judged_within_its_time(hostile: bytes) -> None:
    started = time.process_time()

    classify(hostile, NOW)

    assert time.process_time() - started < 2.0


def test_a_poisoned_message_becomes_an_event_of_its_own() -> None:
    event = classify(nested(900), NOW)

    assert (event.kind, event.received_at, len(event.digest)) == (MessageKind.UNREADABLE, NOW, 64)


def test_a_text_without_headers_is_all_body() -> None:
    message = read(b"Thanks, that suits me.\nAnn")

    assert (message.headers, first_text(message)) == ((), "Thanks, that suits me.\nAnn")


def test_a_message_of_headers_alone_has_an_empty_body() -> None:
    message = read(b"From: ann@example.net\nSubject: hello")

    assert (message.header("subject"), message.body) == ("hello", b"")


def test_the_line_of_an_mbox_is_no_header() -> None:
    message = read(b"From ann@example.net Sat Nov 21 12:00:00 2026\nSubject: hello\n\nbody")

    assert (message.header("subject"), message.body) == ("hello", b"body")


def test_a_multipart_that_never_closes_keeps_its_last_part() -> None:
    message = read(b'Content-Type: multipart/mixed; boundary="x y"\n\npreamble\n--x y\n\nfirst\n--x y\n\nlast')

    assert [child.body for child in message.children] == [b"first", b"last"]


def test_what_follows_the_closing_boundary_is_no_part() -> None:
    message = read(b"Content-Type: multipart/mixed; boundary=x\n\n--x\n\nfirst\n--x--\n--x\n\nghost")

    assert [child.body for child in message.children] == [b"first"]


def test_a_boundary_whose_name_was_lost_is_found_in_the_body() -> None:
    message = read(b"Content-Type: multipart/mixed;\n\n--abcdef\n\nfirst\n--abcdef--\n")

    assert [child.body for child in message.children] == [b"first"]


def test_an_embedded_message_is_not_opened() -> None:
    message = read(b"Content-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nhello")

    assert message.children == ()


def test_plain_text_is_preferred_to_html_and_attachments_are_not_read() -> None:
    raw = (
        b"Content-Type: multipart/mixed; boundary=x\n\n"
        b"--x\nContent-Type: text/plain\nContent-Disposition: attachment\n\nattached\n"
        b"--x\nContent-Type: text/html\n\n<p>rich</p>\n--x\nContent-Type: text/plain\n\nplain\n--x--\n"
    )

    assert first_text(read(raw)) == "plain"


@pytest.mark.parametrize("charset", ["utf-8", "unknown-8bit", "idna", "unicode_escape", "hex", "\x00", None])
def test_an_unknown_or_foreign_charset_never_fails(charset: str | None) -> None:
    assert decode_charset("gr\u00fc\u00dfe".encode(), charset) == "gr\u00fc\u00dfe"


def test_bytes_that_are_no_utf8_are_read_as_latin1() -> None:
    assert decode_charset(b"gr\xfc\xdfe", "utf-8") == "gr\u00fc\u00dfe"


def test_nul_never_reaches_a_text() -> None:
    message = read(b"Subject: a\x00b\n\nc\x00d")

    assert (header_text(message.header("subject")), first_text(message)) == ("ab", "cd")


def test_encoded_words_are_joined_without_the_space_between_them() -> None:
    assert header_text("=?utf-8?q?Gr=C3=BC?= =?iso-8859-1?B?3GU=?= there") == "GrüÜe there"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Ann <ann@example.net>, 'bob@example.org'", ["ann@example.net", "bob@example.org"]),
        ("o'brien@example.net.", ["o'brien@example.net"]),
        ('<"a..b"@example.net>', ['"a..b"@example.net']),
        ("ann@example.net ann@example.net", ["ann@example.net"]),
        ("nobody", []),
    ],
)
def test_addresses_are_found_in_order_and_once(text: str, found: list[str]) -> None:
    assert list(addresses_in(text)) == found


def test_html_shows_its_lines_and_hides_its_style() -> None:
    document = "<html><head><title>t</title></head><style>p{}</style><p>one <b>two</b></p><div>three&amp;four</div>"

    assert text_of_html(document).split("\n") == ["one two", "three&four"]


def test_a_blockquote_is_marked_as_quoted() -> None:
    lines = text_of_html("<div>yes</div><blockquote><div>shall we?</div></blockquote><div>Ann</div>").split("\n")

    assert [line for line in lines if line.strip(" >")] == ["yes", "> shall we?", "Ann"]


@pytest.mark.parametrize("broken", [str.upper, str.lower], ids=["upper", "lower"])
def test_header_names_and_media_types_are_of_any_case(broken: Callable[[str], str]) -> None:
    message = read(broken("Content-Type: TEXT/Plain").encode() + b"; charset=utf-8\n\nhello")

    assert (message.content_type, message.parameter("charset")) == ("text/plain", "utf-8")

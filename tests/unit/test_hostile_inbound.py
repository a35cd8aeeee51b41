"""Mail made to break readers: each becomes one account in JSON, within two seconds of CPU."""

import base64
import json
import time
import zlib
from datetime import UTC, datetime

import pytest

from outreach_pipelines.domain.inbound.account import account_of
from outreach_pipelines.domain.inbound.classify import classify
from outreach_pipelines.domain.inbound.lone_text import as_message, date_of

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MEGABYTE = 1_000_000
PLAIN = b"From: ann@example.net\nContent-Type: text/plain; charset=utf-8\n"
HTML = b"From: ann@example.net\nContent-Type: text/html\n\n"


def nested(levels: int, body: bytes) -> bytes:
    opened = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(levels))
    return opened + body


def enclosed(levels: int) -> bytes:
    """A message that returns a message that returns a message, as a mail loop makes it."""
    return (
        b"Content-Type: message/rfc822\nFrom: mailer-daemon@example.net\nSubject: failure notice\n\n" * levels
        + b"hello"
    )


HOSTILE = {
    "900 nested parts": nested(900, b"Content-Type: text/plain\n\ndeep\n"),
    "20,000 ( in an address": b"From: " + b"(" * 20_000 + b"\nTo: " + b"(" * 20_000 + b"\n\nhello",
    "20,000 encoded words": b"Subject: " + b"\n ".join([b"=?utf-8?q?a?="] * 20_000)[: 60 * 1024] + b"\n\nhello",
    "20,000 encoded words, over the cap": b"Subject: " + b"=?utf-8?b?YQ==?= " * 20_000 + b"\n\nhello",
    "endless line of 3 MB": PLAIN + b"\n" + b"a" * (3 * MEGABYTE),
    "endless line of spaces": PLAIN + b"\n" + b" " * (3 * MEGABYTE) + b"x",
    "endless line of quotes": PLAIN + b"\n" + b"> " * MEGABYTE,
    "endless line of dates": PLAIN + b"Auto-Submitted: auto-replied\n\n" + b"until 1.1. to 3 May - " * 100_000,
    "endless line of HTML": HTML + b"<div><blockquote class=gmail_quote>" * 60_000,
    "HTML of open brackets": HTML + b"<" * (2 * MEGABYTE),
    "HTML of entities": HTML + b"&amp;#" * 300_000,
    "header of 3 MB": b"Subject: " + b"a" * (3 * MEGABYTE) + b"\n\nhello",
    "header line that never ends": b"a" * (3 * MEGABYTE),
    "100,000 header fields": b"X-A: b\n" * 100_000 + b"\nhello",
    "base64 bomb": PLAIN + b"Content-Transfer-Encoding: base64\n\n" + base64.encodebytes(b"a" * (6 * MEGABYTE)),
    "compressed bomb": PLAIN
    + b"Content-Transfer-Encoding: base64\n\n"
    + base64.encodebytes(zlib.compress(b"a" * MEGABYTE)),
    "quoted-printable bomb": PLAIN + b"Content-Transfer-Encoding: quoted-printable\n\n" + b"=41=\n" * 400_000,
    "mail loop": enclosed(500),
    "5,000 Received": b"Received: from a by b\n" * 900 + b"From: ann@example.net\n\nhello",
    "partial": b'From: ann@example.net\nContent-Type: message/partial; id="x@example.net"; number=1; total=9\n\nSubject: x\n\nhello',
    "external body": b"From: ann@example.net\nContent-Type: message/external-body; access-type=local-file; name=/etc/passwd\n\n\n",
    "unknown charset": b"From: ann@example.net\nContent-Type: text/plain; charset=x-nobody-knows\n\ngr\xfc\xdfe",
    "NUL in a charset": b"From: ann@example.net\nContent-Type: text/plain; charset=iso-2\x00022-jp\n\nyes",
    "NUL in the charset of a header": b"From: ann@example.net\nSubject: =?utf-8\x00?q?a?=\n\nyes",
    "foreign codec as charset": b"From: ann@example.net\nContent-Type: text/plain; charset=unicode_escape\n\n\\N{DIGIT ONE}",
    "8-bit headers": "From: Jürgen <ann@example.net>\nSubject: Grüße\n\nJa".encode("latin-1"),
    "lone surrogates": b"From: ann@example.net\nContent-Type: text/plain; charset=utf-8\n\n\xed\xa0\x80 yes",
    "no headers": b"Yes, please.\n\n> Hello",
    "only headers": b"From: ann@example.net\nSubject: Re: hello",
    "mbox": b"From a@example.net Sat Nov 21 12:00:00 2026\nFrom: a@example.net\n\nYes\n\nFrom b@example.net Sat\nFrom: b@example.net\n\nNo",
    "NUL": b"From: ann@example.net\x00\nSubject: a\x00b\n\nhi\x00there\x00",
    "only NUL": b"\x00" * 100_000,
    "boundary that never comes": b"Content-Type: multipart/mixed; boundary=never\n\nhello\n",
    "boundary of its own": b"Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: multipart/mixed; boundary=x\n\n--x\n--x--\n",
    "10,000 addresses": b"From: ann@example.net\nTo: " + b"a@example.net, " * 4_000 + b"\n\nhello",
    "100,000 attributions": PLAIN + b"\n" + b"On 1.1.2026 10:00 App <app@example.com> wrote:\n" * 40_000,
    "100,000 labels": PLAIN + b"\n" + b"From: a\nTo: b\nhello\n" * 40_000,
    "text that is all rules": PLAIN + b"\n" + b"-" * 900 + b"\n" + (b"-_=" * 300 + b"\n") * 900,
    "report of blank lines": b"From: MAILER-DAEMON@mx.example.org\nSubject: failure notice\n\nNot delivered:\n"
    + b"\n" * MEGABYTE,
    "report of spaces": b"From: MAILER-DAEMON@mx.example.org\nSubject: failure notice\n\nNot delivered:\n"
    + b" " * MEGABYTE,
    "report of dots": b"From: MAILER-DAEMON@mx.example.org\nSubject: failure notice\n\nann@example.net: 550 "
    + b"a." * MEGABYTE,
    "empty": b"",
    "white space": b" \r\n\t \n" * 1_000,
    "bare carriage returns": b"From: ann@example.net\r\rhello\r" * 10_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_mail_is_told_within_its_time(name: str) -> None:
    raw = HOSTILE[name]
    started = time.process_time()

    message = as_message(raw)
    account = account_of(classify(message, date_of(message) or NOW))

    assert time.process_time() - started < 2.0
    assert json.loads(json.dumps(account, allow_nan=False).encode())["kind"] == account["kind"]


def test_the_pieces_of_a_message_say_nothing_of_their_own() -> None:
    account = account_of(classify(HOSTILE["partial"], NOW))

    assert (account["kind"], account["reply_text"], account["confidence"]) == ("human_reply", "", "low")


@pytest.mark.parametrize(
    "value",
    ["", "yesterday", "Mon, 99 Foo 99999999999999999999 99:99:99 +9999999", "\x00", "31 Dec 9999 23:00:00 -2300"],
)
def test_a_date_that_is_none_is_none(value: str) -> None:
    assert date_of(f"Date: {value}\n\nhello".encode()) is None


def test_a_date_is_read_with_its_zone() -> None:
    assert date_of(b"Date: Sat, 21 Nov 2026 13:00:00 +0100\n\nhello") == NOW


@pytest.mark.parametrize(
    "text", [b"Yes, please.", b"Note: call me\n\nat 10", b"\n\nHello: you", b"On Monday\nFrom: noon."]
)
def test_a_text_without_headers_of_mail_is_a_body(text: bytes) -> None:
    assert as_message(text) == b"\n" + text


@pytest.mark.parametrize(
    "raw",
    [
        b"From: a@example.net\n\nhi",
        b"X-A: b\r\nSubject: hi\r\n\r\nhi",
        b"From a@example.net Sat\nSubject: hi\n\nhi",
        b"\nFrom: a\n\nhi",
    ],
)
def test_what_opens_with_headers_of_mail_is_a_message(raw: bytes) -> None:
    assert as_message(raw) == raw.lstrip(b"\n")

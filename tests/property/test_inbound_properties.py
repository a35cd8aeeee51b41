"""What holds for any inbound mail and any refusal."""

import string
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage

from hypothesis import example, given, settings
from hypothesis import strategies as st

from outreach_pipelines.domain.inbound.bounce_rules import classify_refusal, take_apart
from outreach_pipelines.domain.inbound.classify import classify
from outreach_pipelines.domain.inbound.part_text import addresses_in, header_text, text_of
from outreach_pipelines.domain.inbound.reply_text import own_words, reply_text
from outreach_pipelines.domain.inbound.return_date import return_date
from outreach_pipelines.domain.inbound.structure import Part, read_structure
from outreach_pipelines.domain.inbound.verdict import BounceClass, EnhancedCode, ReplyCode, Stage

# The first example also compiles the rules, and the machine may be busy: time is bounded by the test of hostile mail.
UNTIMED = settings(deadline=None)
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
REFUSALS = st.sampled_from(
    ["user unknown", "mailbox full", "Greylisted", "blocked using dnsbl", "account disabled", "host unknown", "no", ""]
)
CODES = st.none() | st.integers(400, 599).map(ReplyCode)
ENHANCED = st.none() | st.builds(EnhancedCode, st.sampled_from([4, 5]), st.integers(0, 9), st.integers(0, 999))
HEADER_LINES = st.sampled_from(
    [
        b"From: mailer-daemon@example.net",
        b"Content-Type: multipart/report; boundary=x",
        b"Content-Type: message/delivery-status",
        b"Content-Type: message/feedback-report",
        b"Content-Type: text/html; charset=utf-16",
        b"Content-Transfer-Encoding: base64",
        b"Content-Transfer-Encoding: quoted-printable",
        b"Auto-Submitted: auto-replied",
        b"Subject: =?utf-8?B?=?=\xff",
        b"Final-Recipient: utf-8; \\x{110000}@",
        b"Action: failed",
        b"--x",
        b"--x--",
        b"",
        b"> On 1 wrote:",
    ]
)
SCRAPS = st.lists(HEADER_LINES | st.binary(max_size=40), max_size=30).map(b"\n".join)
WORDS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12)


@UNTIMED
@given(raw=st.binary(max_size=400) | SCRAPS)
@example(raw=b"\x00")
@example(raw=b"Content-Type: multipart/mixed; boundary=\n\n--\n--")
def test_any_bytes_become_one_event_and_the_same_one_again(raw: bytes) -> None:
    event = classify(raw, NOW)

    assert event == classify(raw, NOW)
    assert "\x00" not in event.subject


@UNTIMED
@given(
    code=CODES, enhanced=ENHANCED, text=REFUSALS, stage=st.sampled_from([Stage.CONNECT, Stage.HELLO, Stage.MAIL_FROM])
)
def test_no_refusal_before_the_recipient_is_hard_or_full(
    code: ReplyCode | None, enhanced: EnhancedCode | None, text: str, stage: Stage
) -> None:
    verdict = classify_refusal(code, enhanced, text, stage)

    assert verdict.bounce_class not in (BounceClass.HARD, BounceClass.FULL)


@UNTIMED
@given(code=st.integers(400, 499).map(ReplyCode), enhanced=ENHANCED, text=REFUSALS, stage=st.sampled_from(Stage))
def test_no_transient_answer_is_hard(code: ReplyCode, enhanced: EnhancedCode | None, text: str, stage: Stage) -> None:
    verdict = classify_refusal(code, enhanced, text, stage)

    assert verdict.bounce_class is not BounceClass.HARD


@UNTIMED
@given(code=CODES, enhanced=ENHANCED, text=REFUSALS, stage=st.sampled_from(Stage))
def test_a_verdict_always_says_on_what_it_rests(
    code: ReplyCode | None, enhanced: EnhancedCode | None, text: str, stage: Stage
) -> None:
    verdict = classify_refusal(code, enhanced, text, stage)

    assert verdict.evidence.rule
    assert (verdict.cause is None) == (
        verdict.bounce_class not in (BounceClass.HARD, BounceClass.SOFT, BounceClass.BLOCK)
    )


@UNTIMED
@given(code=st.integers(400, 599), enhanced=st.builds(EnhancedCode, st.just(5), st.integers(1, 9), st.integers(1, 999)))
def test_a_refusal_is_taken_apart_into_what_it_was_made_of(code: int, enhanced: EnhancedCode) -> None:
    refusal = take_apart(f"{code} {enhanced} <ann@example.net>: no")

    assert refusal.enhanced == enhanced
    assert refusal.code in (code, None)


@UNTIMED
@given(
    subject=WORDS,
    plain=st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=200),
    encoding=st.sampled_from(["base64", "quoted-printable", "8bit"]),
    attached=st.binary(max_size=100),
)
def test_what_the_standard_library_writes_is_read_back(
    subject: str, plain: str, encoding: str, attached: bytes
) -> None:
    message = EmailMessage()
    message["Subject"] = subject
    message.set_content(plain, cte=encoding)
    message.add_attachment(attached, maintype="application", subtype="octet-stream", filename="a.bin")

    read = read_structure(message.as_bytes())

    assert isinstance(read, Part)
    assert header_text(read.header("subject")).strip() == subject
    assert text_of(read.children[0]).rstrip("\n") == plain.rstrip("\n")
    assert len(read.children) == 2


@UNTIMED
@given(
    text=st.text(max_size=400)
    | st.lists(st.sampled_from(["> a", "On 1 b wrote:", "c", "", "-- ", "From: d"])).map("\n".join)
)
def test_a_reply_text_holds_only_lines_that_were_written(text: str) -> None:
    shown, own = reply_text(text), own_words(text)

    lines = {line.strip() for line in text.replace("\r", "").split("\n")}
    assert {line.strip() for line in shown.split("\n")} <= lines | {""}
    assert {line.strip() for line in own.split("\n")} <= lines | {""}
    assert not any(line.startswith(">") for line in own.split("\n"))


@UNTIMED
@given(day=st.dates(date(2026, 11, 21), date(2027, 11, 20)))
def test_a_date_written_in_full_is_read_as_written(day: date) -> None:
    assert return_date(f"back on {day.isoformat()}", received=NOW.date()) == day
    assert return_date(f"until {day.day} {day:%B} {day.year}", received=NOW.date()) == day + timedelta(days=1)


@UNTIMED
@given(local=st.text(string.ascii_letters + string.digits + ".+-_='", min_size=1, max_size=40), before=WORDS)
def test_an_address_in_angle_brackets_is_found(local: str, before: str) -> None:
    address = f"a{local}@example.net"

    assert address in addresses_in(f'"{before}" <{address}>') or '"' in before or "<" in before

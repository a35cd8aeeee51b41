"""Which SMTP command was refused, from the ways in which reporters tell it."""

import time

import pytest

from outreach_pipelines.domain.inbound.dialogue import answers_in, stage_in_dialogue, stage_of
from outreach_pipelines.domain.inbound.verdict import Stage

REFUSED_AT_DATA = """... while talking to mx.example.net.:
>>> DATA
<<< 550 : User unknown
554 5.0.0 Service unavailable
"""
PIPELINED = """... while talking to mx.example.net.:
>>> DATA
<<< 550 no account here
550 5.1.1 <ann@example.net>... User unknown
<<< 503 5.0.0 Need RCPT (recipient)
"""


@pytest.mark.parametrize(
    ("words", "stage"),
    [
        ("550 no (in reply to\n    RCPT TO command)", Stage.RCPT_TO),
        ("SMTP error from remote mail server after RCPT TO:<ann@example.net>:", Stage.RCPT_TO),
        ("SMTP error from remote server after RCPT command:", Stage.RCPT_TO),
        ("mx.example.net did not like our RCPT TO:", Stage.RCPT_TO),
        ("192.0.2.25 does not like recipient.", Stage.RCPT_TO),
        ("hMailServer sent: RCPT TO:<ann@example.net>", Stage.RCPT_TO),
        ("5.1.0 - Unknown address error 550-'no'", Stage.RCPT_TO),
        ("The error was: 550 no (state 14).", Stage.RCPT_TO),
        ("Reason: Remote SMTP server has rejected address", Stage.RCPT_TO),
        ("after pipelined MAIL FROM:<app@example.com> SIZE=222", Stage.MAIL_FROM),
        ("Connected to 192.0.2.25 but sender was rejected.", Stage.MAIL_FROM),
        ("550 no (in reply to end of DATA command)", Stage.DATA),
        ("SMTP error from remote server for TEXT command, host: mx", Stage.DATA),
        ("192.0.2.25 failed after I sent the message.", Stage.DATA),
        ("550 no (state 18).", Stage.DATA),
        ("504 no (in reply to EHLO command)", Stage.HELLO),
        ("SMTP error from remote mail server after initial connection:", Stage.CONNECT),
        ("Your data plan mailed you a greeting", Stage.UNKNOWN),
        ("", Stage.UNKNOWN),
    ],
)
def test_the_refused_command_is_read_from_the_reporters_words(words: str, stage: Stage) -> None:
    assert stage_of(words) is stage


def test_the_command_above_the_repeated_answer_was_refused() -> None:
    assert stage_in_dialogue(REFUSED_AT_DATA, "550 : User unknown") is Stage.DATA


def test_sendmails_own_words_show_that_a_pipelined_rcpt_was_refused() -> None:
    assert stage_in_dialogue(PIPELINED, "550 no account here") is Stage.RCPT_TO


def test_a_text_without_dialogue_tells_no_command() -> None:
    assert stage_in_dialogue("Your message could not be delivered.", "550 no") is Stage.UNKNOWN


def test_the_remote_servers_answer_is_taken_with_its_further_lines() -> None:
    assert answers_in(">>> RCPT To:<ann@example.net>\n<<< 550-no\n<<< 550 really\nQUIT") == "550-no\n550 really"


@pytest.mark.parametrize(
    "transcript",
    [
        " Sat 2026-11-21 10:00:01: --> RCPT To:<ann@example.net>\n Sat 2026-11-21 10:00:01: <-- 550 not here\n",
        "Command: RCPT TO:<ann@example.net>\nResponse: 550 not here\n",
        "   hMailServer sent: RCPT TO:<ann@example.net>\n   Remote server replied: 550 not here\n",
        "Sent <<< RCPT TO:<ann@example.net>\nReceived >>> 550 not here\n",
    ],
)
def test_a_transcript_shows_the_command_and_its_answer_whatever_marks_its_sides(transcript: str) -> None:
    assert (stage_in_dialogue(transcript, ""), answers_in(transcript)) == (Stage.RCPT_TO, "550 not here")


def test_a_text_of_blank_lines_is_looked_through_in_no_time() -> None:
    started = time.process_time()

    assert stage_in_dialogue("\n" * 16_000 + " " * 16_000, "") is Stage.UNKNOWN

    assert time.process_time() - started < 0.2

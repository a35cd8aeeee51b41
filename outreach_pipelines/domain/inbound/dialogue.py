"""Which SMTP command was refused, as far as a report tells it.

Reporters say it in a phrase ("in reply to RCPT TO command"), by a number (Gmail's "state 14"), or show the dialogue.
What a refusal at a stage means is decided in `certainty`.
"""

import re
from dataclasses import dataclass

from outreach_pipelines.domain.inbound.verdict import Stage

_REPLY_TO = r"\b(?:repl(?:y|ied) to|response to|after|following|during|like our|for|error in|while sending) (?:the )?(?:pipelined )?\"?"


@dataclass(frozen=True, slots=True)
class _Told:
    """How reporters tell one stage. `needs`: plain words of which one must stand there, since a search costs more."""

    stage: Stage
    needs: tuple[str, ...]
    pattern: re.Pattern[str]


_STAGES = (
    _Told(
        Stage.RCPT_TO,
        ("rcpt", "like recipient", "rejected address", "(state 1", "unknown address error"),
        re.compile(
            rf"{_REPLY_TO}rcpt|\[rcpt_to\]|(?:>>>|<<<) ?rcpt to|smtp:rcpt|smtp command rcpt|does not like recipient"
            r"|sent: rcpt|remote smtp server has rejected address|unknown address error|\(state 1[34]\)"
        ),
    ),
    _Told(
        Stage.MAIL_FROM,
        ("mail from", "mail_from", "mail command", "sender was rejected", "(state "),
        re.compile(
            rf"{_REPLY_TO}mail(?: from|_from|\b(?= command))|\[mail_from\]|(?:>>>|<<<) ?mail from|but sender was rejected"
            r"|\(state (?:9|1[0-2])\)"
        ),
    ),
    _Told(
        Stage.DATA,
        ("data", "bdat", "text command", "after i sent", "(state 1"),
        re.compile(
            rf"\bend of data|{_REPLY_TO}(?:data|bdat)\b|for text command|\[data\]|>>> (?:data|bdat)\b|smtp command (?:data|bdat)\b"
            r"|failed after i sent the message|\(state 1[5-8]\)"
        ),
    ),
    _Told(
        Stage.HELLO,
        ("helo", "ehlo", "lhlo", "starttls", "name was rejected", "(state "),
        re.compile(
            rf"{_REPLY_TO}(?:ehlo|helo|lhlo|starttls)\b|but my name was rejected|>>> (?:ehlo|helo)|\(state [5-8]\)"
        ),
    ),
    _Told(
        Stage.CONNECT,
        ("initial", "greeting"),
        re.compile(r"after initial connection|initial server greeting|like our greeting|but greeting failed"),
    ),
)
_SHOWS_DIALOGUE = re.compile(
    r"[<>]{3}|<--|^[ \t]{0,40}(?:s|response|reply|\w+ server replied):", re.MULTILINE | re.IGNORECASE
)
_STAMP = r"[^<>\n]{0,40}"
_COMMAND = re.compile(
    rf"^\s{{0,40}}(?:>>>|sent\s*[<>]{{3}}|c:|command:|\w{{1,40}} sent:|{_STAMP}-->)\s*([A-Za-z]{{4}})", re.IGNORECASE
)
_ANSWER = re.compile(
    rf"^\s{{0,40}}(?:<<<|received\s*[<>]{{3}}|s:|response:|reply:|\w{{1,20}} server replied:|{_STAMP}<--)\s*([45]\d\d.*)",
    re.IGNORECASE,
)
# Sendmail's own words for EX_NOUSER, which it only reaches by an answer to RCPT TO, also a pipelined one that it shows
# below ">>> DATA" (sendmail/usersmtp.c, smtprcptstat).
_NO_USER_AT_RCPT = re.compile(r"^55[013] 5\.1\.1 .*\.\.\. user unknown", re.IGNORECASE | re.MULTILINE)
_OF_COMMAND = {
    "ehlo": Stage.HELLO,
    "helo": Stage.HELLO,
    "lhlo": Stage.HELLO,
    "mail": Stage.MAIL_FROM,
    "rcpt": Stage.RCPT_TO,
    "data": Stage.DATA,
    "bdat": Stage.DATA,
}


def stage_of(text: str) -> Stage:
    """The SMTP command that `text` says was refused."""
    flat = " ".join(text.lower().split())
    for told in _STAGES:
        for word in told.needs:
            if word in flat:
                if told.pattern.search(flat):
                    return told.stage
                break
    return Stage.UNKNOWN


def stage_in_dialogue(shown: str, diagnostic: str) -> Stage:
    """The command before the answer that `diagnostic` repeats, in the SMTP dialogue that a report shows.

    Without a repeated answer: the command before the first refusal.
    """
    current, first = Stage.UNKNOWN, Stage.UNKNOWN
    wanted = _start_of(diagnostic)
    if not _SHOWS_DIALOGUE.search(shown):
        return Stage.UNKNOWN
    for line in shown.splitlines():
        if command := _COMMAND.match(line):
            current = _OF_COMMAND.get(command.group(1).lower(), current)
        elif answer := _ANSWER.match(line):
            first = current if first is Stage.UNKNOWN else first
            said = _start_of(answer.group(1))
            if wanted and (wanted.startswith(said) or said.startswith(wanted)):
                return _seen_by_sendmail(current, shown)
    return _seen_by_sendmail(first, shown)


def _start_of(answer: str) -> str:
    return " ".join(answer.lower().split())[:60]


def answers_in(shown: str) -> str | None:
    """The first refusal that a shown dialogue holds, as the remote server worded it, with its further lines."""
    if not _SHOWS_DIALOGUE.search(shown):
        return None
    found: list[str] = []
    for line in shown.splitlines():
        if answer := _ANSWER.match(line):
            found.append(answer.group(1))
        elif found:
            break
    return "\n".join(found) or None


def _seen_by_sendmail(stage: Stage, shown: str) -> Stage:
    return Stage.RCPT_TO if stage is Stage.DATA and _NO_USER_AT_RCPT.search(shown) else stage

"""What a provider's call came to, as four values that the protocol can tell apart.

Belongs here: the answers, and the judgement of a refusal by `provider_answers.toml`. Does not: how a protocol or an API
spells them (`adapters/ses.py`, `adapters/smtp.py`).
"""

import re
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files

from outreach_pipelines.domain.inbound.verdict import Stage


class RefusalAction(StrEnum):
    """What a refusal asks for."""

    RETRY = "retry"  # the same path later
    FAIL = "fail"  # this message never
    STOP_PATH = "stop_path"  # the mailbox on this account: reputation or policy; never failed over
    STOP_TENANT = "stop_tenant"  # this tenant on this account


@dataclass(frozen=True, slots=True)
class Accepted:
    """Taken. `wire_message_id` is the Message-ID recipients see, with angle brackets."""

    provider_message_id: str
    wire_message_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """An answer read in full that says no. `code` is an SMTP reply code, or the name or status of an API's error.

    `stage` tells to which SMTP command it was said; None where no mail server said it.
    """

    code: str
    enhanced_code: str
    text: str
    stage: Stage | None = None


@dataclass(frozen=True, slots=True)
class ReplyLost:
    """The body may have been taken, and nobody said so."""

    cause: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """Ended before the first byte of the message left: certainly not sent."""

    cause: str


SendAnswer = Accepted | Refused | ReplyLost | NotSent


@dataclass(frozen=True, slots=True)
class RefusalVerdict:
    """What follows from a refusal. `retry_seconds` counts machine time until the message may be tried again; 0 for never."""

    action: RefusalAction
    retry_seconds: int
    rule: str


@dataclass(frozen=True, slots=True)
class _Rule:
    name: str
    provider: str
    code: re.Pattern[str]
    text: re.Pattern[str]
    action: RefusalAction
    retry_seconds: int


def judge_refusal(provider: str, refused: Refused) -> RefusalVerdict:
    """The first rule of `provider_answers.toml` that fits; its last ones fit everything, so there always is one."""
    for rule in _rules():
        fits = rule.provider in (provider, "any") and rule.code.fullmatch(refused.code)
        if fits and rule.text.search(f"{refused.enhanced_code} {refused.text}"):
            return RefusalVerdict(rule.action, rule.retry_seconds, rule.name)
    message = f"no rule fits {refused.code!r}: the table has lost its last rows"
    raise LookupError(message)


@cache
def _rules() -> tuple[_Rule, ...]:
    table = tomllib.loads(files("outreach_pipelines.domain").joinpath("provider_answers.toml").read_text("utf-8"))
    return tuple(
        _Rule(
            name=row["name"],
            provider=row["provider"],
            code=re.compile(row["code"], re.DOTALL),
            text=re.compile(row.get("text", ""), re.IGNORECASE),
            action=RefusalAction(row["action"]),
            retry_seconds=int(row.get("retry_seconds", 0)),
        )
        for row in table["rule"]
    )

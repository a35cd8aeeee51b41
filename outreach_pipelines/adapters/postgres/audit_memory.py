"""What audits remember of domains, and their news, as rows and back.

Belongs here: the form. Does not: what is remembered and what is news (`domain.dns_audit.news`).
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from outreach_pipelines.adapters.postgres.provider_word_json import word_json, word_of
from outreach_pipelines.application.audit_domains import SettledAudit
from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers_file import decode_answers, encode_answers
from outreach_pipelines.domain.dns_audit.findings import Check, Fault, FaultKey
from outreach_pipelines.domain.dns_audit.news import Alarm, AuditMemory
from outreach_pipelines.domain.provider_account import AccountName

Row = Mapping[str, object]


class StoredMemory(Protocol):
    """A row of `app.dns_memory`."""

    answers: bytes
    alarms: Sequence[Mapping[str, Any]]
    words: Mapping[str, Mapping[str, Any]]
    audits: int


def memory_row(memory: AuditMemory) -> Row:
    """The columns of `app.dns_memory`; `stored_memory` gives the memory again."""
    alarms = [
        {
            "check": alarm.key.check.value,
            "fault": alarm.key.fault.value,
            "name": alarm.key.name,
            "since": alarm.since.isoformat(),
            "told": alarm.told,
        }
        for alarm in memory.alarms
    ]
    return {
        "answers": zlib.compress(encode_answers(memory.answers)),
        "alarms": json.dumps(alarms),
        "words": json.dumps({account: word_json(kept) for account, kept in memory.words.items()}),
        "audits": memory.audits,
    }


def stored_memory(stored: StoredMemory) -> AuditMemory:
    """A stored memory. Raises `AnswersFileError` for octets that `memory_row` never wrote."""
    return AuditMemory(
        decode_answers(zlib.decompress(stored.answers)),
        tuple(map(_alarm, stored.alarms)),
        {AccountName(account): word_of(kept) for account, kept in stored.words.items()},
        stored.audits,
    )


def _alarm(stored: Mapping[str, Any]) -> Alarm:
    key = FaultKey(Check(stored["check"]), Fault(stored["fault"]), DomainName(stored["name"]))
    return Alarm(key, datetime.fromisoformat(stored["since"]), stored["told"])


def news_rows(settled: SettledAudit) -> Sequence[Row]:
    """A row of `app.dns_news` a piece of news."""
    return [
        {
            "kind": each.kind.value,
            "domain": each.domain,
            "subject": each.subject,
            "sentence": each.sentence,
            "gone": list(each.gone),
            "come": list(each.come),
        }
        for each in settled.news
    ]

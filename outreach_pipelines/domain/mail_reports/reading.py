"""Files and messages to reports: whatever comes, a report or the reason why there is none. Never raises.

Belongs here: what a content is and which reader takes it. Does not: where files come from, what reports mean.
"""

import hashlib
import re
from collections.abc import Iterator

from outreach_pipelines.domain.inbound.message import Unreadable
from outreach_pipelines.domain.inbound.structure import Part, read_structure
from outreach_pipelines.domain.mail_reports.dmarc_xml import read_dmarc
from outreach_pipelines.domain.mail_reports.octets import as_utf8
from outreach_pipelines.domain.mail_reports.parts import decoded, file_name_of, may_be_a_report
from outreach_pipelines.domain.mail_reports.report import FaultyReport, MailReport, NotReadable, ReportFault
from outreach_pipelines.domain.mail_reports.tls_json import read_tls
from outreach_pipelines.domain.mail_reports.unpacking import MOST_BYTES, Budget, Unpacked, unpack

MOST_FORWARDS = 2
_MAIL = re.compile(rb"(?:From [^\n]+\n)?[A-Za-z][A-Za-z0-9-]{1,60}:[ \t\r\n]")


def read_reports(name: str, content: bytes, *, most: int = MOST_BYTES) -> tuple[MailReport | FaultyReport, ...]:
    """All reports in a file: XML or JSON, packed or plain, or a raw message that carries some. `most` bounds what it unpacks to."""
    if _MAIL.match(content.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")):
        return reports_in(content, name=name) or (
            FaultyReport(name, ReportFault.NOT_A_REPORT, "a message without one"),
        )
    return tuple(_reports(name, content, Budget(len(content), most)))


def reports_in(raw_message: bytes, *, name: str = "message") -> tuple[MailReport | FaultyReport, ...]:
    """All reports that a raw message carries, also one that was forwarded whole. Empty for a message that carries none."""
    return tuple(_carried(raw_message, name, Budget(len(raw_message)), 0))


def _carried(raw: bytes, name: str, budget: Budget, forwards: int) -> Iterator[MailReport | FaultyReport]:
    structure = _structure(raw)
    if isinstance(structure, FaultyReport):
        yield FaultyReport(name, structure.fault, structure.detail)
        return
    for number, part in enumerate(structure.walk()):
        inner = f"{name}/{file_name_of(part) or f'part {number}'}"
        if part.content_type == "message/rfc822" and forwards < MOST_FORWARDS:
            yield from _carried(decoded(part), inner, budget, forwards + 1)
        elif not part.children and may_be_a_report(part):
            yield from _reports(inner, decoded(part), budget)


def _structure(raw: bytes) -> Part | FaultyReport:
    try:
        structure = read_structure(raw)
    except Exception as broken:  # noqa: BLE001 - mail of strangers: what defeats the reader is a fault of the mail
        return FaultyReport("", ReportFault.DEFEATED_READER, type(broken).__name__)
    if isinstance(structure, Unreadable):
        return FaultyReport("", ReportFault.UNREADABLE_MAIL, structure.reason.value)
    return structure


def _reports(name: str, content: bytes, budget: Budget) -> Iterator[MailReport | FaultyReport]:
    digest = hashlib.sha256(content).hexdigest()
    for number, each in enumerate(unpack(name, content, budget)):
        match each:
            case Unpacked():
                yield _report(each, f"{digest}/{number}" if number else digest)
            case NotReadable(fault=fault, detail=detail):
                yield FaultyReport(name, fault, detail)


def _report(content: Unpacked, digest: str) -> MailReport | FaultyReport:
    try:
        first, chunks = as_utf8(content.chunks)
        if first.startswith(b"<"):
            return read_dmarc(content.name, digest, chunks)
        if first.startswith((b"{", b"[")):
            return read_tls(content.name, digest, chunks)
    except NotReadable as fault:
        return FaultyReport(content.name, fault.fault, fault.detail)
    except Exception as broken:  # noqa: BLE001 - files of strangers: what defeats the reader is a fault of the file
        return FaultyReport(content.name, ReportFault.DEFEATED_READER, type(broken).__name__)
    return FaultyReport(content.name, ReportFault.NOT_A_REPORT)

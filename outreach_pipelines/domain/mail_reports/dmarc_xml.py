"""A DMARC aggregate report from UTF-8 XML: what it says of itself, and its records counted.

What a report leaves out is looked for in the file's name (RFC 7489 section 7.2.1.1: receiver!domain!begin!end). Without a
policy domain or a period it cannot be counted anywhere.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.mail_reports.dmarc_record import domain_of
from outreach_pipelines.domain.mail_reports.dmarc_rows import RowTally, read_rows
from outreach_pipelines.domain.mail_reports.report import (
    MOST_MESSAGES,
    DmarcReport,
    NotReadable,
    Period,
    PublishedPolicy,
    Reporter,
    ReportFault,
    ReportRef,
    SourceCount,
    one_line,
)
from outreach_pipelines.domain.mail_reports.xml_tree import Node

LONGEST_WORD = 250
_TAGS = ("p", "sp", "np", "adkim", "aspf", "pct", "fo", "testing", "discovery_method")
_NAME = re.compile(r"([^!/]{1,253})!([^!/]{1,253})!(\d{9,13})!(\d{9,13})(?:![^/]*)?$")
_EPOCH = re.compile(r"-?\d{1,16}(?:\.\d*)?")
_EARLIEST, _LATEST = datetime(2010, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
LONGEST_PERIOD = timedelta(days=400)


class FileName(NamedTuple):
    """What a file's name says of the report in it."""

    receiver: str = ""
    domain: str = ""
    begin: str = ""
    end: str = ""


def file_name(name: str) -> FileName:
    """The parts of a name of the agreed form; empty ones for any other."""
    stem = re.sub(r"(\.(xml|json|gz|zip))+$", "", name.lower())
    found = _NAME.search(stem)
    return FileName(*found.groups()) if found else FileName()


def read_dmarc(name: str, digest: str, chunks: Iterator[bytes]) -> DmarcReport:
    """The report. `digest` stands in for a missing report id. Raises `NotReadable`."""
    root, tally = read_rows(chunks)
    named, metadata = file_name(name), root.child("report_metadata") or Node("report_metadata")
    policy = _policy(root, named)
    ref = _word(metadata.value("report_id"))
    return DmarcReport(
        reporter=Reporter(_word(metadata.value("org_name")) or named.receiver or _word(metadata.value("email"))),
        ref=ReportRef(ref or f"sha256:{digest}"),
        contact=_word(metadata.value("email")),
        period=_period(metadata, named),
        policy=policy,
        rows=_believable(tuple(tally.rows(policy.domain))),
        remarks=(*_remarks(tally), *(() if ref else ("it has no report id",)), *_errors(metadata)),
    )


def _believable(rows: tuple[SourceCount, ...]) -> tuple[SourceCount, ...]:
    if sum(row.messages for row in rows) > MOST_MESSAGES:
        raise NotReadable(ReportFault.TOO_MANY)
    return rows


def moment_of(text: str) -> datetime | None:
    """Seconds since 1970, also in thousandths; or ISO 8601, in UTC where no zone stands. None for anything else."""
    try:
        if _EPOCH.fullmatch(text):
            seconds = float(text)
            moment = datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)
        else:
            moment = datetime.fromisoformat(text.strip())
            moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if _EARLIEST <= moment < _LATEST else None


def period_of(begin: str, end: str) -> Period:
    """The reported time; without one of its ends, a moment; ends the wrong way round are turned. Raises `NotReadable`."""
    moments = [moment for text in (begin, end) if (moment := moment_of(text)) is not None]
    if not moments or max(moments) - min(moments) > LONGEST_PERIOD:
        raise NotReadable(ReportFault.NO_PERIOD, f"{begin[:40]!r} to {end[:40]!r}")
    return Period(min(moments), max(moments))


def _period(metadata: Node, named: FileName) -> Period:
    begin, end = metadata.value("date_range", "begin"), metadata.value("date_range", "end")
    return period_of(begin, end) if moment_of(begin) or moment_of(end) else period_of(named.begin, named.end)


def _policy(root: Node, named: FileName) -> PublishedPolicy:
    published = root.child("policy_published") or Node("policy_published")
    domain = domain_of(published.value("domain")) or domain_of(named.domain)
    if not domain:
        raise NotReadable(ReportFault.NO_DOMAIN)
    tags = ((tag, _word(published.value(tag))) for tag in _TAGS)
    return PublishedPolicy(DomainName(domain), tuple((tag, value) for tag, value in tags if value))


def _remarks(tally: RowTally) -> Iterator[str]:
    if tally.skipped:
        yield f"{tally.skipped} records without a number of messages are left out"
    if tally.merged:
        yield f"{tally.merged} records of further sources are counted without their address"


def _errors(metadata: Node) -> Iterator[str]:
    for each in metadata.all("error")[:5]:
        if each.text.strip():
            yield f"the reporter says: {_word(each.text)}"


def _word(text: str) -> str:
    return one_line(text, LONGEST_WORD)

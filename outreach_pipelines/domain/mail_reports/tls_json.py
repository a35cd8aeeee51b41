"""An SMTP TLS report from JSON (RFC 8460 section 4.4), as tolerant of types as reporters are of the schema."""

import json
from collections.abc import Iterator, Mapping, Sequence

from outreach_pipelines.domain.mail_reports.dmarc_record import domain_of
from outreach_pipelines.domain.mail_reports.dmarc_xml import file_name, period_of
from outreach_pipelines.domain.mail_reports.report import (
    MOST_MESSAGES,
    NotReadable,
    Reporter,
    ReportFault,
    ReportRef,
    TlsFailure,
    TlsPolicyResult,
    TlsReport,
    one_line,
)

MOST_BYTES = 32 << 20
MOST_POLICIES = 1_000
MOST_FAILURES = 1_000
LONGEST_WORD = 250
_Object = Mapping[str, object]


def read_tls(name: str, digest: str, chunks: Iterator[bytes]) -> TlsReport:
    """The report. `digest` stands in for a missing report id. Raises `NotReadable`."""
    found = _loaded(chunks)
    if not isinstance(found, dict) or "policies" not in found:
        raise NotReadable(ReportFault.NOT_A_REPORT, "no policies in it")
    named, dates, ref = file_name(name), _object(found, "date-range"), _word(found, "report-id")
    begin, end = _word(dates, "start-datetime"), _word(dates, "end-datetime")
    policies = tuple(_policies(found))
    if not policies:
        raise NotReadable(ReportFault.NO_DOMAIN)
    return TlsReport(
        reporter=Reporter(_word(found, "organization-name") or named.receiver or _word(found, "contact-info")),
        ref=ReportRef(ref or f"sha256:{digest}"),
        contact=_word(found, "contact-info"),
        period=period_of(begin or named.begin, end or named.end),
        policies=policies,
        remarks=() if ref else ("it has no report id",),
    )


def _loaded(chunks: Iterator[bytes]) -> object:
    whole = bytearray()
    for chunk in chunks:
        whole += chunk
        if len(whole) > MOST_BYTES:
            raise NotReadable(ReportFault.TOO_LARGE, f"more than {MOST_BYTES >> 20} MiB of JSON")
    try:
        return json.loads(whole.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as broken:
        raise NotReadable(ReportFault.BROKEN_JSON, str(broken)[:LONGEST_WORD]) from None


def _policies(found: _Object) -> Iterator[TlsPolicyResult]:
    """Those that name their domain; several of one domain and type (one for each MX) stay apart."""
    for each in _objects(found, "policies")[:MOST_POLICIES]:
        policy, summary = _object(each, "policy"), _object(each, "summary")
        domain = domain_of(_word(policy, "policy-domain"))
        if domain:
            yield TlsPolicyResult(
                domain,
                _word(policy, "policy-type").lower() or "no-policy-found",
                _number(summary, "total-successful-session-count"),
                _number(summary, "total-failure-session-count"),
                tuple(_failure(detail) for detail in _objects(each, "failure-details")[:MOST_FAILURES]),
            )


def _failure(detail: _Object) -> TlsFailure:
    return TlsFailure(
        _word(detail, "result-type") or "unknown",
        _number(detail, "failed-session-count"),
        _word(detail, "sending-mta-ip"),
        _word(detail, "receiving-mx-hostname"),
        _word(detail, "failure-reason-code") or _word(detail, "additional-information"),
    )


def _object(found: _Object, name: str) -> _Object:
    value = found.get(name)
    return value if isinstance(value, dict) else {}


def _objects(found: _Object, name: str) -> Sequence[_Object]:
    """A list of objects; one object alone counts as a list of it."""
    value = found.get(name)
    listed = value if isinstance(value, list) else [value]
    return [each for each in listed if isinstance(each, dict)]


def _word(found: _Object, name: str) -> str:
    value = found.get(name)
    text = str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    return one_line(text, LONGEST_WORD)


def _number(found: _Object, name: str) -> int:
    """A count, also one written as text; 0 for what is none."""
    value = found.get(name)
    try:
        number = int(float(value)) if isinstance(value, str | int | float) else 0
    except (ValueError, OverflowError):
        return 0
    return min(max(number, 0), MOST_MESSAGES)

"""The TLS-RPT check: senders report where TLS to our mail hosts failed (RFC 8460).

Here: the record's form and judgement.
"""

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import MailExchanger, RecordType, Text, Unknown, data_of
from outreach_pipelines.domain.dns_audit.dmarc_record import with_report_mailbox
from outreach_pipelines.domain.dns_audit.expectations import Expectations
from outreach_pipelines.domain.dns_audit.findings import (
    Check,
    CheckReport,
    Fault,
    Finding,
    Fix,
    ResourceRecord,
    Severity,
    Unanswered,
)
from outreach_pipelines.domain.dns_audit.lookups import Lookup, follow, together
from outreach_pipelines.domain.dns_audit.names import ROOT, under

_VERSION = b"v=TLSRPTv1"


def check_tls_reports(domain: DomainName, expectations: Expectations) -> Lookup[CheckReport]:
    """Judge the record of a domain that takes mail."""
    name = under("_smtp._tls", domain)
    record, exchangers = yield from together([follow(name, RecordType.TXT), follow(domain, RecordType.MX)])
    for asked, answer in ((name, record), (domain, exchangers)):
        if isinstance(answer, Unknown):
            gap = Unanswered(check=Check.TLS_REPORTS, name=asked, cause=answer.cause)
            return CheckReport(unanswered=(gap,))
    texts = tuple(text.value for text in data_of(record, Text) if text.value.startswith(_VERSION))
    takes_mail = any(mx.host != ROOT for mx in data_of(exchangers, MailExchanger))
    finding = _judge(name, texts, expectations.reports_to) if texts or takes_mail else None
    return CheckReport() if finding is None else CheckReport((finding,))


def _judge(name: DomainName, texts: tuple[bytes, ...], reports_to: str | None) -> Finding | None:
    match texts:
        case ():
            why = "no TLS-RPT: nobody sees where TLS fails"
            why += "" if reports_to else "; no mailbox for reports (reports_to) is named, so no record is proposed"
            return _finding(name, Fault.WEAK, Severity.LOW, why, (), reports_to)
        case (text,):
            fault = _fault(text)
            if fault:
                return _finding(name, Fault.WRONG, Severity.LOW, fault, texts, reports_to)
            return None if reports_to is None else _elsewhere(name, text.decode("ascii", "replace"), reports_to)
        case several:
            why = f"{len(several)} records: senders act as if there were none (RFC 8460 section 3)"
            return _finding(name, Fault.EXTRA, Severity.LOW, why, several, reports_to)


def _elsewhere(name: DomainName, text: str, reports_to: str) -> Finding | None:
    """A good record whose reports go to others alone."""
    if f"mailto:{reports_to}".lower() in map(str.lower, _places(text)):
        return None
    return Finding(
        check=Check.TLS_REPORTS,
        fault=Fault.WEAK,
        severity=Severity.LOW,
        name=name,
        evidence=f"{text}: rua= does not name {reports_to}: where TLS fails is not seen here",
        fix=Fix(
            (ResourceRecord(name, RecordType.TXT, with_report_mailbox(text, reports_to)),),
            (ResourceRecord(name, RecordType.TXT, text),),
        ),
    )


def _fault(text: bytes) -> str:
    """Say why the record is of no use; nothing where it is good."""
    written = text.decode("ascii", "replace")
    return "" if all(map(_is_place, _places(written))) else f"{written}: rua= must name mailto: or https: places"


def _places(written: str) -> list[str]:
    tags = dict(part.strip().partition("=")[::2] for part in written.split(";")[1:] if part.strip())
    return [place.strip() for place in tags.get("rua", "").split(",")]


def _is_place(place: str) -> bool:
    if place.startswith("mailto:"):
        return 0 < place.find("@") < len(place) - 1
    return place.startswith("https://") and len(place) > len("https://")


def _finding(
    name: DomainName, fault: Fault, severity: Severity, why: str, found: tuple[bytes, ...], reports_to: str | None
) -> Finding:
    record = ResourceRecord(name, RecordType.TXT, f"v=TLSRPTv1; rua=mailto:{reports_to}")
    former = tuple(ResourceRecord(name, RecordType.TXT, text.decode("ascii", "backslashreplace")) for text in found)
    return Finding(
        check=Check.TLS_REPORTS,
        fault=fault,
        severity=severity,
        name=name,
        evidence=why,
        fix=Fix((record,), former) if reports_to else None,
    )

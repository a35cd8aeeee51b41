"""The BIMI check: whether receivers may show the domain's logo ("BIMI", draft-brand-indicators-for-message-identification).

Here: the record's form. Not here: the policy it needs (dmarc_check.py), the logo and its certificate, which are fetched.
"""

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import RecordType, Text, Unknown, data_of
from outreach_pipelines.domain.dns_audit.findings import (
    Check,
    CheckReport,
    Fact,
    Fault,
    Finding,
    Fix,
    ResourceRecord,
    Severity,
    Unanswered,
)
from outreach_pipelines.domain.dns_audit.lookups import Lookup, follow
from outreach_pipelines.domain.dns_audit.names import under
from outreach_pipelines.domain.dns_audit.tag_list import TagListError, parse_tag_list


def check_brand(domain: DomainName) -> Lookup[CheckReport]:
    """Judge the record, if there is one; nobody needs it."""
    name = under("default._bimi", domain)
    answer = yield from follow(name, RecordType.TXT)
    if isinstance(answer, Unknown):
        return CheckReport(unanswered=(Unanswered(check=Check.BRAND, name=name, cause=answer.cause),))
    texts = [text.value for text in data_of(answer, Text) if text.value.startswith(b"v=BIMI1")]
    if not texts:
        return CheckReport(facts=(Fact(Check.BRAND, name, "no BIMI record"),))
    fault = f"{len(texts)} records: receivers use none" if len(texts) > 1 else _fault(texts[0])
    return CheckReport((_finding(name, fault, texts),)) if fault else CheckReport()


def _fault(text: bytes) -> str:
    try:
        tags = parse_tag_list(text)
    except TagListError as error:
        return str(error)
    if "l" not in tags:
        return "l= is missing"
    # Empty l= and a= decline to take part (section 4.4.1 of the draft).
    good = not tags["l"] or (tags["l"].startswith("https://") and tags["l"].lower().endswith((".svg", ".svgz")))
    return "" if good else f"l={tags['l']} is no https: address of an SVG"


def _finding(name: DomainName, fault: str, texts: list[bytes]) -> Finding:
    records = tuple(ResourceRecord(name, RecordType.TXT, text.decode("ascii", "backslashreplace")) for text in texts)
    return Finding(
        check=Check.BRAND,
        fault=Fault.WRONG,
        severity=Severity.LOW,
        name=name,
        evidence=f"{fault}; a record that nobody can use is better none",
        fix=Fix((), records),
    )

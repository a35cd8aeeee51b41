"""What a check found, how bad it is, and the exact records that mend it.

Here: the values only. Each check makes its own findings; readiness and score are read from them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from outreach_pipelines.domain.address import DomainName
from outreach_pipelines.domain.dns_audit.answers import Cause, RecordType
from outreach_pipelines.domain.provider_account import AccountName

FIX_TTL = 3600
_LONGEST_STRING = 255


class Check(StrEnum):
    """The named checks."""

    DELEGATION = "delegation"
    NAME_SERVERS = "name_servers"
    MAIL_EXCHANGER = "mail_exchanger"
    SPF_RECORD = "spf_record"
    SPF_SYNTAX = "spf_syntax"
    SPF_LIMITS = "spf_limits"
    SPF_REFERENCES = "spf_references"
    SPF_AUTHORISES = "spf_authorises"
    SPF_ALL = "spf_all"
    SPF_PTR = "spf_ptr"
    SPF_REDUNDANT = "spf_redundant"
    DKIM_RECORD = "dkim_record"
    DKIM_KEY = "dkim_key"
    DMARC_RECORD = "dmarc_record"
    DMARC_POLICY = "dmarc_policy"
    DMARC_REPORTS = "dmarc_reports"
    ENVELOPE_ALIGNMENT = "envelope_alignment"
    RETURN_PATH = "return_path"
    TRACKING_HOST = "tracking_host"
    MTA_STS = "mta_sts"
    TLS_REPORTS = "tls_reports"
    ADDRESSES = "addresses"
    SECONDARIES = "secondaries"
    DNSSEC = "dnssec"
    DANGLING_ALIAS = "dangling_alias"
    REVERSE_NAME = "reverse_name"
    BLOCKLIST = "blocklist"
    MAIL_GREETING = "mail_greeting"
    AUTHORITIES = "authorities"
    BRAND = "brand"
    PROVIDER_STATE = "provider_state"
    PROVIDER_DRIFT = "provider_drift"


class Fault(StrEnum):
    """In what way something is not as it should be."""

    MISSING = "missing"
    WRONG = "wrong"
    EXTRA = "extra"
    WEAK = "weak"
    """Works today; better mended. Never stops sending."""


class Severity(IntEnum):
    """How bad, in steps that compare."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


@dataclass(frozen=True, slots=True)
class ResourceRecord:
    """A record to publish or withdraw. `value`: data in zone-file form, for TXT its plain text; `ttl` in seconds."""

    name: DomainName
    type: RecordType
    value: str
    ttl: int = FIX_TTL

    @property
    def zone_line(self) -> str:
        """The record as a line of a zone file (RFC 1035 section 5.1); text in strings of at most 255 bytes."""
        value = _quoted(self.value) if self.type is RecordType.TXT else self.value
        return f"{self.name}. {self.ttl} IN {self.type} {value}"


def _quoted(text: str) -> str:
    pieces = [text[start : start + _LONGEST_STRING] for start in range(0, len(text), _LONGEST_STRING)] or [""]
    return " ".join('"' + piece.replace("\\", "\\\\").replace('"', '\\"') + '"' for piece in pieces)


@dataclass(frozen=True, slots=True)
class ServedText:
    """A text that a web server must hand out beside the records."""

    url: str
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """The change that mends a finding: first `withdraw`, then `publish`; `serve` before either."""

    publish: tuple[ResourceRecord, ...]
    withdraw: tuple[ResourceRecord, ...] = ()
    serve: tuple[ServedText, ...] = ()


@dataclass(frozen=True, slots=True)
class FaultKey:
    """What makes two findings of different days the same fault."""

    check: Check
    fault: Fault
    name: DomainName


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One definite fault.

    `name` owns the record; `stops` are the accounts that must not send through the domain before it is mended.
    """

    check: Check
    fault: Fault
    severity: Severity
    name: DomainName
    evidence: str
    fix: Fix | None = None
    stops: frozenset[AccountName] = frozenset()

    def __post_init__(self) -> None:
        """A weakness stops nobody."""
        if self.fault is Fault.WEAK and self.stops:
            message = f"a weakness cannot stop accounts: {self.check} of {self.name}"
            raise ValueError(message)

    @property
    def key(self) -> FaultKey:
        """What it is recognised by on another day."""
        return FaultKey(self.check, self.fault, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """What a check could not find out.

    No fault is concluded from it; `stops` are the accounts whose readiness stays unknown for it.
    """

    check: Check
    name: DomainName
    cause: Cause
    stops: frozenset[AccountName] = frozenset()


@dataclass(frozen=True, slots=True)
class Fact:
    """Something seen that is no fault: what a reader wants to know beside the findings."""

    check: Check
    name: DomainName
    text: str


@dataclass(frozen=True, slots=True)
class CheckReport:
    """All that one check says."""

    findings: tuple[Finding, ...] = ()
    unanswered: tuple[Unanswered, ...] = ()
    facts: tuple[Fact, ...] = ()


def merged(reports: Iterable[CheckReport]) -> CheckReport:
    """Put reports together, in order; what several parts could not find out for one cause is told once."""
    kept = tuple(reports)
    return CheckReport(
        tuple(finding for report in kept for finding in report.findings),
        tuple(dict.fromkeys(gap for report in kept for gap in report.unanswered)),
        tuple(fact for report in kept for fact in report.facts),
    )

"""A report as a value: DMARC aggregate reports and SMTP TLS reports, and what could not be read as either.

Belongs here: the shapes. Does not: how they are read (`reading`), whose mail a row is about (`streams`).
Sources: RFC 9990 and RFC 7489 appendix C (DMARC aggregate reports), RFC 8460 (SMTP TLS reporting).
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import NewType

from outreach_pipelines.domain.address import DomainName

Reporter = NewType("Reporter", str)
"""The organization that reports, as it calls itself."""
ReportRef = NewType("ReportRef", str)
"""The reporter's name for one report; only together with the reporter it is one report's."""

NO_DOMAIN = DomainName("")
"""Where a report names none."""
MOST_MESSAGES = 10**12
"""In one report: nobody sends more in a day, and sums of many reports must fit."""
LONGEST_FAULT = 300


class Disposition(StrEnum):
    """What the receiver did with a message (RFC 9990: `pass` too); UNKNOWN for a word of nobody's."""

    NONE = "none"
    PASS = "pass"  # noqa: S105 - the schema's word
    QUARANTINE = "quarantine"
    REJECT = "reject"
    UNKNOWN = "unknown"


class Override(StrEnum):
    """Why a receiver did not follow the policy, of both schemas (RFC 9990; RFC 7489 appendix C)."""

    FORWARDED = "forwarded"
    LOCAL_POLICY = "local_policy"
    MAILING_LIST = "mailing_list"
    OTHER = "other"
    POLICY_TEST_MODE = "policy_test_mode"
    SAMPLED_OUT = "sampled_out"
    TRUSTED_FORWARDER = "trusted_forwarder"


@dataclass(frozen=True, slots=True)
class Period:
    """The time that is reported on. A reporter's end may be the last second or the next day's first."""

    begins_at: datetime
    ends_at: datetime

    @property
    def day(self) -> date:
        """The UTC day on which it begins."""
        return self.begins_at.astimezone(UTC).date()


@dataclass(frozen=True, slots=True)
class Signature:
    """A DKIM signature as the receiver judged it. `result` is its word (RFC 8601 section 2.7.1), in lower case."""

    domain: DomainName
    selector: str
    result: str

    @property
    def passed(self) -> bool:
        """Whether it verified."""
        return self.result == "pass"


@dataclass(frozen=True, slots=True)
class SpfResult:
    """SPF as the receiver judged it; `scope` is `mfrom`, `helo`, or empty where it is not told."""

    domain: DomainName
    scope: str
    result: str

    @property
    def passed(self) -> bool:
        """Whether the address was authorised."""
        return self.result == "pass"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How messages fared, which many sources share. `aligned`: the receiver's own word on DMARC."""

    disposition: Disposition
    dkim_aligned: bool
    spf_aligned: bool
    header_from: DomainName
    envelope_from: DomainName = NO_DOMAIN
    signatures: tuple[Signature, ...] = ()
    spf: tuple[SpfResult, ...] = ()
    overrides: tuple[Override, ...] = ()

    @property
    def aligned(self) -> bool:
        """Whether DMARC passed: one of the two is enough."""
        return self.dkim_aligned or self.spf_aligned


@dataclass(frozen=True, slots=True)
class SourceCount:
    """Messages of one source and outcome. `source` is None where the report names no address, or too many to keep."""

    source: str | None
    messages: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class PublishedPolicy:
    """The policy that the receiver saw, in the record's own words; tags that it did not name are left out."""

    domain: DomainName
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DmarcReport:
    """One aggregate report. `remarks`: what it said wrongly or left out, and how it was read all the same."""

    reporter: Reporter
    ref: ReportRef
    period: Period
    policy: PublishedPolicy
    rows: tuple[SourceCount, ...] = field(repr=False)
    contact: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def messages(self) -> int:
        """All messages in it."""
        return sum(row.messages for row in self.rows)


@dataclass(frozen=True, slots=True)
class TlsFailure:
    """Sessions that failed for one reason; `result` by RFC 8460 section 4.3."""

    result: str
    sessions: int
    sending_ip: str = ""
    receiving_host: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class TlsPolicyResult:
    """How sessions to one policy domain fared; `sessions` are those that succeeded."""

    domain: DomainName
    policy_type: str
    sessions: int
    failed_sessions: int
    failures: tuple[TlsFailure, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsReport:
    """One SMTP TLS report."""

    reporter: Reporter
    ref: ReportRef
    period: Period
    policies: tuple[TlsPolicyResult, ...]
    contact: str = ""
    remarks: tuple[str, ...] = ()


MailReport = DmarcReport | TlsReport


class ReportFault(StrEnum):
    """Why something is no report that can be counted."""

    EMPTY = "nothing in it"
    NOT_A_REPORT = "neither a DMARC nor a TLS report"
    TOO_LARGE = "more than may be unpacked"
    BOMB = "packed like a bomb"
    TOO_MANY = "more messages than anybody sends"
    TOO_DEEP = "packed in too many layers"
    BROKEN_ARCHIVE = "the archive is broken or cut off"
    HAS_DTD = "a document type declaration"
    BROKEN_XML = "not well-formed XML"
    BROKEN_JSON = "not well-formed JSON"
    NO_DOMAIN = "no policy domain"
    NO_PERIOD = "no reported time"
    UNREADABLE_MAIL = "the message cannot be read"
    DEFEATED_READER = "the reader gave up"
    GONE = "taken away before it was read"
    CLOSED = "cannot be opened"


@dataclass(frozen=True, slots=True)
class FaultyReport:
    """What was given and is no report; `name` says which file or part, in a stranger's words."""

    name: str
    fault: ReportFault
    detail: str = ""

    def __str__(self) -> str:
        """One line of characters that print: it goes to terminals, pages and columns."""
        told = f"{self.name}: {self.fault}" + (f" ({self.detail})" if self.detail else "")
        return one_line(told, LONGEST_FAULT)


def one_line(text: str, most: int) -> str:
    """At most so many characters of what a stranger wrote, on one line, none of which a terminal or a page would act on."""
    return " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * most]).split())[:most]


class NotReadable(Exception):
    """Leaves the reader at once; `reading` turns it into a `FaultyReport`."""

    def __init__(self, fault: ReportFault, detail: str = "") -> None:
        super().__init__(fault, detail)
        self.fault = fault
        self.detail = detail
